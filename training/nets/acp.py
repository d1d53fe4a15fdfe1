"""Affective correspondence: ACP-Net (Verma, Dhekane and Guha 2019, "Learning affective correspondence between music
and image"), and its rivals L3-Net (Arandjelovic and Zisserman 2017, "Look, listen and learn") and Spectrogram-ACP.

Each has a subnetwork per modality and a head that says whether both have the same emotion. At hand is the summary of
the paper, which names neither layers nor sizes: those are [ours], small enough for hundreds of pairs.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.construction.pictures import SHAPE as PICTURES
from training.construction.spectrogram import SHAPE as SPECTROGRAM

Kind = Literal["dense", "series", "pictures", "spectrogram"]
"""What a subnetwork takes a row of features for."""
Fusion = Literal["common", "concatenated"]


class Dense(nn.Sequential):
    """Vectors [n, width] of features [n, d] in any order, embeddings for instance: two fully connected layers."""

    def __init__(self, d: int, hidden: int, width: int, dropout: float) -> None:
        first, last = nn.Linear(d, hidden), nn.Linear(hidden, width)
        super().__init__(nn.Dropout(dropout), first, nn.ReLU(), nn.Dropout(dropout), last)


class Series(nn.Module):
    """Vectors [n, width] of features [n, d] whose order says what is near what: two convolutions along the columns."""

    PLACES = 8

    def __init__(self, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        channels = max(1, hidden // 4)
        self.first = nn.Conv1d(1, channels, 5, padding=2)
        self.second = nn.Conv1d(channels, channels, 5, padding=2)
        self.out = nn.Linear(self.PLACES * channels, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        x = functional.relu(self.first(features[:, None]))
        x = functional.relu(self.second(functional.adaptive_max_pool1d(x, 2 * self.PLACES)))
        return self.out(self.dropout(functional.adaptive_max_pool1d(x, self.PLACES).flatten(1)))


class Pictures(nn.Module):
    """Vectors [n, width] of frames, flat [n, 4 * 3 * 32 * 32]: three convolutions, the mean over places and frames."""

    def __init__(self, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = _convolutions(PICTURES[1], hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, width)

    def forward(self, features: Tensor) -> Tensor:
        frames = self.layers(features.reshape(-1, *PICTURES[1:])).mean(dim=(2, 3))
        return self.out(self.dropout(frames.reshape(len(features), PICTURES[0], -1).mean(dim=1)))


class Spectrogram(nn.Module):
    """Vectors [n, width] of log-mel spectrograms, flat [n, 96 * 64]: three convolutions, mean and largest over time.

    The bands stay apart: high is not low moved up.
    """

    def __init__(self, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = _convolutions(1, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(2 * hidden * (SPECTROGRAM[1] // 8), width)

    def forward(self, features: Tensor) -> Tensor:
        x = self.layers(features.reshape(-1, 1, *SPECTROGRAM))  # [n, hidden, steps / 8, bands / 8]
        pooled = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)
        return self.out(self.dropout(pooled.flatten(1)))


def _convolutions(channels: int, hidden: int) -> nn.Sequential:
    """Three 3 x 3 convolutions with ReLU, each halving both sides."""
    sizes = [channels, max(1, hidden // 4), max(1, hidden // 2), hidden]
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layer = nn.Conv2d(a, b, 3, stride=2, padding=1)
        # He et al. 2015: torch's own start shrinks the signal to a third with every layer, and L3-Net never starts.
        nn.init.kaiming_normal_(layer.weight)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers)


def subnetwork(kind: Kind, d: int, hidden: int, *, width: int, dropout: float) -> nn.Module:
    """What turns features [n, d] of one modality into vectors [n, width]."""
    if kind == "dense":
        return Dense(d, hidden, width, dropout)
    return {"series": Series, "pictures": Pictures, "spectrogram": Spectrogram}[kind](hidden, width, dropout)


class Correspondence(nn.Module):
    """Two subnetworks and a head: logits [n] of "same emotion" for pairs of their vectors.

    "common" [ours]: both vectors lie in one space, axis by axis, so that the head sees their products and absolute
    differences and nothing of either alone. "concatenated" (L3-Net): the head sees both as they are, and has to learn
    what goes with what.
    """

    def __init__(self, video: nn.Module, music: nn.Module, width: int, hidden: int, fusion: Fusion) -> None:
        super().__init__()
        self.video, self.music, self.fusion = video, music, fusion
        self.head = nn.Sequential(nn.Linear(2 * width, hidden), nn.ReLU(), nn.Linear(hidden, 1))

    def join(self, video: Tensor, music: Tensor) -> Tensor:
        """Logits [n] of vectors [n, width] of both modalities."""
        if self.fusion == "common":
            video, music = (functional.normalize(x, dim=1) * x.shape[1] ** 0.5 for x in (video, music))
            both = torch.cat([video * music, (video - music).abs()], dim=1)
        else:
            both = torch.cat([video, music], dim=1).relu()
        return self.head(both)[:, 0]

    def forward(self, video: Tensor, music: Tensor) -> Tensor:
        return self.join(self.video(video), self.music(music))
