"""Which search index a matrix of vectors needs: by its size, a memory budget and a recall to reach, measured on it."""

import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from indexing.search.backends import AUTO, MATRICES
from indexing.search.backends.exact import tops
from indexing.search.backends.faiss_pq import FaissPQ, Layout, build_codes, list_sample, sample_rows, train_lists
from recommender.errors import InputError
from recommender.text import show
from recommender.types import Array, unit

FAISS_PQ_ROWS = 1_000_000
"""Rows from which codes pay. Below, an exact product takes under 15 ms; FAISS alone takes 56 to import."""

_TRAINED_ROWS = 16 * 39  # from which FAISS learns the centroids of codes without a warning
_MOST_PROBED = 16  # once a query would read one list in so many, a single scan is as fast and misses nothing
_FINE_RECALL = 0.98  # above it 4 bits per dimension: at .999 of 100 rows 2 bits need 10 times as many scored exactly
_ROW_BYTES = 8  # the number of a row in its list
_EXTRAS = (200, 500, 1000, 2000, 5000, 10_000)
_QUERIES = 200
_NEAR, _FAR = 10, 100  # the recalls that are measured: of the best 10 and 100 rows


@dataclass(frozen=True)
class Settings:
    """What the search of a library may cost and must reach; kept with the library.

    Attributes
    ----------
    memory_bytes: that the codes may take. 2 GB hold the codes of 50 million windows, 1.4 million tracks.
    recall:       of the best 10 and 100 windows, the share to be found; 1 searches exactly. At .999 a list of ten
                  tracks differs from the exact one in one query of a hundred, at a seventh of the time.
    backend:      a name in `indexing.search.backends.registry.BACKENDS`, or AUTO.
    """

    memory_bytes: int = 2 << 30
    recall: float = 0.999
    backend: str = AUTO

    def __post_init__(self) -> None:
        if not 0.5 <= self.recall <= 1:
            raise InputError(f"the recall is {self.recall}; give a share from 0.5 to 1 (1 searches exactly)")
        if self.memory_bytes < 1 << 20:
            raise InputError(f"the memory is {self.memory_bytes} bytes; give at least 1MB")


def memory_of(text: str) -> int:
    """The bytes that "2GB", "512 MB" or "1.5g" say (1 GB = 2^30 bytes); raises InputError."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt])(?:i?b)?", text.strip().lower())
    if found is None:
        raise InputError(f"the memory '{show(text)}' is not understood; give a size such as 2GB or 512MB")
    return int(float(found[1]) * 1024 ** (" kmgt".index(found[2])))


@dataclass(frozen=True)
class Measured:
    """What an index reaches on `queries` queries that are none of its rows; times are of one thread."""

    recall_at_10: float
    recall_at_100: float
    query_ms: float
    queries: int = _QUERIES

    @property
    def recall(self) -> float:
        """The lesser of both."""
        return min(self.recall_at_10, self.recall_at_100)


@dataclass(frozen=True)
class Held:
    """Queries float32 [q, d] and the rows int64 [q, 100] that are best for them."""

    queries: Array
    truth: Array


def groups_for(rows: int, dim: int, settings: Settings) -> int | None:
    """Groups of dimensions to code so that the codes fit; None where exact search serves better, or nothing fits."""
    least = FAISS_PQ_ROWS if settings.backend == AUTO else _TRAINED_ROWS
    if settings.backend in MATRICES or rows < least or settings.recall >= 1:
        return None
    shares = (1, 2, 4) if settings.recall > _FINE_RECALL else (2, 4)
    fitting = (dim // s for s in shares if dim % s == 0 and rows * (dim // s / 2 + _ROW_BYTES) <= settings.memory_bytes)
    return next(fitting, None)


def tune(vectors: Array, settings: Settings, seed: int = 0) -> tuple[Any, Layout, Measured] | None:
    """Codes of `vectors` float32 [n, d] that reach the recall with the least work, measured; None: search exactly."""
    rows, dim = vectors.shape
    groups = groups_for(rows, dim, settings)
    if groups is None:
        return None
    held = hold_out(vectors, seed)
    layout, coarse = _with_lists(vectors, Layout(groups), held, settings, seed)
    codes = build_codes(vectors, layout, coarse, seed=seed)
    for extra in _EXTRAS:
        layout = Layout(groups, layout.lists, layout.probes, extra)
        reached = measure(FaissPQ(vectors, codes, layout), held)
        if reached.recall >= settings.recall:
            return codes, layout, reached
    return None


def hold_out(vectors: Array, seed: int = 0) -> Held:
    """Queries of `draw_queries` and what is best for them."""
    queries = draw_queries(vectors, seed)
    return Held(queries, tops(vectors, queries, _FAR)[0])


def draw_queries(vectors: Array, seed: int = 0) -> Array:
    """Queries that are no rows: half near one (moved by half its length), half between two, as those of clips are."""
    rng = np.random.default_rng((seed, 1))
    first, second = (vectors[np.sort(rng.choice(len(vectors), _QUERIES))] for _ in range(2))
    moved = rng.standard_normal(first.shape, np.float32) / (2 * np.sqrt(first.shape[1]))
    rng.shuffle(second)
    other = np.where(np.arange(_QUERIES)[:, None] % 2, moved, second)
    queries: Array = unit(first + other).astype(np.float32)
    return queries


def measure(index: FaissPQ, held: Held) -> Measured:
    """Recall at 10 and 100 of an index, and the CPU time of a query for 100 rows."""
    start = time.thread_time()
    found = [index.top(query, _FAR)[0] for query in held.queries]
    spent = time.thread_time() - start
    near = [index.top(query, _NEAR)[0] for query in held.queries]
    count = len(held.queries)
    return Measured(_recall(near, held.truth, _NEAR), _recall(found, held.truth, _FAR), spent / count * 1e3, count)


def _recall(found: list[Array], truth: Array, k: int) -> float:
    """The share of the k best rows that were found among k."""
    hits = [len(np.intersect1d(mine[:k], right[:k])) for mine, right in zip(found, truth, strict=True)]
    return float(np.sum(hits) / truth[:, :k].size)


def _with_lists(vectors: Array, layout: Layout, held: Held, settings: Settings, seed: int) -> tuple[Layout, Any]:
    """The layout with lists and their centroids where the rows fall into lists well enough to read few of them.

    That is known before a row is coded, for a tenth of the time it takes to build: the lists that the best rows of the
    held-out queries are in. Half of what may be missed is left to the codes.
    """
    lists = 1 << round(np.log2(len(vectors)) / 2)
    coarse = train_lists(sample_rows(vectors, list_sample(lists), seed), lists)
    order = coarse.search(held.queries, lists)[1]
    own = coarse.search(np.ascontiguousarray(vectors[held.truth.ravel()]), 1)[1].reshape(held.truth.shape)
    ranks = np.take_along_axis(np.argsort(order, axis=1), own, axis=1)
    needed = 1 - (1 - settings.recall) / 2
    for probes in 1 << np.arange(int(np.log2(lists / _MOST_PROBED)) + 1):
        if min((ranks[:, :_NEAR] < probes).mean(), (ranks < probes).mean()) >= needed:
            return Layout(layout.groups, lists, int(probes)), coarse
    return layout, None
