"""What of a snapshot is current, and what the catalog has beside it: told from what has changed since."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from indexing.disk.runs import spans
from indexing.snapshot.known import Same
from indexing.snapshot.segments import Segment
from recommender.errors import LibraryError
from recommender.types import Array, Modality

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog
    from indexing.catalog.reading import Description
    from indexing.catalog.rows import Live
    from indexing.snapshot.snapshot import Snapshot

Piece = tuple[Array, dict[str, Array]]
"""Which tracks or rows, and the arrays of their windows by name."""


class Current(NamedTuple):
    """A modality as the catalog has it, beside a snapshot.

    Attributes
    ----------
    segments: of the snapshot; alive are the tracks whose analysis is still the current one.
    tail:     the tracks that none of them has.
    changed:  int64 [m], ascending: what has changed since, some of it gone; None: everything may have.
    """

    segments: list[Segment]
    tail: "Live"
    changed: Array | None


def compare(catalog: "Catalog", snapshot: "Snapshot | None", modality: Modality) -> Current:
    """What of a snapshot is current, by the tracks that the catalog says were touched since.

    Where their numbers do not add up to those of the catalog, all of its tracks are compared.
    """
    head, old = catalog.head(), list[Segment]()
    if snapshot is not None and (snapshot.uid, snapshot.space_id) == (head.uid, head.space_id):
        old = snapshot.segments.get(modality, [])
    touched = catalog.ids_since(snapshot.generation) if old and snapshot is not None else None
    if touched is not None and snapshot is not None:
        now = catalog.live(modality, snapshot.generation)
        found = _divide(old, now, touched)
        if _totals(*found) == catalog.totals(modality):
            return Current(*found, touched)
    now = catalog.live(modality)
    return Current(*_divide(old, now, None), None)


def _divide(old: Sequence[Segment], now: "Live", touched: Array | None) -> "tuple[list[Segment], Live]":
    """Segments as they live on, and what of `now` they lack; `touched` is looked at alone, or everything."""
    kept, missing = [], np.ones(len(now.ids), bool)
    for segment in old:
        alive = still_in(now, segment)
        if touched is not None:
            places, _ = segment.places(touched)
            untouched = np.ones(len(alive), bool)
            untouched[places] = False
            alive |= untouched
        alive &= segment.alive
        kept.append(segment if (alive == segment.alive).all() else replace(segment, alive=alive))
        places, here = segment.places(now.ids)
        missing[here] &= ~(alive[places] & (segment.parts[places] == now.parts[here]))
    return kept, type(now)(*(column[missing] for column in now))


def _totals(kept: Sequence[Segment], tail: "Live") -> tuple[int, ...]:
    """As `Catalog.totals`."""
    columns = [(s.ids[s.alive], s.parts[s.alive], np.diff(s.offsets)[s.alive]) for s in kept]
    columns.append((tail.ids, tail.parts, tail.windows))
    sums = (int(sum(column.sum() for column in each)) for each in zip(*columns, strict=True))
    return (sum(len(each[0]) for each in columns), *sums)


def still_in(now: "Live", old: Segment) -> Array:
    """bool [t]: the tracks of a segment whose analysis is one of `now`."""
    alive = np.zeros(len(old.ids), bool)
    places, here = old.places(now.ids)
    alive[places] = old.parts[places] == now.parts[here]
    return alive


def segments_of(
    folder: Path, catalog: "Catalog", snapshot: "Snapshot | None", *, modality: Modality
) -> tuple[list[Segment], int]:
    """The searchable segments of one modality as the catalog has it, and of how many the snapshot knows all but what
    was touched since: the first; what it lacks follows as one."""
    kept, tail, changed = compare(catalog, snapshot, modality)
    count = 0 if changed is None else len(kept)
    if len(tail.ids) or not kept:
        kept = [*kept, _from_store(folder, catalog, tail, catalog.descriptions()[modality])]
    same = Same(*catalog.same_recording(modality))
    return [replace(segment, recordings=same.recordings(segment.ids)) for segment in kept], count


def _from_store(folder: Path, catalog: "Catalog", tail: "Live", description: "Description") -> Segment:
    """A segment in memory with the windows of `tail`, read from its parts."""
    offsets = offsets_of(tail.windows)
    arrays = empty(len(description.inputs), catalog.head().space.dim)
    for mine, columns in pieces(folder, catalog, tail, inputs=description.inputs):
        target = spans(offsets[:-1][mine], tail.windows[mine])
        for key, values in columns.items():
            if len(arrays[key]) == 0:
                arrays[key] = np.empty((offsets[-1], values.shape[1]), values.dtype)
            arrays[key][target] = values
    return Segment(tail.ids, tail.parts, offsets, np.ones(len(tail.ids), bool), **arrays)


def pieces(folder: Path, catalog: "Catalog", wanted: "Live", *, inputs: Sequence[str]) -> Iterator[Piece]:
    """Per part: which of the tracks `wanted` are in it, and their windows in order, by the name of the array.

    No more than one part is in memory. Raises LibraryError for a damaged one.
    """
    from indexing.disk import parts

    infos = catalog.parts()
    for part in np.unique(wanted.parts):
        mine = np.flatnonzero(wanted.parts == part)
        rows = parts.read_part(folder, infos[int(part)], inputs)
        source = spans(wanted.first_rows[mine], wanted.windows[mine])
        if len(source) and source.max() >= len(rows):
            name = infos[int(part)].name
            raise LibraryError(f"part {name} is shorter than the catalog says; run `recommend index verify`")
        columns = {"vectors": rows.vectors, "affect": rows.affect, "inputs": rows.features, "bounds": rows.bounds}
        yield mine, {key: values[source] for key, values in columns.items()}


def empty(inputs: int, dim: int) -> dict[str, Any]:
    """The arrays of no windows."""
    widths = {"vectors": dim, "affect": 0, "inputs": inputs}
    return {key: np.empty((0, n), np.float32) for key, n in widths.items()} | {"bounds": np.empty((0, 2))}


def offsets_of(counts: Array) -> Array:
    """int64 [t + 1]: where the rows of tracks with so many begin and end."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
