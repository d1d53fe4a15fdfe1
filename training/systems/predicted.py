"""Predicted music: what the picture sounds like to a ridge regression, as a second opinion beside emotion evidence.

[ours] Every matched video shows which music its makers chose. Ridge regression learns that music's features from the
video's. The prediction serves twice: the music's own emotion classifier reads it, which steadies the weak classifier
of the video; and its cosine with a real piece says how well the two go together beyond the five emotions, which no
emotion label tells. One score does it all: the cosine of unit vectors of fixed size. All parts are affine maps.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from recommender.encoders import Matcher
from recommender.encoders.contract import Setting
from recommender.encoders.predicted import PredictedEncoder
from recommender.errors import InputError
from recommender.types import Array
from training.learning.folds import deal_parts
from training.systems.matching import calibrate_out_of_fold, tensors_of
from training.systems.posterior import EmotionMatching, PosteriorConfig
from training.systems.prepare import Standardiser, standardiser
from training.types import Extra, Pairs, System

Affine = tuple[Array, Array]
"""Weights [d, k] and bias [k] of x W + b."""


@dataclass(frozen=True)
class PredictedConfig:
    """How music is predicted and how much the prediction counts; chosen on grouped folds of EmoMV-C's train."""

    emotion: PosteriorConfig = field(default_factory=PosteriorConfig)  # the classifiers, as in `evidence`
    ridge: float = 3.0  # of the regression, per training video on standardised features; flat between 1 and 10
    floor: float = 5.0  # added to the music's variances before whitening; flat between 1 and 20
    reading: float = 0.25  # share of the predicted music in the video's emotion evidence; flat between .15 and .4
    weight: float = 0.15  # of the cosine of sounds beside the emotions' 1; from .3 on it costs mAP
    told_folds: int = 4  # tell how sure to be of a clip's emotion (`fit_sureness`); 0: as sure as the fit


@dataclass(frozen=True)
class PredictedMusic:
    """Emotion evidence and the likeness of predicted and real music in one cosine; no random part."""

    name: str = "predicted"
    config: PredictedConfig = field(default_factory=PredictedConfig)

    def without_calibration(self) -> "PredictedMusic":
        """The same recipe whose matches are calibrated on what it was fitted on, at a fraction of the time."""
        emotion = replace(self.config.emotion, calibration_folds=0)
        return replace(self, config=replace(self.config, emotion=emotion))

    def without_sureness(self) -> "PredictedMusic":
        """The same recipe, all of whose vectors are the same, that tells emotions as sure as the fit, in less time."""
        return replace(self, config=replace(self.config, told_folds=0))

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Matcher:
        """The model fitted on `train`, its emotion classifier of music on `extra` too; `stop` is not used: no epochs.

        `seed` draws the folds of the calibration and nothing else.
        """
        folds = self.config.emotion.calibration_folds
        fit, part = (partial(one.encoder, extra=extra) for one in (self, self.without_sureness()))
        return calibrate_out_of_fold(fit, train, folds, seed=seed, part=part)

    def encoder(self, train: Pairs, extra: Extra | None) -> PredictedEncoder:
        """All affine maps, with the preparation of the features inside, and how sure to be of what is told."""
        fitted = self._maps(train, extra)
        folds = min(self.config.told_folds, len(np.unique(train.groups())))
        if folds < 2:
            return fitted
        parts = deal_parts(train, folds, 0)
        held = ((self._maps(train.take(inside), extra), train.take(rows)) for inside, rows in parts)
        return PredictedEncoder({**fitted.settings, "video_sureness": fit_sureness(held)}, fitted.tensors)

    def _maps(self, train: Pairs, extra: Extra | None) -> PredictedEncoder:
        c = self.config
        tensors = dict(EmotionMatching(config=c.emotion).encoder(train, extra).tensors)
        music = standardiser(train.music)
        predict = fit_music_map(train, music, c.ridge)
        direct, reader = (_layer(tensors, modality) for modality in ("video", "music"))
        # The reader takes raw features, the prediction is standardised: undo, then read.
        undone = predict[0] * music.scale, predict[1] * music.scale + music.mean
        tensors |= tensors_of("video", blend(direct, chain(undone, reader), train.video, share=c.reading))
        whiten = whitening(music(train.music), c.floor)
        tensors |= tensors_of("video_sound", chain(predict, (whiten, np.zeros(len(whiten)))))
        tensors |= tensors_of("music_sound", music.fold_into(whiten, np.zeros(len(whiten))))
        tensors["video.mean"] = train.video.mean(axis=0, dtype=np.float64)
        settings: dict[str, Setting] = {"score": c.emotion.score, "softness": c.emotion.softness, "weight": c.weight}
        return PredictedEncoder(settings, tensors)


