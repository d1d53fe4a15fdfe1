"""NumPy files written in pieces and read mapped: never pickled, and a full disk is an error, not a signal."""

import os
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import DTypeLike

from recommender.opening import map_array
from recommender.types import Array


class NpyWriter:
    """A context that writes rows of a C-ordered array into a new .npy file, synced on leaving.

    Plain writes, because a store to a mapped page of a full disk kills the process (SIGBUS).
    """

    def __init__(self, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
        self._dtype = np.dtype(dtype)
        self._row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * self._dtype.itemsize
        self._file = open(path, "xb")  # noqa: SIM115 (closed by __exit__)
        header = {"descr": npy_format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        npy_format.write_array_header_1_0(self._file, header)
        self._start = self._file.tell()

    def put(self, rows: Array, values: Array) -> None:
        """Write `values` [m, ...] as the rows of these numbers [m]; runs of neighbours in one piece."""
        if len(rows) == 0 or self._row_bytes == 0:
            return
        values = np.ascontiguousarray(values, self._dtype)
        cuts = np.flatnonzero(np.diff(rows) != 1) + 1
        for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            self._file.seek(self._start + int(rows[first]) * self._row_bytes)
            self._file.write(values[first:last].data.cast("B"))

    def __enter__(self) -> "NpyWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())

    @classmethod
    def save(cls, path: Path, values: Array) -> None:
        """Write a whole array, synced."""
        with cls(path, values.dtype, values.shape) as out:
            if values.size:
                out._file.write(np.ascontiguousarray(values).data.cast("B"))


def load_npy(path: Path) -> Array:
    """The array in a .npy file, mapped read-only (in memory when it is empty); ValueError when damaged."""
    return np.asarray(map_array(path))
