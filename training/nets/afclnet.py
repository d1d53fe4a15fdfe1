"""AFCLNet (Su et al. 2025, "An Attention and Feature-Consistency-Loss-Based Multi-Task Learning Network").

The published text has lost its equations; as we read them, with n the reduced size of a modality, a the affect size
and d the size of a head:

- Self-attention (section 3.3): q = x Wq, k = x Wk, v = x Wv in heads of d = n / 8 channels. One vector is one token,
  over which softmax would be 1, so that a head attends across its channels [ours]:
  A = softmax(q k^T / sqrt(d)) [d, d] over the last axis, out = A v; S = [out_1; ...; out_8] Wo + b.
- Mutual attention: the objective vector x as the network receives it, projected to a dimensions, is the query; the
  affect vector gives key and value [roles: ours]; the same form in 4 heads. Projections go from a to the next
  multiple of the heads, and Wo back to a [padding: ours].
- P = the largest of video-guided, music-guided and fused affect f, element by element: "concatenated, then
  max-pooling with a stride of 3", the concatenation being three a-vectors side by side, a groups of three
  [layout: ours]. f = (a_video + a_music) / 2, the third vector whose symbol is lost [ours].
- Head: h = [S_v; S_m; P]; experts e_i = relu(h W_i + b_i); gate of a task = softmax(h G_t) over its own and the
  shared experts; tower of a task = two layers on the gated sum (customised gate control, Tang et al. 2020, eq. 5-7).
  Score = sigmoid of the first tower; affect = the second tower, a numbers.

What a pair needs of either modality alone is a `Side`, which an index can store: `head` joins two of them.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Inputs = Literal["both", "perceptual", "objective"]


@dataclass(frozen=True)
class Shape:
    """Sizes and parts of the network; every part that the paper takes away on its own is a switch."""

    video: int = 80  # paper: 40 matched and 40 unmatched; the reduced size of the video
    music: int = 80  # paper: of the music
    affect: int = 16  # paper; 5 on EmoMV
    inputs: Inputs = "both"  # paper; one kind alone leaves attention nothing to work on (its ablation)
    self_attention: bool = True  # paper; False: S is the reduced vector
    mutual_attention: bool = True  # paper; False: the guided vectors are the affect vectors
    auxiliary: bool = True  # paper; False: no auxiliary task
    auxiliary_size: int = 0  # numbers that the auxiliary task predicts; 0 [paper]: the affect
    self_heads: int = 8  # paper
    mutual_heads: int = 4  # paper
    shared_experts: int = 2  # ours: the paper names no number
    task_experts: int = 2  # ours: for each task
    expert: int = 64  # ours: width of an expert
    tower: int = 32  # ours: width of a tower's hidden layer
    residual: bool = False  # ours: adds what attention read to what it gives
    products: bool = False  # ours: both modalities' affect, and reduced vectors of one size, multiplied into the head
    skip: bool = False  # ours: adds a linear reading of the products to the score, with products only
    dropout: float = 0.0  # ours: on the head's input and on its experts


class Side(NamedTuple):
    """What one modality brings to the head: reduced and attended [n, r], affect and guided affect [n, a]."""

    reduced: Tensor
    attended: Tensor
    affect: Tensor
    guided: Tensor

    def take(self, rows: Tensor) -> "Side":
        """The items at `rows`."""
        return Side(*(tensor[rows] for tensor in self))


class Prediction(NamedTuple):
    """Of n pairs: logit of the score [n], and the fused affect [n, a], or None without the auxiliary task.

    Where the auxiliary task is another one, its numbers stand in the place of the affect.
    """

    logit: Tensor
    affect: Tensor | None

    @property
    def score(self) -> Tensor:
        """Match score [n] in [0, 1]."""
        return torch.sigmoid(self.logit)


class ChannelAttention(nn.Module):
    """Vectors [n, width]: heads in which the channels of `query` [n, width] attend to those of `content`."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, padded = heads, heads * math.ceil(width / heads)
        self.query = nn.Linear(width, padded, bias=False)
        self.key = nn.Linear(width, padded, bias=False)
        self.value = nn.Linear(width, padded, bias=False)
        self.out = nn.Linear(padded, width)

    def forward(self, query: Tensor, content: Tensor) -> Tensor:
        parts = self.query(query), self.key(content), self.value(content)
        q, k, v = (x.reshape(len(x), self.heads, -1) for x in parts)
        weights = torch.softmax(q[..., :, None] * k[..., None, :] / math.sqrt(q.shape[-1]), dim=-1)  # [n, h, d, d]
        return self.out((weights @ v[..., None]).reshape(len(query), -1))


class Stream(nn.Module):
    """One modality: reduced vectors [n, r] and affect [n, a] -> `Side`."""

    def __init__(self, reduced: int, shape: Shape) -> None:
        super().__init__()
        both = shape.inputs == "both"
        self.residual = shape.residual
        attends = shape.self_attention and shape.inputs != "perceptual"
        self.attention = ChannelAttention(reduced, shape.self_heads) if attends else None
        guided = both and shape.mutual_attention
        self.project = nn.Linear(reduced, shape.affect) if guided else None
        self.mutual = ChannelAttention(shape.affect, shape.mutual_heads) if guided else None

    def forward(self, reduced: Tensor, affect: Tensor) -> Side:
        attended, guided = reduced, affect
        if self.attention is not None:
            attended = self.attention(reduced, reduced) + (reduced if self.residual else 0)
        if self.project is not None and self.mutual is not None:
            guided = self.mutual(self.project(reduced), affect) + (affect if self.residual else 0)
        return Side(reduced, attended, affect, guided)


