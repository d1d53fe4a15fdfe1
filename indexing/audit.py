"""Whether search finds what is there: the library's own search against brute force over the store's vectors."""

from dataclasses import dataclass

import numpy as np

from indexing.library import Library
from indexing.search import Segment
from recommender.types import Array, Modality, unit

CUTOFFS = (10, 100)
QUERIES = 50  # the standard error of a recall of .95 is then .01 at 10, as tracks of a list miss together
SLACK = 0.05  # below the recall that was asked for: five standard errors, and windows are not quite tracks
_NOISE = 0.5  # of the length of a query: near a window, as a clip's emotion is near a track's, but not one of them
_EVEN = 1e-6  # float32: tracks this close to the last one of the exact list are as good


@dataclass(frozen=True)
class Recall:
    """Mean share of the exact list that search found, by cutoff, over `queries` queries."""

    queries: int
    at: dict[int, float]

    def __str__(self) -> str:
        shares = ", ".join(f"recall@{k} {share:.4f}" for k, share in self.at.items())
        return f"{shares} over {self.queries} queries"


def recall(library: Library, modality: Modality, truth: Segment, queries: int = QUERIES, seed: int = 0) -> Recall:
    """The recall of `library.search`; `truth` holds all tracks of the modality as the store has them."""
    sample = drawn(truth.vectors, queries, seed)
    several_of, place = np.unique(library.recordings(truth.ids), return_inverse=True)  # search shows each once
    exact = np.stack([_best(truth, query, place, len(several_of)) for query in sample])
    most = min(max(CUTOFFS), len(several_of))
    shares: dict[int, list[float]] = {k: [] for k in CUTOFFS}
    for query, scores in zip(sample, exact, strict=True):
        found = library.search(query, most, modality).ids
        for k, several in shares.items():
            several.append(share(scores, place[np.searchsorted(truth.ids, found[:k])], k))
    return Recall(len(sample), {k: float(np.mean(several)) for k, several in shares.items()})


def drawn(vectors: Array, count: int, seed: int) -> Array:
    """float64 [count, dim]: unit vectors near windows drawn at random."""
    random = np.random.default_rng(seed)
    near = np.asarray(vectors[random.integers(0, len(vectors), count)], np.float64)
    queries: Array = unit(near + _NOISE * unit(random.normal(size=near.shape)))
    return queries


def share(scores: Array, found: Array, k: int) -> float:
    """The share of the k best recordings (all, where there are fewer) among the places `found`; ties count as found."""
    k = min(k, len(scores))
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    return float((scores[found[:k]] >= last - _EVEN).sum()) / k


def _best(truth: Segment, query: Array, place: Array, count: int) -> Array:
    """float32 [count]: the cosine of the best window of every recording; `place` [t]: which one each track is of."""
    tracks = np.maximum.reduceat(truth.vectors @ query.astype(np.float32), truth.offsets[:-1])
    best = np.full(count, -np.inf, np.float32)
    np.maximum.at(best, place, tracks)
    return best
