"""Affective similarity + CCA: two XGBoost scores, of fused features and of affective distances, in a weighted sum.

A comparison system of AFCLNet (Su et al. 2025, section 4.2), which describes it so: "This method applies CCA to fuse
audio-video features, then employs XGBoost to predict two matching scores: x (derived from raw audiovisual features) and
y (derived from affective semantic distances). The final score is obtained as a weighted sum of the two."
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.learning.targets import Scored
from training.systems.afclnet.affect import Affect, AffectConfig, EmotionsOfAffect, fit_seen
from training.systems.afclnet.reduction import Reducer, ReductionConfig, reduce
from training.systems.prepare import optional_module
from training.systems.rated import ByPairs, FromScores
from training.types import Extra, Fitted, System

Sees = Literal["fused", "raw", "both"]


@dataclass(frozen=True)
class BoostingConfig:
    """XGBoost; the paper gives none of it."""

    trees: int = 200  # ours
    rate: float = 0.05  # ours
    depth: int = 2  # ours: 4 was worse on generated pairs and on grouped folds of EmoMV-C
    least: float = 5.0  # ours: rows, by weight, in a leaf
    columns: float = 0.3  # ours: share of the columns that a tree sees; they are many and redundant
    rows: float = 0.8  # ours: share of the rows that a tree sees
    penalty: float = 1.0  # XGBoost's default: L2 of the leaves


@dataclass(frozen=True)
class AffectiveCCAConfig:
    """What x sees, what y measures, and their weights."""

    # of x: "fused" canonical variates and products of both sides, "raw" columns, or "both": the text has "CCA to fuse
    # audio-video features" and x "derived from raw audiovisual features"; raw columns add nothing on grouped folds
    sees: Sees = "fused"
    reduction: ReductionConfig = field(default_factory=lambda: ReductionConfig("cca", components=16, ridge=10.0))
    # ours: predicted out of fold in training, since distances of true labels explain what distances of predicted ones
    # do not; linear is as good as LightGBM here at a fifth of the time
    affect: AffectConfig = field(default_factory=lambda: AffectConfig("linear", true_labels=False))
    boosting: BoostingConfig = field(default_factory=BoostingConfig)
    folds: int = 5  # ours: in which the weight is found
    weight: float | None = None  # of y, from 0 to 1; None [ours]: of the least squared error on inner grouped folds

    def __post_init__(self) -> None:
        if self.weight is not None and not 0 <= self.weight <= 1:
            raise InputError(f"the weight of affective similarity must lie from 0 to 1, not {self.weight:g}")


@dataclass(frozen=True)
class Boosted:
    """Scores in (0, 1) of columns [n, c]."""

    booster: Any

    def __call__(self, columns: Array) -> Array:
        """float64 [n]."""
        return np.asarray(self.booster.inplace_predict(columns), np.float64)


def boost(columns: Array, score: Array, config: BoostingConfig, *, seed: int) -> Boosted:
    """XGBoost fitted to scores [n] in [0, 1] by their cross-entropy, on one thread."""
    xgboost = optional_module("affective-cca", "xgboost", "xgboost")
    options = {
        "objective": "reg:logistic",
        "base_score": float(np.clip(score.mean(), 0.01, 0.99)),  # of scores that are all 0 it would have no logit
        "eta": config.rate,
        "max_depth": config.depth,
        "min_child_weight": config.least / 4,  # a row near .5 weighs p (1 - p) = 1/4
        "colsample_bytree": config.columns,
        "subsample": config.rows,
        "lambda": config.penalty,
        "max_bin": 32,
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }
    return Boosted(xgboost.train(options, xgboost.QuantileDMatrix(columns, score, max_bin=32, nthread=1), config.trees))


@dataclass(frozen=True)
class Columns:
    """What XGBoost sees of a pair for x; without a reducer raw columns alone."""

    reducer: Reducer | None
    raw: bool

    def __call__(self, video: Array, music: Array) -> Array:
        """float32 [n, c] of raw features of n pairs."""
        parts = [video, music] if self.raw else []
        if self.reducer is not None:
            a, b = self.reducer.video(video), self.reducer.music(music)
            parts = [a, b, a * b, *parts]
        return np.hstack(parts)


def columns_of(data: Scored, config: AffectiveCCAConfig, seed: int) -> Columns:
    """The columns of x, their CCA fitted on `data`."""
    if config.sees == "raw":
        return Columns(None, raw=True)
    reducer = reduce(data.video, data.music, data.score, config=config.reduction, seed=seed)
    return Columns(reducer, raw=config.sees == "both")


def distances(video: Array, music: Array) -> Array:
    """float32 [n, a + 1]: how far apart affect [n, a] of both sides is in every dimension, and in all of them."""
    apart = np.abs(video - music)
    return np.column_stack([apart, np.linalg.norm(apart, axis=1)]).astype(np.float32)


def weight_of(x: Array, y: Array, score: Array) -> float:
    """w in [0, 1] with which (1 - w) x + w y has the least squared error of the score [n]; .5 where x is y."""
    apart = y - x
    square = float(apart @ apart)
    return float(np.clip(apart @ (score - x) / square, 0, 1)) if square > 0 else 0.5


@dataclass(frozen=True)
class AffectiveCCA(FromScores):
    """Both scores and their weights as a system."""

    name: str = "affective-cca"
    config: AffectiveCCAConfig = field(default_factory=AffectiveCCAConfig)

    def fit_scored(self, data: Scored, seed: int, stop: Scored | None = None, *, extra: Extra | None = None) -> Fitted:
        """Fitted on `data`; `extra` music teaches its affect predictor, `stop` is not used."""
        affect, seen = fit_seen(data, self.config.affect, extra, seed=seed)
        apart, weight = distances(*seen), self.config.weight
        if weight is None:
            weight = weight_of(*self._held_out(data, apart, seed), data.score)
        return FittedAffectiveCCA(*self._x(data, seed), affect, self._y(apart, data, seed), weight, data.classes)

    def _x(self, data: Scored, seed: int) -> tuple[Columns, Boosted]:
        columns = columns_of(data, self.config, seed)
        return columns, boost(columns(data.video, data.music), data.score, self.config.boosting, seed=seed)

    def _y(self, apart: Array, data: Scored, seed: int) -> Boosted:
        return boost(apart, data.score, self.config.boosting, seed=seed)

    def _held_out(self, data: Scored, apart: Array, seed: int) -> tuple[Array, Array]:
        """x and y float64 [n], each of pairs whose groups its XGBoost did not see."""
        x, y = np.empty(len(data)), np.empty(len(data))
        for inside, held in data.folds(self.config.folds, seed):
            part, rest = data.take(inside), data.take(held)
            columns, boosted = self._x(part, seed)
            x[held] = boosted(columns(rest.video, rest.music))
            y[held] = self._y(apart[inside], part, seed)(apart[held])
        return x, y


@dataclass(frozen=True)
class FittedAffectiveCCA(EmotionsOfAffect, ByPairs):
    """Both scores, and the weight of y."""

    columns: Columns
    by_columns: Boosted
    affect: Affect
    by_distance: Boosted
    weight: float
    classes: bool

    def scores(self, video: Array, music: Array) -> tuple[Array, Array]:
        """x and y float64 [n] in (0, 1) of n pairs."""
        apart = distances(self.affect.video(video), self.affect.music(music))
        return self.by_columns(self.columns(video, music)), self.by_distance(apart)

    def match(self, video: Array, music: Array) -> Array:
        """(1 - w) x + w y float64 [n] of n pairs."""
        x, y = self.scores(video, music)
        return (1 - self.weight) * x + self.weight * y


SYSTEMS: dict[str, Callable[[], System]] = {"affective-cca": lambda: AffectiveCCA()}

SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = {
    "affective-cca": {
        "sees": ("fused", "raw", "both"),
        "reduction.ridge": (1.0, 10.0, 100.0),
        "reduction.components": (8, 16, 32),
        "affect.name": ("lightgbm", "linear"),
        "boosting.trees": (100, 200, 400),
        "boosting.rate": (0.03, 0.05, 0.1),
        "boosting.depth": (2, 4, 6),
        "boosting.columns": (0.3, 0.6, 1.0),
    }
}
