"""The training loop of every network, and the choice of the number of epochs without looking at evaluated items."""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from recommender.types import Array
from training.measures import POINTWISE, SameLabel, per_query
from training.types import Pairs


@dataclass(frozen=True)
class Schedule:
    """How a network is optimised (Adam)."""

    learning_rate: float = 1e-4  # paper
    weight_decay: float = 0.1  # the authors' code; their text has none
    batch: int = 256  # paper
    max_epochs: int = 1000  # paper
    patience: int = 20  # paper: epochs without a better loss on the stopping pairs


class Batch(NamedTuple):
    """Pairs as tensors: video [n, d_v], music [n, d_m] float32, standardised; the labels int64 [n]."""

    video: Tensor
    music: Tensor
    match: Tensor
    video_emotion: Tensor
    music_emotion: Tensor

    def take(self, rows: Tensor) -> "Batch":
        """The pairs at `rows`."""
        return Batch(*(tensor[rows] for tensor in self))


def batch_of(pairs: Pairs, video: np.ndarray, music: np.ndarray) -> Batch:
    """The labels of `pairs` beside their prepared features."""
    labels = (pairs.match, pairs.video_emotion, pairs.music_emotion)
    features = (torch.as_tensor(video, dtype=torch.float32), torch.as_tensor(music, dtype=torch.float32))
    return Batch(*features, *(torch.as_tensor(label, dtype=torch.int64) for label in labels))


Loss = Callable[[Batch], Tensor]
Epoch = Callable[[np.random.Generator], Batch]
Watch = Callable[[int], None]


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """One thread and a seeded torch generator inside; the caller's threads and random state after it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def train(
    model: nn.Module,
    loss: Loss,
    epoch: Epoch,
    *,
    schedule: Schedule,
    seed: int,
    epochs: int,
    stop: Batch | None = None,
    watch: Watch = lambda number: None,
) -> int:
    """The number of epochs whose weights `model` is left with.

    Without `stop`: exactly `epochs` of them. With it: at most `schedule.max_epochs`, until the loss on `stop` has
    not improved for `schedule.patience` epochs; the best epoch's weights are restored.

    loss: of one batch, through `model`. epoch: the pairs of one epoch, which may be drawn anew every time.
    watch: called with the number of every finished epoch; it may put the model in evaluation mode.
    """
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    best, best_loss, best_weights = 0, np.inf, copy.deepcopy(model.state_dict())
    for number in range(1, (schedule.max_epochs if stop is not None else epochs) + 1):
        model.train()
        pairs = epoch(rng)
        order = torch.as_tensor(rng.permutation(len(pairs.match)))
        for start in range(0, len(order), schedule.batch):
            optimiser.zero_grad()
            torch.autograd.backward(loss(pairs.take(order[start : start + schedule.batch])))
            optimiser.step()
        watch(number)
        if stop is None:
            continue
        stop_loss = evaluate(model, loss, stop)
        if stop_loss < best_loss:
            best, best_loss, best_weights = number, stop_loss, copy.deepcopy(model.state_dict())
        elif number - best >= schedule.patience:
            break
    model.eval()
    if stop is None:
        return epochs
    model.load_state_dict(best_weights)
    return best


def evaluate(model: nn.Module, loss: Loss, batch: Batch) -> float:
    """The loss on `batch` without dropout."""
    model.eval()
    with torch.no_grad():
        return float(loss(batch))


EVERY = 10
"""Epochs between two looks at a held-out inner fold."""
SMOOTHED = 5
"""Looks that are averaged: one look at a few dozen queries is noise."""
MOST_EPOCHS = 600
"""Where inner fits end: on EmoMV-C's training folds no network still improves there."""


def inner_epochs(curve_on: Callable[[Pairs, Pairs], Array], train_pairs: Pairs, folds: int, *, seed: int) -> int:
    """Epochs for a fit on all of `train_pairs`: those with the best quality on inner folds [ours].

    The folds are grouped by source video and lie inside the training pairs, so that nothing of the evaluated items
    is used. `curve_on(train, held_out)` fits one and gives the quality [e] of its scores after every EVERY epochs
    (`quality`). The loss would stop too early: its emotion terms overfit while the ranking still improves.
    """
    from training.learning.folds import deal_pair_folds

    curves = [curve_on(train_pairs.take(a), train_pairs.take(b)) for a, b in deal_pair_folds(train_pairs, folds, seed)]
    mean = np.mean(curves, axis=0)
    # Every point is the mean of the looks around it; at the ends there are fewer.
    window = np.ones(min(SMOOTHED, len(mean)))
    smooth = np.convolve(mean, window, "same") / np.convolve(np.ones(len(mean)), window, "same")
    return EVERY * (int(np.argmax(smooth)) + 1)


def quality(similarity: Array, held: Pairs) -> float:
    """mAP, the mean of both directions, plus ROC AUC of the given pairs, by `similarity` [h, h] of held-out pairs.

    What has no value (a query without relevant items, pairs of one kind only) counts nothing.
    """
    means = [mean_known(values) for values in queries(similarity, held)]
    auc = POINTWISE["AUC"].of(held.match, np.diag(similarity)) if len(set(held.match.tolist())) > 1 else 0.0
    return float(np.mean(means) + auc)


def queries(similarity: Array, held: Pairs) -> tuple[Array, Array]:
    """mAP of every video [h] and of every piece of music [h] by `similarity` [h, h], NaN without relevant items.

    Relevant is what shares the query's emotion.
    """
    video, music = held.video_emotion, held.music_emotion
    forth = per_query(similarity, SameLabel(video, music), ["mAP"])["mAP"]
    return forth, per_query(similarity.T, SameLabel(music, video), ["mAP"])["mAP"]


def mean_known(values: Array) -> float:
    """The mean of what is not NaN; 0 where nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def equal_steps(schedule: Schedule, rows: int, of: int) -> Schedule:
    """The schedule for `rows` of `of` pairs with as many steps per epoch as for all: else their epochs differ."""
    steps = math.ceil(of / schedule.batch)
    return replace(schedule, batch=math.ceil(rows / steps))
