"""How a file is put together, read from its own bytes: what FFmpeg leaves out, or tells nobody."""

from collections.abc import Iterator
from io import FileIO
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from recommender.types import Array

ENCRYPTED = "it is encrypted (DRM); give a copy without copy protection"


class Piece(NamedTuple):
    """Bytes of a file from `start` to `end`."""

    start: int
    end: int


def pieces(file: FileIO, kind: str) -> list[Piece]:
    """The parts of a file, each of which is to be opened by itself: links of a chained Ogg, and what a transport stream
    holds between two changes of its tables. One, mostly. `kind`: FFmpeg's name of the container."""
    size = file.seek(0, 2)
    starts = _links(file, size) if kind == "ogg" else _programmes(file, size) if kind == "mpegts" else []
    return [Piece(a, b) for a, b in pairwise([0, *starts[1:], size])]


def is_encrypted(file: FileIO, kind: str, what: str) -> bool:
    """Whether the container says that its `what` ("audio" or "video") is encrypted; `kind` as in `pieces`."""
    whole = Piece(0, file.seek(0, 2))
    if kind.startswith("mov"):
        return any(entry in _PROTECTED[what] for entry in _sample_entries(file, whole, _TO_ENTRIES))
    if kind.startswith("matroska"):
        return any(_encryptions(file, whole, _TO_ENCRYPTION))
    return kind == "asf" and any(guid in _ASF_ENCRYPTION for guid in _asf_objects(file))


def is_broken(file: FileIO, kind: str) -> bool:
    """Whether something else stands where the container's next part must begin, or it ends before it says.

    Known of Matroska with sizes, and of transport streams.
    """
    if kind.startswith("matroska"):
        return _is_cut(file)
    return kind == "mpegts" and any(not in_step for *_, in_step in _transport(file))


def wav_bytes(file: FileIO) -> int:
    """How many bytes of sound a WAV says to hold; 0 of one that was written as it came."""
    for kind, start, end in _chunks(file):
        if kind == b"data":
            return end - start if end - start < _UNTOLD else 0
    return 0


def counts_frames(file: FileIO) -> bool:
    """Whether an MP3 says in its first frame how many there are."""
    head = _read(file, 0, 10)
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    first = _read(file, size + 10 if head[:3] == b"ID3" else 0, 1 << 12)
    return any(name in first for name in (b"Xing", b"Info", b"VBRI"))


# ISO base media (mp4, mov, m4a): boxes in boxes, of which `stsd` holds an entry per codec.

_TO_ENTRIES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_PROTECTED = {"audio": {b"drms", b"enca", b"aavd"}, "video": {b"drmi", b"encv"}}
"""FairPlay, common encryption, Audible."""


def boxes(file: FileIO, within: Piece) -> Iterator[tuple[bytes, Piece]]:
    """The kinds of the boxes in some bytes, with what each holds."""
    at = within.start
    while at + 8 <= within.end:
        file.seek(at)
        head = file.read(16)
        size, first = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:
            size, first = int.from_bytes(head[8:], "big"), at + 16
        end = within.end if size == 0 else at + size
        if end < first:
            return
        yield head[4:8], Piece(first, min(end, within.end))
        at = end


def _sample_entries(file: FileIO, within: Piece, way: tuple[bytes, ...]) -> Iterator[bytes]:
    """The names of the codecs of all tracks, by way of the boxes of these names."""
    if not way:
        yield from (kind for kind, _ in boxes(file, Piece(within.start + 8, within.end)))  # version and count first
        return
    for kind, inner in boxes(file, within):
        if kind == way[0]:
            yield from _sample_entries(file, inner, way[1:])


# Matroska and webm: EBML elements, an id and a size of 1 to 8 bytes each.

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_TO_ENCRYPTION = (_SEGMENT, 0x1654AE6B, 0xAE, 0x6D80, 0x6240, 0x5035)  # tracks, entry, encodings, one, encryption
_LEVEL_1 = {_CLUSTER, 0x1C53BB6B, 0x1254C367, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1043A770, 0x1941A469, 0xEC, 0xBF}