def fit_sureness(held: Iterable[tuple[PredictedEncoder, Pairs]]) -> float:
    """What the evidence of clips is to be multiplied with, to two digits: the likeliest on `held` pairs that the
    encoder beside them did not see.

    One factor for all, as temperature scaling (Guo et al. 2017); how common emotions are is not doubted.
    """
    sides = [(e.affine("video", p.video), e.tensors["log_prior"], p.video_emotion) for e, p in held]

    def surprise(times: float) -> float:
        told = [log_softmax(times * x + prior, axis=1)[np.arange(len(label)), label] for x, prior, label in sides]
        return -float(np.mean(np.concatenate(told)))

    return max(round(float(minimize_scalar(surprise, bounds=(0, 2), method="bounded").x), 2), 0.01)


def own_music(train: Pairs, music: Array) -> tuple[Array, Array]:
    """The rows int [m] of videos whose source's music is in `train`, and the mean of its rows of `music`, [m, d].

    Mismatched pairs lend their halves too: the music a video came with is often found in another pair.
    """
    same = (train.video_source[:, None] == train.music_source[None, :]).astype(np.float64)
    count = same.sum(axis=1)
    known = np.flatnonzero(count)
    return known, same[known] @ music / count[known, None]


def fit_music_map(train: Pairs, music: Standardiser, ridge: float) -> Affine:
    """The map from raw video features to standardised music features of the video's source.

    Ridge regression on standardised features, the bias free: the minimum of the mean squared error plus `ridge`
    times the squared weights, solved in the videos' own space (m equations instead of 2304).
    """
    known, target = own_music(train, np.asarray(music(train.music), np.float64))
    if not len(known):
        raise InputError("predicting music needs videos whose own music is among the pairs, and there are none")
    prepare = standardiser(train.video[known])
    x, mean = np.asarray(prepare(train.video[known]), np.float64), target.mean(axis=0)
    dual = np.linalg.solve(x @ x.T + ridge * len(x) * np.eye(len(x)), target - mean)
    return prepare.fold_into(x.T @ dual, mean)


def whitening(features: Array, floor: float) -> Array:
    """(C + floor I)^(-1/2), float64 [d, d], of the covariance C of standardised `features` [n, d]."""
    x = np.asarray(features, np.float64)
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    return (vectors / np.sqrt(np.maximum(values, 0) + floor)) @ vectors.T


def chain(first: Affine, second: Affine) -> Affine:
    """The map x -> `second`(`first`(x))."""
    return first[0] @ second[0], first[1] @ second[0] + second[1]


def blend(direct: Affine, indirect: Affine, features: Array, *, share: float) -> Affine:
    """(1 - share) `direct` + share `indirect`, the latter brought to the former's spread on `features` first.

    A prediction varies less than what it predicts: as it is, its reading would say next to nothing.
    """
    spreads = [np.std(features @ weights, axis=0) for weights, _ in (direct, indirect)]
    gain = share * np.sqrt(np.sum(spreads[0] ** 2) / (np.sum(spreads[1] ** 2) or 1.0))
    return (1 - share) * direct[0] + gain * indirect[0], (1 - share) * direct[1] + gain * indirect[1]


def _layer(tensors: Mapping[str, Array], layer: str) -> Affine:
    return tensors[f"{layer}.weights"], tensors[f"{layer}.bias"]


SYSTEMS: dict[str, Callable[[], System]] = {"predicted": lambda: PredictedMusic()}
