"""Vector search over a matrix of unit vectors: exact inner products by backend name, and codes built beforehand.

`indexing.search.ann_tuning` says which of them a library needs, `indexing.search.ann_index` keeps the codes.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from indexing.search.backends import exact as product
from indexing.search.backends import faiss_flat
from recommender.errors import InputError
from recommender.types import Array


class WindowIndex(Protocol):
    """A searchable matrix of window vectors, in its own row numbers."""

    @property
    def device(self) -> str:
        """Where it searches: 'cpu' or 'cuda'."""
        ...

    @property
    def exact(self) -> bool:
        """Whether no row is ever missed."""
        ...

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows int64 [k'] and inner products float32 [k'], k' = min(k, n): the largest, to float32 accuracy.

        Rows are distinct and come by descending score; which of equal scores at the cut are returned is
        left open: `indexing.search.tracks` scores again and widens, so that its answer depends on no backend.
        An index that is not `exact` gives as many rows with their right scores, but may miss some of the largest.
        """
        ...


@runtime_checkable
class Narrowing(Protocol):
    """An index that can search some of its rows alone, and finds as much of them as of all."""

    def pays(self, count: int) -> bool:
        """Whether searching among so many rows costs less than scoring each of them."""
        ...

    def among(self, chosen: Array) -> WindowIndex:
        """The index over the rows `chosen` bool [n] alone, in the same row numbers."""
        ...


BACKENDS: dict[str, Callable[[Array], WindowIndex]] = {
    "faiss": faiss_flat.FaissFlat,
    "numpy": product.Product,
}

FAISS_ROWS = 1 << 20
"""Rows from which `auto` takes FAISS. Of 2^20 x 64 it takes 10 ms for a query and the product 14, but importing FAISS
takes 56: below, it would pay only in processes that answer many queries, and in those 4 ms are nothing."""


def chosen(rows: int) -> str:
    """The backend that `auto` is for that many rows; the tracks found are the same."""
    return "faiss" if rows >= FAISS_ROWS else "numpy"


def open_index(vectors: Array, backend: str = "auto") -> WindowIndex:
    """An index over `vectors` float32 [n, d] (may be memory-mapped); raises InputError for an unknown name."""
    backend = chosen(len(vectors)) if backend == "auto" else backend
    if backend not in BACKENDS:
        raise InputError(f"unknown search backend {backend!r}; there are: {', '.join(sorted(BACKENDS))}")
    return BACKENDS[backend](vectors)