class _Element(NamedTuple):
    """An element's id, where what it holds begins, and where that ends by its own size; None where it tells none."""

    kind: int
    start: int
    end: int | None


def _elements(file: FileIO, within: Piece) -> Iterator[_Element]:
    """The elements in some bytes; the last one of id 0 where something else begins."""
    at = within.start
    while at + 2 <= within.end:
        head = _read(file, at, 12)
        wide = 9 - head[0].bit_length()
        long = 9 - head[wide].bit_length() if wide <= 4 and len(head) > wide else 9
        if long > 8:
            yield _Element(0, at, at)
            return
        size, unknown = int.from_bytes(head[wide : wide + long], "big") & ((1 << 7 * long) - 1), (1 << 7 * long) - 1
        at += wide + long
        yield _Element(int.from_bytes(head[:wide], "big"), at, None if size == unknown else at + size)
        if size == unknown:
            return
        at += size


def _encryptions(file: FileIO, within: Piece, way: tuple[int, ...]) -> Iterator[bool]:
    """One for each track that says how it is encrypted."""
    for kind, start, end in _elements(file, within):
        if kind == way[0]:
            inner = Piece(start, within.end if end is None else min(end, within.end))
            yield from _encryptions(file, inner, way[1:]) if len(way) > 1 else iter([True])
        elif kind == _CLUSTER:
            return  # tracks stand before what they hold


def _is_cut(file: FileIO) -> bool:
    """`is_broken` of a Matroska file; one that was written as it came, without sizes, says nothing."""
    size = file.seek(0, 2)
    for kind, start, end in _elements(file, Piece(0, size)):
        if kind == _SEGMENT and end is not None:
            return end > size or any(one.kind not in _LEVEL_1 for one in _elements(file, Piece(start, end)))
    return False


# RIFF: chunks, a name and a size each.

_UNTOLD = 0xFFFFF000  # what is written there, or more, where the size was not known


