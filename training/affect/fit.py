"""From terms and ratings to a fitted predictor with its figures, the same way for music and pictures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from recommender.affect.linear import LinearAffect
from recommender.types import Array
from training.affect.calibration import round_digits
from training.affect.cross_validation import AxisFigures, Problem, evaluate
from training.affect.feature_table import FeatureTable
from training.affect.signed_ridge import SignedRidge
from training.affect.terms import AXES, Axis, Terms
from training.datasets import Ratings

Report = dict[str, Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fit:
    """Both axes fitted: weights float64 [2, f] over all terms, per unit of a transformed column, strengths, figures."""

    weights: Array
    strengths: tuple[float, ...]
    figures: Mapping[Axis, AxisFigures]


@dataclass(frozen=True)
class Trained:
    """A shipped predictor, what to report of it, and per column its weights and reason for the card."""

    model: LinearAffect
    report: Report
    reasons: Mapping[str, str]
    unused: tuple[str, ...]


def problem(terms: Terms, features: FeatureTable, ratings: Ratings, *, axis: Axis) -> Problem:
    """The regression problem of one axis."""
    rated = ratings.affect[:, AXES.index(axis)]
    return Problem.of(terms.table(features), rated, terms.signs(axis), groups=ratings.groups)


def fit(terms: Terms, tasks: Mapping[Axis, Problem], seeds: int) -> Fit:
    """Models of all items of `tasks`, each the problem of an axis, and their out-of-fold figures."""
    weights, strengths = weights_of(terms, tasks)
    return Fit(weights, strengths, {axis: evaluate(task, seeds) for axis, task in tasks.items()})


def weights_of(terms: Terms, tasks: Mapping[Axis, Problem]) -> tuple[Array, tuple[float, ...]]:
    """Weights float64 [2, f] over all terms, per unit of a transformed column, and the strengths of the ridges."""
    weights, strengths = np.zeros((2, len(terms.terms))), []
    for row, axis in enumerate(AXES):
        task = tasks[axis]
        found, strength = task.fit(task.table.items, task.y, task.signs, np.asarray(task.groups), 0)
        model = cast(SignedRidge, found)  # music is fitted by no other
        columns = [terms.columns.index(c) for c in task.table.columns]
        weights[row, columns] = model.weights / model.scale
        strengths.append(strength)
    return weights, tuple(strengths)


def assemble_predictor(full: LinearAffect) -> LinearAffect:
    """The predictor of all columns of `full` that weigh anything on either axis, its numbers rounded."""
    used = [j for j in range(len(full.columns)) if np.any(full.weights[:, j] != 0)]
    columns, transform = (tuple(names[j] for j in used) for names in (full.columns, full.transform))
    by_column = full.centre[used], full.scale[used], full.weights[:, used]
    return LinearAffect(columns, transform, *map(round_digits, (*by_column, full.gain, full.sd, full.offset)))
