"""Runs of consecutive rows, as one array of row numbers."""

import numpy as np

from recommender.types import Array


def spans(starts: Array, counts: Array) -> Array:
    """int64 [sum(counts)]: starts[0], starts[0] + 1, ... (counts[0] of them), then starts[1], ..."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))
