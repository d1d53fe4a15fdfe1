"""Two encoders as one: the vectors side by side, so that one cosine is the weighted sum of both.

[ours] `predicted` reads emotions and predicted music through affine maps, the paper's network learns an embedding; they
err on different pairs. On collections that neither saw the sum does better than either (`docs/results/transfer.md`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from recommender.encoders import Calibration, Encoder, Matcher
from recommender.encoders.mixture import MixtureEncoder
from recommender.errors import InputError
from training.systems.emomv import TRAVELLING, EmoMVRetrieval
from training.systems.matching import calibrate_out_of_fold
from training.systems.posterior import PosteriorConfig
from training.systems.predicted import PredictedConfig, PredictedMusic
from training.types import Extra, Pairs, System

READING = PredictedConfig(emotion=PosteriorConfig(softness=0.8), reading=0.5, weight=0.08)
"""`predicted` as transfers between EmoMV-B and EmoMV-C want it: which sounds go with which pictures is the taste of one
collection's makers, what the predicted music says of the emotion is not."""


@dataclass(frozen=True)
class MixtureConfig:
    """How much of the sum is the first; chosen on transfers between EmoMV-B and EmoMV-C."""

    weight: float = 0.7  # of the first cosine, both in their standard deviations
    calibration_folds: int = 4  # as `predicted`

    def __post_init__(self) -> None:
        if not 0 < self.weight < 1:
            raise InputError(f"the weight of a mixture must lie between 0 and 1, not {self.weight:g}")


@dataclass(frozen=True)
class Mixture:
    """`predicted` and the paper's network in one cosine."""

    name: str = "mixture"
    first: PredictedMusic = field(default_factory=lambda: PredictedMusic(config=READING))
    second: EmoMVRetrieval = field(default_factory=lambda: EmoMVRetrieval(config=TRAVELLING))
    config: MixtureConfig = field(default_factory=MixtureConfig)

    def without_calibration(self) -> "Mixture":
        """The same recipe whose matches are calibrated on what it was fitted on, at a fraction of the time."""
        return replace(self, config=replace(self.config, calibration_folds=0))

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Matcher:
        """Both fitted on `train`, emotions of music on `extra` too; `stop` is not used."""
        quick = replace(self, first=self.first.without_sureness())
        fit, part = (partial(one.encoder, extra=extra, seed=seed) for one in (self, quick))
        return calibrate_out_of_fold(fit, train, self.config.calibration_folds, seed=seed, part=part)

    def encoder(self, train: Pairs, *, extra: Extra | None, seed: int) -> MixtureEncoder:
        """Both encoders, weighed on all combinations of `train`."""
        both = self.first.encoder(train, extra), self.second.encoder(train, seed=seed)
        return mix(*both, train, weight=self.config.weight)


def mix(first: Encoder, second: Encoder, train: Pairs, *, weight: float) -> MixtureEncoder:
    """The encoder whose cosine is, up to a factor, weight z(first) + (1 - weight) z(second).

    A cosine's spread is that over all combinations of `train`.
    """
    spreads = [spread(encoder, train) for encoder in (first, second)]
    shares = weight / spreads[0], (1 - weight) / spreads[1]
    return MixtureEncoder.of(first, second, share=shares[0] / sum(shares))


def spread(encoder: Encoder, train: Pairs) -> float:
    """The standard deviation of the cosines of every video with every piece of music; 1 where all are equal."""
    return float(np.std(Matcher(encoder, Calibration(1.0, 0.0)).similarity(train.video, train.music))) or 1.0


SYSTEMS: dict[str, Callable[[], System]] = {"mixture": lambda: Mixture()}
