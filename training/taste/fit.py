"""Weights of a taste by conditional logistic regression, shrunk towards those of the present ranking.

Of candidates x_1 ... x_c the one that is taken has the probability exp(x_i w) / sum_j exp(x_j w) (McFadden 1974); the
first column of x is the log odds of the score, the others are the terms. What is minimised is the negative log
likelihood, with a ridge on the weights of the terms: without evidence these are 0, and the ranking stays.
"""

from typing import NamedTuple

import numpy as np

from recommender.types import Array
from training.taste.choices import Packed

STRENGTHS = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
"""Ridges to choose from: a weight per standard deviation is believed to lie within 0.03 ... 1 of 0."""
_SCORE, _BELIEF = 1.0, 0.1
"""Where the weight of the score is believed to lie, and a weak ridge towards it: it is no taste."""
LEAST = 0.05
"""Least weight of the score in the fit, that of the terms is told in: below, the ranking says nothing."""
_STEPS, _LONGEST, _CLOSE = 25, 2.0, 1e-6


class Moments(NamedTuple):
    """Of every film its negative log likelihood [F], the gradient [F, p] and the Hessian [F, p, p]."""

    loss: Array
    gradient: Array
    hessian: Array


def moments(packed: Packed, weights: Array) -> Moments:
    """What the choices of each film say at `weights` [p]."""
    x, first = packed.x, packed.starts[:-1]
    chance, log_sum = _softmax(packed, x @ weights)
    weighted = x * chance[:, :, None]
    mean = weighted.sum(axis=1)
    own = x[np.arange(len(x)), packed.chosen]
    hessian = np.matmul(weighted.transpose(0, 2, 1), x) - mean[:, :, None] * mean[:, None, :]
    return Moments(*(np.add.reduceat(part, first) for part in (log_sum - own @ weights, mean - own, hessian)))


def fit(packed: Packed, strength: float, start: Array | None = None, *, without: int | None = None) -> Array:
    """float64 [p]: the weights that minimise the penalised loss of all films, or of all `without` one.

    Parameters
    ----------
    strength: of the ridge on terms. start: weights to begin with.
    """
    weights = _begin(packed) if start is None else start.copy()
    counts = np.arange(packed.films) != (-1 if without is None else without)
    for _ in range(_STEPS):
        found = moments(packed, weights)
        ridge = _ridge(packed, strength)
        gradient = found.gradient[counts].sum(axis=0) + ridge * (weights - _begin(packed))
        step = np.linalg.solve(found.hessian[counts].sum(axis=0) + np.diag(ridge), gradient)
        step *= min(1.0, _LONGEST / max(float(np.linalg.norm(step)), _CLOSE))
        weights -= step
        if np.abs(step).max() < _CLOSE:
            break
    return weights


def leave_two_out(packed: Packed, strength: float, weights: Array) -> Array:
    """float64 [F, F]: the loss of film j by what all films but i and j taught, at [i, j].

    From `weights` [p], which all films taught, one Newton step leaves each pair out: no fit is made anew (approximate
    leave-one-out, Rad and Maleki 2020). On the diagonal all films but that one taught.
    """
    found = moments(packed, weights)
    whole = found.hessian.sum(axis=0) + np.diag(_ridge(packed, strength))
    alone = np.eye(packed.films)[:, :, None] < 1
    gradient = found.gradient[:, None] + found.gradient * alone
    hessian = whole - found.hessian[:, None] - found.hessian * alone[..., None]
    moved = weights + np.linalg.solve(hessian, gradient[..., None])[..., 0]
    return np.stack([_losses_of(packed, j, moved[:, j]) for j in range(packed.films)], axis=1)


def _losses_of(packed: Packed, film: int, several: Array) -> Array:
    """float64 [n]: the loss of one film by each of `several` [n, p] weights."""
    rows = slice(*packed.starts[film : film + 2])
    total = packed.x[rows] @ several.T  # [q, c, n]
    own = total[np.arange(len(total)), packed.chosen[rows]]
    top = total.max(axis=1)
    inside = np.exp(total - top[:, None]) * packed.there[rows][:, :, None]
    return np.asarray((np.log(inside.sum(axis=1)) + top - own).sum(axis=0))


def _softmax(packed: Packed, total: Array) -> tuple[Array, Array]:
    """Probabilities [q, c] and log sums of exponentials [q] of `total` [q, c]."""
    total = np.where(packed.there, total, -np.inf)
    top = total.max(axis=1, keepdims=True)
    raised = np.exp(total - top)
    whole = raised.sum(axis=1, keepdims=True)
    return raised / whole, (np.log(whole) + top)[:, 0]


def _begin(packed: Packed) -> Array:
    begin = np.zeros(packed.x.shape[2])
    begin[0] = _SCORE
    return begin


def _ridge(packed: Packed, strength: float) -> Array:
    ridge = np.full(packed.x.shape[2], strength)
    ridge[0] = _BELIEF
    return ridge
