"""Texts that a media file carries about itself."""

from recommender.media.container import demuxer
from recommender.media.damage import StrPath


def metadata(path: StrPath) -> list[tuple[str, str]]:
    """Names and values as FFmpeg finds them, those of the file before those of its sound streams; raises MediaError.

    A value whose bytes are no UTF-8 comes as Latin-1: its charset is for the caller to find.
    """
    with demuxer(path) as container:
        sources = [container.metadata, *(stream.metadata for stream in container.streams.audio)]
        return [(name, _text(value)) for source in sources for name, value in source.items()]


def _text(value: str) -> str:
    """`value`, whose signs are the bytes of the file, as UTF-8 where it is that."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
