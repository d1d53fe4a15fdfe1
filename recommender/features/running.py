"""Running means and maxima, medians and quantiles, of series.

scipy is imported by the first piece of music, as clips need the names of columns alone.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from recommender.types import Array

Ends = Literal["nearest", "constant"]
"""What lies beyond the ends: their value, or 0."""


def running_mean(series: Array, frames: int, ends: Ends = "nearest") -> Array:
    """The mean of `frames` frames around each, the shape of `series` [n, ...]."""
    from scipy.ndimage import uniform_filter1d

    smooth: Array = uniform_filter1d(series, frames, axis=0, mode=ends)
    return smooth


def running_maximum(series: Array, frames: int) -> Array:
    """The maximum of `frames` frames around each of `series` [n]."""
    from scipy.ndimage import maximum_filter1d

    largest: Array = maximum_filter1d(series, frames, mode="nearest")
    return largest


def quantiles(series: Array, shares: Sequence[float]) -> list[float]:
    """The values of `series` [n >= 1] that `shares` in [0, 1] of it lie below, interpolated as by `numpy.quantile`."""
    places = np.array(shares) * (len(series) - 1)
    found: list[float] = np.interp(places, np.arange(len(series)), np.sort(series)).tolist()
    return found


def median(series: Array) -> float:
    """The median of `series` [n >= 1], as `numpy.median`: that imports numpy.ma, a twentieth of a cold query."""
    middle = len(series) // 2
    if len(series) % 2:
        return float(np.partition(series, middle)[middle])
    low, high = np.partition(series, (middle - 1, middle))[middle - 1 : middle + 1]
    return float((low + high) / 2)
