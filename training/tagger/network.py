"""One opinion of the tagger: networks of one kind of input, each stopped on another part of the labelled segments."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from recommender.errors import InputError
from recommender.types import Array
from training.learning.loop import Batch, Schedule, reproducible, train
from training.nets.attendaffect import AttendAffectNet, Shape
from training.systems.prepare import Standardiser, standardiser
from training.tagger.labelled import parts


@dataclass(frozen=True)
class TaggerConfig:
    """How each of the three models is made; `PAPER` is the published recipe.

    Chosen on grouped folds of EmoMV-C's train: one wide block does as well as six narrow ones and takes a third of the
    time; of three members instead of one nothing certain was gained.
    """

    shape: Shape = field(default_factory=lambda: Shape(64, 4, 1, 0.5, 0.5, 0.5))  # ours
    schedule: Schedule = field(default_factory=lambda: Schedule(5e-4, 0.0, 30, 200, 30))  # paper
    parts: int = 5  # ours: a fifth of the segments, of other sources, is held back to stop on
    members: int = 1  # ours: networks whose probabilities are averaged, each stopped on a part of its own


PAPER = TaggerConfig(Shape())
"""The published recipe; the paper stops on the validation set of MVED, here that is a part of the training segments."""


class Member(NamedTuple):
    """A trained network, what prepares its features, and how many epochs it was trained for."""

    scale: Standardiser
    model: AttendAffectNet
    epochs: int

    def __call__(self, features: Array) -> Array:
        """Emotion probabilities float64 [n, classes] of features [n, d]."""
        return probabilities(self.model, self.scale(features))


class Labels(NamedTuple):
    """Features [n, d] with their emotion [n] and source [n]."""

    features: Array
    emotion: Array
    source: Array


def opinion(members: Sequence[Member], features: Array) -> Array:
    """The mean probabilities float64 [n, classes] of the members."""
    return np.mean([member(features) for member in members], axis=0)


def probabilities(model: AttendAffectNet, prepared: Array) -> Array:
    """Emotion probabilities float64 [n, classes] of prepared features float32 [n, d]."""
    model.eval()
    with torch.no_grad():
        return torch.softmax(model(torch.as_tensor(prepared)).double(), dim=1).numpy()


def fit_members(
    data: Labels,
    tokens: Sequence[Sequence[int]],
    classes: int,
    *,
    config: TaggerConfig,
    seed: int,
    further: Labels | None = None,
) -> tuple[Member, ...]:
    """The networks fitted on `data` and, where given, `further` segments of another collection.

    Raises InputError for fewer sources than parts, features that are not finite, or of another width in `further`.
    """
    more = None if further is None else _own_scale(further, data.features.shape[1])
    split = parts(data.emotion, data.source, config.parts, seed=seed)[: config.members]

    def member(number: int, inside: Array, held: Array) -> Member:
        own = seed + 1000 * number
        with reproducible(own):
            scale = standardiser(data.features[inside])
            model = AttendAffectNet(tokens, classes, config.shape)
            batch = _batch(scale(data.features[inside]), data.emotion[inside])
            if more is not None:
                batch = Batch(*(torch.cat(both) for both in zip(batch, more, strict=True)))
            stop = _batch(scale(data.features[held]), data.emotion[held])

            def loss(b: Batch) -> torch.Tensor:
                return functional.cross_entropy(model(b.video), b.match)

            epochs = train(model, loss, lambda _: batch, schedule=config.schedule, seed=own, epochs=0, stop=stop)
        return Member(scale, model.eval(), epochs)

    return tuple(member(number, *rows) for number, rows in enumerate(split))


def _own_scale(further: Labels, width: int) -> Batch:
    """Another collection by its own statistics: production and loudness differ between them, emotion less."""
    if further.features.shape[1] != width:
        raise InputError(f"further music has {further.features.shape[1]} columns, the training music {width}")
    return _batch(standardiser(further.features)(further.features), further.emotion)


def _batch(prepared: Array, emotion: Array) -> Batch:
    """As the training loop takes it: features and emotion, nothing else."""
    label = torch.as_tensor(emotion, dtype=torch.int64)
    x = torch.as_tensor(prepared, dtype=torch.float32)
    return Batch(x, x[:, :0], label, label, label)
