"""CCDA: self-attention within and cross-attention between modalities, tied by the cross-correlation of what they give.

After Wang, Liu & Chen 2024 ("CCDA: A Novel Method to Explore the Cross-Correlation in Dual-Attention for Multimodal
Sentiment Analysis", Applied Sciences 14, 1934): both kinds of attention at once, a loss on their cross-correlation, a
"relevant coefficient" with which their outputs are put together, and an MLP [paper, by its abstract: the equations
were not at hand]. Their modalities are sequences; here each is one vector, so that [ours], per modality m with the
other one o:

- x_m = what is read of m, projected to w channels, which are the tokens: heads attend across channels as AFCLNet's do
  (`training.nets.afclnet.ChannelAttention`). s_m = x_m + self(x_m, x_m), c_m = x_m + cross(x_m, x_o), the query
  being the modality's own and key and value the other's.
- Cross-correlation over a batch, R_ij = mean_n z(s_m)_ni z(c_m)_nj, z standardising every channel over the batch:
  L_m = mean_i (1 - R_ii)^2 + lambda mean_{i != j} R_ij^2, the form of Zbontar et al. 2021 (equation 1), their sums
  means here, so that the weight does not depend on w.
- Relevant coefficient r_m = (1 + corr(s_m, c_m)) / 2, over the channels of one pair: how far both kinds of attention
  agree on it. The MLP reads [r_v s_v; r_v c_v; r_m s_m; r_m c_m] and gives the logit of the score.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from training.learning.loop import Batch, Schedule, reproducible, train
from training.learning.losses import match_score
from training.learning.targets import Scored
from training.nets.afclnet import ChannelAttention
from training.systems.afclnet.system import OURS
from training.systems.baselines.inputs import FittedNetwork, InputConfig, Sizes, prepare
from training.systems.rated import FromScores
from training.types import Extra, Fitted, System

STEADY = 1e-4
"""Added to variances: a channel that is constant over a batch correlates with nothing."""


@dataclass(frozen=True)
class CCDAConfig:
    """What is read, the parts and sizes of the network, and its losses."""

    inputs: InputConfig = field(default_factory=InputConfig)
    self_attention: bool = True  # paper; False: s is what is read
    cross_attention: bool = True  # paper; False: c is what is read
    coefficient: bool = True  # paper, its form ours; False: both outputs count as they are
    width: int = 32  # ours: channels a modality is projected to
    heads: int = 8  # ours: as AFCLNet's self-attention
    hidden: int = 64  # ours: of the MLP
    dropout: float = 0.2  # ours, before and in the MLP: .5 is worse on generated pairs, no better on EmoMV-C's train
    loss: Literal["mae", "mse", "bce"] = "bce"  # ours: as AFCLNet
    correlation: float = 0.1  # ours: weight of the cross-correlation loss
    off_diagonal: float = 1.0  # ours: lambda, of means: Barlow Twins' .005 is of sums
    schedule: Schedule = OURS.schedule  # ours: as AFCLNet
    epochs: int = 80  # ours: as AFCLNet


class Attended(NamedTuple):
    """What both kinds of attention give of one modality: [n, w] each."""

    own: Tensor
    cross: Tensor


class Dual(nn.Module):
    """One modality's channels [n, w] and the other's [n, w] -> `Attended`."""

    def __init__(self, config: CCDAConfig) -> None:
        super().__init__()
        self.own = ChannelAttention(config.width, config.heads) if config.self_attention else None
        self.cross = ChannelAttention(config.width, config.heads) if config.cross_attention else None

    def forward(self, x: Tensor, other: Tensor) -> Attended:
        own = x if self.own is None else x + self.own(x, x)
        return Attended(own, x if self.cross is None else x + self.cross(x, other))


class Network(nn.Module):
    """Video and music [n, r + a] -> logit [n]; `attend` has what the loss compares."""

    def __init__(self, sizes: Sizes, config: CCDAConfig) -> None:
        super().__init__()
        self.coefficient = config.coefficient
        self.project = nn.ModuleList(nn.Linear(r + sizes.affect, config.width) for r in (sizes.video, sizes.music))
        self.dual = nn.ModuleList(Dual(config) for _ in range(2))
        rate, first, last = config.dropout, nn.Linear(4 * config.width, config.hidden), nn.Linear(config.hidden, 1)
        self.mlp = nn.Sequential(nn.Dropout(rate), first, nn.GELU(), nn.Dropout(rate), last)

    def attend(self, video: Tensor, music: Tensor) -> tuple[Attended, Attended]:
        """Both modalities, each with the other."""
        x, y = self.project[0](video), self.project[1](music)
        return self.dual[0](x, y), self.dual[1](y, x)

    def score(self, video: Attended, music: Attended) -> Tensor:
        """Logit [n] of what both kinds of attention give of either modality."""
        parts = [relevance(side) * part if self.coefficient else part for side in (video, music) for part in side]
        return self.mlp(torch.cat(parts, dim=1))[:, 0]

    def forward(self, video: Tensor, music: Tensor) -> Tensor:
        return self.score(*self.attend(video, music))


def relevance(side: Attended) -> Tensor:
    """(1 + r) / 2 [n, 1], r the correlation over the channels of what both kinds of attention give of a pair."""
    own, cross = (_standardise(x, dim=1) for x in side)
    return (1 + (own * cross).mean(dim=1, keepdim=True)) / 2


def cross_correlation(own: Tensor, cross: Tensor, off_diagonal: float) -> Tensor:
    """mean_i (1 - R_ii)^2 + lambda mean_{i != j} R_ij^2 of outputs [n, w], R [w, w] their correlations over the rows.

    Channels that do not vary over the rows correlate with nothing. With one channel the second mean is 0.
    """
    r = _standardise(own, dim=0).T @ _standardise(cross, dim=0) / len(own)
    diagonal = torch.diagonal(r)
    others = (r**2).sum() - (diagonal**2).sum()
    return ((1 - diagonal) ** 2).mean() + off_diagonal * others / max(r.numel() - len(r), 1)


def _standardise(x: Tensor, dim: int) -> Tensor:
    centred = x - x.mean(dim=dim, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(dim=dim, keepdim=True) + STEADY)


def loss(net: Network, config: CCDAConfig, batch: Batch) -> Tensor:
    """The loss of the score plus the cross-correlation losses of both modalities."""
    video, music = net.attend(batch.video, batch.music)
    total = match_score(net.score(video, music), batch.match, config.loss)
    if config.correlation:
        tied = [cross_correlation(side.own, side.cross, config.off_diagonal) for side in (video, music)]
        total = total + config.correlation * (tied[0] + tied[1])
    return total


@dataclass(frozen=True)
class CCDA(FromScores):
    """CCDA as a system; the same data, configuration and seed give the same network."""

    name: str = "ccda"
    config: CCDAConfig = field(default_factory=CCDAConfig)

    def fit_scored(self, data: Scored, seed: int, stop: Scored | None = None, *, extra: Extra | None = None) -> Fitted:
        """Fitted on pairs with any score and affect; `extra` music teaches the affect predictor."""
        c = self.config
        inputs, epoch, held = prepare(data, c.inputs, seed, stop=stop, extra=extra)
        with reproducible(seed):
            net = Network(inputs.sizes, c)
            train(net, partial(loss, net, c), epoch, schedule=c.schedule, seed=seed, epochs=c.epochs, stop=held)
        return FittedNetwork(net, inputs, data.classes)


SYSTEMS: dict[str, Callable[[], System]] = {"ccda": lambda: CCDA()}

SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = {
    "ccda": {
        "inputs.reduction.components": (8, 16, 32),
        "inputs.reduction.ridge": (10.0, 100.0, 300.0),
        "inputs.affect.penalty": (30.0, 100.0, 300.0),
        "correlation": (0.1, 0.3, 1.0),
        "heads": (4, 8, 16),
        "width": (16, 32, 64),
        "dropout": (0.0, 0.2, 0.5),
        "epochs": (40, 80, 120),
        "schedule.learning_rate": (1e-3, 3e-3, 1e-2),
        "schedule.weight_decay": (0.0, 1e-3, 1e-2),
    }
}
