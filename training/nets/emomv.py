"""The networks of EmoMV (Thao et al. 2023, section 5 and 6) and of its baseline after Li & Kumar (2019).

Marks: [code] is the authors' published code where their text is silent, [ours] our reading.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.nets.pooling import CompactBilinear

EMOTIONS = 5


class Projection(NamedTuple):
    """One modality inside a network: reduced [n, width], embedding [n, width] of unit length."""

    reduced: Tensor
    embedding: Tensor


class ProjectionHead(nn.Module):
    """Unit-length embeddings [n, width] of reduced vectors [n, width] (figure 13; the order is [code]).

    Linear -> GELU -> Linear -> dropout -> GELU, plus the first Linear's output, layer norm where asked for
    (retrieval [code]), GELU, L2 norm.
    """

    def __init__(self, width: int, dropout: float, layer_norm: bool) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.norm: nn.Module = nn.LayerNorm(width) if layer_norm else nn.Identity()

    def forward(self, reduced: Tensor) -> Tensor:
        first = self.first(reduced)
        second = functional.gelu(self.dropout(self.second(functional.gelu(first))))
        return functional.normalize(functional.gelu(self.norm(first + second)), dim=-1)


class Stream(nn.Module):
    """One modality: features [n, d_in] -> `Projection`; a fully connected layer, then the head."""

    def __init__(self, d_in: int, width: int, dropout: float, layer_norm: bool) -> None:
        super().__init__()
        self.reduce = nn.Linear(d_in, width)
        self.head = ProjectionHead(width, dropout, layer_norm)

    def forward(self, features: Tensor) -> Projection:
        reduced = self.reduce(features)
        return Projection(reduced, self.head(reduced))


class EmotionBranch(nn.Module):
    """Emotion logits [n, 5] of one modality: GELU, then a fully connected layer (section 5.1).

    `from_embedding` reads the normalised embedding as the authors' classification code does, in place of the
    reduced vector of the text.
    """

    def __init__(self, width: int, from_embedding: bool) -> None:
        super().__init__()
        self.from_embedding = from_embedding
        self.out = nn.Linear(width, EMOTIONS)

    def forward(self, projection: Projection) -> Tensor:
        return self.out(functional.gelu(projection.embedding if self.from_embedding else projection.reduced))


class Trunk(nn.Module):
    """Both streams with their emotion branches, which classifier and retrieval model share."""

    def __init__(
        self, d_video: int, d_music: int, width: int, dropout: float, layer_norm: bool, emotion_from_embedding: bool
    ) -> None:
        super().__init__()
        self.video, self.music = (Stream(d, width, dropout, layer_norm) for d in (d_video, d_music))
        self.video_emotion, self.music_emotion = (EmotionBranch(width, emotion_from_embedding) for _ in range(2))


class MatchingHead(nn.Module):
    """Logits [n, 2] (mismatched, matched) of two embeddings: compact bilinear pooling, Linear, GELU, Linear."""

    def __init__(self, width: int, pooled: int, hidden: int, seed: int) -> None:
        super().__init__()
        self.pooling = CompactBilinear(width, width, pooled, seed)
        self.hidden = nn.Linear(pooled, hidden)
        self.out = nn.Linear(hidden, 2)

    def forward(self, video: Tensor, music: Tensor) -> Tensor:
        return self.out(functional.gelu(self.hidden(self.pooling(video, music))))


class BaselineStream(nn.Module):
    """One modality of the baseline: features [n, d_in] -> `Projection`.

    Fully connected layers with ReLU give the reduced vector, two more the common space, L2-normalised (section 5.2).
    """

    def __init__(self, d_in: int, width: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(d_in, width), nn.ReLU(), nn.Dropout(dropout))
        self.common = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.emotion = nn.Linear(width, EMOTIONS)

    def forward(self, features: Tensor) -> Projection:
        reduced = self.body(features)
        return Projection(reduced, functional.normalize(self.common(reduced), dim=-1))


class BaselineTrunk(nn.Module):
    """Both streams of the baseline."""

    def __init__(self, d_video: int, d_music: int, width: int, dropout: float) -> None:
        super().__init__()
        self.video, self.music = (BaselineStream(d, width, dropout) for d in (d_video, d_music))


def euclidean(a: Tensor, b: Tensor) -> Tensor:
    """Distances [n] of the rows of a and b [n, d]; a tiny constant keeps the gradient finite at 0."""
    return torch.sqrt(torch.sum((a - b) ** 2, dim=-1) + 1e-12)
