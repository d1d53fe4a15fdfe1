"""The window grid that music, video and the library share."""

import numpy as np

from recommender.errors import InputError
from recommender.types import Array

LENGTH_S = 10.0  # long enough for a tempo and a few chords, short enough to choose an in-point
HOP_S = 5.0
TOLERANCE_S = 1e-6  # a duration that misses a grid point by rounding still reaches it


def windows(duration_s: float, length_s: float = LENGTH_S, hop_s: float = HOP_S) -> Array:
    """Start and end of each window in seconds, float64 [n, 2], in order, n >= 1.

    An item no longer than one window gives the single window [0, duration]; otherwise windows start
    at 0, hop, 2 hop, ... while they fit, so a tail shorter than one hop belongs to no window.

    Raises
    ------
    InputError: a negative or non-finite duration, a length or hop that is not positive.
    """
    if not (np.isfinite(duration_s) and duration_s >= 0):
        raise InputError(f"duration must be a finite number of seconds >= 0, got {duration_s}")
    if not (length_s > 0 and hop_s > 0):
        raise InputError(f"window length and hop must be > 0 s, got {length_s} and {hop_s}")
    if duration_s <= length_s:
        return np.array([[0.0, duration_s]])
    count = 1 + int((duration_s - length_s + TOLERANCE_S) // hop_s)
    starts = hop_s * np.arange(count, dtype=np.float64)
    return np.stack([starts, starts + length_s], axis=1)
