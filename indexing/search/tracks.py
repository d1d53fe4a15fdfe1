"""From window vectors to distinct tracks: exact, deterministic, the same for every backend and device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from indexing.disk.runs import spans
from indexing.search.backends import Narrowing, WindowIndex
from indexing.search.backends.exact import best, inner_products
from indexing.snapshot.segments import Segment
from recommender.memory import cosines
from recommender.types import Array, Candidates, first_places

_FIRST = 16  # windows fetched per wanted track at first: those of a track are alike, and another look is dear
_STEP = 16  # the most by which the windows fetched grow at once: one track may have had all the first
_SCANNED = 1 << 17  # selected windows up to which all are scored: 5 ms at 64 dimensions, whatever the index
GATHERED = 3  # of an exact index's rows one in so many, up to which that pays: gathered, a row costs twice as much
_MOST = 8  # once one selected window in so many would be fetched, scoring all of them is cheaper


def best_tracks(index: WindowIndex, segment: Segment, query: Array, *, k: int) -> Candidates:
    """The k living tracks of distinct recordings whose best window has the largest cosine with `query`; ties by id.

    As many as there are, up to k, each with the score of its best window found; exact where the index is. `query` is
    float64 [dim], unit length.
    """
    return _widen(index, segment, query, k, len(segment.vectors)) or _NONE


class Selection:
    """Tracks of a segment to choose from, with what is the same for every query: `allowed` bool [t] and living.

    Few are scored one by one; of many the index finds the best windows.
    """

    def __init__(self, segment: Segment, allowed: Array | bool = True) -> None:
        self.segment = replace(segment, alive=segment.alive & allowed)
        self._counts = np.diff(segment.offsets)
        self._rows: Array | None = None
        self._narrowed: tuple[Narrowing, WindowIndex] | None = None

    def best(self, index: WindowIndex, query: Array, k: int) -> Candidates:
        """What `best_tracks` finds, among these tracks; `index` is of the segment."""
        windows, total = self.windows, len(self.segment.vectors)
        found, most = None, 1 + windows // _MOST
        if self.few:
            pass
        elif isinstance(index, Narrowing):
            if index.pays(windows):
                found = _widen(self._narrow(index), self.segment, query, k, windows, most)
        elif windows * GATHERED > total:
            found = _widen(index, self.segment, query, k, total, most, total / windows)
        return self.by_windows(query, k) if found is None else found

    @cached_property
    def windows(self) -> int:
        """How many windows the tracks have."""
        return int(self._counts[self.segment.alive].sum())

    @property
    def few(self) -> bool:
        """Whether they are so few that no index serves better than scoring all of their windows."""
        return self.windows <= _SCANNED

    def by_windows(self, query: Array, k: int) -> Candidates:
        """What `best` finds, by scoring every window of the tracks."""
        if self.few:
            return best_among(self.segment, self._places, query, k=k)
        rows = self._all()
        return _widen(Scored(self.segment.vectors, rows, query), self.segment, query, k, len(rows)) or _NONE

    @cached_property
    def _places(self) -> Array:
        """int64, ascending: where the tracks are that have windows."""
        return np.flatnonzero(self.segment.alive & (self._counts > 0))

    def _all(self) -> Array:
        """int32 or int64, ascending: the windows of the tracks."""
        if self._rows is None:
            alive = self.segment.alive
            rows = spans(self.segment.offsets[:-1][alive], self._counts[alive])
            self._rows = rows.astype(np.int32) if len(self.segment.vectors) < 1 << 31 else rows
        return self._rows

    def _narrow(self, index: Narrowing) -> WindowIndex:
        """The index over these windows alone."""
        if self._narrowed is None or self._narrowed[0] is not index:
            self._narrowed = index, index.among(np.repeat(self.segment.alive, self._counts))
        return self._narrowed[1]


@dataclass(frozen=True)
class MatrixIndex:
    """What searches a segment, once a backend has opened it: a `WindowIndex` over the matrix of its windows.

    facts: what it is, JSON-ready: `kind` and `backend`, `vectors` (how many), and what else is to be known of it.
    """

    segment: Segment
    windows: WindowIndex
    facts: Mapping[str, Any]

    @property
    def exact(self) -> bool:
        """Whether no track is ever missed."""
        return self.windows.exact

    def search(self, query: Array, k: int, where: Selection | None = None) -> Candidates:
        """The k living tracks of distinct recordings whose best window has the largest cosine with `query`; ties by id.

        As many as there are, up to k, among those of `where` alone where it is given. `query` is float64 [dim], unit
        length. An index that is not `exact` may miss some, but gives as many and scores them right.
        """
        if where is None:
            return best_tracks(self.windows, self.segment, query, k=k)
        return where.best(self.windows, query, k)

    def describe(self) -> dict[str, Any]:
        """Its facts, and where it searches."""
        return {**self.facts, "device": self.windows.device}


class SegmentIndex(Protocol):
    """What searches a segment, once a backend has opened it: see `MatrixIndex`."""

    @property
    def exact(self) -> bool:
        """Whether no track is ever missed."""
        ...

    @property
    def windows(self) -> WindowIndex:
        """Over all windows of the segment."""
        ...

    def search(self, query: Array, k: int, where: Selection | None = None) -> Candidates:
        """The k best tracks, see `MatrixIndex.search`."""
        ...

    def describe(self) -> dict[str, Any]:
        """Facts, see `MatrixIndex`."""
        ...


def best_among(segment: Segment, places: Array, query: Array, *, k: int) -> Candidates:
    """The k best of the tracks in these places, int64 ascending, of one or more windows each: as `best_tracks` of them.

    Every window is scored in float32; again, and exactly, those alone that may be the best of one of the k.
    """
    counts = segment.offsets[places + 1] - segment.offsets[places]
    if not len(places):
        return _NONE
    rows = spans(segment.offsets[places], counts)
    rough = inner_products(segment.vectors, rows, np.ascontiguousarray(query, np.float32))
    best = np.maximum.reduceat(rough, np.cumsum(counts) - counts)
    order = np.argsort(-best, kind="stable")
    order = order[segment.alive[places[order]]]
    if segment.recordings is not None:
        order = order[first_places(segment.recordings[places[order]])]
    least = best[order[k - 1]] if k <= len(order) else -np.inf
    margin = 2e-6 + 2 * vector_error(len(query))
    near = rough >= np.repeat(np.maximum(best, least), counts) - margin
    found = _by_track(segment, rows[near], query)
    return Candidates(found.ids[:k], found.scores[:k])


def _widen(
    index: WindowIndex, segment: Segment, query: Array, k: int, total: int, most: int | None = None, thinned: float = 1
) -> Candidates | None:
    """The k best tracks by windows of an index of `total`; None when that takes more than `most` of them.

    Windows are fetched in growing numbers (`thinned`: of so many, one is of a track to choose from) until no window
    unseen can change the answer: its float32 score is at most the last one fetched, up to `margin` of rounding (of an
    index that is not exact: no window that it would find).
    """
    margin = np.float32(2e-6 + vector_error(len(query)))
    most = total if most is None else most
    wanted = min(most, first_rows(k, total, thinned))
    while True:
        rows, rough = index.top(query, wanted)
        found = _by_track(segment, rows, query)
        complete = wanted >= total or len(rows) == 0
        if complete or (len(found.ids) >= k and found.scores[k - 1] > rough[-1] + margin):
            return Candidates(found.ids[:k], found.scores[:k])
        if wanted >= most:
            return None
        needed = int(1.25 * wanted * k / max(1, len(found.ids)))  # if tracks go on to come as they did
        wanted = min(most, max(wanted * 2, min(needed, wanted * _STEP)))


def first_rows(k: int, total: int, thinned: float = 1) -> int:
    """How many windows of `total` are fetched first for k tracks."""
    return min(total, max(64, int(_FIRST * k * thinned)))


class Scored:
    """A `WindowIndex` for one query over some rows of a matrix alone, each scored once."""

    device, exact = "cpu", True

    def __init__(self, vectors: Array, rows: Array, query: Array) -> None:
        self._rows, self._scores = rows, inner_products(vectors, rows, np.ascontiguousarray(query, np.float32))

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows of the segment and inner products of the best k, best first."""
        at, scores = best(self._scores, k)
        return self._rows[at], scores


