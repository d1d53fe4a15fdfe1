"""Feature matrices in HDF5 files, one matrix a file, as EmoMV publishes them."""

import io
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from recommender.errors import InputError
from recommender.opening import check_regular
from recommender.text import show
from recommender.types import Array


def read_matrix(path: Path, rows: int, columns: int) -> Array:
    """The matrix in the file, float32 [rows, columns], finite; the name it has inside the file does not matter.

    Raises InputError when the file cannot be read or is cut short, does not hold exactly one matrix, or one of another
    shape or type, or a value is NaN or infinite.
    """
    h5py = _h5py()
    try:
        check_regular(path)
        with h5py.File(path, "r") as file:
            found = [item for item in map(file.get, file) if isinstance(item, h5py.Dataset)]
            if len(found) != 1:
                raise InputError(f"{show(path)}: holds {len(found)} matrices instead of one ({_keys(file)})")
            _check_kind(path, found[0], rows, columns)
            values = np.asarray(found[0][()], np.float32)
    except (OSError, RuntimeError, KeyError) as error:
        reason = show(" ".join(str(error).split()))
        raise InputError(f"{show(path)}: not a whole HDF5 file ({reason}); fetch or build it again") from error
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise InputError(f"{show(path)}: NaN or infinite values in {len(bad)} rows, first in row {bad[0] + 1}")
    return values


def matrix_bytes(values: Array, name: str = "data") -> bytes:
    """An HDF5 file with `values` as its one matrix; equal values give equal bytes.

    Made in memory, because the HDF5 library leaves a half-open file behind when the disk is full.
    """
    buffer = io.BytesIO()
    with _h5py().File(buffer, "w") as file:
        file.create_dataset(name, data=np.ascontiguousarray(values, np.float32), track_times=False)
    return buffer.getvalue()


def _check_kind(path: Path, matrix: Any, rows: int, columns: int) -> None:
    """Raises InputError when the matrix, not read yet, has another shape or holds no numbers."""
    if len(matrix.shape) != 2 or matrix.shape[1] != columns:
        raise InputError(f"{show(path)}: a matrix of shape {matrix.shape} where {columns} columns are expected")
    if matrix.shape[0] != rows:
        raise InputError(f"{show(path)}: {matrix.shape[0]} rows of features for {rows} lines of labels")
    if matrix.dtype.kind not in "fiu":
        raise InputError(f"{show(path)}: values of type {matrix.dtype} are no numbers")


def _keys(file: Any) -> str:
    return "it holds: " + ", ".join(map(show, file)) if len(file) else "it is empty"


def _h5py() -> ModuleType:
    try:
        return import_module("h5py")
    except ModuleNotFoundError as error:
        raise InputError("reading features needs h5py: install cliptune with the extra `train`") from error
