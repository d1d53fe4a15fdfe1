"""Vector search over a matrix of unit vectors: its best rows, by exact inner products or by codes.

`indexing.search.backends.registry` has what stands above: the search backends by name.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from indexing.search.backends import exact, faiss_flat, torch_exact
from recommender.types import Array

SETTINGS = "search.json"  # in the folder of a library: what its search may cost and must reach, and its backend
AUTO = "auto"
"""The setting of a library that leaves the backend to its size: codes once they are built, else exact search."""


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


@runtime_checkable
class Batching(Protocol):
    """An index that finds the best rows of many queries at less cost than one by one."""

    def tops(self, queries: Array, k: int) -> list[tuple[Array, Array]]:
        """What `WindowIndex.top` gives for each of `queries` [q, d]."""
        ...


MATRICES: dict[str, Callable[[Array], WindowIndex]] = {
    "exact": exact.Exact,
    "faiss_flat": faiss_flat.open_flat,
    "torch": torch_exact.open_torch,
}
"""What searches all rows, by the backend's name."""

FAISS_ROWS = 1 << 20
"""Rows from which `auto` takes FAISS. Of 2^20 x 64 it takes 10 ms for a query and the product 14, but importing FAISS
takes 56: below, it would pay only in processes that answer many queries, and in those 4 ms are nothing."""


def auto_backend(rows: int) -> str:
    """The matrix that `auto` is for that many rows; the tracks found are the same."""
    return "faiss_flat" if rows >= FAISS_ROWS else "exact"


def open_index(vectors: Array, backend: str = AUTO) -> WindowIndex:
    """An index over all rows of `vectors` float32 [n, d], which may be memory-mapped."""
    return MATRICES[auto_backend(len(vectors)) if backend == AUTO else backend](vectors)
