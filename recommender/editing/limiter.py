"""A limiter of true peaks that looks ahead and comes out in time: the gain is known before the sound is let go.

True peaks are found between the samples too, four times oversampled (ITU-R BS.1770-5, annex 2). The gain that each
sample needs is held for `_AHEAD` on either side and smoothed by a window as long: a mean of gains that are all low
enough is low enough.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import firwin

from recommender.types import Array

_AHEAD = 720  # samples: 15 ms at 48 kHz, which leaves low notes their shape
_TAPS = 8  # samples on either side of a point between two
_CONTEXT = 2 * _AHEAD + _TAPS
_OVER = 4
_SAFE = 0.5  # between samples this far below the ceiling there is no peak above it
_BETWEEN = firwin(2 * _TAPS * _OVER + 1, 1 / _OVER, window=("kaiser", 6.0)) * _OVER
# [16, 3]: what each sample around adds at a quarter, a half and three quarters of the way to the next one.
_PHASES = np.stack([_BETWEEN[k : k + 2 * _TAPS * _OVER : _OVER][::-1] for k in range(1, _OVER)], axis=1)
_PHASES = _PHASES.astype(np.float32)


def limit(blocks: Iterable[Array], ceiling: float) -> Iterator[Array]:
    """Blocks float32 [2, n] with their true peak at or below `ceiling` (linear), in place and as many samples."""
    before = np.zeros((2, _CONTEXT), np.float32)
    held = np.zeros((2, 0), np.float32)
    for block in blocks:
        held = np.concatenate([held, block], axis=1)
        if held.shape[1] > _CONTEXT:
            y, held = held[:, :-_CONTEXT], held[:, -_CONTEXT:]
            yield _limited(before, y, held, ceiling)
            before = np.concatenate([before, y], axis=1)[:, -_CONTEXT:]
    if held.shape[1]:
        yield _limited(before, held, np.zeros((2, _CONTEXT), np.float32), ceiling)


def _limited(before: Array, y: Array, after: Array, ceiling: float) -> Array:
    around = np.concatenate([before, y, after], axis=1)
    if max(around.max(), -around.min()) <= _SAFE * ceiling:
        return y
    peaks = true_peaks(around, above=_SAFE * ceiling)
    if peaks.max() <= ceiling:
        return y
    needed = minimum_filter1d(np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9)), 2 * _AHEAD + 1)
    for _ in range(2):  # two means as long as half the window: a triangle
        needed = uniform_filter1d(needed, _AHEAD + 1)
    return (y * needed[_CONTEXT:-_CONTEXT]).astype(np.float32)


def true_peaks(y: Array, *, above: float = 0.0) -> Array:
    """float32 [n]: the largest magnitude of either channel of y [2, n] at each sample and up to the next one.

    Looked for between samples where one of them is larger than `above`.
    """
    peaks: Array = np.abs(y).max(axis=0)
    for channel in y:
        size = np.abs(channel)
        near = np.flatnonzero(np.maximum(size[:-1], size[1:]) > above)
        around = sliding_window_view(np.pad(channel, (_TAPS - 1, _TAPS)), 2 * _TAPS)[near]
        peaks[near] = np.maximum(peaks[near], np.abs(around @ _PHASES).max(axis=1, initial=0.0))
    return peaks