def _chunks(file: FileIO) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of the chunks of a WAV, as they say."""
    at, size = 12, file.seek(0, 2)
    while at + 8 <= size:
        head = _read(file, at, 8)
        end = at + 8 + int.from_bytes(head[4:], "little")
        yield head[:4], at + 8, end
        at = end + end % 2


# Windows media: objects in a header, each with a GUID and a size.

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_ENCRYPTION = {  # content, extended and advanced content encryption
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
    bytes.fromhex("338505438169e6499b74ad12cb86d58c"),
}


def _asf_objects(file: FileIO) -> Iterator[bytes]:
    """The GUIDs of the objects of the header."""
    file.seek(0)
    head = file.read(30)
    at, end = 30, int.from_bytes(head[16:24], "little")
    while head[:16] == _ASF_HEADER and at + 24 <= end:
        file.seek(at)
        one = file.read(24)
        size = int.from_bytes(one[16:], "little")
        if size < 24:
            return
        yield one[:16]
        at += size


# Ogg: pages, of which the first of every stream says so.

_PAGE, _FIRST = 27, 2


def _links(file: FileIO, size: int) -> list[int]:
    """Where each link of a chain begins: at the first page of a stream that comes after other pages."""
    starts: list[int] = []
    at, heads = 0, False
    while at + _PAGE <= size:
        file.seek(at)
        page = file.read(_PAGE + 255)
        if page[:4] != b"OggS":
            at = _find(file, at + 1, b"OggS", size)
            continue
        first = bool(page[5] & _FIRST)
        if first and not heads:
            starts.append(at)
        heads = first
        at += _PAGE + page[26] + sum(page[_PAGE : _PAGE + page[26]])
    return starts


def _find(file: FileIO, at: int, what: bytes, size: int) -> int:
    """Where some bytes come next, or the end."""
    while at < size:
        file.seek(at)
        found = file.read(1 << 16).find(what)
        if found >= 0:
            return at + found
        at += (1 << 16) - len(what) + 1
    return size


# MPEG transport streams: packets of 188 bytes (192 with a time in front, 204 with a checksum behind).

_SYNC, _PACKETS = 0x47, 20_000
_NEITHER = {0x05, 0x0B, 0x0C, 0x0D, 0x15, 0x86}  # sections, carousels, metadata, cues


def secret_pids(file: FileIO) -> frozenset[int]:
    """The streams of a transport stream, by their number, most of whose first packets are marked as scrambled."""
    for _, packets, _ in _transport(file):
        held = packets[packets[:, 3] & 0x10 != 0]
        total, marked = (np.bincount(_pids(some), minlength=1 << 13) for some in (held, held[held[:, 3] >= 0x80]))
        return frozenset(np.flatnonzero(2 * marked > total).tolist())
    return frozenset()


def _transport(file: FileIO) -> Iterator[tuple[Array, Array, bool]]:
    """Some thousand packets of a transport stream at a time: where each begins [n], uint8 [n, 188], and whether nothing
    else stands between them."""
    file.seek(0)
    start = file.read(204 * 8)
    for length, lead in ((188, 0), (192, 4), (204, 0)):
        if len(start) >= 4 * length and all(start[lead + length * i] == _SYNC for i in range(4)):
            break
    else:
        return
    at = 0
    while len(block := _read(file, at, length * _PACKETS)) >= length:
        whole = np.frombuffer(block, np.uint8)[: len(block) // length * length].reshape(-1, length)
        there = whole[:, lead] == _SYNC
        yield at + np.flatnonzero(there) * length, whole[there, lead : lead + 188], bool(there.all())
        at += whole.size if there.all() or not there.any() else int(np.argmin(there)) * length
        if not there.all():  # out of step: on from where the next packet begins
            at = _find(file, at + 1, bytes([_SYNC]), at + length * _PACKETS)


def _read(file: FileIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _pids(packets: Array) -> Array:
    return (packets[:, 1].astype(np.int32) & 0x1F) << 8 | packets[:, 2]


def _programmes(file: FileIO, size: int) -> list[int]:
    """Where the tables of a transport stream change: at the table of programmes before it."""
    starts, last = [0], 0
    maps = frozenset[int]()
    streams: dict[int, frozenset[tuple[int, int]]] = {}
    for places, packets, _ in _transport(file):
        for i in np.flatnonzero(_tables(packets)):
            pid, table = int(_pids(packets[i : i + 1])[0]), packets[i, 5:].tobytes()
            if pid == 0:
                last, now = int(places[i]), frozenset(_programme_pids(table))
                if maps and now != maps:
                    starts.append(last)
                    streams = {}
                maps = now
            elif pid in maps:
                now_streams = frozenset(_streams(table))
                if streams.get(pid, now_streams) != now_streams:
                    starts.append(last)
                    streams = {}
                streams[pid] = now_streams
    return list(dict.fromkeys(at for at in starts if at < size))


def _tables(packets: Array) -> Array:
    """bool [n]: the packets that begin a table of programmes or of the streams of one."""
    begins = (packets[:, 1] & 0x40 != 0) & (packets[:, 3] & 0x30 == 0x10) & (packets[:, 4] == 0)
    return begins & np.where(
        _pids(packets) == 0, packets[:, 5] == 0, (packets[:, 5] == 2) & (packets[:, 6] & 0xB0 == 0xB0)
    )


def _programme_pids(table: bytes) -> Iterator[int]:
    """Where the tables of the programmes are, by the table of programmes."""
    for at in range(8, 3 + (int.from_bytes(table[1:3], "big") & 0xFFF) - 4, 4):
        if table[at : at + 2] != b"\0\0":  # that of the network
            yield int.from_bytes(table[at + 2 : at + 4], "big") & 0x1FFF


def _streams(table: bytes) -> Iterator[tuple[int, int]]:
    """(type, pid) of the sound and pictures of a programme."""
    end = min(len(table), 3 + (int.from_bytes(table[1:3], "big") & 0xFFF) - 4)
    at = 12 + (int.from_bytes(table[10:12], "big") & 0xFFF)
    while at + 5 <= end:
        if table[at] not in _NEITHER:
            yield table[at], int.from_bytes(table[at + 1 : at + 3], "big") & 0x1FFF
        at += 5 + (int.from_bytes(table[at + 3 : at + 5], "big") & 0xFFF)
