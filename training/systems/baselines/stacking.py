"""Stacking: four random forests and a support vector machine, and another one over what they say of held-out pairs.

A comparison system of AFCLNet (Su et al. 2025, section 4.2), which describes it so: "An ensemble stacking approach
comprising four random forests and a support vector machine (SVM) as base learners, with an SVM serving as the
meta-learner", with "real labels during training and LightGBM-predicted labels during inference".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from recommender.types import Array
from training.learning.targets import Scored
from training.systems.afclnet.affect import Affect, AffectConfig, EmotionsOfAffect, fit_seen
from training.systems.afclnet.reduction import Reducer, ReductionConfig, reduce
from training.systems.prepare import Standardiser, optional_module, standardiser
from training.systems.rated import ByPairs, FromScores
from training.types import Extra, Fitted, System


@dataclass(frozen=True)
class ForestConfig:
    """Every random forest; the paper gives none of it."""

    trees: int = 60  # ours: scikit-learn's 100 take longer
    leaf: int = 5  # ours: the fewest pairs in a leaf; ratings and labels of pairs are noisy
    columns: float | Literal["sqrt"] = "sqrt"  # ours: how many a split looks at


@dataclass(frozen=True)
class MachineConfig:
    """A support vector machine for regression with a Gaussian kernel of width by the inputs' variance."""

    cost: float = 1.0  # scikit-learn's default
    tube: float = 0.1  # scikit-learn's default: errors below cost nothing


@dataclass(frozen=True)
class StackingConfig:
    """What the learners see, and how they are joined."""

    # paper: the inputs of AFCLNet; reduced as there [ours]. Ours: "parts" shows one forest the video, one the music,
    # one both and one the affect of both, so that their errors differ, and the machine both; "all" shows both to each,
    # the forests differing by seed: 3 mAP worse on grouped folds of EmoMV-C, .04 R2 better on generated pairs
    views: Literal["parts", "all"] = "parts"
    reduction: ReductionConfig = field(default_factory=lambda: ReductionConfig("cca", components=16, ridge=10.0))
    # paper: true labels in training, LightGBM later. Ours: predictions out of fold, since forests of true labels say
    # nothing of predicted ones, and linear ones, at a fraction of the time
    affect: AffectConfig = field(default_factory=lambda: AffectConfig("linear", true_labels=False))
    forest: ForestConfig = field(default_factory=ForestConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)
    meta: Literal["svm", "mean"] = "svm"  # paper; "mean" takes the mean of the base learners instead
    meta_machine: MachineConfig = field(default_factory=MachineConfig)
    folds: int = 5  # ours: what the SVM on top learns from is out of so many grouped folds


class Inputs(NamedTuple):
    """What is known of n pairs: raw features [n, d_v] and [n, d_m], affect [n, a] of either side."""

    video: Array
    music: Array
    video_affect: Array
    music_affect: Array

    def take(self, rows: Array) -> "Inputs":
        """Those of the pairs at `rows`."""
        return Inputs(*(part[rows] for part in self))


@dataclass(frozen=True)
class Views:
    """What the five base learners see of a pair: the four forests', then the machine's."""

    reducer: Reducer
    parts: bool

    def __call__(self, pairs: Inputs) -> list[Array]:
        """Five times float [n, c]."""
        a, b = self.reducer.video(pairs.video), self.reducer.music(pairs.music)
        objective = np.hstack([a, b, a * b])
        affect = np.hstack([pairs.video_affect, pairs.music_affect, np.abs(pairs.video_affect - pairs.music_affect)])
        everything = np.hstack([objective, affect])
        if not self.parts:
            return [everything] * 5
        video, music = np.hstack([a, pairs.video_affect]), np.hstack([b, pairs.music_affect])
        return [video, music, everything, affect, everything]


@dataclass(frozen=True)
class Machine:
    """A support vector machine over standardised columns."""

    prepare: Standardiser
    svm: Any

    def predict(self, columns: Array) -> Array:
        """float64 [n]."""
        return np.asarray(self.svm.predict(self.prepare(columns)))


