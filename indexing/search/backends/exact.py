"""Exact search as matrix products with numpy: a small library needs no FAISS for it, and in batches it is faster."""

import itertools

import numpy as np

from recommender.types import Array

# rows per product: with 256 queries 8 MB of scores, which stay in the cache (2^11 to 2^14 cost the same)
_BLOCK = 1 << 13
_GATHERED = 1 << 13  # rows copied together at a time: 2 MB at 64 dimensions, which stay in the cache


class Exact:
    """A flat inner-product index over float32 [n, d]; see `indexing.search.backends.WindowIndex`."""

    device, exact = "cpu", True

    def __init__(self, vectors: Array) -> None:
        self._vectors = np.ascontiguousarray(vectors, np.float32)  # a view when it is one already, as the snapshot is

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows and inner products of the min(k, n) best rows for `query` float32 [d], best first."""
        return best(self._vectors @ np.ascontiguousarray(query, np.float32), k)


def inner_products(vectors: Array, rows: Array, query: Array) -> Array:
    """float32 [m]: inner products of some rows of `vectors` float32 [n, d] with `query` float32 [d]."""
    scores = np.empty(len(rows), np.float32)
    copied = np.empty((min(len(rows), _GATHERED), vectors.shape[1]), np.float32)
    for at in range(0, len(rows), _GATHERED):
        some = rows[at : at + _GATHERED]
        # "clip" checks nothing and so needs no copy of its own
        np.take(vectors, some, axis=0, out=copied[: len(some)], mode="clip")
        np.dot(copied[: len(some)], query, out=scores[at : at + len(some)])
    return scores


def best(scores: Array, k: int) -> tuple[Array, Array]:
    """Places int64 and values of the min(k, n) largest of `scores` [n], best first."""
    n = len(scores)
    places = np.argpartition(scores, n - k)[n - k :] if k < n else np.arange(n)
    places = places[np.argsort(-scores[places], kind="stable")]
    return places, scores[places]


def tops(vectors: Array, queries: Array, k: int, *, offsets: Array | None = None) -> tuple[Array, Array]:
    """Rows int64 [q, k'] and inner products float32 [q, k'] of the k' = min(k, n) best rows of every query, best first.

    Exact, over `vectors` float32 [n, d] and `queries` [q, d]: products in blocks of rows, of which only scores that
    reach the k-th best so far are looked at again. That threshold is raised when the rows seen have doubled, so that
    about k log2(n / block) rows a query are ever sorted. [ours]

    `offsets` int64 [t + 1] puts neighbouring rows into groups, none of them empty: then the best groups by their best
    row are found.
    """
    queries = np.ascontiguousarray(queries, np.float32)
    total = len(vectors) if offsets is None else len(offsets) - 1
    count, k = len(queries), min(k, total)
    if count == 0 or k == 0:
        return np.empty((count, k), np.int64), np.empty((count, k), np.float32)
    edges = np.arange(total + 1) if offsets is None else offsets
    ends = np.unique(np.searchsorted(edges, [*range(_BLOCK, len(vectors), _BLOCK), len(vectors)]))
    cuts = [0, *ends[(ends >= k) & (ends < total)].tolist(), total]  # the first block has k, to take a threshold from
    buffer = np.empty(count * int(np.diff(edges[cuts]).max()), np.float32)
    pool, due = _Pool(count, k), 0
    for first, last in itertools.pairwise(cuts):
        rows = vectors[edges[first] : edges[last]]
        product = np.matmul(queries, rows.T, out=buffer[: count * len(rows)].reshape(count, len(rows)))
        if offsets is not None:
            product = np.maximum.reduceat(product, offsets[first:last] - offsets[first], axis=1)
        pool.take(product, first)
        if last >= due or last == total:
            pool.shrink()
            due = 2 * last
    return pool.rows.reshape(count, k), pool.scores.reshape(count, k)


class _Pool:
    """The rows that may be among the k best of each query, ordered by query after `shrink`."""

    def __init__(self, count: int, k: int) -> None:
        self.count, self.k = count, k
        self.rows, self.scores = np.empty(0, np.int64), np.empty(0, np.float32)
        self._owners = np.empty(0, np.int64)
        self._least: Array | None = None
        self._taken: list[tuple[Array, Array, Array]] = []

    def take(self, product: Array, first: int) -> None:
        """Take what reaches the threshold from scores [q, m] of the rows from `first` on; m >= k in the first block."""
        width = product.shape[1]
        if self._least is None:
            self._least = np.partition(product, width - self.k, axis=1)[:, width - self.k, None]
        hits = np.flatnonzero(product >= self._least)
        owners, columns = np.divmod(hits, width)
        self._taken.append((owners, columns + first, product.ravel()[hits]))

    def shrink(self) -> None:
        """Keep the k best of each query; the last of them is its new threshold."""
        taken = [(self._owners, self.rows, self.scores), *self._taken]
        owners, rows, scores = (np.concatenate(column) for column in zip(*taken, strict=True))
        order = np.lexsort((rows, -scores, owners))
        owners, rows, scores = owners[order], rows[order], scores[order]
        starts = np.searchsorted(owners, np.arange(self.count))
        kept = np.arange(len(owners)) - starts[owners] < self.k
        self._owners, self.rows, self.scores = owners[kept], rows[kept], scores[kept]
        self._least = self.scores.reshape(self.count, self.k)[:, -1:]
        self._taken = []
