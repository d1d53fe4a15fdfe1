"""How much later the sound of a clip begins than its pictures."""

from typing import Any

from recommender.media.container import audio_streams, demuxer, pictures
from recommender.media.damage import StrPath


def sound_lag_s(path: StrPath) -> float:
    """Seconds from the first picture of a file to its first sound, as the container says; 0 where it does not, or where
    there are no pictures. Raises MediaError when it cannot be opened, or holds no sound."""
    with demuxer(path) as container:
        sound, shown = audio_streams(container, path)[0], pictures(container, path)
        return _start_s(sound) - _start_s(shown[0]) if shown and not _is_unsaid(sound, shown[0]) else 0.0


def _is_unsaid(*streams: Any) -> bool:
    return any(stream.start_time is None or stream.time_base is None for stream in streams)


def _start_s(stream: Any) -> float:
    return float(stream.start_time * stream.time_base)
