"""How long a file says to be, where it says so and does not only guess: what tells how much of it is lost."""

from typing import Any

from recommender.media.container import open_file
from recommender.media.damage import Damage, StrPath
from recommender.media.structure import counts_frames, is_broken, wav_bytes

_SAID = {"aiff", "ape", "au", "dsf", "flac", "flv", "mpc", "mpc8", "ogg", "tak", "tta", "wv"}
_SAID_IF_DAMAGED = {"asf", "mpeg", "mpegts"}  # from the first to the last time stamp: in a whole one, edited places


def tell(path: StrPath, stream: Any, damage: Damage, *, read_s: float, packets: int, gaps_s: float = 0.0) -> None:
    """Note in `damage` that only `read_s` of what the container declares for `stream` could be read, where that is so.

    `packets`: how many of the stream there were. `gaps_s`: of these seconds where nothing new came, which a picture
    that is held may be as well: they count where something is known to be lost.
    """
    seconds, kind = _length_s(stream), stream.container.format.name
    if damage.packets or not (kind in _SAID or kind.startswith("mov")):
        read_s -= gaps_s
    if damage.is_loss(read_s, seconds) and _is_said(path, stream, damage, packets):
        damage.read_s, damage.declared_s = read_s, seconds
    elif kind == "wav" and stream.bit_rate:
        with open_file(path) as file:
            seconds = wav_bytes(file) * 8 / stream.bit_rate
        if damage.is_loss(read_s, seconds):
            damage.read_s, damage.declared_s = read_s, seconds


def _length_s(stream: Any) -> float:
    """The least that the headers say of its length; 0 where they do not."""
    if stream.container.format.name == "avi" and stream.type == "video" and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # FFmpeg shortens the duration to the size of the file
    whole = stream.container.duration
    told = [float(stream.duration * stream.time_base)] if stream.duration else []
    told += [_clock_s(stream.metadata["DURATION"])] if "DURATION" in stream.metadata else []
    return max(0.0, min([*told, whole / 1e6] if whole else told, default=0.0))


def _clock_s(text: str) -> float:
    """Seconds of `00:03:24.5`; infinity of what is no such text."""
    try:
        hours, minutes, seconds = map(float, text.split(":"))
    except ValueError:
        return float("inf")
    return 3600 * hours + 60 * minutes + seconds


def _is_said(path: StrPath, stream: Any, damage: Damage, packets: int) -> bool:
    """Whether the length stands in the file, and something is lost, so far as its structure tells."""
    kind = stream.container.format.name
    if kind.startswith(("mov", "avi")):
        return bool(damage.packets) or packets < stream.frames
    if kind in _SAID:
        return True
    with open_file(path) as file:
        if kind == "mp3":
            return counts_frames(file)
        broken = kind.startswith("matroska") or kind in _SAID_IF_DAMAGED
        return broken and (bool(damage.packets) or is_broken(file, kind))
