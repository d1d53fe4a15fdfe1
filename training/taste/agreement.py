"""Whether films agree on a taste: what each says of the choices that the others made, at the present ranking.

Of a film it is told which terms its choices have more of than the present ranking would have chosen (its score: the
gradient of the log likelihood where terms count nothing). A taste that the other films teach, in one step from there,
makes the film's choices likelier by the product of both, as far as the first step tells. Where there is no taste, films
are as likely to speak against each other as for each other: the signs of their scores are flipped at random, and what
that gives tells how far the mean over films may lie from 0 by chance.

This sees small tastes that the rank hides: with a weight z standard errors from 0, held-out choices gain z^2 / 2 at the
whole of it, with a spread of z, but z^2 at its first step, with the same spread.
"""

import numpy as np

from recommender.types import Array
from training.evaluation.intervals import RESAMPLES, Interval
from training.taste.choices import Packed
from training.taste.fit import fit, moments, shut

RIDGE = 30.0
"""On the weights of one step: believed to lie within 0.2 per standard deviation of 0."""
_SHAPE, _BENT = 2, 10.0
"""Columns of the score's part: log odds and their square. How much the score counts, high or low, is no taste (without
the square 15 of 200 people without any agreed with themselves, with it 7). A ridge on the square: where there is little
to tell by, it is no way to explain that the best are left."""


def tell_agreement(packed: Packed, seed: int = 0) -> Interval:
    """Doublings of the chance of a film's choices by what the others taught, to first order; the mean over films.

    Its 95 % interval is that of films whose signs are flipped at random.
    """
    scores, information = film_scores(packed)
    said = scores @ np.linalg.solve(information + RIDGE * np.eye(len(information)), scores.T) / np.log(2)  # [F, F]
    np.fill_diagonal(said, 0.0)  # no film is its own witness
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), (RESAMPLES, len(said)))
    by_chance = ((signs @ said) * signs).sum(axis=1) / len(said)
    low, high = np.quantile(by_chance, (0.025, 0.975))
    mean = float(said.sum()) / len(said)
    return Interval(mean, mean - float(high), mean - float(low), len(said))


def film_scores(packed: Packed) -> tuple[Array, Array]:
    """The score of every film for the terms, float64 [F, t], and the information of all of them [t, t].

    Both are what is left once the score's part in the choices is told as well as it can be.
    """
    odds = packed.x[:, :, :1]
    wide = packed._replace(x=np.concatenate([odds, odds**2, packed.x[:, :, 1:]], axis=2))
    ridge = shut(wide, _SHAPE)
    ridge[1] = _BENT
    found = moments(wide, fit(wide, ridge))
    whole = found.hessian.sum(axis=0)
    own, shared = whole[:_SHAPE, :_SHAPE] + np.diag(ridge[:_SHAPE]), whole[:_SHAPE, _SHAPE:]
    told = np.linalg.solve(own, shared)
    return -found.gradient[:, _SHAPE:] + found.gradient[:, :_SHAPE] @ told, whole[_SHAPE:, _SHAPE:] - shared.T @ told
