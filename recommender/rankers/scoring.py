"""What a model knows of scoring: calibrations by ranker, AFCLNet, and how it is fused with the cosine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from recommender.encoders import Calibration
from recommender.rankers.afclnet import Reranker
from recommender.types import Array, Modality

SIDE = "afclnet_"
"""Stored columns of AFCLNet's side are called `afclnet_0` and so on."""

FITS = 0.5
"""A calibrated score below says that clip and music rather do not match."""


class Scale(NamedTuple):
    """Mean and standard deviation of a score over all combinations of the training items."""

    mean: float
    sd: float

    def __call__(self, score: Array) -> Array:
        """z float64 of scores of any shape."""
        return (np.asarray(score, np.float64) - self.mean) / self.sd


@dataclass(frozen=True)
class Fusion:
    """weight * z(logit) + (1 - weight) * z(cosine), each standardised by its training scale."""

    weight: float
    cosine: Scale
    logit: Scale

    def __call__(self, cosine: Array, logit: Array) -> Array:
        """Fused scores, the shape of both."""
        return self.weight * self.logit(logit) + (1 - self.weight) * self.cosine(cosine)

    def as_json(self) -> dict[str, float | list[float]]:
        """As a manifest has it."""
        return {"weight": self.weight, "cosine": list(self.cosine), "logit": list(self.logit)}


@dataclass(frozen=True)
class Scoring:
    """How the rankers of a model score.

    Attributes
    ----------
    calibrations: by ranker, from its score to the probability of a match; a ranker without shows its score, a cosine.
    reranker, fusion: AFCLNet and its weight beside the cosine, where the model has them.
    first: by modality, which column of `TrackWindows.inputs` AFCLNet's stored side begins at.
    """

    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    reranker: Reranker | None = None
    fusion: Fusion | None = None
    first: Mapping[Modality, int] = field(default_factory=dict)

    @property
    def rankers(self) -> tuple[str, ...]:
        """The rankers that this model can serve."""
        return ("cosine", *(("afclnet",) if self.reranker else ()), *(("fusion",) if self.fusion else ()))


PLAIN = Scoring()
