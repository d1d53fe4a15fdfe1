"""Feature AttendAffectNet (Thao et al. 2021, "AttendAffectNet: Emotion Prediction of Movie Viewers Using Multimodal
Fusion with Self-Attention", section 3.1), with one output per emotion and softmax as EmoMV uses it (section 3.2.2).

Every feature vector is one token, whatever its size: z_i = W_i x_i + b_i. Tokens attend to one another in blocks,
z <- z + attention(norm(z)), z <- z + relu(V norm(z) + c), have no position, and are averaged; one linear layer gives
the logits. Marks: [code] is the authors' published code where the text is silent, [ours] our reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """Sizes of the network."""

    width: int = 8  # code: size of a token
    heads: int = 8  # code
    blocks: int = 6  # code
    first_dropout: float = 0.0  # ours: of the features themselves
    dropout: float = 0.5  # code: inside the blocks
    last_dropout: float = 0.1  # code: before the last layer
    attention: bool = True  # paper; False: every token for itself, for comparison


class Attention(nn.Module):
    """Tokens [n, t, width] -> the same shape: in each head, every token takes a weighted mean of all."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.rate = shape.heads, shape.dropout
        self.read = nn.Linear(shape.width, 3 * shape.width)  # query, key and value side by side
        self.out = nn.Linear(shape.width, shape.width)

    def forward(self, tokens: Tensor) -> Tensor:
        n, t, width = tokens.shape
        read = self.read(tokens).view(n, t, 3, self.heads, width // self.heads)
        q, k, v = read.permute(2, 0, 3, 1, 4)  # each [n, heads, t, width / heads]
        mixed = functional.scaled_dot_product_attention(q, k, v, dropout_p=self.rate if self.training else 0.0)
        return self.out(mixed.transpose(1, 2).reshape(n, t, width))


class Block(nn.Module):
    """Tokens [n, t, width] -> the same shape: self-attention, then one layer per token, each beside its input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.before = nn.LayerNorm(shape.width)  # norms first [code]
        self.attention = Attention(shape) if shape.attention else None
        self.between = nn.LayerNorm(shape.width)
        self.forth = nn.Linear(shape.width, shape.width)  # one layer of the token's width [code]
        self.dropout = nn.Dropout(shape.dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        if self.attention is not None:
            tokens = tokens + self.dropout(self.attention(self.before(tokens)))
        return tokens + self.dropout(torch.relu(self.forth(self.between(tokens))))


class AttendAffectNet(nn.Module):
    """Emotion logits [n, classes] of features [n, d].

    `tokens` says which columns make each token; they may be of any number and in any order.
    """

    def __init__(self, tokens: Sequence[Sequence[int]], classes: int, shape: Shape) -> None:
        super().__init__()
        self.first_dropout = nn.Dropout(shape.first_dropout)
        self.sizes = [len(token) for token in tokens]
        order = torch.tensor([column for token in tokens for column in token])
        self.order = None if torch.equal(order, torch.arange(len(order))) else order
        self.reduce = nn.ModuleList(nn.Linear(size, shape.width) for size in self.sizes)
        self.blocks = nn.Sequential(*(Block(shape) for _ in range(shape.blocks)))
        self.norm = nn.LayerNorm(shape.width)
        self.dropout = nn.Dropout(shape.last_dropout)
        self.out = nn.Linear(shape.width, classes)

    def forward(self, features: Tensor) -> Tensor:
        ordered = self.first_dropout(features if self.order is None else features[:, self.order])
        parts = zip(self.reduce, torch.split(ordered, self.sizes, dim=1), strict=True)
        tokens = torch.stack([reduce(part) for reduce, part in parts], dim=1)  # [n, t, width]
        return self.out(self.dropout(self.norm(self.blocks(tokens)).mean(dim=1)))
