"""Losses, one function per equation; each gives a scalar, the mean over what it sums."""

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean of -sum_k t_k log softmax(logits)_k, logits [n, c], labels int64 [n].

    t is one-hot, mixed with the uniform distribution by `smoothing` (Szegedy et al. 2016, section 7).
    """
    return functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def contrastive(distance: Tensor, match: Tensor, margin: float = 1.0, halve: bool = True) -> Tensor:
    """Mean of y d^2 + (1 - y) max(0, margin - d)^2, distance [n], match [n] of 0 and 1.

    Hadsell, Chopra & LeCun 2006, equation 4, whose factor 1/2 is there with `halve`. EmoMV takes d = 1 - cosine
    (its equations 1 and 2), the Li & Kumar baseline the Euclidean distance; margin and halving as in EmoMV's code.
    """
    y = match.to(distance.dtype)
    loss = y * distance**2 + (1 - y) * torch.clamp(margin - distance, min=0) ** 2
    return loss.mean() / 2 if halve else loss.mean()


def supervised_contrastive(
    anchors: Tensor, candidates: Tensor, anchor_labels: Tensor, candidate_labels: Tensor, temperature: float
) -> Tensor:
    """Mean over anchors i of -1/|P(i)| sum_{p in P(i)} log softmax_a(<z_i, z_a> / temperature)_p.

    Khosla et al. 2020, equation 2 (L_out), across modalities: anchors [n, d] of one modality, candidates [m, d] of
    the other, both of unit length; P(i) are the candidates with the anchor's label. Anchors without a positive
    count nothing.
    """
    log_softmax = functional.log_softmax(anchors @ candidates.T / temperature, dim=1)
    positive = (anchor_labels[:, None] == candidate_labels[None, :]).to(log_softmax.dtype)
    count = positive.sum(dim=1)
    per_anchor = -(log_softmax * positive).sum(dim=1) / count.clamp(min=1)
    return per_anchor.sum() / (count > 0).sum().clamp(min=1)
