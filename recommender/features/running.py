"""Running means and maxima; scipy is imported by the first piece of music, as clips need the names of columns alone."""

from typing import Literal

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
