"""The best tracks for many queries at once: where every window is scored, several times cheaper than one by one."""

import math
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np

from indexing.disk.runs import spans
from indexing.search.backends import Batching, WindowIndex
from indexing.search.backends.exact import Exact, best, tops
from indexing.search.representatives import RepresentativeIndex
from indexing.search.tracks import SegmentIndex, best_tracks, first_rows
from indexing.snapshot.segments import Segment
from recommender.types import Array, Candidates

_QUERIES = 256  # at a time: 8 MB of scores; more gain nothing
_SPARE = 16  # tracks fetched beyond those asked for: equal scores, and versions of one recording
_DEAD = 0.1  # of the tracks, up to which those that were removed are fetched as well


class _Fetched:
    """A `WindowIndex` for one query whose best tracks were fetched together with those of others.

    It first gives all windows of these tracks, the last score being the least of theirs: no other window has more.
    """

    device, exact = "cpu", True

    def __init__(self, vectors: Array, rows: Array, bound: float) -> None:
        self._vectors, self._rows, self._bound = vectors, rows, bound
        self._given = False

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows and inner products of the best k or more, best first; at first only the last product is right."""
        if self._given:
            return best(self._vectors @ np.ascontiguousarray(query, np.float32), k)
        self._given = True
        return self._rows, np.full(len(self._rows), self._bound, np.float32)


class _Begun:
    """A `WindowIndex` for one query, which gives what was found together with others before it asks `index`."""

    device, exact = "cuda", True

    def __init__(self, index: WindowIndex, found: tuple[Array, Array]) -> None:
        self._index, self._found = index, found

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows and inner products of the best k, best first."""
        return self._found if k == len(self._found[0]) else self._index.top(query, k)


def best_tracks_of_many(
    segment: Segment, queries: Array, k: int, *, index: WindowIndex | None = None
) -> list[Candidates]:
    """What `best_tracks` finds exactly for each of `queries` float64 [q, dim], unit length.

    On the processor; by `index` where one is given that is exact and takes batches.
    """
    if index is not None and index.exact and isinstance(index, Batching):
        given: list[Candidates] = []
        for at in range(0, len(queries), _QUERIES):
            chunk = queries[at : at + _QUERIES]
            begun = index.tops(chunk, first_rows(k, len(segment.vectors)))
            given += [best_tracks(_Begun(index, one), segment, q, k=k) for one, q in zip(begun, chunk, strict=True)]
        return given
    counts = np.diff(segment.offsets)
    dead = 1 - np.mean(segment.alive) if len(counts) else 1.0
    if dead > _DEAD or not counts.all():
        index = Exact(segment.vectors)
        return [best_tracks(index, segment, query, k=k) for query in queries]
    found = []
    for at in range(0, len(queries), _QUERIES):
        chunk = queries[at : at + _QUERIES]
        fetched_tracks = k + _SPARE + math.ceil(2 * dead * k)
        places, scores = tops(segment.vectors, chunk, fetched_tracks, offsets=segment.offsets)
        for query, mine, least in zip(chunk, places, scores[:, -1:], strict=True):
            rows = spans(segment.offsets[mine], counts[mine])
            fetched = _Fetched(segment.vectors, rows, float(least.min(initial=-1)))
            found.append(best_tracks(fetched, segment, query, k=k))
    return found


def search_segments(
    segments: list[Segment], queries: Array, k: int, *, indexes: Sequence[SegmentIndex], exact: bool = False
) -> list[list[Candidates]]:
    """By segment the k best tracks for each of `queries`; `indexes` of all segments, or none.

    What representatives search is searched so for every query, unless it is to be `exact`; all else is exact.
    """
    found = []
    for segment, index in zip_longest(segments, indexes):
        if isinstance(index, RepresentativeIndex) and not exact:
            found.append([index.search(query, k) for query in queries])
        else:
            windows = None if index is None else index.windows
            found.append(best_tracks_of_many(segment, queries, k, index=windows))
    return found
