"""Matrix products in pieces small enough that BLAS never splits them over threads.

Threads buy nothing on matrices this small, spin for most of their time, and change the last bits of a
result with the number of cores; in pieces the same input gives the same bytes with any thread setting.
"""

import numpy as np

from recommender.types import Array

SIZE = 1 << 18  # multiply-adds; OpenBLAS stays on one thread up to 4 * 65536


def product(rows: Array, matrix: Array, out: Array | None = None) -> Array:
    """`rows` [n, m] times `matrix` [m, k], [n, k] in the dtype of the operands; in `out` if that is given."""
    n, m = rows.shape
    out = np.empty((n, matrix.shape[1]), np.result_type(rows, matrix)) if out is None else out
    step = max(SIZE // max(matrix.size, 1), 2)
    whole = n // step * step
    if whole:
        np.matmul(rows[:whole].reshape(-1, step, m), matrix, out=out[:whole].reshape(-1, step, out.shape[1]))
    if whole == n:
        return out
    tail = np.zeros((max(n - whole, 2), m), rows.dtype)  # a single row would be another kernel, with threads
    tail[: n - whole] = rows[whole:]
    out[whole:] = np.matmul(tail, matrix)[: n - whole]
    return out


class Banded:
    """A banded matrix as dense blocks: multiplying touches only the rows that each group of columns reads."""

    def __init__(self, matrix: Array, groups: int) -> None:
        self.columns = matrix.shape[1]
        self.blocks: list[tuple[slice, slice, Array]] = []
        for columns in np.array_split(np.arange(self.columns), groups):
            rows = np.flatnonzero(matrix[:, columns].any(axis=1))
            first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 1)
            block = np.ascontiguousarray(matrix[first:last, columns])
            self.blocks.append((slice(first, last), slice(int(columns[0]), int(columns[-1]) + 1), block))

    def apply(self, rows: Array) -> Array:
        """`rows` [n, m] times the matrix [m, k], float32 [n, k]."""
        out = np.empty((len(rows), self.columns), np.float32)
        for source, target, block in self.blocks:
            product(rows[:, source], block, out[:, target])
        return out
