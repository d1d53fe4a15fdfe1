"""Ensembles: the mean of the members' scores, each made comparable on the training pairs first."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from recommender.errors import InputError
from recommender.types import Array, Modality
from training.systems.baselines.likumar import LiKumar
from training.systems.contrastive import SupervisedContrastive
from training.systems.predicted import PredictedMusic
from training.types import Extra, Fitted, Pairs, System


@dataclass(frozen=True)
class EnsembleConfig:
    """How scores are made comparable."""

    # ours: "z" keeps how far ahead a score is; "rank" (its share of training scores below) forgets outliers
    normalise: Literal["z", "rank"] = "z"
    weights: tuple[float, ...] = ()  # of the members; equal where none are given


@dataclass(frozen=True)
class Ensemble:
    """The mean of the normalised scores of `members`, each fitted with the same seed."""

    name: str
    members: tuple[System, ...]
    config: EnsembleConfig = field(default_factory=EnsembleConfig)

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Fitted:
        """All members fitted on `train`."""
        if not self.members:
            raise InputError(f"ensemble {self.name} has no members: name at least one system")
        fitted = tuple(member.fit(train, seed, stop, extra=extra) for member in self.members)
        scores = tuple(np.sort(one.similarity(train.video, train.music), axis=None) for one in fitted)
        weights = self.config.weights or (1.0,) * len(self.members)
        if len(weights) != len(self.members) or not sum(weights) > 0:
            raise InputError(f"ensemble {self.name} has {len(self.members)} members and the weights {weights}")
        return FittedEnsemble(fitted, scores, self.config.normalise, weights)


@dataclass(frozen=True)
class FittedEnsemble:
    """Fitted members with the sorted scores of all training combinations, on which scores are normalised."""

    members: tuple[Fitted, ...]
    scores: tuple[Array, ...]
    normalise: Literal["z", "rank"]
    weights: tuple[float, ...]

    def match(self, video: Array, music: Array) -> Array:
        """Mean match probability [n]."""
        return self._mean([member.match(video, music) for member in self.members])

    def similarity(self, video: Array, music: Array) -> Array:
        """Mean normalised score float64 [a, b]."""
        parts = zip(self.members, self.scores, strict=True)
        return self._mean([self._comparable(one.similarity(video, music), known) for one, known in parts])

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Mean emotion probabilities [n, 5] of the members that predict them; None where none does."""
        found = [e for member in self.members if (e := member.emotions(modality, features)) is not None]
        return np.mean(found, axis=0) if found else None

    def _mean(self, values: list[Array]) -> Array:
        return np.average(values, axis=0, weights=self.weights)

    def _comparable(self, score: Array, known: Array) -> Array:
        if self.normalise == "rank":
            return np.searchsorted(known, score, side="left") / len(known)
        return (np.asarray(score, np.float64) - known.mean(dtype=np.float64)) / (known.std(dtype=np.float64) or 1.0)


STRONGEST_TWICE = EnsembleConfig(weights=(2.0, 1.0, 1.0))
"""Chosen on grouped folds of EmoMV-C's train."""
SYSTEMS: dict[str, Callable[[], System]] = {
    "ensemble": lambda: Ensemble("ensemble", (PredictedMusic(), SupervisedContrastive(), LiKumar()), STRONGEST_TWICE),
}
