"""Data pages of a part read one by one, so that a damaged one costs no more than the rows that it covers.

Knows what parts are made of: one row group, version 1 pages with a checksum each (CRC-32 of what is compressed), PLAIN
values of fixed width without nulls, byte strings with some. Page headers are structs of Thrift's compact protocol
(parquet-format, parquet.thrift). A header has no checksum: one counts where the page after it has the one it says.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from recommender.types import Array

Span = tuple[int, int]
Unpack = Callable[[bytes, int], bytes]
"""Decompresses bytes to so many; raises ValueError or OSError."""
_DATA, _DICTIONARY = 0, 2  # kinds of pages
_PLAIN = 0
_FOOTER = re.compile(rb"\x15[\x02\x04]\x19")  # how one begins: a version, then a list
_HEADER = re.compile(rb"\x15[\x00\x04]\x15")  # how the header of either begins
_MOST = 1 << 31


class Column(NamedTuple):
    """A column in the order of the file: `kind` is the dtype of its numbers, `width` how many of them a row has.

    A `kind` of None is of byte strings, "" of what is not looked at.
    """

    name: str
    kind: str | None
    width: int = 1


class Page(NamedTuple):
    """A page whose checksum is right: its bytes from `body` to `end`, `size` when unpacked, how many `values`."""

    body: int
    end: int
    size: int
    values: int
    is_data: bool


def walk(data: bytes, columns: Sequence[Column], rows: int) -> list[Span] | None:
    """Where each column begins and ends by the pages alone, whatever the footer says; None unless all are right.

    After the last column the footer must follow, as much as there is of it.
    """
    at, found = len(b"PAR1"), list[Span]()
    for column in columns:
        start, left = at, rows * column.width
        while left > 0:
            page = _page(data, at, len(data))
            if page is None:
                return None
            at, left = page.end, left - page.values * page.is_data
        if left:
            return None
        found.append((start, at))
    return found if _FOOTER.match(data, at) else None


def read_numbers(data: bytes, span: Span, column: Column, *, rows: int, unpack: Unpack) -> tuple[Array, Array]:
    """The numbers of a column [rows, width], and bool [rows]: where they are as they were written."""
    values, sound = np.zeros(rows * column.width, column.kind), np.zeros(rows * column.width, bool)
    for at, piece in _placed(data, span, len(values), lambda page: _numbers(data, page, column, unpack)):
        values[at : at + len(piece)], sound[at : at + len(piece)] = piece, True
    return values.reshape(rows, column.width), np.logical_and.reduce(sound.reshape(rows, column.width), axis=1)


def read_strings(data: bytes, span: Span, *, rows: int, unpack: Unpack) -> tuple[dict[int, bytes], Array]:
    """The byte strings of a column by row, and bool [rows]: where they, or that there is none, are as written."""
    values, sound = dict[int, bytes](), np.zeros(rows, bool)
    for at, piece in _placed(data, span, rows, lambda page: _strings(data, page, unpack)):
        values |= {at + i: text for i, text in enumerate(piece) if text is not None}
        sound[at : at + len(piece)] = True
    return values, sound


def _placed(data: bytes, span: Span, count: int, decode: Callable[[Page], Any]) -> Iterator[tuple[int, Any]]:
    """What the pages of a column hold and at which value it begins: counted from both ends, up to what is damaged."""
    pieces: list[Any] = [None if page is None else decode(page) for page in _pages(data, *span)]
    gaps = [i for i, piece in enumerate(pieces) if piece is None]
    if not gaps:
        if sum(map(len, pieces)) != count:
            return
        gaps = [len(pieces)]
    at = 0
    for piece in pieces[: gaps[0]]:
        yield at, piece
        at += len(piece)
    before, at = at, count
    for piece in reversed(pieces[gaps[-1] + 1 :]):
        at -= len(piece)
        if at < before:
            return
        yield at, piece


def _pages(data: bytes, start: int, end: int) -> Iterator[Page | None]:
    """The data pages from one byte to another; None for each run of bytes that is none."""
    at = start
    while at < end:
        page = _page(data, at, end)
        if page is None:
            yield None
            starts = (m.start() for m in _HEADER.finditer(data, at + 1, end))
            at = next((s for s in starts if _page(data, s, end) is not None), end)
            continue
        if page.is_data:
            yield page
        at = page.end


def _page(data: bytes, at: int, end: int) -> Page | None:
    """The page whose header begins at a byte, None where there is none with the right checksum."""
    try:
        header, body = _struct(data, at)
        kind, size, packed, checksum = (header[field] for field in (1, 2, 3, 4))
        about = header[5 if kind == _DATA else 7]
        values, encoding = about[1], about[2]
        fits = kind in (_DATA, _DICTIONARY) and 0 < packed <= end - body and 0 <= size < _MOST and 0 < values < _MOST
        if not fits or zlib.crc32(memoryview(data)[body : body + packed]) != checksum % (1 << 32):
            return None
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None
    is_data = kind == _DATA
    return Page(body, body + packed, size if encoding == _PLAIN or not is_data else -1, values, is_data)


def _numbers(data: bytes, page: Page, column: Column, unpack: Unpack) -> Array | None:
    """The numbers of a page; None where it does not hold as many as it says."""
    raw = _unpacked(data, page, unpack)
    at = 0 if raw is None else _skip_levels(raw, 2 if column.width > 1 else 1)
    dtype = np.dtype(column.kind)
    if raw is None or len(raw) - at != page.values * dtype.itemsize:
        return None
    return np.frombuffer(raw, dtype, page.values, at)


def _strings(data: bytes, page: Page, unpack: Unpack) -> list[bytes | None] | None:
    """The byte strings of a page, None for a row without one; None where it does not hold as many as it says."""
    raw = _unpacked(data, page, unpack)
    if raw is None:
        return None
    at, found = _skip_levels(raw, 1), list[bytes | None]()
    for there in _levels(raw[4:at], page.values):
        size = int.from_bytes(raw[at : at + 4], "little") if there else 0
        found.append(raw[at + 4 : at + 4 + size] if there else None)
        at += 4 + size if there else 0
    return found if at == len(raw) and len(found) == page.values else None


def _unpacked(data: bytes, page: Page, unpack: Unpack) -> bytes | None:
    if page.size < 0:
        return None
    try:
        return unpack(data[page.body : page.end], page.size)
    except (OSError, ValueError):
        return None


def _skip_levels(raw: bytes, blocks: int) -> int:
    """Where the values of a page begin: after its levels, each block of them with its length before it."""
    at = 0
    for _ in range(blocks):
        at += 4 + int.from_bytes(raw[at : at + 4], "little")
    return at


def _levels(raw: bytes, count: int) -> list[bool]:
    """Levels of one bit each, in runs of equal ones and in groups of eight."""
    found, at = list[bool](), 0
    while at < len(raw) and len(found) < count:
        run, at = _varint(raw, at)
        if run & 1:
            bits = np.frombuffer(raw, np.uint8, min(run >> 1, len(raw) - at), at)
            found += np.unpackbits(bits, bitorder="little").astype(bool).tolist()
            at += run >> 1
        else:
            found += [bool(raw[at : at + 1] == b"\x01")] * min(run >> 1, count)
            at += 1
    return found[:count]


def _struct(data: bytes, at: int) -> tuple[dict[int, Any], int]:
    """A struct of the compact protocol by field, and where it ends; raises IndexError or ValueError."""
    found, field = dict[int, Any](), 0
    while byte := data[at]:
        at += 1
        if byte >> 4:
            field += byte >> 4
        else:
            number, at = _varint(data, at)
            field = number >> 1
        found[field], at = _value(data, at, byte & 15)
    return found, at + 1


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    match kind:
        case 1 | 2:
            return kind == 1, at
        case 4 | 5 | 6:
            number, at = _varint(data, at)
            return (number >> 1) ^ -(number & 1), at
        case 8:
            size, at = _varint(data, at)
            return None, at + size
        case 12:
            return _struct(data, at)
    raise ValueError(f"no kind {kind} is in a page header")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 64, 7):
        byte = data[at]
        number |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return number, at
    raise ValueError("a number of more than 64 bits")
