"""Whether a video file holds sound alone, from the heads of its streams: nothing is decoded, no demuxer runs.

What such a file says of itself is only where to look: whether it can be decoded, a worker finds out.
"""

import os
import re
from typing import BinaryIO, NamedTuple

from indexing.ingest.suffixes import suffix_of
from recommender.opening import open_regular

_HEAD = 1 << 16  # streams are described at the start of a file
_MOST = 1 << 23  # of the index of an MP4, which may describe an hour of pictures before the sound
_BOXES = 1000


class _Signs(NamedTuple):
    """What tells of pictures and of sound in the description of streams."""

    pictures: re.Pattern[bytes]
    sound: re.Pattern[bytes]


def _signs(pictures: bytes, sound: bytes) -> _Signs:
    return _Signs(re.compile(pictures, re.DOTALL), re.compile(sound, re.DOTALL))


_MP4 = _signs(rb"hdlr.{8}vide", rb"hdlr.{8}soun")
_MATROSKA = _signs(rb"\x86[\x81-\xa0]V_", rb"\x86[\x81-\xa0]A_")  # the names of codecs
_OGG = _signs(rb"\x80theora|\x01video|BBCD", rb"\x01vorbis|OpusHead|\x7fFLAC|Speex   ")
_AVI = _signs(rb"strh.{4}vids", rb"strh.{4}auds")
_ASF = _signs(rb"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd", rb"\x40\x9e\x69\xf8\x4d\x5b\xcf\x11\xa8\xfd")
_FLV = _signs(rb"\AFLV.[\x01\x05]", rb"\AFLV.[\x04\x05]")
_MPEG = _signs(rb"\0\0\x01[\xe0-\xef]", rb"\0\0\x01[\xbd\xc0-\xdf]")
_REAL = _signs(rb"video/x-pn-", rb"audio/x-pn-")
_KINDS = {
    _MP4: ".mp4 .m4v .mov .qt .3gp .3g2 .f4v",
    _MATROSKA: ".mkv .webm",
    _OGG: ".ogv",
    _AVI: ".avi .divx",
    _ASF: ".wmv .asf",
    _FLV: ".flv",
    _MPEG: ".mpg .mpeg .mpe .ts .mts .m2ts .vob",
    _REAL: ".rm .rmvb",
}
_BY_SUFFIX = {suffix: signs for signs, suffixes in _KINDS.items() for suffix in suffixes.split()}
VIDEO_SUFFIXES = frozenset(_BY_SUFFIX)
"""Files for films that may hold music alone."""


def is_sound_alone(path: str) -> bool:
    """Whether the regular file `path`, with a suffix of `VIDEO_SUFFIXES`, says that it has sound and no pictures.

    Raises OSError when it cannot be read.
    """
    signs = _BY_SUFFIX[suffix_of(path)]
    with open_regular(path) as file:
        if signs is not _MP4:
            return _says(signs, file.read(_HEAD))
        size = _find_index(file)
        head = file.read(min(size, _HEAD))
        return signs.pictures.search(head) is None and _says(signs, head + file.read(min(size, _MOST) - len(head)))


def _says(signs: _Signs, head: bytes) -> bool:
    return signs.sound.search(head) is not None and signs.pictures.search(head) is None


def _find_index(file: BinaryIO) -> int:
    """Go to the box of an MP4 that describes its streams; its size, 0 where there is none."""
    at, end = 0, os.fstat(file.fileno()).st_size
    for _ in range(_BOXES):
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        size = int.from_bytes(head[8:], "big") if size == 1 else size or end - at
        if head[4:8] == b"moov":
            return min(size, end - at)
        at += max(size, 8)
        if len(head) < 16 or at >= end:
            break
    return 0
