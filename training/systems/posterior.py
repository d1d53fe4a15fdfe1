"""Emotion matching: one emotion classifier per modality, and a score of how well the two agree.

Two readings of the classifiers share the code. "posterior": the inner product of the two posteriors, the chance that
two independent labels agree. "evidence" [ours]: the emotion prior, which both sides share, is taken out; the picture
counts by the direction of its evidence alone, since the length of its logits says little about how sure they are,
and the music by a softened likelihood, whose certainty is real.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from scipy.special import softmax

from recommender.errors import InputError
from recommender.types import Array, unit
from training.folds import grouped_folds
from training.systems.logistic import Calibration, Multinomial, calibration, multinomial
from training.systems.network import Modality
from training.systems.prepare import Standardiser, standardiser
from training.types import EMOTIONS, Extra, Pairs

CLASSES = len(EMOTIONS)


@dataclass(frozen=True)
class PosteriorConfig:
    """The classifiers and how their outputs are compared; all defaults chosen on grouped folds of EmoMV-C's train."""

    score: Literal["posterior", "evidence"] = "evidence"  # ours: more mAP in both directions
    video_penalty: float = 100.0  # flat between 30 and 300
    music_penalty: float = 100.0  # flat between 30 and 100
    # Evidence only: exponent of the music's likelihood. 0 ranks by logits (m->v a little better), 1 by likelihood
    # (v->m better).
    softness: float = 0.5
    extra_weight: float = 1.0  # further music counts together as much as the training music; flat between .3 and 2
    calibration_folds: int = 4  # scores of pairs seen in training are too sure: matches are calibrated out of fold


@dataclass(frozen=True)
class Emotion:
    """Emotion classifier of one modality: preparation, linear model, and log prior [5] of the training labels."""

    prepare: Standardiser
    model: Multinomial
    log_prior: Array

    def posterior(self, features: Array) -> Array:
        """Emotion probabilities float64 [n, 5]."""
        return self.model(self.prepare(features))

    def evidence(self, features: Array) -> Array:
        """Log-likelihoods of the emotions up to a constant per row, centred, float64 [n, 5]."""
        logits = self.model.logits(self.prepare(features)) - self.log_prior
        return logits - logits.mean(axis=1, keepdims=True)

    def affine(self) -> tuple[Array, Array]:
        """weights float64 [d, 5] and bias [5] with which raw features x give `evidence(x)` as x W + b."""
        weights = self.model.weights / self.prepare.scale[:, None]
        bias = self.model.bias - self.log_prior - self.prepare.mean @ weights
        return weights - weights.mean(axis=1, keepdims=True), bias - bias.mean()


@dataclass(frozen=True)
class EmotionMatching:
    """Multinomial logistic regression per modality with a score of agreement; no random part."""

    name: str = "evidence"
    config: PosteriorConfig = field(default_factory=PosteriorConfig)

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, extra: Extra | None = None) -> "FittedEmotions":
        """The classifiers fitted on `train` and, where given, `extra` music; `stop` is not used: a convex problem.

        `seed` draws the folds of the calibration and nothing else.
        """
        score = np.empty(len(train))
        for inside, held in grouped_folds(train, self.config.calibration_folds, seed):
            part, rest = train.take(held), self._classifiers(train.take(inside), extra)
            score[held] = np.sum(rest.side("video", part.video) * rest.side("music", part.music), axis=1)
        fitted = self._classifiers(train, extra)
        return FittedEmotions(fitted.video, fitted.music, self.config, calibration(score, train.match))

    def _classifiers(self, train: Pairs, extra: Extra | None) -> "FittedEmotions":
        c = self.config
        counts = np.bincount(np.concatenate([train.video_emotion, train.music_emotion]), minlength=CLASSES)
        # One more of each: an emotion that a small fold lacks keeps a finite prior.
        log_prior = np.log((counts + 1) / (counts + 1).sum())
        video = _classifier(train.video, train.video_emotion, c.video_penalty, log_prior, None, 0)
        music = _classifier(train.music, train.music_emotion, c.music_penalty, log_prior, extra, c.extra_weight)
        return FittedEmotions(video, music, c, Calibration(1.0, 0.0))


def _classifier(
    features: Array, emotion: Array, penalty: float, log_prior: Array, extra: Extra | None, extra_weight: float
) -> Emotion:
    prepare = standardiser(features)
    x, y, weight = prepare(features), emotion, np.ones(len(emotion))
    if extra is not None and len(extra.emotion):
        # Each collection on its own statistics: production and loudness differ between them, emotion less.
        further = standardiser(extra.music)(extra.music)
        if further.shape[1] != x.shape[1]:
            raise InputError(f"further music has {further.shape[1]} columns, the training music {x.shape[1]}")
        x, y = np.vstack([x, further]), np.concatenate([y, extra.emotion])
        weight = np.concatenate([weight, extra_weight * len(weight) * _as_prior(extra.emotion, np.exp(log_prior))])
    return Emotion(prepare, multinomial(x, y, CLASSES, penalty, weight), log_prior)


def _as_prior(emotion: Array, prior: Array) -> Array:
    """Weights [n], their sum 1, under which the labels are distributed as `prior`."""
    weight = (prior / np.maximum(np.bincount(emotion, minlength=CLASSES), 1))[emotion]
    return weight / weight.sum()


@dataclass(frozen=True)
class FittedEmotions:
    """Fitted emotion classifiers; similarity is an inner product of five numbers a side."""

    video: Emotion
    music: Emotion
    config: PosteriorConfig
    calibration: Calibration

    def side(self, modality: Modality, features: Array) -> Array:
        """float64 [n, 5]: what is multiplied with the other modality's."""
        emotion = self.video if modality == "video" else self.music
        if self.config.score == "posterior":
            return emotion.posterior(features)
        evidence = emotion.evidence(features)
        return _direction(evidence) if modality == "video" else softmax(self.config.softness * evidence, axis=1)

    def embed(self, modality: Modality, features: Array) -> Array:
        """Embeddings float32 [n, 7] of unit length, whose inner product is the similarity.

        Both sides have length at most 1; each is filled up to 1 in a dimension in which the other is 0.
        """
        side = self.side(modality, features)
        fill = np.sqrt(np.maximum(1 - np.sum(side**2, axis=1), 0))
        columns = (side, fill, 0 * fill) if modality == "video" else (side, 0 * fill, fill)
        return unit(np.column_stack(columns))

    def match(self, video: Array, music: Array) -> Array:
        """Calibrated match probability [n]."""
        return self.calibration(np.sum(self.side("video", video) * self.side("music", music), axis=1))

    def similarity(self, video: Array, music: Array) -> Array:
        """Agreement float64 [a, b]."""
        return self.side("video", video) @ self.side("music", music).T

    def emotions(self, modality: Modality, features: Array) -> Array:
        """Emotion probabilities [n, 5]."""
        return (self.video if modality == "video" else self.music).posterior(features)


def _direction(vectors: Array) -> Array:
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norm > 0, norm, 1)
