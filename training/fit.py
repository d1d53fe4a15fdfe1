"""The training loop of every network, and the choice of the number of epochs without looking at evaluated items."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

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
    model: nn.Module, loss: Loss, epoch: Epoch, schedule: Schedule, seed: int, epochs: int, stop: Batch | None = None
) -> int:
    """The number of epochs whose weights `model` is left with.

    Without `stop`: exactly `epochs` of them. With it: at most `schedule.max_epochs`, until the loss on `stop` has
    not improved for `schedule.patience` epochs; the best epoch's weights are restored.

    Parameters
    ----------
    loss: of one batch, through `model`. epoch: the pairs of one epoch, which may be drawn anew every time.
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


def inner_epochs(fit_on: Callable[[Pairs, Pairs], int], train_pairs: Pairs, folds: int, seed: int) -> int:
    """Epochs for a fit on all of `train_pairs`, at least 1: the median best epoch over inner folds.

    The folds are grouped by source video and lie inside the training pairs, so that nothing of the evaluated items
    is used. `fit_on(train, held_out)` fits one and gives its best epoch.
    """
    from training.folds import grouped_folds

    best = [fit_on(train_pairs.take(a), train_pairs.take(b)) for a, b in grouped_folds(train_pairs, folds, seed)]
    return max(1, round(float(np.median(best))))
