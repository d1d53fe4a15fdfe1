"""Affect relative to a library: its average piece becomes neutral, its usual spread the usual spread."""

from dataclasses import dataclass

import numpy as np

from recommender.affect.linear import POPULATION_SD, bound, unbound
from recommender.errors import Argument, InputError
from recommender.types import Array

FEWEST = 20
"""Fewer tracks do not tell a library's mean and spread: with 20 the mean is known to a quarter of a spread."""
LEAST_SPREAD = 0.02
"""Spread below which a library's tracks feel the same: a twentieth of the reference population's."""


@dataclass(frozen=True)
class Scale:
    """What counts as average in a library.

    Attributes
    ----------
    tracks: how many it was measured on. centre, spread: mean and SD over them, float64 [2] each: valence and arousal,
        before they are bounded.
    """

    tracks: int
    centre: Array
    spread: Array

    @classmethod
    def of(cls, affect: Array) -> "Scale":
        """The scale of the mean affect of n tracks, `affect` [n, 4] or [n, 2].

        Raises
        ------
        InputError: fewer than `FEWEST` tracks, or tracks that all feel the same.
        """
        means = unbound(np.asarray(affect, np.float64)[:, :2])
        if len(means) < FEWEST:
            told = f"the library holds {len(means)} tracks of music, too few to measure feelings against: "
            raise InputError(told, Argument("calibrate"), f" needs {FEWEST}; leave it out")
        centre, spread = means.mean(axis=0), means.std(axis=0)
        if (spread < LEAST_SPREAD).any():
            told = f"the library's {len(means)} tracks all feel the same (spread {spread[0]:.3f} in valence, "
            told += f"{spread[1]:.3f} in arousal): there is nothing to calibrate on; leave out "
            raise InputError(told, Argument("calibrate"))
        return cls(len(means), centre, spread)

    def __call__(self, affect: Array) -> Array:
        """`affect` [n, 4] on this scale, float32 [n, 4]: means rescaled, SDs as they are."""
        out = np.array(affect, np.float64, ndmin=2)
        out[:, :2] = bound(POPULATION_SD * (unbound(out[:, :2]) - self.centre) / self.spread)
        return out.astype(np.float32)

    def sentence(self) -> str:
        """What was done, in one line."""
        (v, a), (sv, sa) = self.centre, self.spread
        return (
            f"feelings are relative to this library's {self.tracks} tracks "
            f"(valence {v:+.2f} ± {sv:.2f}, arousal {a:+.2f} ± {sa:.2f} count as average)"
        )
