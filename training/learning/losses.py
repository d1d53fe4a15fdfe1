"""Losses, one function per equation; each gives a scalar, the mean over what it sums."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean of -sum_k t_k log softmax(logits)_k, logits [n, c], labels int64 [n].

    t is one-hot, mixed with the uniform distribution by `smoothing` (Szegedy et al. 2016, section 7).
    """
    return functional.cross_entropy(logits, labels, label_smoothing=smoothing)


def contrastive(distance: Tensor, match: Tensor, margin: float = 1.0, *, halve: bool = True) -> Tensor:
    """Mean of y d^2 + (1 - y) max(0, margin - d)^2, distance [n], match [n] of 0 and 1.

    Hadsell, Chopra & LeCun 2006, equation 4, whose factor 1/2 is there with `halve`. EmoMV takes d = 1 - cosine
    (its equations 1 and 2), the Li & Kumar baseline the Euclidean distance; margin and halving as in EmoMV's code.
    """
    y = match.to(distance.dtype)
    loss = y * distance**2 + (1 - y) * torch.clamp(margin - distance, min=0) ** 2
    return loss.mean() / 2 if halve else loss.mean()


def supervised_contrastive(
    anchors: Tensor, candidates: Tensor, anchor_labels: Tensor, *, candidate_labels: Tensor, temperature: float
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


def canonical_correlation(x: Tensor, y: Tensor, ridge: float) -> Tensor:
    """Minus the sum of the canonical correlations of x [n, k] and y [n, l] (Andrew et al. 2013, section 3).

    The singular values of Sxx^-1/2 Sxy Syy^-1/2, S with divisor n - 1 and `ridge` added to both diagonals.
    """
    return -torch.linalg.svdvals(_whiten(x, y, ridge)[0]).sum()


def canonical_directions(x: Tensor, y: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """Directions A [k, m], B [l, m], m = min(k, l): columns of (x - mean) A and of (y - mean) B go together in pairs.

    The linear CCA of the same covariances, correlations descending; float64.
    """
    whitened, factor_x, factor_y = _whiten(x, y, ridge)
    u, _, vt = torch.linalg.svd(whitened, full_matrices=False)
    sides = ((factor_x, u), (factor_y, vt.T))
    a, b = (torch.linalg.solve_triangular(factor.T, rotation, upper=True) for factor, rotation in sides)
    return a, b


def _whiten(x: Tensor, y: Tensor, ridge: float) -> tuple[Tensor, Tensor, Tensor]:
    """Lx^-1 Sxy Ly^-T and the factors Lx, Ly of Sxx and Syy, in double precision.

    Cholesky factors stand for the square roots: the singular values are the same, and the gradient stays finite where
    eigenvalues coincide (fewer rows than columns, constant columns).
    """
    x, y = (z.double() - z.double().mean(dim=0) for z in (x, y))
    n = max(len(x) - 1, 1)
    factor_x, factor_y = (torch.linalg.cholesky(z.T @ z / n + ridge * torch.eye(z.shape[1]).to(z)) for z in (x, y))
    left = torch.linalg.solve_triangular(factor_x, x.T @ y / n, upper=False)
    return torch.linalg.solve_triangular(factor_y, left.T, upper=False).T, factor_x, factor_y


def match_score(logit: Tensor, score: Tensor, kind: Literal["mae", "mse", "bce"]) -> Tensor:
    """Mean error of sigmoid(logit) [n] against `score` [n] in [0, 1]: AFCLNet's L_match.

    The paper takes the mean absolute error, whose best constant for a binary score is 0 or 1; squared error and
    binary cross-entropy [ours] are smallest at the probability.
    """
    if kind == "bce":
        return functional.binary_cross_entropy_with_logits(logit, score)
    error = torch.sigmoid(logit) - score
    return error.abs().mean() if kind == "mae" else (error**2).mean()


def affect_loss(predicted: Tensor, affect: Tensor, score: Tensor) -> Tensor:
    """Mean absolute error of the fused affect [n, a] over the matched pairs (score >= .5): AFCLNet's L_affect.

    The text divides by a count it calls "mismatched"; a mean over what is summed needs the matched ones [ours].
    Without matched pairs it is 0.
    """
    matched = (score >= 0.5).to(predicted.dtype)
    per_pair = (predicted - affect).abs().mean(dim=1)
    return (matched * per_pair).sum() / matched.sum().clamp(min=1)


def consistency(video: Tensor, music: Tensor, score: Tensor) -> Tensor:
    """Mean squared distance of attended vectors [n, r] over the matched pairs: AFCLNet's L_consistency.

    The square is averaged over the r channels [ours], so that its weight does not depend on the size.
    """
    matched = (score >= 0.5).to(video.dtype)
    return (matched * ((video - music) ** 2).mean(dim=1)).sum() / matched.sum().clamp(min=1)
