"""What the fitted networks share: prepared features in, matching scores, similarities and emotions out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from recommender.types import Array, Modality
from training.learning.loop import (
    EVERY,
    MOST_EPOCHS,
    Batch,
    Loss,
    Schedule,
    batch_of,
    equal_steps,
    inner_epochs,
    quality,
    reproducible,
    train,
)
from training.systems.prepare import Standardiser, standardiser
from training.types import Pairs

M = TypeVar("M", bound=nn.Module)
BLOCK = 16384
"""Pairs scored at once: bounds the memory of a similarity matrix's intermediate values."""


class Scales(NamedTuple):
    """The preparation of both modalities."""

    video: Standardiser
    music: Standardiser

    def batch(self, pairs: Pairs) -> Batch:
        """`pairs` as tensors, prepared."""
        return batch_of(pairs, self.video(pairs.video), self.music(pairs.music))

    def tensor(self, modality: Modality, features: Array) -> Tensor:
        """Prepared features [n, d] float32."""
        return torch.as_tensor((self.video if modality == "video" else self.music)(features))


def scales(pairs: Pairs) -> Scales:
    """The preparation fitted on `pairs`."""
    return Scales(standardiser(pairs.video), standardiser(pairs.music))


@dataclass(frozen=True)
class Trained(Generic[M]):
    """A trained network with the preparation of its features and the number of epochs it was trained for."""

    model: M
    scales: Scales
    epochs: int


class Recipe(Protocol):
    """What `train_network` needs of a system."""

    @property
    def schedule(self) -> Schedule: ...

    @property
    def epochs(self) -> int | None:
        """Epochs without stopping pairs; None: from inner folds of the training pairs."""

    @property
    def inner_folds(self) -> int: ...


def linear(layer: Any) -> tuple[Array, Array]:
    """Weights float64 [in, out] and bias [out] of a torch Linear; scale and shift [width] of a LayerNorm."""
    return layer.weight.detach().numpy().T.astype(np.float64), layer.bias.detach().numpy().astype(np.float64)


def train_network(
    build: Callable[[int, int], M],
    loss: Callable[[M], Loss],
    similarity: Callable[[M, Tensor, Tensor], Array],
    *,
    recipe: Recipe,
    pairs: Pairs,
    seed: int,
    stop: Pairs | None,
) -> Trained[M]:
    """A network trained on `pairs`; `stop` ends the training (protocol `paper`), else inner folds do (`clean`).

    `build(d_video, d_music)` makes the network, `loss(model)` its loss; `similarity(model, video, music)` [a, b] of
    prepared features is what inner folds judge it by.
    """

    def fit(pairs: Pairs, stop: Pairs | None, epochs: int, schedule: Schedule, look: Look[M]) -> Trained[M]:
        with reproducible(seed):
            prepared = scales(pairs)
            model = build(pairs.video.shape[1], pairs.music.shape[1])
            batch = prepared.batch(pairs)
            held = None if stop is None else prepared.batch(stop)
            run = partial(train, model, loss(model), lambda _: batch, schedule=schedule, seed=seed)
            kept = run(epochs=epochs, stop=held, watch=lambda number: look(model, prepared, number))
        return Trained(model, prepared, kept)

    def curve(inside: Pairs, held: Pairs) -> Array:
        found: list[float] = []

        def look(model: M, prepared: Scales, number: int) -> None:
            if number % EVERY == 0:
                model.eval()
                batch = prepared.batch(held)
                with torch.no_grad():
                    found.append(quality(similarity(model, batch.video, batch.music), held))

        schedule = equal_steps(recipe.schedule, len(inside), len(pairs))
        fit(inside, None, max(EVERY, min(recipe.schedule.max_epochs, MOST_EPOCHS)), schedule, look)
        return np.array(found)

    if stop is not None:
        return fit(pairs, stop, 0, recipe.schedule, look_away)
    epochs = recipe.epochs
    if epochs is None:
        epochs = inner_epochs(curve, pairs, recipe.inner_folds, seed=seed)
    return fit(pairs, None, epochs, recipe.schedule, look_away)


Look = Callable[[M, Scales, int], None]


def look_away(model: nn.Module, prepared: Scales, number: int) -> None:
    """Looks at nothing."""


def every_pair(score: Callable[[Tensor, Tensor], Tensor], video: Tensor, music: Tensor) -> Array:
    """float32 [a, b]: `score(video [n, .], music [n, .]) -> [n]` of every row of `video` with every one of `music`."""
    out = np.empty((len(video), len(music)), np.float32)
    rows, columns = max(1, BLOCK // max(1, len(music))), min(len(music), BLOCK) or 1
    for top in range(0, len(video), rows):
        for left in range(0, len(music), columns):
            a, b = video[top : top + rows], music[left : left + columns]
            scores = score(a.repeat_interleave(len(b), dim=0), b.repeat(len(a), 1))
            out[top : top + rows, left : left + columns] = scores.reshape(len(a), len(b)).numpy()
    return out
