"""Figures of agreement between predictions and ratings, each a plain function of two arrays."""

import numpy as np
from scipy.special import ndtri

from recommender.types import Array


def pearson(a: Array, b: Array) -> float:
    """Pearson correlation of two vectors; 0 when one of them is constant (it then tells nothing)."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    # A constant leaves rounding noise behind after the mean is taken off: compare with the values' own size.
    return float(a @ b) / norm if norm > 1e-12 * len(a) else 0.0


def standardise(a: Array) -> Array:
    """`a` with mean 0 and SD 1 (a constant becomes 0)."""
    sd = a.std()
    return np.asarray((a - a.mean()) / (sd if sd > 1e-12 else 1.0))


def mae(predicted: Array, truth: Array) -> float:
    """Mean absolute error."""
    return float(np.abs(predicted - truth).mean())


def sign_accuracy(predicted: Array, truth: Array, beyond: float = 0.0) -> tuple[float, float]:
    """Share of items on the right side of 0, of those predicted beyond ±`beyond`, and the share so predicted.

    Both vectors are centred. The accuracy is NaN when nothing is predicted that far out.
    """
    sure = np.abs(predicted) > beyond
    share = float(sure.mean())
    if not sure.any():
        return float("nan"), share
    return float((np.sign(predicted[sure]) == np.sign(truth[sure])).mean()), share


def coverage(residuals: Array, folds: Array, level: float) -> float:
    """Share of residuals inside the nominal normal interval of `level`, the SD taken from the other folds."""
    half = ndtri(0.5 + level / 2)
    inside = 0
    for fold in np.unique(folds):
        here = folds == fold
        sd = np.sqrt((residuals[~here] ** 2).mean())
        inside += int((np.abs(residuals[here]) <= half * sd).sum())
    return inside / len(residuals)
