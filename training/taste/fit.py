"""Weights of a taste by conditional logistic regression, each term believed to matter as far as choices tell.

Of candidates x_1 ... x_c the one that is taken has the probability exp(x_i w) / sum_j exp(x_j w) (McFadden 1974); the
first column of x is the log odds of the score, the others are the terms. Each term has a ridge of its own, set to what
explains the choices best (automatic relevance determination: MacKay 1994, Tipping 2001): one that tells nothing goes to
0, one that tells much is hardly held back. Without evidence all are 0, and the ranking stays.
"""

from typing import NamedTuple

import numpy as np

from recommender.types import Array
from training.taste.choices import Packed

_SCORE, _BELIEF = 1.0, 0.1
"""Where the weight of the score is believed to lie, and a weak ridge towards it: it is no taste."""
LEAST = 0.05
"""Least weight of the score in the fit, that of the terms is told in: below, the ranking says nothing."""
SHUT = 1e9
"""A ridge that leaves a term no weight."""
_SPREAD = 0.1
"""Variance of the weights that is believed in at first."""
_DOUBT = 1.0
"""How much less variance is believed in than was found (its prior falls with 1 / sqrt(variance)): of 0, 1 and 2 the one
that ranked new films best."""
_STEPS, _LONGEST, _CLOSE, _ROUNDS = 25, 2.0, 1e-5, 40


class Moments(NamedTuple):
    """Of every film its negative log likelihood [F], the gradient [F, p] and the Hessian [F, p, p]."""

    loss: Array
    gradient: Array
    hessian: Array


class Taught(NamedTuple):
    """Weights by all films [p], and by all but one [F, p]."""

    weights: Array
    without: Array


def moments(packed: Packed, weights: Array) -> Moments:
    """What the choices of each film say at `weights` [p]."""
    x, first = packed.x, packed.starts[:-1]
    chance, log_sum = _softmax(packed, x @ weights)
    weighted = x * chance[:, :, None]
    mean = weighted.sum(axis=1)
    own = x[np.arange(len(x)), packed.chosen]
    hessian = np.matmul(weighted.transpose(0, 2, 1), x) - mean[:, :, None] * mean[:, None, :]
    return Moments(*(np.add.reduceat(part, first) for part in (log_sum - own @ weights, mean - own, hessian)))


def fit(packed: Packed, ridge: Array) -> Array:
    """float64 [p]: the weights that minimise the loss of all films with a ridge [p] on each."""
    weights = _begin(packed)
    for _ in range(_STEPS):
        found = moments(packed, weights)
        gradient = found.gradient.sum(axis=0) + ridge * (weights - _begin(packed))
        weights, moved = _step(weights, -np.linalg.solve(found.hessian.sum(axis=0) + np.diag(ridge), gradient))
        if moved < _CLOSE:
            break
    return weights


def shut(packed: Packed, columns: int) -> Array:
    """float64 [p]: the ridge that leaves weight to the first `columns` alone, which tell of the score."""
    return np.where(np.arange(packed.x.shape[2]) < columns, _BELIEF, SHUT)


def teach(packed: Packed) -> Taught:
    """What all films teach, and what all but each teach.

    The others' loss is taken to be quadratic around the weights by all films, so that no fit is made anew (approximate
    leave-one-out, Rad and Maleki 2020); the relevance of terms is told without the film, too.
    """
    weights = fit(packed, shut(packed, 1))
    for _ in range(_STEPS):
        found = moments(packed, weights)
        goal = _relevant(found.gradient.sum(axis=0)[None], found.hessian.sum(axis=0)[None], weights)[0]
        weights, moved = _step(weights, goal - weights)
        if moved < _CLOSE:
            break
    found = moments(packed, weights)
    gradient, hessian = (part.sum(axis=0) - part for part in (found.gradient, found.hessian))
    return Taught(weights, _relevant(gradient, hessian, weights))


def _relevant(gradient: Array, hessian: Array, weights: Array) -> Array:
    """float64 [b, p]: where b losses with `gradient` [b, p] and `hessian` [b, p, p] at `weights` [p] are least, each
    with the ridges that explain it best."""
    many, p = gradient.shape
    goal = hessian @ weights - gradient
    goal[:, 0] += _BELIEF * _SCORE
    ridge = np.full((many, p), 1 / _SPREAD)
    ridge[:, 0] = _BELIEF
    for _ in range(_ROUNDS):
        spread = np.linalg.inv(hessian + ridge[:, :, None] * np.eye(p))
        found = np.matmul(spread, goal[..., None])[..., 0]
        variance = (found[:, 1:] ** 2 + np.diagonal(spread, axis1=1, axis2=2)[:, 1:]) / (1 + _DOUBT)
        ridge[:, 1:] = 1 / np.maximum(variance, 1 / SHUT)
    return np.asarray(found)


def _step(weights: Array, step: Array) -> tuple[Array, float]:
    """Weights after a step that is not too long, and how far it led."""
    step = step * min(1.0, _LONGEST / max(float(np.linalg.norm(step)), _CLOSE))
    return weights + step, float(np.abs(step).max())


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