class GateControl(nn.Module):
    """Customised gate control of one or two tasks: joined vectors [n, d] -> one output [n, size] per task."""

    def __init__(self, width: int, sizes: tuple[int, ...], shape: Shape) -> None:
        super().__init__()
        self.own, self.shared, self.expert = shape.task_experts, shape.shared_experts, shape.expert
        tasks = len(sizes)
        self.experts = nn.Linear(width, (tasks * self.own + self.shared) * self.expert)
        self.gates = nn.ModuleList(nn.Linear(width, self.own + self.shared, bias=False) for _ in sizes)
        self.hidden = nn.ModuleList(nn.Linear(self.expert, shape.tower) for _ in sizes)
        self.out = nn.ModuleList(nn.Linear(shape.tower, size) for size in sizes)
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, joined: Tensor) -> list[Tensor]:
        experts = self.dropout(torch.relu(self.experts(joined))).reshape(len(joined), -1, self.expert)
        shared = experts[:, len(self.gates) * self.own :]
        outputs = []
        for task, (gate, hidden, out) in enumerate(zip(self.gates, self.hidden, self.out, strict=True)):
            own = experts[:, task * self.own : (task + 1) * self.own]
            weights = torch.softmax(gate(joined), dim=-1)  # [n, own + shared]
            mixed = (weights[..., None] * torch.cat([own, shared], dim=1)).sum(dim=1)
            outputs.append(out(torch.relu(hidden(mixed))))
        return outputs


class AFCLNet(nn.Module):
    """Match score and fused affect of pairs; `head(video_side(...), music_side(...))` is the whole network."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.video, self.music = Stream(shape.video, shape), Stream(shape.music, shape)
        self.dropout = nn.Dropout(shape.dropout)
        tasks = (1, shape.auxiliary_size or shape.affect) if shape.auxiliary else (1,)
        objective = shape.video + shape.music if shape.inputs != "perceptual" else 0
        affect = shape.affect if shape.inputs != "objective" else 0
        products = (affect + shape.video * self._paired()) * shape.products
        self.control = GateControl(objective + affect + products, tasks, shape)
        self.skip = nn.Linear(products, 1, bias=False) if shape.skip and shape.products else None

    def video_side(self, reduced: Tensor, affect: Tensor) -> Side:
        """Of videos: reduced [n, video] and affect [n, a]; computed once per query."""
        return self.video(reduced, affect)

    def music_side(self, reduced: Tensor, affect: Tensor) -> Side:
        """Of music: reduced [n, music] and affect [n, a]; computed when it is indexed."""
        return self.music(reduced, affect)

    def head(self, video: Side, music: Side) -> Prediction:
        """Of n pairs; a side of one row is paired with every row of the other."""
        n = max(len(video.affect), len(music.affect))
        video, music = _rows(video, n), _rows(music, n)
        products = self._multiply(video, music)
        score, *affect = self.control(self.dropout(torch.cat([*self._join(video, music), *products], dim=1)))
        logit = score[:, 0]
        if self.skip is not None:
            logit = logit + self.skip(torch.cat(products, dim=1))[:, 0]
        return Prediction(logit, affect[0] if affect else None)

    def forward(self, video: Tensor, video_affect: Tensor, music: Tensor, music_affect: Tensor) -> Prediction:
        return self.head(self.video_side(video, video_affect), self.music_side(music, music_affect))

    def _join(self, video: Side, music: Side) -> list[Tensor]:
        parts = []
        if self.shape.inputs != "perceptual":
            parts += [video.attended, music.attended]
        if self.shape.inputs != "objective":
            parts.append(max_pool(video.guided, music.guided, fuse(video.affect, music.affect)))
        return parts

    def _multiply(self, video: Side, music: Side) -> list[Tensor]:
        if not self.shape.products:
            return []
        parts = []
        if self.shape.inputs != "objective":
            parts.append(video.affect * music.affect)
        if self._paired():
            parts.append(video.reduced * music.reduced)
        return parts

    def _paired(self) -> bool:
        """Whether reduced vectors are multiplied."""
        return self.shape.inputs != "perceptual" and self.shape.video == self.shape.music


def fuse(video_affect: Tensor, music_affect: Tensor) -> Tensor:
    """f [n, a]: the mean of the two modalities' affect, the third of the pooled vectors and the auxiliary target."""
    return (video_affect + music_affect) / 2


def max_pool(video_guided: Tensor, music_guided: Tensor, affect: Tensor) -> Tensor:
    """P [n, a]: the largest of the three, element by element."""
    return torch.maximum(torch.maximum(video_guided, music_guided), affect)


def _rows(side: Side, n: int) -> Side:
    return side if len(side.affect) == n else Side(*(tensor.expand(n, -1) for tensor in side))


PAPER = Shape()
OURS = Shape(products=True, skip=True, residual=True, dropout=0.7)
