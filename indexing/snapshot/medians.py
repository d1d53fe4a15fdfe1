"""Medians of columns with more rows than are to be in memory: exact, in two passes over blocks of rows."""

from collections.abc import Callable, Iterator

import numpy as np

from recommender.types import Array

SMALL = 1 << 22  # numbers, 16 MB: fewer are looked at together
_HALF = 16  # bits of a number that a pass tells apart

Blocks = Callable[[], Iterator[Array]]


def medians(blocks: Blocks, rows: int, columns: int) -> Array:
    """float32 [columns]: the medians over all blocks float32 [m, columns], of `rows` together; 0 where there are none.

    Equal to `np.median` of all of them. Numbers are counted by the first half of their bits, then those that share it
    with a middle one by the second; that takes 0.5 MB per column, whatever the rows. [ours]
    """
    if rows == 0:
        return np.zeros(columns, np.float32)
    if rows * columns <= SMALL:
        return np.median(np.concatenate(list(blocks())), axis=0).astype(np.float32)
    ranks = np.array([(rows - 1) // 2, rows // 2])  # the two middle ones
    coarse = np.zeros((columns, 1 << _HALF), np.int64)
    for block in blocks():
        for column, keys in zip(coarse, _keys(block).T >> _HALF, strict=True):
            column += np.bincount(keys, minlength=len(column))
    ends = coarse.cumsum(axis=1)
    bins = np.array([np.searchsorted(column, ranks, side="right") for column in ends])  # [columns, 2]
    left = ranks - np.take_along_axis(ends - coarse, bins, axis=1)
    return _within(blocks, bins, left)


def _within(blocks: Blocks, bins: Array, left: Array) -> Array:
    """float32 [columns]: means of the two numbers that are in these bins [columns, 2], as the `left`-th there."""
    fine = np.zeros((*bins.shape, 1 << _HALF), np.int32)
    for block in blocks():
        for i, keys in enumerate(_keys(block).T):
            for j in range(1 if bins[i, 0] == bins[i, 1] else 2):
                mine = keys[keys >> _HALF == bins[i, j]] & (1 << _HALF) - 1
                fine[i, j] += np.bincount(mine, minlength=fine.shape[2]).astype(np.int32)
    same = bins[:, 0] == bins[:, 1]
    fine[same, 1] = fine[same, 0]
    low = (fine.cumsum(axis=2) <= left[:, :, None]).sum(axis=2)
    return np.mean(_numbers((bins << _HALF) + low), axis=1)


def _keys(values: Array) -> Array:
    """int64 of float32: whole numbers in the same order."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.int64)
    sign = 1 << 31
    return np.where(bits < sign, bits + sign, 2 * sign - 1 - bits)


def _numbers(keys: Array) -> Array:
    """float32 of the whole numbers that `_keys` makes."""
    sign = 1 << 31
    return np.where(keys >= sign, keys - sign, 2 * sign - 1 - keys).astype(np.uint32).view(np.float32)
