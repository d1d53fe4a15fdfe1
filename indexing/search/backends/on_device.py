"""An exact index whose rows lie on a GPU: what FAISS and torch share, and what answers where the device fails."""

from threading import Lock
from typing import Any, Protocol

import numpy as np

from indexing.search.backends.chosen import Chosen
from indexing.search.backends.exact import best, inner_products
from recommender.logs import getLogger
from recommender.types import Array

_log = getLogger(__name__)
Found = tuple[Array, Array]
"""Rows int64 [k] and inner products float32 [k], best first."""


class Rows(Protocol):
    """The rows of a matrix on a device, searched exactly by one thread at a time."""

    device: str
    precision: str

    def pays(self, count: int) -> bool:
        """Whether searching among so many rows costs less than scoring each of them on the processor."""
        ...

    def mask(self, chosen: Array) -> Any:
        """What `tops` needs to search the rows of `chosen` bool [n] alone."""
        ...

    def tops(self, queries: Array, k: int, mask: Any) -> list[Found | None]:
        """For each of `queries` float32 [q, d] its best k of as many rows or more; None where that is too deep.

        Raises RuntimeError where the device fails.
        """
        ...


class DeviceIndex:
    """A flat inner-product index; see `WindowIndex`, `Narrowing` and `Batching` of `indexing.search.backends`.

    Where the device fails (its memory is shared), the processor goes on exactly, and a line in the log says so.
    """

    exact = True

    def __init__(self, vectors: Array, rows: Rows | None, chosen: Array | None = None) -> None:
        self._vectors = np.ascontiguousarray(vectors, np.float32)  # a view when it is one already, as the snapshot is
        self._held, self._lock = [rows], Lock()  # shared with what `among` gives
        self._chosen = None if chosen is None else Chosen.of(chosen)
        self._mask = None if chosen is None or rows is None else rows.mask(chosen)

    @property
    def device(self) -> str:
        """Where it searches: 'cpu' or 'cuda'."""
        return "cpu" if self._held[0] is None else self._held[0].device

    @property
    def precision(self) -> str:
        """How its rows are kept there: 'float32', 'fp16' or 'int8'; the scores are of float32 in any case."""
        return "float32" if self._held[0] is None else self._held[0].precision

    def pays(self, count: int) -> bool:
        """See `indexing.search.backends.Narrowing`."""
        return self._held[0] is not None and self._held[0].pays(count)

    def among(self, chosen: Array) -> "DeviceIndex":
        """The index over the rows `chosen` bool [n] alone, on the same rows of the device."""
        made = DeviceIndex(self._vectors, self._held[0], chosen)
        made._held, made._lock = self._held, self._lock
        return made

    def top(self, query: Array, k: int) -> Found:
        """Rows and inner products of the min(k, n) best rows for `query` float32 [d], best first."""
        return self.tops(np.asarray(query)[None], k)[0]

    def tops(self, queries: Array, k: int) -> list[Found]:
        """The same for each of `queries` [q, d], in one go."""
        queries = np.ascontiguousarray(queries, np.float32)
        k = min(k, len(self._vectors) if self._chosen is None else self._chosen.count)
        if k == 0:
            return [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        found = self._ask(queries, k)
        return [one or self._exactly(query, k) for one, query in zip(found, queries, strict=True)]

    def _ask(self, queries: Array, k: int) -> list[Found | None]:
        with self._lock:
            rows = self._held[0]
            try:
                if rows is not None:
                    return rows.tops(queries, k, self._mask)
            except (RuntimeError, MemoryError) as error:
                self._held[0] = self._mask = None
                _log.warning("search goes on on the processor, the GPU failed: %s", str(error).splitlines()[0][:160])
        return [None] * len(queries)

    def _exactly(self, query: Array, k: int) -> Found:
        if self._chosen is None:
            return best(self._vectors @ query, k)
        rows = self._chosen.rows(len(self._vectors))
        places, scores = best(inner_products(self._vectors, rows, query), k)
        return rows[places], scores
