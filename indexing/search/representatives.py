"""Tracks found by their representatives, a few unit vectors each; the windows of those found are scored exactly.

A query is compared with `indexing.search.clusters.PER_TRACK` vectors a track instead of with all of its windows.
Scores, ties and the order are those of `indexing.search.tracks` for every track found; what is approximate is that a
better one may be missed. How many representatives have to be looked at is measured on the library itself, see `choose`.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from indexing.disk.runs import spans
from indexing.search.backends import Narrowing, WindowIndex, open_index
from indexing.search.backends.exact import tops
from indexing.search.tracks import GATHERED, Scored, Selection, best_among
from indexing.snapshot.segments import Segment
from recommender.types import Array, Candidates

DEPTH = 200
"""Tracks for which the rows are measured: as many as a query fetches to rank them."""
NEAR = 10
"""Tracks for which fewer rows are looked at, twice as many as it takes to find them."""
KEPT, LOST = 0.998, 0.001
"""Of the best DEPTH tracks the share to be found, or else the score that the last of them may lose at most; each with
two standard errors to spare."""
ROWS = (250, 350, 500, 700, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000)
FURTHER = (5000, 6500, 8000, 10_000, 13_000, 16_000, 20_000, 25_000)
"""Tried where none of ROWS serves, up to one representative in FEW: so many cost two thirds of an exact search."""
FEW = 8
_CUTOFFS = (NEAR, 100, DEPTH)
_WIDER = 4  # times as many rows are looked at where those did not hold enough tracks
EVEN = 1e-6  # float32: tracks this close to the last one of the exact list are as good


@dataclass(frozen=True)
class Reached:
    """What so many rows reach on `queries` queries that are no windows; times are of one thread.

    Attributes
    ----------
    rows: representatives looked at for DEPTH tracks or fewer. near_rows: for NEAR tracks or fewer.
    recall_at_10, recall_at_100, recall_at_200: share of the best tracks that is found; ties count as found.
    lost_at_200: mean score by which the 200th track is worse than the right one.
    errors: standard errors of the last two.
    query_ms: CPU time of a query for DEPTH tracks.
    """

    rows: int
    recall_at_10: float
    recall_at_100: float
    recall_at_200: float
    lost_at_200: float
    errors: tuple[float, float]
    queries: int
    query_ms: float = 0.0
    near_rows: int = 0

    def finds(self, recall: float) -> bool:
        """Whether that share of the best 10 and 100 tracks is found, and KEPT of the best DEPTH."""
        return self._near(recall) and self.recall_at_200 - 2 * self.errors[0] >= min(KEPT, recall)

    def is_as_good(self, recall: float) -> bool:
        """Whether that share of the best 10 and 100 is found, and of the best DEPTH the last is hardly worse."""
        return self._near(recall) and self.lost_at_200 + 2 * self.errors[1] <= LOST

    def _near(self, recall: float) -> bool:
        return min(self.recall_at_10, self.recall_at_100) >= recall


@dataclass
class _Living:
    """The representatives of the living tracks of a segment: which rows [r], int64 ascending and as a mask."""

    alive: Array
    rows: Array
    mask: Array
    index: WindowIndex | None = None


@dataclass
class RepresentativeIndex:
    """What searches a segment by representatives: as `indexing.search.tracks.MatrixIndex`, but never exact.

    segment: of which `vectors` float32 [r, d] are representatives, those of track i from starts[i] to starts[i + 1];
    index:   over these. rows, near_rows: of them looked at, see `Reached`. facts: see `MatrixIndex`.
    """

    segment: Segment
    vectors: Array
    starts: Array
    index: WindowIndex
    rows: int
    near_rows: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    exact = False
    _living: _Living | None = field(default=None, init=False, repr=False)

    def search(self, query: Array, k: int, where: Selection | None = None) -> Candidates:
        """As `MatrixIndex.search`: as many tracks as it gives, with the same scores, of which few may be others."""
        if where is not None and where.few:
            return where.by_windows(query, k)
        segment = self.segment if where is None else where.segment
        count = self.near_rows if k <= NEAR else math.ceil(self.rows * max(1.0, k / DEPTH))
        while True:
            rows = self.nearest(query, count, segment.alive)
            found = best_among(segment, self.tracks(rows), query, k=k)
            if len(found.ids) >= k or len(rows) < count:
                return found
            count *= _WIDER

    @property
    def windows(self) -> WindowIndex:
        """Over all windows, for what does not ask for tracks: exact."""
        return open_index(self.segment.vectors, "exact")

    def describe(self) -> dict[str, Any]:
        """Its facts, and where it searches."""
        return {**self.facts, "device": self.index.device}

    def tracks(self, rows: Array) -> Array:
        """int64, ascending: the places of the tracks that these representatives stand for."""
        return np.unique(np.searchsorted(self.starts, np.sort(rows), side="right") - 1)

    def nearest(self, query: Array, count: int, alive: Array) -> Array:
        """int64 [count], best first, or all where there are fewer: the nearest rows of living tracks, bool [t]."""
        one, total = np.ascontiguousarray(query, np.float32), len(self.vectors)
        living = self._of(alive)
        if len(living.rows) == total:
            return self.index.top(one, count)[0]
        if isinstance(self.index, Narrowing) and self.index.pays(len(living.rows)):
            living.index = living.index or self.index.among(living.mask)
            return living.index.top(one, count)[0]
        if isinstance(self.index, Narrowing) or len(living.rows) * GATHERED <= total:
            return Scored(self.vectors, living.rows, one).top(one, count)[0]
        return self._thinned(one, count, living)

    def _thinned(self, query: Array, count: int, living: _Living) -> Array:
        """The same by an index that knows of no selection: it is asked for as many more."""
        total = len(self.vectors)
        wanted = min(total, math.ceil(1.1 * count * total / len(living.rows)))
        while True:
            rows = self.index.top(query, wanted)[0]
            mine: Array = rows[living.mask[rows]]
            if len(mine) >= count or wanted == total:
                return mine[:count]
            wanted = min(total, 2 * wanted)

    def _of(self, alive: Array) -> _Living:
        """The representatives of tracks; remembered for the last ones."""
        held = self._living
        if held is None or held.alive is not alive:
            counts = np.diff(self.starts)
            rows = spans(self.starts[:-1][alive], counts[alive])
            held = self._living = _Living(alive, rows, np.repeat(alive, counts))
        return held


def depths(count: int) -> list[tuple[int, ...]]:
    """Rows to try of `count` representatives, ascending, and then with these more, where none of them serves."""
    further = tuple(rows for rows in FURTHER if rows * FEW <= count)
    most = min(ROWS[-1], count)
    first = (*(rows for rows in ROWS if rows < most), most)
    return [first, first + further] if further else [first]


def choose(index: RepresentativeIndex, queries: Array, recall: float) -> Reached:
    """What the fewest of ROWS, or else of FURTHER, reach that serve for `recall`, else what the most do.

    The index's own rows are changed. All its tracks are alive, and of recordings of their own. `queries` float32
    [q, d], unit length.
    """
    edges = np.unique(index.segment.offsets)  # tracks without windows are found by no query
    truth = tops(index.segment.vectors, queries, DEPTH, offsets=edges)[1]
    for several in depths(len(index.vectors)):
        looks = [_look(index, query, several[-1]) for query in queries]
        steps = [reach(looks, truth, rows) for rows in several]
        near = next((2 * step.rows for step in steps if step.recall_at_10 >= recall), several[-1])
        for serves in (Reached.finds, Reached.is_as_good):
            for step in steps:
                if serves(step, recall) and serves(measured := _measure(index, queries, truth, rows=step.rows), recall):
                    return replace(measured, near_rows=min(near, step.rows))
    return _measure(index, queries, truth, rows=several[-1])


def _measure(index: RepresentativeIndex, queries: Array, truth: Array, *, rows: int) -> Reached:
    """What the index reaches by so many rows, and its CPU time."""
    index.rows = rows
    start_s = time.thread_time()
    found = [index.search(query, DEPTH).scores for query in queries.astype(np.float64)]
    spent_ms = (time.thread_time() - start_s) * 1e3
    looks = [Look(scores, np.zeros(len(scores), np.int64)) for scores in found]
    return replace(reach(looks, truth, rows), query_ms=round(spent_ms / max(1, len(queries)), 3))


@dataclass(frozen=True)
class Look:
    """What a look found: `scores` float32 [m] of tracks, best first, and the `ranks` of their best representatives."""

    scores: Array
    ranks: Array


def _look(index: RepresentativeIndex, query: Array, most: int) -> Look:
    """What so many rows find."""
    rows = index.nearest(query, most, index.segment.alive)
    owners = np.searchsorted(index.starts, rows, side="right") - 1
    tracks, ranks = np.unique(owners, return_index=True)
    found = best_among(index.segment, tracks, query.astype(np.float64), k=len(tracks))
    return Look(found.scores, ranks[np.searchsorted(index.segment.ids[tracks], found.ids)])


def reach(looks: Sequence[Look], truth: Array, rows: int) -> Reached:
    """What is reached of the right scores float32 [q, t] where only so many of the rows are looked at."""
    shares: dict[int, list[float]] = {k: [] for k in _CUTOFFS}
    lost = []
    for look, right in zip(looks, truth, strict=True):
        scores = look.scores[look.ranks < rows][: len(right)]
        for k, several in shares.items():
            most = min(k, len(right))
            several.append(float((scores[:most] >= right[most - 1] - EVEN).sum()) / most)
        lost.append(max(0.0, float(right[-1] - scores[-1])) if len(scores) == len(right) else 1.0)
    near, far, deep, last = (round(float(np.mean(several)), 6) for several in (*shares.values(), lost))
    spreads = (round(float(np.std(several)) / math.sqrt(len(looks)), 6) for several in (shares[DEPTH], lost))
    return Reached(rows, near, far, deep, last, (next(spreads), next(spreads)), len(looks))
