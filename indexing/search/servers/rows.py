"""Numbers of rows on a server: each says which row of which track it is; 0 is none of a track's."""

from collections.abc import Iterator

import numpy as np

from indexing.search.servers import MOST_PLACES, Found, Rows
from indexing.snapshot.segments import Segment
from recommender.types import Array

_FLOATS = 1 << 20


def row_ids(rows: Rows) -> Array:
    """int64 [r]: a number for every row, of its track and its place there."""
    ends = np.cumsum(rows.counts)
    places = np.arange(len(rows.vectors)) - np.repeat(ends - rows.counts, rows.counts)
    return np.repeat(rows.ids * MOST_PLACES, rows.counts) + places


def chunks(rows: Rows) -> Iterator[slice]:
    """Rows to send together: 4 MB of numbers, some 12 MB as JSON (Qdrant takes 32)."""
    step = max(1, _FLOATS // rows.vectors.shape[1])
    return (slice(at, at + step) for at in range(0, len(rows.vectors), step))


def read_rows(numbers: list[int], scores: list[float]) -> Found:
    """What rows say by their numbers, best first, with their inner products; row 0 says nothing."""
    every = np.array(numbers, np.int64)
    return group_rows(every[every > 0] // MOST_PLACES, np.array(scores, np.float32)[every > 0])


def group_rows(owners: Array, scores: Array) -> Found:
    """What rows say, best first: int64 [r] of which track each is, and float32 [r] its inner product."""
    ids, first, counts = np.unique(owners, return_index=True, return_counts=True)
    order = np.argsort(first)
    return Found(ids[order], counts[order], len(owners), float(scores[-1]) if len(scores) else np.inf)


def places_of(segment: Segment, ids: Array) -> tuple[Array, Array]:
    """Where those of some distinct tracks are in a segment that are alive and have windows, int64 [m] ascending, and
    which of `ids` they are."""
    if not len(segment.ids):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(ids)
    at = np.minimum(np.searchsorted(segment.ids, ids[order]), len(segment.ids) - 1)
    here = (segment.ids[at] == ids[order]) & segment.alive[at] & (segment.offsets[at + 1] > segment.offsets[at])
    return at[here], order[here]
