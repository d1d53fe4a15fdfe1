"""The best tracks for many queries at once: exact, and several times cheaper than one by one."""

import numpy as np

from indexing.disk.runs import spans
from indexing.search.backends.exact import Exact, best, tops
from indexing.search.tracks import best_tracks
from indexing.snapshot.segments import Segment
from recommender.types import Array, Candidates

_QUERIES = 256  # at a time: 8 MB of scores; more gain nothing
_SPARE = 16  # tracks fetched beyond those asked for: equal scores, and versions of one recording


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


def best_tracks_of_many(segment: Segment, queries: Array, k: int) -> list[Candidates]:
    """What `best_tracks` finds exactly for each of `queries` float64 [q, dim], unit length."""
    counts = np.diff(segment.offsets)
    if not segment.alive.all() or not counts.all():
        index = Exact(segment.vectors)
        return [best_tracks(index, segment, query, k=k) for query in queries]
    found = []
    for at in range(0, len(queries), _QUERIES):
        chunk = queries[at : at + _QUERIES]
        places, scores = tops(segment.vectors, chunk, k + _SPARE, offsets=segment.offsets)
        for query, mine, least in zip(chunk, places, scores[:, -1:], strict=True):
            rows = spans(segment.offsets[mine], counts[mine])
            fetched = _Fetched(segment.vectors, rows, float(least.min(initial=-1)))
            found.append(best_tracks(fetched, segment, query, k=k))
    return found
