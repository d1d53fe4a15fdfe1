"""Approximate search over 4-bit codes with FAISS, the best of them scored exactly from the vectors themselves.

Product quantisation (Jegou, Douze and Schmid 2011) with 16 centroids per group of dimensions, whose inner products
with the query are looked up in registers (Andre, Kermarrec and Le Scouarnec 2015, "fast scan"): a row is read as d / 2
or d / 4 bytes instead of 4 d. Over several million rows the codes lie in lists around centroids (an inverted file), of
which a query reads a few; the codes are then of what is left of a row without its list's centroid.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexing.search.backends.chosen import Chosen
from indexing.search.backends.exact import best, inner_products
from indexing.search.backends.faiss_flat import load_faiss
from recommender.errors import LibraryError
from recommender.types import Array

_TRAIN_ROWS = 20_000  # for 16 centroids in 1 to 4 dimensions: more changed no recall
_ROWS_PER_LIST = 64  # to train a list's centroid from: FAISS warns below 39
_ROUNDS = 10  # of k-means for the lists; 20 gave the same recall
_ADDED = 1 << 18  # rows encoded at a time: 64 MB at 64 dimensions
_SPARE = 1.5  # times as many rows are looked through as hold those wanted where they lie evenly, ...
_DEEPER = 4  # ... and so many times more where they turn out to lie elsewhere
_CODES_PER_ROW = 11  # read in the time of one row gathered and scored: 2 and 22 ns at 64 dimensions of 4 bits
_SIFTED = 500_000  # codes read in the time it takes to keep, for 100 tracks, the best rows of which one is chosen
_DEEP = 5000  # rows scored exactly up to which the lists suffice that were tuned for 100 rows
_EXACT_SHARE = 8  # once one row in so many would be scored exactly, scoring all in order is cheaper


@dataclass(frozen=True)
class Layout:
    """How rows are coded and how much of them a query looks at.

    Attributes
    ----------
    groups: groups of dimensions, 4 bits each; divides d.
    lists:  0 for one scan over all codes, else the number of lists.
    probes: lists that a query reads, the nearest.
    extra:  rows scored exactly beyond twice as many as are asked for: the errors of codes mix up the rows that score
            alike, however few are wanted.
    """

    groups: int
    lists: int = 0
    probes: int = 0
    extra: int = 1000


class FaissPQ:
    """An approximate inner-product index over float32 [n, d]; see `indexing.search.backends.WindowIndex`.

    Its scores are exact and it gives as many rows as are asked for; what is approximate is that better ones may exist.
    With `chosen` it is of these rows alone: as much deeper as they are thinned it looks, and leaves the others out.
    """

    device, exact = "cpu", False

    def __init__(self, vectors: Array, codes: Any, layout: Layout, chosen: Chosen | None = None) -> None:
        self._vectors, self._codes, self.layout, self._chosen = vectors, codes, layout, chosen
        self._count = len(vectors) if chosen is None else chosen.count

    def among(self, chosen: Array) -> "FaissPQ":
        """The index over the rows `chosen` bool [n] alone; see `indexing.search.backends.Narrowing`."""
        return FaissPQ(self._vectors, self._codes, self.layout, Chosen.of(chosen))

    def pays(self, count: int) -> bool:
        """Whether that costs less than scoring so many rows one by one; see `indexing.search.backends.Narrowing`."""
        total, lists = len(self._vectors), self.layout.lists
        thinned = total / max(1, count)
        read = total if not lists else total * self._probes(thinned) / lists
        return read + _SIFTED * thinned < count * _CODES_PER_ROW

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows and inner products of min(k, n) rows that are near the best for `query` float32 [d], best first."""
        k, one = min(k, self._count), np.ascontiguousarray(query, np.float32)
        rows = self._near(one, 2 * k + self.layout.extra)
        if len(rows) < k:
            return self._exactly(one, k)
        places, scores = best(self._vectors[rows] @ one, k)
        return rows[places], scores

    def _exactly(self, query: Array, k: int) -> tuple[Array, Array]:
        if self._chosen is None:
            return best(self._vectors @ query, k)
        rows = self._chosen.rows(len(self._vectors))
        places, scores = best(inner_products(self._vectors, rows, query), k)
        return rows[places], scores

    def _near(self, query: Array, count: int) -> Array:
        """int64 [about count or more]: the rows whose codes are best, ascending; none where scoring all is cheaper."""
        if self._chosen is None:
            return self._find(query, count, 1.0) if count * _EXACT_SHARE <= self._count else np.empty(0, np.int64)
        thinned = _SPARE * len(self._vectors) / self._chosen.count
        while count * thinned * _EXACT_SHARE <= len(self._vectors):
            rows = self._find(query, int(count * thinned), thinned / _SPARE)
            rows = rows[self._chosen.has(rows)]
            if len(rows) >= count:
                return rows
            thinned *= _DEEPER
        return np.empty(0, np.int64)

    def _find(self, query: Array, count: int, thinned: float) -> Array:
        """int64 [count or fewer], ascending: of all rows those whose codes are best."""
        read = None
        if self.layout.lists:
            deep = max(1, int(count / thinned) // _DEEP)
            read = load_faiss().IVFSearchParameters(nprobe=self._probes(deep * thinned))
        rows = self._codes.search(query[None], count, params=read)[1][0]
        return np.sort(rows[(rows >= 0) & (rows < len(self._vectors))])

    def _probes(self, times: float) -> int:
        """How many lists to read: the more, the deeper a search goes."""
        return min(self.layout.lists, int(self.layout.probes * times))


def train_lists(sample: Array, lists: int) -> Any:
    """Centroids of that many lists, trained on rows float32 [m, d]: a FAISS index that assigns rows to them."""
    faiss = load_faiss()
    coarse = faiss.IndexFlatIP(sample.shape[1])
    means = faiss.Clustering(sample.shape[1], lists)
    means.niter, means.spherical, means.max_points_per_centroid = _ROUNDS, True, _ROWS_PER_LIST
    means.train(sample, coarse)
    return coarse


def list_sample(lists: int) -> int:
    """How many rows `train_lists` learns from."""
    return lists * _ROWS_PER_LIST


def build_codes(vectors: Array, layout: Layout, coarse: Any = None, *, seed: int = 0) -> Any:
    """The FAISS index of the codes of `vectors` float32 [n, d]; `coarse` of `train_lists` where there are lists."""
    faiss = load_faiss()
    dim = vectors.shape[1]
    if layout.lists:
        codes = faiss.IndexIVFPQFastScan(coarse, dim, layout.lists, layout.groups, 4, faiss.METRIC_INNER_PRODUCT)
        codes.by_residual = True
    else:
        codes = faiss.IndexPQFastScan(dim, layout.groups, 4, faiss.METRIC_INNER_PRODUCT)
    codes.train(sample_rows(vectors, _TRAIN_ROWS, seed))
    for at in range(0, len(vectors), _ADDED):
        codes.add(np.ascontiguousarray(vectors[at : at + _ADDED]))
    return codes


def sample_rows(vectors: Array, count: int, seed: int) -> Array:
    """float32 [min(count, n), d]: rows drawn without replacement, in their order."""
    rows = np.random.default_rng(seed).choice(len(vectors), min(count, len(vectors)), replace=False)
    return np.ascontiguousarray(vectors[np.sort(rows)], np.float32)


def save(codes: Any, path: Path) -> None:
    """Write a FAISS index to a new file."""
    load_faiss().write_index(codes, str(path))


def load(path: Path, vectors: Array, layout: Layout) -> FaissPQ:
    """The index in a file over these vectors, mapped where FAISS can; raises LibraryError when it is of others."""
    faiss = load_faiss()
    try:
        codes = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise LibraryError(f"the search index {path.name} is damaged; run `recommend index build`") from error
    if (codes.ntotal, codes.d, getattr(codes, "nlist", 0)) != (*vectors.shape, layout.lists):
        raise LibraryError(f"the search index {path.name} is of other vectors; run `recommend index build`")
    return FaissPQ(vectors, codes, layout)
