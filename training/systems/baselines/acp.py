"""ACP-Net, L3-Net and Spectrogram-ACP: do this picture and this music have the same emotion? Learnt from pairs alone.

The networks, and what is ours in them, are in `training.nets.acp`. No emotion label reaches them: which pairs belong
together is all they are told. What they have learnt of emotion is read off afterwards by a logistic regression on each
modality's vectors, as the paper does.

On features of any kind:

- `acp-net`: both modalities projected into one space and fused there; fully connected subnetworks.
- `l3-net-features`: L3-Net's form on features: no common space, concatenation and fully connected layers.
- `spectrogram-acp-features`: the fusion of ACP-Net whose music side is a small convolutional network along the columns
  as they come. EmoMV publishes no spectrograms: there it reads the 128 numbers of VGGish, whose order means nothing, so
  it stands for less knowledge about music, not for a spectrogram.

The networks that see pictures and spectrograms themselves are in `acp_raw`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from recommender.errors import Argument, InputError
from recommender.types import Array, Modality
from training.construction.pictures import SHAPE as PICTURES
from training.construction.spectrogram import SHAPE as SPECTROGRAM
from training.learning.loop import Batch, Schedule, reproducible
from training.learning.loop import train as train_loop
from training.learning.losses import match_score
from training.learning.targets import Scored, same_emotion
from training.nets.acp import Correspondence, Fusion, Kind, subnetwork
from training.systems.afclnet.system import AFCLNetConfig, epochs_of
from training.systems.logistic import Multinomial, multinomial
from training.systems.network import Scales, Trained, every_pair
from training.systems.prepare import Standardiser, standardiser
from training.systems.rated import FromScores
from training.types import CLASS_OF, CLASSES, EMOTIONS, Extra, Fitted, System

SIDES: tuple[Modality, Modality] = ("video", "music")
Items = tuple[Tensor, ...]
"""Prepared features [n, d] of all videos, and of all music."""
SHAPES: dict[str, tuple[int, ...]] = {"pictures": PICTURES, "spectrogram": SPECTROGRAM}
POOLED: dict[str, tuple[int, ...]] = {"pictures": (0, 1, 3, 4), "spectrogram": (0, 1)}
"""Axes of items and shape over which values are standardised: per colour channel, per mel band."""


@dataclass(frozen=True)
class ACPConfig:
    """What the subnetworks read, how they are joined, which pairs they see, and how they are trained."""

    video: Kind | Literal["any"] = "dense"  # paper: an image network; ours: on features. any: frames where there are
    music: Kind = "dense"  # paper: a network on audio embeddings
    fusion: Fusion = "common"  # paper; "concatenated" is L3-Net's
    hidden: int = 64  # ours: wider ones overfit a few hundred pairs
    width: int = 32  # ours: the common space
    dropout: float = 0.5  # ours
    fresh: bool = True  # ours: new pairs every epoch, any video with any music of the fold; False: those given
    epoch_pairs: int = 1024  # ours: fresh pairs drawn per epoch, half of them with the same emotion
    # ours: the data's own emotions; "three" makes positive, neutral and negative of the five (paper's classes)
    relevance: Literal["five", "three"] = "five"
    probe: float = 1.0  # ours: penalty of the logistic regression that reads emotions off the vectors
    # ours: the loss on held-out pairs is flat after some 60 epochs
    schedule: Schedule = field(default_factory=lambda: Schedule(1e-3, 1e-3, batch=128, max_epochs=200, patience=20))
    epochs: int = 40  # ours, from grouped folds of EmoMV-C's train


FEATURES = ACPConfig()


@dataclass(frozen=True)
class ACP(FromScores):
    """A correspondence network as a system; the same data, configuration and seed give the same network."""

    name: str = "acp-net"
    config: ACPConfig = FEATURES

    def fit_scored(self, data: Scored, seed: int, stop: Scored | None = None, *, extra: Extra | None = None) -> Fitted:
        """Fitted on pairs with scores; `extra` is not used: it has no pictures."""
        data = relate_scores(data, self.config)
        c, seen = self.config, self._seen(data)
        scales = Scales(_prepare(seen, data.video), _prepare(c.music, data.music))
        parts = [data] if stop is None else [data, relate_scores(stop, c)]
        items = tuple(torch.cat([scales.tensor(side, getattr(part, side)) for part in parts]) for side in SIDES)
        batch = _batch(data, 0)
        held = None if stop is None else _batch(parts[1], len(data))
        with reproducible(seed):
            columns = (seen, data.video.shape[1]), (c.music, data.music.shape[1])
            video, music = (subnetwork(*one, c.hidden, width=c.width, dropout=c.dropout) for one in columns)
            net = Correspondence(video, music, c.width, c.hidden, c.fusion)
            epoch = epochs_of(data, batch, AFCLNetConfig(fresh=c.fresh, epoch_pairs=c.epoch_pairs))
            step = partial(loss, net, items)
            epochs = train_loop(net, step, epoch, schedule=c.schedule, seed=seed, epochs=c.epochs, stop=held)
        fitted = FittedACP(Trained(net, scales, epochs), {})
        return replace(fitted, probes=_probes(fitted, data, c)) if data.classes else fitted

    def _seen(self, data: Scored) -> Kind:
        """What the videos' columns are; raises InputError where the system needs others."""
        c = self.config
        frames = data.video.shape[1] == np.prod(PICTURES)
        video: Kind = ("pictures" if frames else "dense") if c.video == "any" else c.video
        wanted = {"pictures": "pictures", "spectrogram": "spectrograms"}
        for kind, features in ((video, data.video), (c.music, data.music)):
            if kind in SHAPES and features.shape[1] != np.prod(SHAPES[kind]):
                raise InputError(
                    f"{self.name} looks at {wanted[kind]}, not at {features.shape[1]} columns: build the dataset with ",
                    Argument("extractor", "raw", "dataset build"),
                    f", or run {self.name}-features",
                )
        return video


