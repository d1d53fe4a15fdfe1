"""Systems that learn a match score from scored pairs: what they share of the contract of a system."""

from typing import Protocol

import numpy as np

from recommender.types import Array, Modality
from training.learning.targets import Scored, score_pairs
from training.types import Extra, Fitted, Pairs, System

BLOCK = 64
"""Videos that meet all music at a time."""


class Rating(Protocol):
    """What learns from scored pairs, ratings for instance."""

    def fit_scored(self, data: Scored, seed: int, stop: Scored | None = None, *, extra: Extra | None = None) -> Fitted:
        """Fitted on `data`. `stop` are pairs for early stopping or calibration; `extra` is further labelled music."""


def without_calibration(system: System) -> System:
    """`system` without a calibration of its own that costs fits, for those who calibrate its score themselves."""
    return system.without_calibration() if hasattr(system, "without_calibration") else system


class FromScores:
    """Gives a system with `fit_scored` its `fit`: pairs are scored 1 or 0 by their label, affect is their emotions."""

    def fit(self: Rating, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Fitted:
        """Fitted on `train`."""
        return self.fit_scored(score_pairs(train), seed, None if stop is None else score_pairs(stop), extra=extra)


class ByPairs:
    """Gives what has `match` of n pairs its `similarity` of all combinations, and no emotions."""

    def match(self, video: Array, music: Array) -> Array:
        """Match score float64 [n] in [0, 1] of n pairs."""
        raise NotImplementedError

    def similarity(self, video: Array, music: Array) -> Array:
        """`match` float64 [a, b] of every video [a, d_v] with every piece of music [b, d_m]."""
        found = np.empty((len(video), len(music)))
        for at in range(0, len(video), BLOCK):
            rows = video[at : at + BLOCK]
            pairs = np.repeat(rows, len(music), axis=0), np.tile(music, (len(rows), 1))
            found[at : at + BLOCK] = self.match(*pairs).reshape(len(rows), len(music))
        return found

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """None: only the score is learnt."""
        return None
