"""Whether search finds what is there: the library's own search against brute force over all vectors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexing.disk.runs import spans
from indexing.library import Library
from indexing.snapshot.segments import Segment
from recommender.types import Array, Modality, unit

CUTOFFS = (10, 100)
QUERIES = 50  # the standard error of a recall of .95 is then .01 at 10, as tracks of a list miss together
SLACK = 0.05  # below the recall that was asked for: five standard errors, and windows are not quite tracks
_NOISE = 0.5  # of the length of a query: near a window, as a clip's emotion is near a track's, but not one of them
_BLOCK = 1 << 15  # windows scored at a time
_EVEN = 1e-6  # float32: tracks this close to the last one of the exact list are as good


@dataclass(frozen=True)
class Recall:
    """Mean share of the exact list that search found, by cutoff, over `queries` queries."""

    queries: int
    at: dict[int, float]

    def __str__(self) -> str:
        shares = ", ".join(f"recall@{k} {share:.4f}" for k, share in self.at.items())
        return f"{shares} over {self.queries} queries"


def recall(library: Library, modality: Modality, queries: int = QUERIES, *, seed: int = 0) -> Recall:
    """The recall of `library.search` against every window that the library shows, looked at some at a time."""
    segments = library.segments(modality)
    sample = draw_queries(segments, queries, seed)
    ids = np.sort(np.concatenate([s.ids[s.alive] for s in segments]))
    of, place = np.unique(library.recordings(ids), return_inverse=True)  # search shows each once
    exact = best_of(segments, sample, lambda found: place[np.searchsorted(ids, found)], count=len(of))
    most = min(max(CUTOFFS), len(of))
    shares: dict[int, list[float]] = {k: [] for k in CUTOFFS}
    for query, scores in zip(sample, exact, strict=True):
        found = place[np.searchsorted(ids, library.search(query, most, modality).ids)]
        for k, several in shares.items():
            several.append(share(scores, found[:k], k))
    return Recall(len(sample), {k: float(np.mean(several)) for k, several in shares.items()})


def draw_queries(segments: Sequence[Segment], count: int, seed: int) -> Array:
    """float64 [count, dim]: unit vectors near windows drawn at random."""
    random = np.random.default_rng(seed)
    ends = np.cumsum([len(s.vectors) for s in segments])
    rows = random.integers(0, ends[-1], count)
    which = np.searchsorted(ends, rows, side="right")
    near = np.array([segments[i].vectors[row - ends[i]] for i, row in zip(which, rows, strict=True)], np.float64)
    return unit(near + _NOISE * unit(random.normal(size=near.shape)))


def best_of(segments: Sequence[Segment], queries: Array, place: Callable[[Array], Array], *, count: int) -> Array:
    """float32 [q, count]: the cosine with each query of the best window of every recording.

    `place` says which of `count` recordings tracks int64 [m] are of.
    """
    best, columns = np.full((count, len(queries)), -np.inf, np.float32), queries.T.astype(np.float32)
    for segment in segments:
        counts = np.diff(segment.offsets)
        tracks = np.flatnonzero(segment.alive & (counts > 0))
        ends = np.cumsum(counts[tracks])
        for some in np.split(tracks, np.searchsorted(ends, np.arange(_BLOCK, ends.max(initial=0), _BLOCK))):
            if len(some):
                rows = spans(segment.offsets[:-1][some], counts[some])
                starts = np.cumsum(counts[some]) - counts[some]
                scores = np.maximum.reduceat(segment.vectors[rows] @ columns, starts, axis=0)
                np.maximum.at(best, place(segment.ids[some]), scores)
    return best.T


def share(scores: Array, found: Array, k: int) -> float:
    """The share of the k best recordings (all, where there are fewer) among the places `found`; ties count as found."""
    k = min(k, len(scores))
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    return float((scores[found[:k]] >= last - _EVEN).sum()) / k