def relate_scores(data: Scored, config: ACPConfig) -> Scored:
    """`data` with the score that says whether both emotions are of one class; as it is where five emotions count."""
    if config.relevance == "five" or not data.classes:
        return data
    classes = np.eye(len(CLASSES))[list(CLASS_OF)]
    video, music = data.video_affect @ classes, data.music_affect @ classes
    score = same_emotion(video, music)
    return replace(data, score=score, video_affect=video, music_affect=music, rule=same_emotion)


def _prepare(kind: str, features: Array) -> Standardiser:
    """Columns standardised one by one, or those of a picture or spectrogram by channel or band."""
    each = standardiser(features)
    if kind not in SHAPES:
        return each
    shape = SHAPES[kind]
    items = np.asarray(features, np.float64).reshape(-1, *shape)
    mean, scale = (stat(items, axis=POOLED[kind], keepdims=True) for stat in (np.mean, np.std))
    return Standardiser(*(np.broadcast_to(x, (1, *shape)).ravel() for x in (mean, np.where(scale > 1e-12, scale, 1.0))))


def _batch(data: Scored, first: int) -> Batch:
    """Pairs by the places of their items, from `first` on: an item in many pairs of a step goes through once."""
    places = torch.arange(first, first + len(data))
    labels = (data.score, data.video_affect, data.music_affect)
    return Batch(places, places, *(torch.as_tensor(column, dtype=torch.float32) for column in labels))


def loss(net: Correspondence, items: Items, batch: Batch) -> Tensor:
    """Binary cross-entropy of "same emotion" (paper: a binary classification) of pairs of `items`."""
    sides = []
    for subnet, features, places in zip((net.video, net.music), items, (batch.video, batch.music), strict=True):
        rows, at = torch.unique(places, return_inverse=True)
        sides.append(subnet(features[rows])[at])
    return match_score(net.join(*sides), batch.match, "bce")


def _probes(fitted: "FittedACP", data: Scored, c: ACPConfig) -> dict[Modality, "Probe"]:
    """A logistic regression per modality from vectors to emotions: the network itself saw none."""
    found: dict[Modality, Probe] = {}
    for modality in SIDES:
        affect = getattr(data, f"{modality}_affect")
        vectors = fitted.vectors(modality, getattr(data, modality))
        prepare = standardiser(vectors)
        labels = affect.argmax(axis=1)
        even = np.ones(len(labels))
        model = multinomial(prepare(vectors), labels, affect.shape[1], penalty=c.probe, sample_weight=even)
        found[modality] = Probe(prepare, model)
    return found


@dataclass(frozen=True)
class Probe:
    """What of emotion can be read off a modality's vectors."""

    prepare: Standardiser
    model: Multinomial

    def __call__(self, vectors: Array) -> Array:
        """Probabilities float64 [n, c] of vectors [n, width]."""
        return self.model(self.prepare(vectors))


@dataclass(frozen=True)
class FittedACP:
    """A fitted `ACP`; `probes` are empty where affect is ratings."""

    trained: Trained[Correspondence]
    probes: Mapping[Modality, Probe]

    def vectors(self, modality: Modality, features: Array) -> Array:
        """float32 [n, width]: what the subnetwork makes of features, before the fusion."""
        net = self.trained.model
        with torch.no_grad():
            side = net.video if modality == "video" else net.music
            return side(self.trained.scales.tensor(modality, features)).numpy()

    def match(self, video: Array, music: Array) -> Array:
        """Probability float32 [n] in [0, 1] that both have the same emotion."""
        return torch.sigmoid(self._join(*self._sides(video, music))).numpy()

    def similarity(self, video: Array, music: Array) -> Array:
        """Logits float32 [a, b] of every video with every piece of music."""
        return every_pair(self._join, *self._sides(video, music))

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities [n, 5] by the probe; None where affect is ratings, or three classes."""
        probe = self.probes.get(modality)
        if probe is None or probe.model.weights.shape[1] != len(EMOTIONS):
            return None
        return probe(self.vectors(modality, features))

    def _sides(self, video: Array, music: Array) -> tuple[Tensor, Tensor]:
        return torch.as_tensor(self.vectors("video", video)), torch.as_tensor(self.vectors("music", music))

    def _join(self, video: Tensor, music: Tensor) -> Tensor:
        with torch.no_grad():
            return self.trained.model.join(video, music)


L3 = replace(FEATURES, fusion="concatenated")

SYSTEMS: dict[str, Callable[[], System]] = {
    "acp-net": lambda: ACP(),
    "l3-net-features": lambda: ACP("l3-net-features", L3),
    "spectrogram-acp-features": lambda: ACP("spectrogram-acp-features", replace(FEATURES, music="series")),
}

SPACE: Mapping[str, tuple[Any, ...]] = {
    "hidden": (32, 64, 128),
    "width": (16, 32, 64),
    "dropout": (0.2, 0.5, 0.7),
    "fresh": (True, False),
    "schedule.learning_rate": (3e-4, 1e-3, 3e-3),
    "schedule.weight_decay": (0.0, 1e-3, 1e-2),
    "epochs": (20, 40, 80),
}
SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = dict.fromkeys(SYSTEMS, SPACE)
