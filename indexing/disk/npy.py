"""NumPy files written in pieces and read mapped: never pickled, and a full disk is an error, not a signal."""

import math
import os
import re
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import DTypeLike

from recommender.opening import open_regular
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


_MAGIC = b"\x93NUMPY\x01\x00"
_SHAPE = rb"\(([0-9]+),(?: ([0-9]+))?\)"
_HEADER = re.compile(rb"\{'descr': '([<|][fiu][1248])', 'fortran_order': False, 'shape': " + _SHAPE + rb", \} *\n")


def load_npy(path: Path, dtype: DTypeLike, width: int | None = None) -> Array:
    """The array in a file of `NpyWriter`, mapped read-only: [n] of that dtype, [n, width], or [n, any] of width -1.

    Only a header as `NpyWriter` writes it is taken, of an array as large as the file. Raises OSError, ValueError.
    """
    with open_regular(path) as file:
        head = file.read(len(_MAGIC) + 2)
        length = int.from_bytes(head[-2:], "little")
        text = file.read(length)
        found = _HEADER.fullmatch(text)
        if not head.startswith(_MAGIC) or len(text) != length or found is None:
            raise ValueError(f"{path.name} has no header that was written here")
        shape = tuple(int(n) for n in found.groups()[1:] if n)
        fits = len(shape) == 1 if width is None else len(shape) == 2 and width in (-1, shape[1])
        size, start = math.prod(shape) * np.dtype(dtype).itemsize, len(head) + len(text)
        if found[1].decode() != np.dtype(dtype).str or not fits or os.fstat(file.fileno()).st_size != start + size:
            raise ValueError(f"{path.name} does not hold what it should")
        if not size:  # nothing can be mapped
            return np.empty(shape, dtype)
        return np.asarray(np.memmap(file, dtype, "r", start, shape))


def ascends(offsets: Array) -> bool:
    """Whether whole numbers [n + 1] begin with 0 and never fall, as offsets do."""
    return len(offsets) > 0 and offsets[0] == 0 and bool((offsets[1:] >= offsets[:-1]).all())


def within(values: Array, least: int, end: int) -> bool:
    """Whether all whole numbers are at least one and below another."""
    return not len(values) or bool(values.min() >= least and values.max() < end)
