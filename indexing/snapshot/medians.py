"""Medians of columns with more rows than are to be in memory: exact, in two passes over blocks of rows.

Where large segments keep a band of their middle values in order, those of all are told without a look at the rest.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from indexing.disk.runs import spans
from indexing.snapshot.segments import Segment
from recommender.types import Array

BANDED = 200_000
"""Windows from which a segment has a band: fewer are looked at in a tenth of a second."""
SMALL = 1 << 22  # numbers, 16 MB: fewer are looked at together
_HALF = 16  # bits of a number that a pass tells apart

_BLOCK = 1 << 16  # rows looked at together
_TOGETHER = 1 << 25  # numbers put in order together, 128 MB
Blocks = Callable[[], Iterator[Array]]


def medians_of(segments: Sequence[Segment]) -> Array:
    """float32 [f]: the median of every input column over all windows of living tracks of some segments."""
    found = _by_bands(segments) if segments[0].inputs.shape[1] else np.empty(0, np.float32)
    if found is not None:
        return found
    living = [spans(s.offsets[:-1][s.alive], np.diff(s.offsets)[s.alive]) for s in segments]

    def blocks() -> Iterator[Array]:
        for segment, rows in zip(segments, living, strict=True):
            yield from (segment.inputs[rows[at : at + _BLOCK]] for at in range(0, len(rows), _BLOCK))

    return medians(blocks, sum(map(len, living)), segments[0].inputs.shape[1])


def cut(rows: int) -> tuple[int, int]:
    """Of so many values in order, from which on and up to which the band is: a tenth of them."""
    return 9 * rows // 20, rows - 9 * rows // 20


def band_of(inputs: Array) -> Array:
    """float32 [f, b]: of every column of `inputs` float32 [n, f] the values around its median, in order. [ours]"""
    low, high = cut(len(inputs))
    together = max(1, _TOGETHER // max(1, len(inputs)))
    found = np.empty((inputs.shape[1], high - low), np.float32)
    for at in range(0, len(found), together):
        values = np.array(inputs[:, at : at + together].T, order="C")
        values.partition([low, high - 1], axis=1)
        found[at : at + together] = np.sort(values[:, low:high], axis=1)
    return found


def _by_bands(segments: Sequence[Segment]) -> Array | None:
    """What `medians_of` finds, from bands and the segments without one; None where these do not hold all medians."""
    banded = [s for s in segments if s.band is not None]
    rest = [s for s in segments if s.band is None]
    total = sum(s.living for s in segments)
    if not banded or not total or sum(len(s.inputs) for s in rest) > max(BANDED, total // 8):
        return None
    low = np.max([s.band[:, 0] for s in banded if s.band is not None], axis=0)
    high = np.min([s.band[:, -1] for s in banded if s.band is not None], axis=0)
    added = [s.inputs[_rows(s, s.alive)] for s in rest]
    dropped = [s.inputs[_rows(s, ~s.alive)] for s in banded]
    found = np.empty(len(low), np.float32)
    for i, (least, most) in enumerate(zip(low, high, strict=True)):
        middle = [(s.band[i], cut(len(s.inputs))[0]) for s in banded if s.band is not None]
        plus, minus = (np.sort(np.concatenate([v[:, i] for v in some] or [low[:0]])) for some in (added, dropped))
        below = sum(before + int(np.searchsorted(values, least)) for values, before in middle)
        below += int(np.searchsorted(plus, least)) - int(np.searchsorted(minus, least))
        inside = _between([*(values for values, _ in middle), plus], [minus], least, most)
        ranks = np.array([(total - 1) // 2, total // 2]) - below
        if inside is None or ranks[0] < 0 or ranks[1] >= len(inside):
            return None
        found[i] = np.mean(inside[ranks])
    return found


def _rows(segment: Segment, tracks: Array) -> Array:
    """int64: the rows of the tracks bool [t]."""
    return spans(segment.offsets[:-1][tracks], np.diff(segment.offsets)[tracks])


def _between(some: Sequence[Array], others: Sequence[Array], least: float, most: float) -> Array | None:
    """float32, in order: the values from `least` to `most` of some arrays in order, without those of others.

    None where ends that many rows share leave less than is to be taken out.
    """
    cuts = [
        np.concatenate([v[np.searchsorted(v, least) : np.searchsorted(v, most, "right")] for v in each])
        for each in (some, others)
    ]
    values, counts = np.unique(cuts[0], return_counts=True)
    gone, times = np.unique(cuts[1], return_counts=True)
    counts[np.searchsorted(values, gone)] -= times
    return None if (counts < 0).any() else np.repeat(values, counts)


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
