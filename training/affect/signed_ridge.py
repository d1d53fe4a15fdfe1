"""Ridge regression whose weights keep signs fixed beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from recommender.affect.linear import CLIP_Z
from recommender.types import Array


def solve(gram: Array, moment: Array, signs: Array, *, strength: float) -> Array:
    """Weights float64 [f] minimising w'Gw/2 - m'w + strength |w|²/2 subject to signs_j w_j >= 0.

    With G = X'X/n and m = X'y/n this is ridge on standardised columns; `strength` is then comparable between
    corpora of different size. The Cholesky factor L of G + strength I turns it into non-negative least
    squares |L'u - L⁻¹(signs m)|² for w = signs u (Lawson & Hanson 1974, ch. 23).
    """
    a = gram * np.outer(signs, signs) + strength * np.eye(len(moment))
    lower = cholesky(a, lower=True)
    u, _ = nnls(lower.T, solve_triangular(lower, signs * moment, lower=True))
    return np.asarray(signs * u)


@dataclass(frozen=True)
class SignedRidge:
    """A fitted model: standardise, clip at ±CLIP_Z as the product does, weigh, add the mean.

    centre, scale: float64 [f], of the training rows.
    weights:       float64 [f], per SD of a column, in the unit of the target.
    intercept:     the training mean of the target.
    """

    centre: Array
    scale: Array
    weights: Array
    intercept: float

    def deviation(self, x: Array) -> Array:
        """Predicted deviations float64 [n] from the training mean, for `x` [n, f]."""
        z = np.clip((x - self.centre) / self.scale, -CLIP_Z, CLIP_Z)
        return np.asarray(z @ self.weights)

    def predict(self, x: Array) -> Array:
        """Predictions float64 [n] of `x` [n, f]."""
        return self.deviation(x) + self.intercept


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of one training set: many ridge strengths cost one pass over the rows."""

    centre: Array
    scale: Array
    gram: Array
    moment: Array
    intercept: float

    @classmethod
    def of(cls, x: Array, y: Array, share: Array | None = None, scale: Array | None = None) -> "Moments":
        """The moments of rows `x` [n, f] and target `y` [n]; a constant column gets scale 1 and weight 0.

        share: of each row, float64 [n], summing to 1; the same for all by default.
        scale: SDs [f] to standardise by; those of `x` by default.
        """
        share = np.full(len(x), 1 / len(x)) if share is None else share
        centre, mean = share @ x, float(share @ y)
        if scale is None:
            scale = np.sqrt(share @ np.square(x - centre))
        scale = np.where(scale > 1e-12, scale, 1.0)
        z = np.clip((x - centre) / scale, -CLIP_Z, CLIP_Z)
        z = z - share @ z
        weighted = z * share[:, None]
        return cls(centre, scale, weighted.T @ z, weighted.T @ (y - mean), mean)

    def beside(self, other: "Moments", share: float) -> "Moments":
        """The moments of both sets of rows, standardised alike, each about its own mean; `share` is the other's weight.

        Models of them state deviations from the mean of these rows.
        """
        gram = (1 - share) * self.gram + share * other.gram
        return replace(self, gram=gram, moment=(1 - share) * self.moment + share * other.moment)

    def fit(self, signs: Array, strength: float) -> SignedRidge:
        """The model of one ridge strength."""
        weights = solve(self.gram, self.moment, signs, strength=strength)
        return SignedRidge(self.centre, self.scale, weights, self.intercept)


def fit(x: Array, y: Array, signs: Sequence[int] | Array, *, strength: float) -> SignedRidge:
    """The sign-constrained ridge of `y` [n] on `x` [n, f]; `signs` ±1 per column, `strength` > 0."""
    return Moments.of(x, y).fit(np.asarray(signs, float), strength)