def vector_error(dim: int) -> float:
    """A bound of the float32 rounding error of one inner product of unit vectors (n u, Higham 2002, 3.1)."""
    return dim * 2.0**-23


def merge_candidates(parts: list[Candidates], k: int, recordings: Callable[[Array], Array] | None = None) -> Candidates:
    """The k best of several disjoint answers, by descending score, ties by id; of each recording the best alone."""
    if len(parts) == 1:
        return parts[0]
    ids = np.concatenate([p.ids for p in parts]) if parts else np.empty(0, np.int64)
    scores = np.concatenate([p.scores for p in parts]) if parts else np.empty(0, np.float32)
    order = np.lexsort((ids, -scores))
    ids, scores = ids[order], scores[order]
    if recordings is not None:
        first = first_places(recordings(ids))
        ids, scores = ids[first], scores[first]
    return Candidates(ids[:k], scores[:k])


_NONE = Candidates(np.empty(0, np.int64), np.empty(0, np.float32))


def _by_track(segment: Segment, rows: Array, query: Array) -> Candidates:
    """Living tracks of the given windows, each with its best score, by descending score, ties by id.

    Of one recording only the best track.
    """
    tracks = np.searchsorted(segment.offsets, rows, side="right") - 1
    living = segment.alive[tracks]
    tracks, scores = tracks[living], cosines(segment.vectors[rows[living]], query)
    order = np.lexsort((tracks, -scores))  # ids ascend with the track's place, so this is also by id
    distinct = tracks if segment.recordings is None else segment.recordings[tracks]
    chosen = order[first_places(distinct[order])]
    return Candidates(segment.ids[tracks[chosen]], scores[chosen])
