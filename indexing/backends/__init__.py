"""Vector search: exact inner products over a matrix of unit vectors, by backend name."""

from collections.abc import Callable
from typing import Protocol

from indexing.backends import faiss_flat
from recommender.errors import InputError
from recommender.types import Array


class WindowIndex(Protocol):
    """A searchable matrix of window vectors, in its own row numbers."""

    @property
    def device(self) -> str:
        """Where it searches: 'cpu' or 'cuda'."""
        ...

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows int64 [k'] and inner products float32 [k'], k' = min(k, n): the largest, to float32 accuracy.

        Rows are distinct and come by descending score; which of equal scores at the cut are returned is
        left open: `indexing.search` scores again and widens, so that its answer depends on no backend.
        """
        ...


BACKENDS: dict[str, Callable[[Array], WindowIndex]] = {
    "faiss": faiss_flat.FaissFlat,
}


def open_index(vectors: Array, backend: str = "faiss") -> WindowIndex:
    """An index over `vectors` float32 [n, d] (may be memory-mapped); raises InputError for an unknown name."""
    if backend not in BACKENDS:
        raise InputError(f"unknown search backend {backend!r}; there are: {', '.join(sorted(BACKENDS))}")
    return BACKENDS[backend](vectors)
