"""The affect space: an affect distribution as a unit vector whose cosine is an overlap of distributions."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recommender.types import Array


@dataclass(frozen=True)
class AffectSpace:
    """A grid of Gaussians on the valence-arousal plane.

    A predicted affect N(mean, diag(sd^2)) is softly assigned to the grid points g by
    p_g ∝ N(g; mean, diag(sd^2 + bandwidth^2)), sum 1, and becomes the vector sqrt(p). Its length is one and the
    cosine of two such vectors is the Bhattacharyya coefficient sum_g sqrt(p_g q_g) of the two assignments
    (Bhattacharyya 1943): 1 for equal distributions, towards 0 for disjoint ones, and lower for a sure against
    an undecided one than for two sure ones that agree.
    """

    side: int = 8
    """Grid points per axis: 64 dimensions, small enough for millions of windows on a laptop."""
    reach: float = 1.5
    """The grid spans [-reach, reach]: beyond the plane, so that a distribution at its rim keeps its shape."""
    bandwidth: float = 0.2
    """Width of a grid Gaussian; with the smallest uncertainties in use the grid still samples smoothly."""

    @property
    def dim(self) -> int:
        return self.side * self.side

    @cached_property
    def _axis(self) -> Array:
        return np.linspace(-self.reach, self.reach, self.side)

    def encode(self, affect: Array) -> Array:
        """Unit vectors float32 [n, dim] of `affect` [n, 4] (valence, arousal, their SDs)."""
        a = np.asarray(affect, np.float64).reshape(-1, 4)
        per_axis = [self._soft(a[:, k], a[:, 2 + k]) for k in (0, 1)]
        # The axes are independent, so the square root of the joint assignment is the outer product of theirs.
        vectors = np.sqrt(per_axis[0])[:, :, None] * np.sqrt(per_axis[1])[:, None, :]
        return vectors.reshape(len(a), self.dim).astype(np.float32)

    def _soft(self, mean: Array, sd: Array) -> Array:
        """Soft assignment [n, side] of one axis, each row summing to 1."""
        log_p = -((self._axis - mean[:, None]) ** 2) / (2 * (sd**2 + self.bandwidth**2))[:, None]
        p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)
