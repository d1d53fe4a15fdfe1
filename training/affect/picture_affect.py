"""What pictures feel like: ridge regression of OASIS's ratings on what the picture network sees.

Two counts: folds of themes, and whole families of themes left out, which is what stated uncertainties rest on. A
picture and its mirror image feel alike, so models are fitted to the mean of both, and tested on the picture alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from recommender.types import Array
from training.affect import ridge
from training.affect.agreement import pearson
from training.affect.cross_validation import AxisFigures, Problem, evaluate
from training.affect.feature_table import FeatureTable
from training.affect.nested import group_folds, leave_one_group_out
from training.affect.picture_copies import network_features
from training.affect.picture_families import families
from training.affect.terms import AXES, Axis
from training.datasets import Ratings
from training.evaluation.intervals import bootstrap_of

COPIES = ("mirrored",)
"""Of a picture, which `problem` reads beside it."""
STEPS = 2 * len(AXES)
DEALS = 20
"""Deals of the ratings behind what chance reaches: each takes as long as a whole cross-validation."""


@dataclass(frozen=True)
class PictureFit:
    """Readings of both axes: weights float64 [d, 2] with bias [2] to mean 0 over the pictures, and their figures.

    spread: SD of out-of-fold predictions of each axis, which pictures to come have too. by_theme, by_family: figures.
    family: r with its 95 % interval, families drawn anew. strengths: of the ridge.
    """

    weights: Array
    bias: Array
    spread: Array
    by_theme: Mapping[Axis, AxisFigures]
    family: Mapping[Axis, Mapping[str, float]]
    strengths: tuple[float, ...]


def fit_pictures(
    pictures: FeatureTable, ratings: Ratings, seeds: int, *, tick: Callable[[int, int], None]
) -> PictureFit:
    """Both readings of the pictures' ratings, and how good they are; `tick(done, steps)` after each step of minutes."""
    done = count(1)
    weights, bias, spread, strengths = [], [], [], []
    by_theme, family = {}, {}
    for axis in AXES:
        task = problem(pictures, ratings, axis)
        model, strength = fit_mirrored(task.table.items, task.y, task.signs, np.asarray(task.groups), 0)
        half = len(model.weights) // 2
        weights.append(model.weights[:half])
        bias.append(-float(model.centre[:half] @ model.weights[:half]))
        spread.append(task.predict_out_of_fold(group_folds(task.groups, 5, 0), 0)[0].std())
        strengths.append(strength)
        family[axis] = _by_family(task)
        tick(next(done), STEPS)
        by_theme[axis] = evaluate(task, seeds)
        tick(next(done), STEPS)
    return PictureFit(np.stack(weights, axis=1), np.array(bias), np.array(spread), by_theme, family, tuple(strengths))


def problem(pictures: FeatureTable, ratings: Ratings, axis: Axis) -> Problem:
    """The regression problem of one axis: what the network sees of each picture, then of its mirror image."""
    rows = np.hstack([network_features(pictures), *(network_features(pictures, copy) for copy in COPIES)])
    columns = tuple(f"seen_{i}" for i in range(rows.shape[1]))
    table = FeatureTable(columns, rows, rows, np.arange(len(rows)))
    ones = [1] * len(columns)
    task = Problem.of(table, ratings.affect[:, AXES.index(axis)], ones, groups=ratings.groups, fit=fit_mirrored)
    return replace(task, deals=DEALS)


def fit_mirrored(x: Array, y: Array, signs: Array, groups: Array, seed: int) -> tuple[ridge.Ridge, float]:
    """A ridge fitted to the mean of the two halves of each row, that reads the first half."""
    half = x.shape[1] // 2
    model, strength = ridge.fit_chosen((x[:, :half] + x[:, half:]) / 2, y, signs, groups, seed)
    nothing = np.zeros(half)
    return ridge.Ridge(np.append(model.centre, nothing), np.append(model.weights, nothing)), strength


def _by_family(task: Problem) -> dict[str, float]:
    """r with each family left out, its interval, and how many families there are."""
    kinds = families(task.groups)
    out, _ = task.predict_out_of_fold(leave_one_group_out(kinds), 0)
    found = bootstrap_of(pearson, out, task.y, groups=np.asarray(kinds))
    return {"r": found.estimate, "low_95": found.low, "high_95": found.high, "families": len(set(kinds))}
