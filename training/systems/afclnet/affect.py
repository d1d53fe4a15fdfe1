"""PREDICTORS: affect of one modality from its objective features, and out-of-fold predictions for training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from scipy.special import softmax

from recommender.encoders.contract import direction
from recommender.errors import InputError
from recommender.types import Array, Modality
from training.learning.targets import Scored
from training.systems.logistic import Multinomial, multinomial, row_space
from training.systems.prepare import Standardiser, standardiser
from training.types import Extra

Name = Literal["lightgbm", "linear"]
Both = tuple[Array, Array]


@dataclass(frozen=True)
class AffectConfig:
    """The affect predictors and what the network is trained on."""

    name: Name = "lightgbm"  # paper
    true_labels: bool = True  # paper: training sees human labels, and predictions only later; False: out of fold
    folds: int = 5  # ours, out of fold: grouped by source
    trees: int = 60  # ours: LightGBM's defaults are made for far more rows than 360
    rate: float = 0.1  # LightGBM's default
    leaves: int = 7  # ours
    columns: float = 0.1  # ours: share of the columns that a tree sees; 2304 are many and redundant
    penalty: float = 100.0  # linear: as the `evidence` system, flat between 30 and 300
    # linear, of emotions: "evidence" [ours] takes the labels' shares out and leaves the direction of a video's
    # log-likelihoods and a softened likelihood of the music, as the `evidence` system does
    form: Literal["posterior", "evidence"] = "posterior"
    softness: float = 0.5  # evidence: exponent of the music's likelihood, as in the `evidence` system
    scaled: bool = False  # ours: one shift and one factor per modality give what the network sees mean 0, variance 1
    extra_weight: float = 1.0  # linear: of further music altogether, beside the training music


class Rows(NamedTuple):
    """What one predictor is fitted on: features [n, d], affect [n, a], weights [n]."""

    features: Array
    affect: Array
    weight: Array


class Predictor(Protocol):
    """Affect of one modality from raw features [n, d]."""

    def __call__(self, features: Array) -> Array:
        """float64 [n, a], as the network is to see it."""

    def probabilities(self, features: Array) -> Array:
        """float64 [n, a], rows summing to 1, where affect is emotions."""


class Scale(NamedTuple):
    """What takes affect to what the network sees: (x - centre) gain, one number each, so that directions stay."""

    centre: float = 0.0
    gain: float = 1.0

    def __call__(self, affect: Array) -> Array:
        return (affect - self.centre) * self.gain


AS_IT_IS = Scale()


def scale(affect: Array) -> Scale:
    """The scale that gives all values of `affect` [n, a] together mean 0 and variance 1; constant values become 0."""
    spread = float(affect.std())
    return Scale(float(affect.mean()), 1 / spread if spread > 1e-9 else 1.0)


@dataclass(frozen=True)
class Affect:
    """Affect predictors of both modalities, with the scale in which the network sees each."""

    video: Predictor
    music: Predictor
    video_scale: Scale = AS_IT_IS
    music_scale: Scale = AS_IT_IS

    def of(self, modality: Modality) -> Predictor:
        """That of one modality."""
        return self.video if modality == "video" else self.music

    def see(self, modality: Modality, features: Array) -> Array:
        """float64 [n, a]: what the network sees of raw features."""
        return (self.video_scale if modality == "video" else self.music_scale)(self.of(modality)(features))


class EmotionsOfAffect:
    """Gives a fitted system with affect predictors its emotions."""

    affect: Affect
    classes: bool

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities [n, 5] of the affect predictors, or None where affect is ratings."""
        return self.affect.of(modality).probabilities(features) if self.classes else None


@dataclass(frozen=True)
class Trees:
    """One LightGBM regressor per affect dimension, as model texts."""

    prepare: Standardiser
    texts: tuple[str, ...]

    def __call__(self, features: Array) -> Array:
        """float64 [n, a]."""
        x = self.prepare(features)
        return np.column_stack([booster.predict(x, num_threads=1) for booster in self._boosters])

    def probabilities(self, features: Array) -> Array:
        """float64 [n, a]: the regressors' values, at least a little, in shares of their sum."""
        return _shares(self(features))

    @cached_property
    def _boosters(self) -> list[Any]:
        import lightgbm

        return [lightgbm.Booster(model_str=text) for text in self.texts]


Form = Literal["softmax", "direction"]


@dataclass(frozen=True)
class Classes:
    """Multinomial logistic regression of emotions, and the form in which the network sees it.

    e = softness (logits - log_prior), centred, are log-likelihoods where `log_prior` is the labels' and log-posteriors
    where it is 0. "softmax" gives probabilities, "direction" e scaled to unit length.
    """

    prepare: Standardiser
    model: Multinomial
    log_prior: Array
    softness: float = 1.0
    form: Form = "softmax"

    def __call__(self, features: Array) -> Array:
        """float64 [n, a]."""
        weights, bias = self.affine()
        evidence = np.asarray(features, np.float64) @ weights + bias
        return direction(evidence) if self.form == "direction" else softmax(evidence, axis=1)

    def probabilities(self, features: Array) -> Array:
        """Posteriors float64 [n, a]."""
        return self.model(self.prepare(features))

    def affine(self) -> tuple[Array, Array]:
        """weights [d, a] and bias [a] with which raw features x give e = x W + b."""
        weights, bias = self.prepare.fold_into(self.model.weights, self.model.bias - self.log_prior)
        centred = weights - weights.mean(axis=1, keepdims=True), bias - bias.mean()
        return self.softness * centred[0], self.softness * centred[1]


