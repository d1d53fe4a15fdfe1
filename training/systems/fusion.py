"""Fusion: retrieval and rescoring as one score, weighed against each other on inner folds of the training pairs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from recommender.encoders import Calibration
from recommender.errors import InputError
from recommender.rankers.scoring import Scale
from recommender.types import Array, Modality
from training.learning import weighing
from training.learning.folds import deal_pair_folds
from training.learning.loop import mean_known, queries
from training.learning.weighing import GRID, best
from training.systems.afclnet.system import AFCLNet
from training.systems.emomv import EmoMVRetrieval
from training.systems.logistic import calibration
from training.systems.posterior import EmotionMatching
from training.systems.predicted import PredictedMusic
from training.systems.rated import without_calibration
from training.types import Extra, Fitted, Pairs, System

BLOCK = 32
"""Pairs scored at a time: all combinations of a block are computed for the pairs on its diagonal."""


@dataclass(frozen=True)
class FusionConfig:
    """How the weight of the second system is chosen."""

    folds: int = 4  # ours: as many as the calibration of the single systems takes
    partitions: int = 1  # ours: ways of dealing the folds; each costs `folds` more fits of both systems
    grid: tuple[float, ...] = GRID  # ours

    def __post_init__(self) -> None:
        if not self.grid or not all(0 <= w <= 1 for w in self.grid):
            raise InputError(f"the weights of a fusion must lie from 0 to 1, not {self.grid}")
        if self.partitions < 1:
            raise InputError(f"a fusion needs at least one partition into folds, not {self.partitions}")


def scale_of(fitted: Fitted, train: Pairs) -> Scale:
    """The scale of `fitted` on every video with every piece of music of `train`."""
    return weighing.scale_of(np.asarray(fitted.similarity(train.video, train.music), np.float64))


class Held(NamedTuple):
    """A held-out part of the training pairs: its rows, and both systems' z of every combination, [h, h]."""

    rows: Array
    pairs: Pairs
    first: Array
    second: Array


@dataclass(frozen=True)
class Fusion:
    """w z(second) + (1 - w) z(first): the first system retrieves, the second rescores.

    w is the weight of the grid with the largest mean over both directions of the mAP within held-out folds, the
    smaller of equals; the match probability is calibrated on the held-out pairs of the same folds.
    """

    name: str
    first: System
    second: System
    config: FusionConfig = field(default_factory=FusionConfig)

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> "FittedFusion":
        """Both systems fitted on `train`, with weight and calibration from inner folds, which never see `stop`."""
        held = list(self._held_out(train, seed, extra))
        quality = [retrieval(held, weight) for weight in self.config.grid]
        weight = best(self.config.grid, quality)
        # One row of scores per partition: every training pair is held out once in each.
        scores = np.empty((self.config.partitions, len(train)))
        for i, part in enumerate(held):
            scores[i // self.config.folds, part.rows] = np.diag(fuse(part.first, part.second, weight))
        decision = calibration(scores.ravel(), np.tile(train.match, len(scores)))
        both = self.first.fit(train, seed, stop, extra=extra), self.second.fit(train, seed, stop, extra=extra)
        scales = scale_of(both[0], train), scale_of(both[1], train)
        return FittedFusion(*both, *scales, weight, decision, tuple(quality))

    def _held_out(self, train: Pairs, seed: int, extra: Extra | None) -> Iterator[Held]:
        """The held-out folds of every partition, one partition after the other."""
        for partition in range(self.config.partitions):
            # Strides of a prime: partitions of one seed are not those of the next.
            for inside, rows in deal_pair_folds(train, self.config.folds, seed + 7919 * partition):
                part, rest = train.take(inside), train.take(rows)
                both = map(without_calibration, (self.first, self.second))
                fits = (one.fit(part, seed, None, extra=extra) for one in both)
                first, second = (scale_of(one, part)(one.similarity(rest.video, rest.music)) for one in fits)
                yield Held(rows, rest, first, second)


def fuse(first: Array, second: Array, weight: float) -> Array:
    """`weight` second + (1 - weight) first, of z scores of one shape."""
    return weight * second + (1 - weight) * first


def retrieval(held: Sequence[Held], weight: float) -> float:
    """The mean over both directions of the mAP over all held-out queries; relevant is what shares the emotion.

    0 where no query has a relevant item: then every weight is as good.
    """
    ways = zip(*(queries(fuse(part.first, part.second, weight), part.pairs) for part in held), strict=True)
    return sum(mean_known(np.concatenate(values)) for values in ways) / 2


@dataclass(frozen=True)
class FittedFusion:
    """Both fitted systems with the scales of their scores, and the chosen weight of the second.

    `quality` is the mean mAP on inner folds of every weight of the grid: what the choice rests on.
    """

    first: Fitted
    second: Fitted
    first_scale: Scale
    second_scale: Scale
    weight: float
    calibration: Calibration
    quality: tuple[float, ...]

    def match(self, video: Array, music: Array) -> Array:
        """Calibrated match probability float64 [n] of n pairs."""
        blocks = [slice(start, start + BLOCK) for start in range(0, len(video), BLOCK)]
        scores = [np.diag(self.similarity(video[rows], music[rows])) for rows in blocks]
        return self.calibration(np.concatenate([*scores, np.empty(0)]))

    def similarity(self, video: Array, music: Array) -> Array:
        """Fused score float64 [a, b] of every video with every piece of music."""
        first = self.first_scale(self.first.similarity(video, music))
        return fuse(first, self.second_scale(self.second.similarity(video, music)), self.weight)

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities [n, 5] of the first system, of the second where the first predicts none."""
        found = self.first.emotions(modality, features)
        return self.second.emotions(modality, features) if found is None else found


SYSTEMS: dict[str, Callable[[], System]] = {
    "fusion": lambda: Fusion("fusion", EmotionMatching(), AFCLNet()),
    "fusion-predicted": lambda: Fusion("fusion-predicted", PredictedMusic(), AFCLNet()),
    "fusion-emomv": lambda: Fusion("fusion-emomv", EmoMVRetrieval(), AFCLNet()),
}
