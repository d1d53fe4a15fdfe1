"""What is left of a damaged part: the tracks all of whose rows can still be read as they were written."""

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexing.disk import pages, parts
from indexing.disk.content_hash import SIZE
from indexing.disk.pages import Column, Span
from indexing.disk.parts import ITEM, Part, Rows
from indexing.disk.runs import spans
from recommender.opening import parse_json
from recommender.text import show
from recommender.types import Affect, Array

_ALWAYS = (Column("hash", ""), Column("window", "<i4"), Column("start_s", "<f8"), Column("end_s", "<f8"))
_FOOTER = 1 << 20  # bytes at the end of a part that name its columns: some 240 for each
_NOTES = re.compile(rb'\{"format": 1, "columns": .*?\}', re.DOTALL)


class Remains(NamedTuple):
    """Tracks (rows of `Catalog.placements`) that are whole, with all that was kept of them.

    Attributes
    ----------
    tracks: in the order of the part. rows, blobs: as `write_part` takes them.
    first:  the row of the first window, by the id of the track.
    source: what measured the features, "" where that is damaged.
    """

    tracks: list[Any]
    rows: Rows
    blobs: dict[str, dict[int, bytes]]
    first: dict[int, int]
    source: str


class _Read(NamedTuple):
    """Columns by name, and which rows [n] are as they were written: in all of them, and in the column `window`."""

    numbers: dict[str, Array]
    blobs: dict[str, dict[int, bytes]]
    sound: Array
    known: Array


class _Place(NamedTuple):
    """Where a track begins, how many `rows` it has, and 1 where the first of them describes the whole of it, else 0."""

    start: int
    rows: int
    lead: int


def read_remains(folder: Path, part: Part, placed: Sequence[Any], *, columns: Sequence[str], dim: int) -> Remains:
    """Those of the tracks `placed` in a part whose every page is as it was written.

    Hashes and numbers of windows are taken from where the catalog places the tracks. Raises DamagedPartError where no
    page can be found, UnreadPartError.
    """
    path = folder / parts.FOLDER / part.name
    data = parts.read_bytes(path)
    layout, found = _columns_of(data, path, list(_layouts(data, columns, dim)), rows=part.rows)
    read = _read(data, layout, found, rows=part.rows)
    there = [(track, place) for track in placed if (place := _place(track, read)) is not None]
    return _taken([track for track, _ in there], [place for _, place in there], read, columns)._replace(
        source=_source(data)
    )


def _layouts(data: bytes, columns: Sequence[str], dim: int) -> Iterator[list[Column]]:
    """The columns of a part as `parts.write_part` lays them out, as its end has their names, and as it may be, too."""
    features = [Column(f"features.{name}", "<f4") for name in columns]
    names, end = ("affect", *parts.BLOBS), data[-_FOOTER:]
    named = tuple(name for name in names if bytes([len(name)]) + name.encode() in end)
    for some in (named, *(some for count in (3, 2, 1, 0) for some in combinations(names, count))):
        affect = [Column("affect", "<f4", len(Affect._fields))] if "affect" in some else []
        blobs = [Column(name, None) for name in parts.BLOBS if name in some]
        yield [*_ALWAYS, *features, *affect, Column("vector", "<f4", dim), *blobs]


def _columns_of(
    data: bytes, path: Path, layouts: Sequence[list[Column]], *, rows: int
) -> tuple[list[Column], list[Span]]:
    """The columns of a part and where they are: by its pages where all of them are right, else by its footer."""
    for layout in layouts:
        if (found := pages.walk(data, layout, rows)) is not None:
            return layout, found
    footer = parts.column_spans(path)
    for layout in layouts:
        if [column.name for column in layout] == list(footer):
            return layout, list(footer.values())
    raise parts.DamagedPartError(f"part {show(path)} has other columns than the catalog says")


def _read(data: bytes, layout: Sequence[Column], found: Sequence[Span], *, rows: int) -> _Read:
    numbers, blobs, right = dict[str, Array](), dict[str, dict[int, bytes]](), dict[str, Array]()
    for column, span in zip(layout, found, strict=True):
        name = column.name
        if column.kind is None:
            blobs[name], right[name] = pages.read_strings(data, span, rows=rows, unpack=parts.unpack)
        elif column.kind:
            numbers[name], right[name] = pages.read_numbers(data, span, column, rows=rows, unpack=parts.unpack)
    known = right.pop("window")
    return _Read(numbers, blobs, np.logical_and.reduce([*right.values()]), known)


def _place(track: Any, read: _Read) -> _Place | None:
    """Where a track is; None where it, or what can be read of its numbers of windows, is not as it was written."""
    window, before = read.numbers["window"][:, 0], track.first_row - 1
    if not 0 <= track.first_row < track.first_row + track.windows <= len(window):
        return None
    lead = int(before >= 0 and bool(window[before] == ITEM if read.known[before] else track.size > 0))
    rows = slice(track.first_row - lead, track.first_row + track.windows)
    same = (window[rows] == np.arange(-lead, track.windows)) | ~read.known[rows]
    return _Place(rows.start, lead + track.windows, lead) if read.sound[rows].all() and same.all() else None


def _taken(tracks: list[Any], places: list[_Place], read: _Read, columns: Sequence[str]) -> Remains:
    """The rows of tracks, one after another."""
    starts, counts, leads = np.array(places, np.int64).reshape(-1, 3).T
    at, begins = spans(starts, counts), np.cumsum(counts) - counts + leads
    digests = np.frombuffer(b"".join(track.hash for track in tracks), np.uint8).reshape(len(tracks), SIZE)
    none = np.empty((len(read.sound), 0), np.float32)
    rows = Rows(
        np.repeat(digests, counts, axis=0),
        spans(-leads, counts).astype(np.int32),
        np.hstack([read.numbers["start_s"], read.numbers["end_s"]])[at],
        np.hstack([none, *(read.numbers[f"features.{name}"] for name in columns)])[at],
        read.numbers.get("affect", none)[at],
        read.numbers["vector"][at],
    )
    blobs = {name: {row: b[old] for row, old in enumerate(at.tolist()) if old in b} for name, b in read.blobs.items()}
    return Remains(tracks, rows, blobs, {t.id: int(row) for t, row in zip(tracks, begins, strict=True)}, "")


def _source(data: bytes) -> str:
    """What measured the features, as the notes at the end of a part say; "" where they are damaged."""
    found = _NOTES.search(data[-_FOOTER:])
    try:
        return str(parse_json(found[0]).get("source", "")) if found else ""
    except ValueError:
        return ""