@dataclass(frozen=True)
class Ridge:
    """Ratings by ridge regression: weights [d, a], bias [a]."""

    prepare: Standardiser
    weights: Array
    bias: Array

    def __call__(self, features: Array) -> Array:
        """float64 [n, a]."""
        return self.prepare(features) @ self.weights + self.bias

    def probabilities(self, features: Array) -> Array:
        """float64 [n, a]: the ratings, at least a little, in shares of their sum."""
        return _shares(self(features))

    def affine(self) -> tuple[Array, Array]:
        """weights [d, a] and bias [a] of raw features."""
        return self.prepare.fold_into(self.weights, self.bias)


def _shares(affect: Array) -> Array:
    positive = np.maximum(affect, 1e-6)
    return positive / positive.sum(axis=1, keepdims=True)


def fit_affect(data: Scored, config: AffectConfig, extra: Extra | None) -> Affect:
    """Predictors of both modalities fitted on `data`; further music counts where affect is emotions."""
    if config.name not in PREDICTORS:
        raise InputError(f"no affect predictor is called {config.name}; there are: {', '.join(PREDICTORS)}")
    fit = PREDICTORS[config.name]
    prepare = standardiser(data.video), standardiser(data.music)
    ones = np.ones(len(data))
    video = Rows(prepare[0](data.video), data.video_affect, ones)
    music = Rows(prepare[1](data.music), data.music_affect, ones)
    if extra is not None and data.classes and len(extra.emotion):
        music = _with_extra(music, extra, config)
    return Affect(fit("video", prepare[0], video, data, config), fit("music", prepare[1], music, data, config))


def fit_seen(data: Scored, config: AffectConfig, extra: Extra | None, *, seed: int) -> tuple[Affect, Both]:
    """The predictors fitted on `data`, scaled where that is asked for; and the affect, in its own scale, that training
    sees of the videos and of the music [n, a]: the true one, or predictions out of fold."""
    affect, true = fit_affect(data, config, extra), (data.video_affect, data.music_affect)
    raw = true if config.true_labels else out_of_fold(data, config, extra, seed=seed)
    if config.scaled:
        affect = replace(affect, video_scale=scale(raw[0]), music_scale=scale(raw[1]))
    return affect, raw


def out_of_fold(data: Scored, config: AffectConfig, extra: Extra | None, *, seed: int) -> tuple[Array, Array]:
    """Affect float64 [n, a] of the videos and of the music of `data`, each predicted without its own group."""
    video, music = np.empty_like(data.video_affect), np.empty_like(data.music_affect)
    for inside, held in data.folds(config.folds, seed):
        fitted, rest = fit_affect(data.take(inside), config, extra), data.take(held)
        video[held], music[held] = fitted.video(rest.video), fitted.music(rest.music)
    return video, music


def _with_extra(music: Rows, extra: Extra, config: AffectConfig) -> Rows:
    """The training music with the further music, standardised on its own, weighted to the training labels' shares."""
    further = standardiser(extra.music)(extra.music)
    if further.shape[1] != music.features.shape[1]:
        raise InputError(f"further music has {further.shape[1]} columns, the training music {music.features.shape[1]}")
    count = np.bincount(extra.emotion, minlength=music.affect.shape[1])
    share = ((music.affect.sum(axis=0) + 1) / np.maximum(count, 1))[extra.emotion]
    weight = config.extra_weight * len(music.weight) * share / share.sum()
    affect = np.vstack([music.affect, np.eye(music.affect.shape[1])[extra.emotion]])
    return Rows(np.vstack([music.features, further]), affect, np.concatenate([music.weight, weight]))


def _trees(modality: Modality, prepare: Standardiser, rows: Rows, data: Scored, config: AffectConfig) -> Predictor:
    import lightgbm

    bins = {"verbosity": -1, "max_bin": 31}
    options = bins | {
        "objective": "regression",
        "learning_rate": config.rate,
        "num_leaves": config.leaves,
        "feature_fraction": config.columns,
        "min_data_in_leaf": 10,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,
    }
    texts = []
    for target in rows.affect.T:
        table = lightgbm.Dataset(rows.features, target.copy(), weight=rows.weight, params=bins)
        texts.append(lightgbm.train(options, table, config.trees).model_to_string())
    return Trees(prepare, tuple(texts))


def _linear(modality: Modality, prepare: Standardiser, rows: Rows, data: Scored, config: AffectConfig) -> Predictor:
    if not data.classes:
        return _ridge(prepare, rows, config)
    classes = rows.affect.shape[1]
    labels = rows.affect.argmax(axis=1)
    model = multinomial(rows.features, labels, classes, penalty=config.penalty, sample_weight=rows.weight)
    if config.form == "posterior":
        return Classes(prepare, model, np.zeros(classes))
    # One more of each: an emotion that a small fold lacks keeps a finite prior.
    counts = data.video_affect.sum(axis=0) + data.music_affect.sum(axis=0) + 1
    log_prior = np.log(counts / counts.sum())
    if modality == "video":
        return Classes(prepare, model, log_prior, form="direction")
    return Classes(prepare, model, log_prior, config.softness)


def _ridge(prepare: Standardiser, rows: Rows, config: AffectConfig) -> Ridge:
    """Least squares plus penalty / d |W|^2 per row, weighted; the penalty as in `multinomial`."""
    total = rows.weight.sum()
    bias = rows.weight @ rows.affect / total
    x, basis = row_space(np.asarray(rows.features, np.float64))
    weighted = x * (rows.weight / total)[:, None]
    gram = weighted.T @ x + config.penalty / rows.features.shape[1] * np.eye(x.shape[1])
    return Ridge(prepare, basis @ np.linalg.solve(gram, weighted.T @ (rows.affect - bias)), bias)


PREDICTORS: dict[Name, Callable[[Modality, Standardiser, Rows, Scored, AffectConfig], Predictor]] = {
    "lightgbm": _trees,
    "linear": _linear,
}
