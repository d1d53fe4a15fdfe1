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

    return uniform_filter1d(series, frames, axis=0, mode=ends)


def running_maximum(series: Array, frames: int) -> Array:
    """The maximum of `frames` frames around each of `series` [n]."""
    from scipy.ndimage import maximum_filter1d

    return maximum_filter1d(series, frames, mode="nearest")


def quantiles(values: Array, shares: Sequence[float]) -> Array:
    """The values that `shares` [k] in [0, 1] of `values` [..., n >= 1] lie below, interpolated, float64 [..., k].

    As `numpy.quantile`, which imports numpy.ma first: a fiftieth of a cold query.
    """
    last = values.shape[-1] - 1
    places = np.array(shares) * last
    low = places.astype(int)
    high = np.minimum(low + 1, last)
    ordered = np.partition(values, sorted({*low.tolist(), *high.tolist()}), axis=-1)
    below, above = (ordered[..., at].astype(np.float64) for at in (low, high))
    return (above - below) * (places - low) + below


def median(series: Array) -> float:
    """The median of `series` [n >= 1], as `numpy.median` (see `quantiles`)."""
    middle = len(series) // 2
    if len(series) % 2:
        return float(np.partition(series, middle)[middle])
    low, high = np.partition(series, (middle - 1, middle))[middle - 1 : middle + 1]
    return float((low + high) / 2)
