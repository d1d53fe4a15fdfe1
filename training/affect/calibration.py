"""From fitted weights to the shipped predictor: reference population, gain, and stated uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.affect.linear import CLIP_Z
from recommender.types import Array

LEAST_SCALE = 1e-6


@dataclass(frozen=True)
class Population:
    """Transformed columns of a reference population: `rows` [n, f], `share` [n], summing to 1.

    Plain means and SDs, not medians: the weights were fitted to plain z-scores, every column is on a scale where it
    is roughly symmetric, and outliers are clipped at ±CLIP_Z where the predictor is applied.
    """

    rows: Array
    share: Array

    @classmethod
    def pool(cls, corpora: Sequence[Array]) -> "Population":
        """All rows of `corpora`, each corpus with the same total weight whatever its size."""
        share = [np.full(len(rows), 1 / (len(rows) * len(corpora))) for rows in corpora]
        return cls(np.concatenate(corpora), np.concatenate(share))

    @property
    def centre(self) -> Array:
        """float64 [f]"""
        return np.asarray(self.share @ self.rows)

    @property
    def scale(self) -> Array:
        """float64 [f], positive."""
        return np.maximum(np.sqrt(self.share @ (self.rows - self.centre) ** 2), LEAST_SCALE)

    def of(self, rows: Array, weights: Array) -> Array:
        """`weights` [2, f] applied to the clipped z-scores of `rows` [m, f] in this population, float64 [m, 2]."""
        z = np.clip((rows - self.centre) / self.scale, -CLIP_Z, CLIP_Z)
        return np.asarray(z @ weights.T)

    def variance(self, weights: Array) -> Array:
        """Variance float64 [2] of those predictions."""
        p = self.of(self.rows, weights)
        return np.asarray(self.share @ (p - self.share @ p) ** 2)


def round_digits(values: Array) -> Array:
    """`values` at 10 significant digits: enough to be exact, few enough to be the same on every machine."""
    return np.array([float(f"{v:.10g}") for v in np.ravel(values)]).reshape(np.shape(values))
