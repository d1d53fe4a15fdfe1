"""Cross-validation whose folds keep groups whole; the ridge strength is chosen on training rows only."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.affect.signed_ridge import Moments, SignedRidge


class Fitted(Protocol):
    """A model of deviations from the mean of what it was fitted to."""

    def deviation(self, x: Array) -> Array:
        """Predicted deviations float64 [n] of rows `x` [n, f]."""
        ...


MomentsOf = Callable[[Array, Array], Moments]
"""(rows, target) -> what a ridge is fitted to."""

Fitter = Callable[[Array, Array, Array, Array, int], tuple[Fitted, float]]
"""(rows, target, signs, groups, seed) -> a model of all of them and its strength, chosen by inner folds of groups."""

STRENGTHS = tuple(float(s) for s in 10.0 ** np.arange(-2, 1.01, 0.5))
"""Candidate ridge strengths, relative to unit-variance columns: from barely shrunken to ten times."""

INNER_FOLDS = 12
"""At most: up to 12 groups (VGMIDI has 11 series) each is left out in turn, as in the outer folds; five folds chose the
strength by how the series happened to be dealt."""


def group_folds(groups: Sequence[str], k: int, seed: int) -> Array:
    """Fold number int64 [n] in 0..k-1 per row; rows of one group share a fold, folds are of similar size.

    Groups are shuffled by `seed`, then placed one by one into the smallest fold. Raises InputError when there
    are fewer groups than folds.
    """
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < k:
        raise InputError(f"{len(names)} groups cannot make {k} folds")
    sizes = np.bincount(member)
    fold_of = np.empty(len(names), np.int64)
    load = np.zeros(k)
    for group in np.random.default_rng(seed).permutation(len(names)):
        fold = int(np.argmin(load))
        fold_of[group] = fold
        load[fold] += sizes[group]
    return fold_of[member]


def leave_one_group_out(groups: Sequence[str]) -> Array:
    """Fold number int64 [n]: every group is a fold of its own."""
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)


def choose_strength(
    x: Array, y: Array, signs: Array, *, groups: Array, seed: int, moments_of: MomentsOf = Moments.of
) -> float:
    """The ridge strength of STRENGTHS with the least squared error over inner folds of the given rows."""
    k = min(INNER_FOLDS, len(np.unique(groups)))
    if k < 2:
        return STRENGTHS[len(STRENGTHS) // 2]
    folds = group_folds(list(groups), k, seed)
    error = np.zeros(len(STRENGTHS))
    for fold in range(k):
        train, test = folds != fold, folds == fold
        moments = moments_of(x[train], y[train])
        for s, strength in enumerate(STRENGTHS):
            error[s] += ((moments.fit(signs, strength).predict(x[test]) - y[test]) ** 2).sum()
    return STRENGTHS[int(np.argmin(error))]


def fit_chosen(
    x: Array, y: Array, signs: Array, groups: Array, seed: int, moments_of: MomentsOf = Moments.of
) -> tuple[SignedRidge, float]:
    """A model of all given rows and its ridge strength, chosen by inner folds."""
    strength = choose_strength(x, y, signs, groups=groups, seed=seed, moments_of=moments_of)
    return moments_of(x, y).fit(signs, strength), strength


def cross_validate(
    x: Array, y: Array, signs: Array, *, groups: Sequence[str], folds: Array, seed: int, fit: Fitter = fit_chosen
) -> tuple[Array, dict[int, Fitted]]:
    """Out-of-fold predicted deviations float64 [n] from the mean, and the model of each outer fold.

    Deviations, since the product's predictors have no intercept; and the training means, which lean away from
    the mean of the fold left out, would pull the correlation of an empty model far below 0.
    """
    names = np.asarray(groups)
    out = np.full(len(y), np.nan)
    models = {}
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        model, _ = fit(x[train], y[train], signs, names[train], seed)
        out[test] = model.deviation(x[test])
        models[int(fold)] = model
    return out, models