@dataclass(frozen=True)
class Base:
    """The fitted base learners."""

    views: Views
    learners: Sequence[Any]

    def __call__(self, pairs: Inputs) -> Array:
        """float64 [n, 5]: the score by each learner."""
        seen = zip(self.learners, self.views(pairs), strict=True)
        return np.column_stack([learner.predict(columns) for learner, columns in seen])


def fit_base(pairs: Inputs, score: Array, config: StackingConfig, *, seed: int) -> Base:
    """Four forests and a machine fitted to scores [n]."""
    views = Views(reduce(pairs.video, pairs.music, score, config=config.reduction, seed=seed), config.views == "parts")
    *forests, machine = views(pairs)
    learners = [fit_forest(x, score, config.forest, seed=4 * seed + i) for i, x in enumerate(forests)]
    return Base(views, (*learners, fit_machine(machine, score, config.machine)))


def fit_forest(columns: Array, score: Array, config: ForestConfig, *, seed: int) -> Any:
    """A random forest of columns [n, c] on one thread."""
    forest = optional_module("stacking", "scikit-learn", "sklearn.ensemble").RandomForestRegressor(
        config.trees, min_samples_leaf=config.leaf, max_features=config.columns, n_jobs=1, random_state=seed
    )
    return forest.fit(columns, score)


def fit_machine(columns: Array, score: Array, config: MachineConfig) -> Machine:
    """A support vector machine of columns [n, c], standardised first."""
    prepare, svm = standardiser(columns), optional_module("stacking", "scikit-learn", "sklearn.svm")
    return Machine(prepare, svm.SVR(C=config.cost, epsilon=config.tube).fit(prepare(columns), score))


@dataclass(frozen=True)
class Stacking(FromScores):
    """Base learners and the machine on top as a system."""

    name: str = "stacking"
    config: StackingConfig = field(default_factory=StackingConfig)

    def fit_scored(self, data: Scored, seed: int, stop: Scored | None = None, *, extra: Extra | None = None) -> Fitted:
        """Fitted on `data`; `extra` music teaches its affect predictor, `stop` is not used."""
        config = self.config
        affect, seen = fit_seen(data, config.affect, extra, seed=seed)
        pairs = Inputs(data.video, data.music, *seen)
        meta = None if config.meta == "mean" else self._meta(pairs, data, seed)
        return FittedStacking(fit_base(pairs, data.score, config, seed=seed), meta, affect, data.classes)

    def _meta(self, pairs: Inputs, data: Scored, seed: int) -> Machine:
        """The machine on top, fitted to what base learners say of pairs whose groups they did not see."""
        said = np.empty((len(data), 5))
        for inside, held in data.folds(self.config.folds, seed):
            said[held] = fit_base(pairs.take(inside), data.score[inside], self.config, seed=seed)(pairs.take(held))
        return fit_machine(said, data.score, self.config.meta_machine)


@dataclass(frozen=True)
class FittedStacking(EmotionsOfAffect, ByPairs):
    """Base learners and the machine on top; without one, their mean."""

    base: Base
    meta: Machine | None
    affect: Affect
    classes: bool

    def inputs(self, video: Array, music: Array) -> Inputs:
        """What is known of n pairs, their affect predicted."""
        return Inputs(video, music, self.affect.video(video), self.affect.music(music))

    def match(self, video: Array, music: Array) -> Array:
        """Match score float64 [n] in [0, 1] of n pairs."""
        said = self.base(self.inputs(video, music))
        return np.clip(said.mean(axis=1) if self.meta is None else self.meta.predict(said), 0, 1)


SYSTEMS: dict[str, Callable[[], System]] = {"stacking": lambda: Stacking()}

SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = {
    "stacking": {
        "views": ("parts", "all"),
        "reduction.ridge": (1.0, 10.0, 100.0),
        "reduction.components": (8, 16, 32),
        "affect.name": ("lightgbm", "linear"),
        "affect.true_labels": (True, False),
        "forest.trees": (30, 60),
        "forest.leaf": (2, 5, 10),
        "forest.columns": ("sqrt", 0.3),
        "machine.cost": (0.3, 1.0, 3.0),
        "machine.tube": (0.05, 0.1, 0.2),
        "meta_machine.cost": (0.1, 0.3, 1.0, 3.0),
    }
}
