"""Fusion: retrieval and rescoring as one score, weighed against each other on inner folds of the training pairs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from recommender.encoders import Calibration
from recommender.errors import InputError
from recommender.rankers.scoring import Scale
from recommender.types import Array, Modality
from training.learning import weighing
from training.learning.folds import deal_parts
from training.learning.loop import mean_known, queries
from training.learning.weighing import GRID, best
from training.systems.afclnet.system import UNBIASED, AFCLNet
from training.systems.emomv import EmoMVRetrieval
from training.systems.logistic import calibration
from training.systems.mixture import Mixture
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


TRAVELLING = FusionConfig(grid=(0.1,))
"""Chosen on transfers between EmoMV-B and EmoMV-C: folds of the collection that is learnt from ask for more."""


def scale_of(fitted: Fitted, train: Pairs) -> Scale:
    """The scale of `fitted` on every video with every piece of music of `train`."""
    return weighing.scale_of(np.asarray(fitted.similarity(train.video, train.music), np.float64))


class Held(NamedTuple):
    """A held-out part of the training pairs: both systems' z of every combination [h, h], and raw scores of its pairs,
    [h] of either."""

    pairs: Pairs
    first: Array
    second: Array
    raw: tuple[Array, Array]


@dataclass(frozen=True)
class Fusion:
    """w z(second) + (1 - w) z(first): the first system retrieves, the second rescores.

    w is the weight of the grid with the largest mean over both directions of the mAP within held-out parts (folds, or
    collections where there are several), the smaller of equals; the match probability is calibrated on their pairs.
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
        decision = calibrate([np.diag(fuse(part.first, part.second, weight)) for part in held], held)
        first = self._fit(self.first, train, seed, stop, extra=extra, held=held)
        second = self._fit(self.second, train, seed, stop, extra=extra, held=held)
        scales = scale_of(first, train), scale_of(second, train)
        return FittedFusion(first, second, *scales, weight, decision, tuple(quality))

    def _fit(
        self, system: System, train: Pairs, seed: int, stop: Pairs | None, *, extra: Extra | None, held: "list[Held]"
    ) -> Fitted:
        """`system` fitted on `train`; where it calibrates itself on held-out pairs, on those that are there already."""
        plain = without_calibration(system)
        fitted: Any = plain.fit(train, seed, stop, extra=extra)
        if plain == system:
            return fitted
        own = [part.raw[0 if system is self.first else 1] for part in held]
        return replace(fitted, calibration=calibrate(own, held))

    def _held_out(self, train: Pairs, seed: int, extra: Extra | None) -> Iterator[Held]:
        """The held-out folds of every partition, one partition after the other."""
        for partition in range(self.config.partitions):
            # Strides of a prime: partitions of one seed are not those of the next.
            for inside, rows in deal_parts(train, self.config.folds, seed + 7919 * partition):
                part, rest = train.take(inside), train.take(rows)
                both = map(without_calibration, (self.first, self.second))
                fits = (one.fit(part, seed, None, extra=extra) for one in both)
                scores = [(scale_of(one, part), one.similarity(rest.video, rest.music)) for one in fits]
                first, second = (scale(score) for scale, score in scores)
                yield Held(rest, first, second, (np.diag(scores[0][1]), np.diag(scores[1][1])))


def calibrate(scores: Sequence[Array], held: Sequence[Held]) -> Calibration:
    """The match probability of scores [h] of the pairs of all held-out parts, each pair once in every partition."""
    return calibration(np.concatenate(scores), np.concatenate([part.pairs.match for part in held]))


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
    "fusion-mixture": lambda: Fusion("fusion-mixture", Mixture(), AFCLNet("afclnet-unbiased", UNBIASED), TRAVELLING),
    "fusion-emomv": lambda: Fusion("fusion-emomv", EmoMVRetrieval(), AFCLNet()),
}
