"""What AFCLNet's comparison networks share: reduced features and predicted affect in, fitted scores of pairs out."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn

from recommender.types import Array, Modality
from training.learning.loop import Batch, Epoch
from training.learning.targets import Scored
from training.systems.afclnet.affect import Affect, AffectConfig, fit_seen
from training.systems.afclnet.reduction import Reducer, ReductionConfig, reduce
from training.systems.afclnet.system import OURS, AFCLNetConfig, epochs_of
from training.systems.network import every_pair
from training.types import Extra


@dataclass(frozen=True)
class InputConfig:
    """What a comparison network reads and which pairs it is trained on: those of AFCLNet's recipe of ours.

    So rivals differ in their networks alone.
    """

    reduction: ReductionConfig = OURS.reduction  # ours: PCA and "none" learn nothing of what goes together
    affect: AffectConfig = OURS.affect  # ours: predicted out of fold, so that no label is read
    fresh: bool = OURS.fresh  # ours: new pairs every epoch where a rule scores any two; False: the given pairs
    epoch_pairs: int = OURS.epoch_pairs  # ours
    rarity: float = OURS.rarity  # ours


class Sizes(NamedTuple):
    """Columns of what a network reads: reduced features of either modality, then as many of affect on either side."""

    video: int
    music: int
    affect: int


@dataclass(frozen=True)
class Inputs:
    """The preparation of both modalities, fitted on training pairs."""

    reducer: Reducer
    affect: Affect
    sizes: Sizes

    def tensor(self, modality: Modality, features: Array) -> Tensor:
        """float32 [n, r + a]: raw features [n, d] as reduced features with predicted affect beside them."""
        reduced = self.reducer.video(features) if modality == "video" else self.reducer.music(features)
        return _join(reduced, self.affect.see(modality, features))


class Prepared(NamedTuple):
    """Training pairs as networks read them, where their epochs come from, and the pairs for early stopping.

    A batch has the true affect, in the scale of the predicted one, in its label slots.
    """

    inputs: Inputs
    epoch: Epoch
    stop: Batch | None


def prepare(data: Scored, config: InputConfig, seed: int, *, stop: Scored | None, extra: Extra | None) -> Prepared:
    """The inputs fitted on `data`, whose own affect is predicted out of fold, and the epochs they make.

    Raises InputError: too few groups for the folds of the affect, or pairs that the reduction cannot be fitted on.
    """
    reducer = reduce(data.video, data.music, data.score, config=config.reduction, seed=seed)
    affect, raw = fit_seen(data, config.affect, extra, seed=seed)
    video = _join(reducer.video(data.video), affect.video_scale(raw[0]))
    music = _join(reducer.music(data.music), affect.music_scale(raw[1]))
    a = data.video_affect.shape[1]
    inputs = Inputs(reducer, affect, Sizes(video.shape[1] - a, music.shape[1] - a, a))
    held = None
    if stop is not None:
        held = _batch(inputs, stop, inputs.tensor("video", stop.video), inputs.tensor("music", stop.music))
    drawn = AFCLNetConfig(fresh=config.fresh, epoch_pairs=config.epoch_pairs, rarity=config.rarity)
    return Prepared(inputs, epochs_of(data, _batch(inputs, data, video, music), drawn), held)


def _batch(inputs: Inputs, data: Scored, video: Tensor, music: Tensor) -> Batch:
    labels = data.score, inputs.affect.video_scale(data.video_affect), inputs.affect.music_scale(data.music_affect)
    return Batch(video, music, *(torch.as_tensor(label, dtype=torch.float32) for label in labels))


def _join(reduced: Array, affect: Array) -> Tensor:
    return torch.as_tensor(np.hstack([reduced, affect]), dtype=torch.float32)


@dataclass(frozen=True)
class FittedNetwork:
    """A network that gives logits [n] of video [n, r + a] with music [n, r + a], behind the contract of a system."""

    net: nn.Module
    inputs: Inputs
    classes: bool

    def logit(self, video: Array, music: Array) -> Array:
        """Logit float64 [n] of n pairs of raw features."""
        score = self._score(self.inputs.tensor("video", video), self.inputs.tensor("music", music))
        return np.asarray(score.double().numpy())

    def match(self, video: Array, music: Array) -> Array:
        """Match score float64 [n] in [0, 1]."""
        return np.asarray(expit(self.logit(video, music)))

    def similarity(self, video: Array, music: Array) -> Array:
        """Logits float32 [a, b] of every video with every piece of music."""
        return every_pair(self._score, self.inputs.tensor("video", video), self.inputs.tensor("music", music))

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities [n, 5] of the affect predictors, or None where affect is ratings."""
        return self.inputs.affect.of(modality).probabilities(features) if self.classes else None

    def _score(self, video: Tensor, music: Tensor) -> Tensor:
        with torch.no_grad():
            return self.net(video, music)
