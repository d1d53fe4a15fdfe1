"""One column of an affect predictor and what is known of it beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from recommender.affect.linear import TRANSFORMS
from recommender.types import Array
from training.affect.feature_table import FeatureTable

Sign = Literal[-1, 0, 1]
Axis = Literal["valence", "arousal"]
AXES: tuple[Axis, Axis] = ("valence", "arousal")


class Term(NamedTuple):
    """A column, its natural scale, the only sign its weight may take on either axis (0: unused), and why."""

    column: str
    transform: str
    valence: Sign
    arousal: Sign
    reason: str


@dataclass(frozen=True)
class Terms:
    """The terms of one modality, as arrays in one order."""

    terms: tuple[Term, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(t.column for t in self.terms)

    @property
    def transforms(self) -> tuple[str, ...]:
        return tuple(t.transform for t in self.terms)

    def signs(self, axis: Axis) -> list[int]:
        """The sign of each term on `axis`."""
        return [t.valence if axis == "valence" else t.arousal for t in self.terms]

    def table(self, features: FeatureTable) -> FeatureTable:
        """The columns of the terms, transformed."""
        return features.select(self.columns).map_features(lambda x: transform(x, self.transforms))


def transform(x: Array, transforms: Sequence[str]) -> Array:
    """`x` [n, f] with each column on its natural scale."""
    out = np.array(x, np.float64)
    for j, name in enumerate(transforms):
        if name != "identity":
            out[:, j] = TRANSFORMS[name](out[:, j])
    return out
