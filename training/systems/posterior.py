"""Emotion matching: one emotion classifier per modality, and a score of how well the two agree.

Two readings of the classifiers share the code. "posterior": the inner product of the two posteriors, the chance that
two independent labels agree. "evidence" [ours]: the emotion prior, which both sides share, is taken out; the picture
counts by the direction of its evidence alone, since the length of its logits says little about how sure they are,
and the music by a softened likelihood, whose certainty is real.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np

from recommender.encoders import Matcher
from recommender.encoders.emotion import EmotionEncoder
from recommender.errors import InputError
from recommender.types import Array
from training.systems.logistic import multinomial
from training.systems.matching import calibrate_out_of_fold, tensors_of
from training.systems.prepare import standardiser
from training.types import EMOTIONS, Extra, Pairs, System

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
class EmotionMatching:
    """Multinomial logistic regression per modality with a score of agreement; no random part."""

    name: str = "evidence"
    config: PosteriorConfig = field(default_factory=PosteriorConfig)

    def without_calibration(self) -> "EmotionMatching":
        """The same recipe whose matches are calibrated on what it was fitted on, at a fraction of the time."""
        return replace(self, config=replace(self.config, calibration_folds=0))

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Matcher:
        """The classifiers fitted on `train` and, where given, `extra` music; `stop` is not used: a convex problem.

        `seed` draws the folds of the calibration and nothing else.
        """
        encoder = partial(self.encoder, extra=extra)
        return calibrate_out_of_fold(encoder, train, self.config.calibration_folds, seed=seed)

    def encoder(self, train: Pairs, extra: Extra | None) -> EmotionEncoder:
        """The classifiers of both modalities, with the preparation of the features inside."""
        c = self.config
        counts = np.bincount(np.concatenate([train.video_emotion, train.music_emotion]), minlength=CLASSES)
        # One more of each: an emotion that a small fold lacks keeps a finite prior.
        log_prior = np.log((counts + 1) / (counts + 1).sum())
        tensors: dict[str, Array] = {"log_prior": log_prior}
        read = partial(evidence, log_prior=log_prior, extra_weight=c.extra_weight)
        tensors |= tensors_of("video", read(train.video, train.video_emotion, c.video_penalty, extra=None))
        tensors |= tensors_of("music", read(train.music, train.music_emotion, c.music_penalty, extra=extra))
        return EmotionEncoder({"score": c.score, "softness": c.softness}, tensors)


def evidence(
    features: Array, emotion: Array, penalty: float, *, log_prior: Array, extra: Extra | None, extra_weight: float
) -> tuple[Array, Array]:
    """Weights float64 [d, 5] and bias [5] with which raw features x give centred log-likelihoods x W + b.

    Logistic regression of `emotion` [n], its log prior [5] taken out of the logits.
    """
    prepare = standardiser(features)
    x, y, weight = prepare(features), emotion, np.ones(len(emotion))
    if extra is not None and len(extra.emotion):
        # Each collection on its own statistics: production and loudness differ between them, emotion less.
        further = standardiser(extra.music)(extra.music)
        if further.shape[1] != x.shape[1]:
            raise InputError(f"further music has {further.shape[1]} columns, the training music {x.shape[1]}")
        x, y = np.vstack([x, further]), np.concatenate([y, extra.emotion])
        weight = np.concatenate([weight, extra_weight * len(weight) * _as_prior(extra.emotion, np.exp(log_prior))])
    model = multinomial(x, y, CLASSES, penalty=penalty, sample_weight=weight)
    weights, bias = prepare.fold_into(model.weights, model.bias - log_prior)
    return weights - weights.mean(axis=1, keepdims=True), bias - bias.mean()


def _as_prior(emotion: Array, prior: Array) -> Array:
    """Weights [n], their sum 1, under which the labels are distributed as `prior`."""
    weight = (prior / np.maximum(np.bincount(emotion, minlength=CLASSES), 1))[emotion]
    return weight / weight.sum()


SYSTEMS: dict[str, Callable[[], System]] = {
    "posterior": lambda: EmotionMatching("posterior", PosteriorConfig(score="posterior")),
    "evidence": lambda: EmotionMatching(),
}
