"""Supervised-contrastive heads: one space in which segments of equal emotion are close, whichever their modality.

Khosla et al. 2020, "Supervised contrastive learning", equation 2, taken across modalities: the anchors of one side
see every segment of the other side in the fold, so that the given pairing does not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from recommender.encoders import Matcher
from recommender.encoders.linear import LinearEncoder
from recommender.types import Array, Modality
from training.learning.loop import Batch, Loss, Schedule, reproducible
from training.learning.loop import train as train_loop
from training.learning.losses import cross_entropy, supervised_contrastive
from training.systems.matching import calibrate, tensors_of
from training.systems.network import Trained, linear, scales
from training.systems.prepare import standardiser
from training.types import EMOTIONS, Extra, Pairs, System


@dataclass(frozen=True)
class ContrastiveConfig:
    """Sizes and training of the supervised-contrastive heads."""

    width: int = 32  # ours: wider spaces overfit 360 pairs
    input_dropout: float = 0.5  # ours: features are many (2304) and redundant
    temperature: float = 0.5  # ours: 0.2 loses 1.3 mAP music -> video on folds of train; Khosla has 0.1
    emotion_weight: float = 1.0  # ours: of both emotion cross-entropies beside the contrastive loss
    extra_weight: float = 0.5  # ours: of the contrastive loss of the video against the further music
    smoothing: float = 0.1  # ours: emotion labels are noisy
    # ours: the whole fold is one batch, so that every anchor sees every segment
    schedule: Schedule = field(default_factory=lambda: Schedule(learning_rate=1e-3, weight_decay=1e-2, batch=100_000))
    epochs: int = 100  # ours, from grouped folds of train


class HeadsNet(nn.Module):
    """Linear heads of both modalities into one space of unit vectors, and an emotion branch on it per modality."""

    def __init__(self, d_video: int, d_music: int, config: ContrastiveConfig) -> None:
        super().__init__()
        self.dropout = nn.Dropout(config.input_dropout)
        sizes = {"video": d_video, "music": d_music}
        self.heads = nn.ModuleDict({name: nn.Linear(size, config.width) for name, size in sizes.items()})
        self.emotion = nn.ModuleDict({name: nn.Linear(config.width, len(EMOTIONS)) for name in ("video", "music")})

    def project(self, modality: Modality, features: Tensor) -> Tensor:
        """Vectors [n, width] before normalisation."""
        return self.heads[modality](self.dropout(features))


@dataclass(frozen=True)
class SupervisedContrastive:
    """Linear heads trained by the cross-modal supervised-contrastive loss with emotion branches beside it."""

    name: str = "supcon"
    config: ContrastiveConfig = field(default_factory=ContrastiveConfig)

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> Matcher:
        """The heads fitted on `train` and, where given, on `extra` music (standardised on its own statistics)."""
        return calibrate(_encoder(self._train(train, seed, stop, extra)), train)

    def _train(self, pairs: Pairs, seed: int, stop: Pairs | None, extra: Extra | None) -> Trained[HeadsNet]:
        c = self.config
        prepared = scales(pairs)
        with reproducible(seed):
            net = HeadsNet(pairs.video.shape[1], pairs.music.shape[1], c)
            batch, loss = prepared.batch(pairs), _loss(net, c, extra)
            held = None if stop is None else prepared.batch(stop)
            epochs = train_loop(net, loss, lambda _: batch, schedule=c.schedule, seed=seed, epochs=c.epochs, stop=held)
        return Trained(net, prepared, epochs)


def _loss(net: HeadsNet, c: ContrastiveConfig, extra: Extra | None) -> Loss:
    further = None
    if extra is not None:
        further = torch.as_tensor(standardiser(extra.music)(extra.music)), torch.as_tensor(extra.emotion).long()
    contrast = partial(supervised_contrastive, temperature=c.temperature)

    def loss(batch: Batch) -> Tensor:
        video, music = net.project("video", batch.video), net.project("music", batch.music)
        v, m = functional.normalize(video, dim=1), functional.normalize(music, dim=1)
        ve, me = batch.video_emotion, batch.music_emotion
        total = contrast(v, m, ve, candidate_labels=me) + contrast(m, v, me, candidate_labels=ve)
        emotion = cross_entropy(net.emotion["video"](video), ve, c.smoothing)
        emotion = emotion + cross_entropy(net.emotion["music"](music), me, c.smoothing)
        if further is not None and net.training:
            z, ze = net.project("music", further[0]), further[1]
            emotion = emotion + c.extra_weight * cross_entropy(net.emotion["music"](z), ze, c.smoothing)
            z = functional.normalize(z, dim=1)
            total = total + c.extra_weight * contrast(v, z, ve, candidate_labels=ze)
        return total + c.emotion_weight * emotion

    return loss


def _encoder(trained: Trained[HeadsNet]) -> LinearEncoder:
    """The trained heads, which are linear, with the preparation of the features inside."""
    tensors: dict[str, Array] = {}
    for name, scale in zip(trained.scales._fields, trained.scales, strict=True):
        tensors |= tensors_of(name, scale.fold_into(*linear(trained.model.heads[name])))
        tensors |= tensors_of(f"{name}_emotion", linear(trained.model.emotion[name]))
    return LinearEncoder({}, tensors)


SYSTEMS: dict[str, Callable[[], System]] = {"supcon": lambda: SupervisedContrastive()}
