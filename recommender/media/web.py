"""What browsers play as it is."""

from typing import Any

from recommender.media.container import demuxer, is_still, video_stream
from recommender.media.damage import StrPath

# By FFmpeg's name of the container: codecs of pictures and of sound that current browsers have in common.
_PLAYED: dict[str, tuple[set[str], set[str]]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": ({"h264", "av1", "vp9"}, {"aac", "mp3", "opus", "flac"}),
    "matroska,webm": ({"vp8", "vp9", "av1"}, {"opus", "vorbis"}),
}
_CODED = {"yuv420p", "yuvj420p"}  # ten bits, and more colours than most have, are not played everywhere
_NAMED = {"libdav1d": "av1", "libvpx-vp9": "vp9", "libvpx": "vp8", "libopus": "opus", "libvorbis": "vorbis"}


def is_web_film(path: StrPath) -> bool:
    """Whether browsers play a file as it is; raises MediaError where it shows no pictures."""
    with demuxer(path) as container:
        sound = [_codec(stream) for stream in container.streams.audio]
        pictures, heard = _PLAYED.get(container.format.name, (set[str](), set[str]()))
        return has_web_pictures(path) and _codec(video_stream(container, path)) in pictures and heard.issuperset(sound)


def has_web_pictures(path: StrPath) -> bool:
    """Whether browsers play the pictures of a film, in a container that they know."""
    with demuxer(path) as container:
        stream = video_stream(container, path)
        known = _codec(stream) in set().union(*(pictures for pictures, _ in _PLAYED.values()))
        return known and stream.codec_context.pix_fmt in _CODED and not is_still(container)


def _codec(stream: Any) -> str | None:
    name = None if stream.codec_context is None else stream.codec_context.name
    return _NAMED.get(name or "", name)
