"""Two scores of the same pairs put together: their scales, and the weight that does best on pairs out of fold."""

from collections.abc import Callable, Sequence

import numpy as np

from recommender.rankers.scoring import Fusion, Scale
from recommender.types import Array

GRID = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Weights of the second score; finer steps are below what a few hundred queries can tell apart."""
TIE = 1e-12
"""Weights whose quality differs by less are equally good: sums of the same values in another order differ so."""


def scale_of(score: Array) -> Scale:
    """Mean and standard deviation of scores of any shape; 1 where they are all the same."""
    return Scale(float(np.mean(score)), float(np.std(score)) or 1.0)


def best(grid: Sequence[float], quality: Sequence[float]) -> float:
    """The weight of the largest quality, the smallest of equals."""
    return min(weight for weight, value in zip(grid, quality, strict=True) if value >= max(quality) - TIE)


def weigh(cosine: Array, logit: Array, quality: Callable[[Fusion], float]) -> Fusion:
    """The two scores, both out of fold and of one shape, with the weight of GRID that has the best `quality`."""
    scales = scale_of(cosine), scale_of(logit)
    return Fusion(best(GRID, [quality(Fusion(weight, *scales)) for weight in GRID]), *scales)
