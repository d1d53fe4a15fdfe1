"""Exact search with FAISS: on the GPU where the gpu build and a device are there, else on the CPU.

On the CPU the memory-mapped matrix is searched in place with `faiss.knn`, which runs the kernel of
IndexFlatIP on any float32 array: IndexFlatIP itself copies what is added to it (1M x 64: 256 MB more
private memory, same speed), and FAISS' mapped indexes want their own file format beside the .npy.
"""

from typing import Any

import numpy as np

from indexing.search.backends.faiss_gpu import FaissRows
from indexing.search.backends.on_device import DeviceIndex
from recommender.errors import BackendError
from recommender.types import Array


def load_faiss() -> Any:
    """The faiss module; raises BackendError with the two ways to install it."""
    try:
        import faiss
    except ImportError as error:
        raise BackendError(
            "no FAISS found; install one of: pip install 'cliptune[cpu]' or pip install 'cliptune[gpu]' (never both)"
        ) from error
    return faiss


def gpu_usable(faiss: Any) -> bool:
    """Whether this build of FAISS can use a GPU and there is one (the CPU build also has get_num_gpus)."""
    return hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0


class FaissFlat:
    """A flat inner-product index over float32 [n, d]; see `indexing.search.backends.WindowIndex`."""

    device, exact = "cpu", True

    def __init__(self, vectors: Array) -> None:
        self._faiss = load_faiss()
        self._vectors = np.ascontiguousarray(vectors, np.float32)  # a view when it is one already, as the snapshot is

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows and inner products of the min(k, n) best rows for `query` float32 [d], best first."""
        k = min(k, len(self._vectors))
        if k == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        one = np.ascontiguousarray(query, np.float32)[None]
        scores, rows = self._faiss.knn(one, self._vectors, k, metric=self._faiss.METRIC_INNER_PRODUCT)
        found = rows[0] >= 0
        return rows[0][found], scores[0][found]


def open_flat(vectors: Array) -> FaissFlat | DeviceIndex:
    """The index on the GPU where there is one, else on the CPU; raises BackendError without FAISS, RuntimeError where
    the GPU has no room."""
    faiss = load_faiss()
    if len(vectors) and gpu_usable(faiss):
        return DeviceIndex(vectors, FaissRows(faiss, vectors))
    return FaissFlat(vectors)
