"""From window vectors to distinct tracks: exact, deterministic, the same for every backend and device."""

from dataclasses import dataclass

import numpy as np

from indexing.backends import WindowIndex
from recommender.errors import InputError
from recommender.types import Array, Candidates

_FIRST = 4  # windows fetched per wanted track at first: neighbouring windows of a track are alike


@dataclass(frozen=True)
class Segment:
    """Searchable tracks of one modality; rows of one track are neighbours.

    Attributes
    ----------
    ids:     int64 [t], ascending track ids.
    parts:   int64 [t], the store part each comes from: (id, part) names one analysis.
    offsets: int64 [t + 1], rows of track i are offsets[i] to offsets[i + 1].
    alive:   bool [t], False for tracks that were removed or analysed again since.
    vectors, affect, inputs: float32 [n, ...] and bounds: float64 [n, 2], per window.
    """

    ids: Array
    parts: Array
    offsets: Array
    alive: Array
    vectors: Array
    affect: Array
    inputs: Array
    bounds: Array

    def rows(self, track_id: int) -> slice | None:
        """The rows of a track, or None when it is not (or no longer) here."""
        at = int(np.searchsorted(self.ids, track_id))
        if at == len(self.ids) or self.ids[at] != track_id or not self.alive[at]:
            return None
        return slice(int(self.offsets[at]), int(self.offsets[at + 1]))


def checked_query(query: Array, dim: int) -> Array:
    """`query` as float64 [dim] of unit length; raises InputError when it is not a direction in this space."""
    vector = np.asarray(query, np.float64)
    if vector.shape != (dim,):
        raise InputError(f"the query vector has shape {list(vector.shape)}, the library's vectors have {dim} numbers")
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm) or norm == 0:
        raise InputError("the query vector is zero or not finite; it has no direction to search in")
    return vector / norm


def cosines(vectors: Array, query: Array) -> Array:
    """float32 [n]: inner products summed per row in float64, so equal rows score equally anywhere."""
    scores: Array = (np.asarray(vectors, np.float64) * query).sum(axis=1)
    return scores.astype(np.float32)


def best_tracks(index: WindowIndex, segment: Segment, query: Array, k: int) -> Candidates:
    """The k living tracks whose best window has the largest cosine with `query` (float64, unit); ties by id.

    Windows are fetched in growing numbers until no window unseen can change the answer: its float32
    score is at most the last one fetched, up to `margin` of rounding.
    """
    total = len(segment.vectors)
    margin = np.float32(2e-6 + vector_error(len(query)))
    wanted = min(total, max(64, _FIRST * k))
    while True:
        rows, rough = index.top(query, wanted)
        found = _by_track(segment, rows, cosines(segment.vectors[rows], query))
        complete = wanted >= total or len(rows) == 0
        if complete or (len(found.ids) >= k and found.scores[k - 1] > rough[-1] + margin):
            return Candidates(found.ids[:k], found.scores[:k])
        wanted = min(total, wanted * 2)


def vector_error(dim: int) -> float:
    """A bound of the float32 rounding error of one inner product of unit vectors (n u, Higham 2002, 3.1)."""
    return dim * 2.0**-23


def merged(parts: list[Candidates], k: int) -> Candidates:
    """The k best of several disjoint answers, by descending score, ties by id."""
    ids = np.concatenate([p.ids for p in parts]) if parts else np.empty(0, np.int64)
    scores = np.concatenate([p.scores for p in parts]) if parts else np.empty(0, np.float32)
    order = np.lexsort((ids, -scores))[:k]
    return Candidates(ids[order], scores[order])


def _by_track(segment: Segment, rows: Array, scores: Array) -> Candidates:
    """Living tracks of the given windows, each with its best score, by descending score, ties by id."""
    tracks = np.searchsorted(segment.offsets, rows, side="right") - 1
    living = segment.alive[tracks]
    tracks, scores = tracks[living], scores[living]
    order = np.lexsort((tracks, -scores))  # ids ascend with the track's place, so this is also by id
    _, first = np.unique(tracks[order], return_index=True)
    best = order[np.sort(first)]
    return Candidates(segment.ids[tracks[best]], scores[best])
