"""Exact search with FAISS on a GPU, in passes: one call of GpuIndexFlat gives no more than 2,048 rows.

The rows are dealt to several indexes. The best k of all are the best of what each gave, unless one of them gave all
that it was asked for and its last is still among these k: then it is asked for more. Neighbours, which are windows of
one track and alike, are dealt to different indexes, so that each holds about its share of the best.
"""

from typing import Any

import numpy as np

from indexing.search.backends.chosen import Chosen
from indexing.search.backends.on_device import Found
from recommender.types import Array

GPU_MAX_K = 2048  # GpuIndexFlat selects at most this many
_PARTS = 16  # indexes: together 32,768 rows, ten times what a query for 200 tracks asks for first
_SPARE = 1.5  # times as many rows are looked through as hold those wanted where a selection lies evenly
_THINNED = 6  # of the rows one in so many: up to that, what 200 tracks need of a selection is within reach


class FaissRows:
    """Rows on a GPU; see `indexing.search.backends.on_device.Rows`."""

    device, precision = "cuda", "float32"

    def __init__(self, faiss: Any, vectors: Array) -> None:
        self._total = len(vectors)
        self._parts = min(_PARTS, -(-self._total // GPU_MAX_K))
        self._resources = faiss.StandardGpuResources()
        self._indexes = []
        for part in range(self._parts):
            index = faiss.GpuIndexFlatIP(self._resources, vectors.shape[1])
            rows = self._rows(part, np.arange(-(-self._total // self._parts)))
            index.add(np.ascontiguousarray(vectors[rows[rows < self._total]], np.float32))
            self._indexes.append(index)

    def _rows(self, part: int, at: Array) -> Array:
        """Which rows lie at these places of an index: of as many neighbours as there are indexes, one each.

        Which one changes from group to group as a multiplicative hash does, so that no period of the rows is its own.
        """
        return at * self._parts + (part - (at * 2654435761 >> 12)) % self._parts

    def pays(self, count: int) -> bool:
        """Whether so many rows are found among the best of all."""
        return count * _THINNED >= self._total

    def mask(self, chosen: Array) -> Chosen:
        """The rows as bits."""
        return Chosen.of(chosen)

    def tops(self, queries: Array, k: int, mask: Chosen | None) -> list[Found | None]:
        """See `Rows.tops`; None where more than one call of each index gives would be needed."""
        if mask is None:
            return self._tops(queries, k)
        return [self._among(query[None], k, mask) for query in queries]

    def _among(self, query: Array, k: int, mask: Chosen) -> Found | None:
        """The best k of some rows: the first k of these among the best of all."""
        depth = int(_SPARE * k * self._total / mask.count) + 1
        while True:
            depth = min(depth, self._total)
            found = self._tops(query, depth)[0]
            if found is None:
                return None
            rows, scores = found
            held = mask.has(rows)
            if np.count_nonzero(held) >= k:
                return rows[held][:k], scores[held][:k]
            depth *= 2

    def _tops(self, queries: Array, k: int, each: int | None = None) -> list[Found | None]:
        """The best k of all, each index asked for `each`: as many as its share of k surely is."""
        share = k / self._parts
        each = min(GPU_MAX_K, each or int(1.25 * share + 6 * share**0.5) + 32)
        rows, scores, unseen = self._ask(queries, each)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        rows, scores = np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)
        short = (unseen > scores[:, -1]) | (scores.shape[1] < k)
        found: list[Found | None] = [None if s else (r, v) for r, v, s in zip(rows, scores, short, strict=True)]
        if short.any() and each < GPU_MAX_K:
            deeper = iter(self._tops(queries[short], k, 4 * each))
            found = [next(deeper) if one is None else one for one in found]
        return found

    def _ask(self, queries: Array, each: int) -> tuple[Array, Array, Array]:
        """Of all indexes the best `each`: rows and scores [q, sum], and the most that one not given may have [q]."""
        rows, scores = [], []
        unseen = np.full(len(queries), -np.inf, np.float32)
        for part, index in enumerate(self._indexes):
            count = min(each, index.ntotal)
            values, at = index.search(queries, count)
            rows.append(self._rows(part, at))
            scores.append(values)
            if count < index.ntotal:
                unseen = np.maximum(unseen, values[:, -1])
        return np.concatenate(rows, 1), np.concatenate(scores, 1), unseen
