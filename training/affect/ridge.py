"""Ridge regression on more columns than items: everything goes through the products of the items."""

from dataclasses import dataclass

import numpy as np

from recommender.types import Array
from training.affect.nested import group_folds

STRENGTHS = tuple(float(s) for s in 10.0 ** np.arange(-1.5, 2.01, 0.5))
"""Candidate strengths, beside products whose mean square length is 1."""
INNER_FOLDS = 8


@dataclass(frozen=True)
class Ridge:
    """A fitted model: (x - centre) weights, a deviation from the mean of the training targets.

    centre, weights: float64 [d], in raw units of the columns.
    """

    centre: Array
    weights: Array

    def deviation(self, x: Array) -> Array:
        """Predicted deviations float64 [n] from the training mean, for `x` [n, d]."""
        return np.asarray((x - self.centre) @ self.weights)


class Products:
    """Standardised training rows and the eigenvectors of their products: many strengths cost one decomposition."""

    def __init__(self, x: Array, y: Array) -> None:
        self.centre = x.mean(axis=0)
        scale = x.std(axis=0)
        self.scale = np.where(scale > 1e-9, scale, 1.0) * np.sqrt(x.shape[1])
        self.rows = (x - self.centre) / self.scale
        self.values, vectors = np.linalg.eigh(self.rows @ self.rows.T)
        self.vectors, self.target = vectors, vectors.T @ (y - y.mean())

    def fit(self, strength: float) -> Ridge:
        """The model of one strength."""
        dual = self.vectors @ (self.target / (np.maximum(self.values, 0) + strength))
        return Ridge(self.centre, (self.rows.T @ dual) / self.scale)


def fit_chosen(x: Array, y: Array, _: Array, groups: Array, seed: int) -> tuple[Ridge, float]:
    """A model of all given rows and its strength, the one of the least squared error over inner folds of `groups`."""
    k = min(INNER_FOLDS, len(np.unique(groups)))
    error = np.zeros(len(STRENGTHS))
    folds = group_folds(list(groups), k, seed) if k > 1 else np.zeros(len(y), np.int64)
    for fold in range(k if k > 1 else 0):
        train, test = folds != fold, folds == fold
        products, mean = Products(x[train], y[train]), y[train].mean()
        for i, strength in enumerate(STRENGTHS):
            error[i] += ((products.fit(strength).deviation(x[test]) + mean - y[test]) ** 2).sum()
    strength = STRENGTHS[int(np.argmin(error))] if k > 1 else 1.0
    return Products(x, y).fit(strength), strength
