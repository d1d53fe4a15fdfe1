"""The baseline after Li & Kumar 2019 as EmoMV modifies it (section 5.2), in its two stages.

Stage one: fully connected layers per modality into a common space, contrastive loss on the Euclidean distance of
unit vectors plus two emotion cross-entropies. Stage two: logistic regression on the distance decides matches;
1 / distance ranks (equation 3).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from recommender.types import Array, Modality
from training.learning.loop import Batch, Loss, Schedule
from training.learning.losses import contrastive, cross_entropy
from training.nets.emomv import BaselineTrunk, euclidean
from training.systems.logistic import Calibration, calibration
from training.systems.network import Trained, train_network
from training.types import Extra, Pairs, System

NEAREST = 1e-6
"""Distances below count as this one, so that 1 / distance stays finite."""


@dataclass(frozen=True)
class LiKumarConfig:
    """Sizes and training of the baseline; its authors name few."""

    multi_task: bool = True  # paper's main rows; False drops the emotion branches (its ablation)
    width: int = 64  # ours: that of EmoMV's network, for a fair comparison
    dropout: float = 0.0  # paper: none named
    margin: float = 1.0  # ours: as in EmoMV's code; unit vectors are at most 2 apart
    halve: bool = True  # ours: as in EmoMV's code
    # paper: rate, batch, epochs, patience. ours: no weight decay, since 0.1 with Adam shrinks this network to nothing
    schedule: Schedule = field(default_factory=lambda: Schedule(weight_decay=0.0))
    epochs: int | None = None  # ours: inner folds of train choose
    inner_folds: int = 4  # ours: 270 of 360 pairs train, close to the final size, at four fits


@dataclass(frozen=True)
class LiKumar:
    """The two-stage baseline."""

    name: str = "li-kumar"
    config: LiKumarConfig = field(default_factory=LiKumarConfig)

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> "FittedLiKumar":
        """The baseline fitted on `train`; `extra` is not used, as published."""
        c = self.config
        build, loss = partial(BaselineTrunk, width=c.width, dropout=c.dropout), partial(_loss, config=c)
        trained = train_network(build, loss, _cosines, recipe=c, pairs=train, seed=seed, stop=stop)
        distance = _distance(trained, train.video, train.music)
        return FittedLiKumar(trained, calibration(-distance, train.match), c.multi_task)


def _loss(net: BaselineTrunk, config: LiKumarConfig) -> Loss:
    def loss(batch: Batch) -> Tensor:
        video, music = net.video(batch.video), net.music(batch.music)
        distance = euclidean(video.embedding, music.embedding)
        total = contrastive(distance, batch.match, config.margin, halve=config.halve)
        if config.multi_task:
            total = total + cross_entropy(net.video.emotion(video.reduced), batch.video_emotion)
            total = total + cross_entropy(net.music.emotion(music.reduced), batch.music_emotion)
        return total

    return loss


def _cosines(net: BaselineTrunk, video: Tensor, music: Tensor) -> Array:
    return (net.video(video).embedding @ net.music(music).embedding.T).numpy()


def _embed(trained: Trained[BaselineTrunk], modality: Modality, features: Array) -> Array:
    stream = trained.model.video if modality == "video" else trained.model.music
    with torch.no_grad():
        return stream(trained.scales.tensor(modality, features)).embedding.numpy()


def _distance(trained: Trained[BaselineTrunk], video: Array, music: Array) -> Array:
    """Distances [n] of the pairs."""
    return np.linalg.norm(_embed(trained, "video", video) - _embed(trained, "music", music), axis=1)


@dataclass(frozen=True)
class FittedLiKumar:
    """A fitted `LiKumar`."""

    trained: Trained[BaselineTrunk]
    calibration: Calibration
    multi_task: bool = True

    def embed(self, modality: Modality, features: Array) -> Array:
        """Embeddings float32 [n, width] of unit length; `similarity` grows with their inner product."""
        return _embed(self.trained, modality, features)

    def match(self, video: Array, music: Array) -> Array:
        """Match probability [n], from the distance (stage two)."""
        return self.calibration(-_distance(self.trained, video, music))

    def similarity(self, video: Array, music: Array) -> Array:
        """1 / Euclidean distance, float32 [a, b]."""
        cosine = self.embed("video", video) @ self.embed("music", music).T
        return 1 / np.maximum(np.sqrt(np.maximum(2 - 2 * cosine, 0)), np.float32(NEAREST))

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities [n, 5], or None of a single-task model."""
        if not self.multi_task:
            return None
        stream = self.trained.model.video if modality == "video" else self.trained.model.music
        with torch.no_grad():
            reduced = stream(self.trained.scales.tensor(modality, features)).reduced
            return torch.softmax(stream.emotion(reduced), dim=1).numpy()


SYSTEMS: dict[str, Callable[[], System]] = {
    "li-kumar": lambda: LiKumar(),
    "li-kumar-single": lambda: LiKumar("li-kumar-single", LiKumarConfig(multi_task=False)),
}
