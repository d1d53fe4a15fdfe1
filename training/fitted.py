"""From terms and ratings to a fitted predictor with its figures, the same way for music and pictures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.affect.linear import LinearAffect
from recommender.types import Array
from training.axis import AxisFigures, Problem, evaluate
from training.calibration import rounded
from training.crossval import fit_chosen
from training.datasets import Ratings
from training.extraction import FeatureTable
from training.terms import AXES, Axis, Terms

Report = dict[str, Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fit:
    """Both axes fitted to one corpus: weights float64 [2, f] over all terms, the ridge strengths, the figures."""

    terms: Terms
    table: FeatureTable
    weights: Array
    strengths: tuple[float, float]
    figures: Mapping[Axis, AxisFigures]


@dataclass(frozen=True)
class Trained:
    """A shipped predictor, what to report of it, and per column its weights and reason for the card."""

    model: LinearAffect
    report: Report
    reasons: Mapping[str, str]
    unused: tuple[str, ...]


def problem(terms: Terms, features: FeatureTable, ratings: Ratings, axis: Axis) -> Problem:
    """The regression problem of one axis."""
    return Problem.of(terms.table(features), ratings.affect[:, AXES.index(axis)], terms.signs(axis), ratings.groups)


def fit(terms: Terms, features: FeatureTable, ratings: Ratings, seeds: int) -> Fit:
    """Models of all items and their out-of-fold figures, on both axes."""
    weights = np.zeros((2, len(terms.terms)))
    strengths, figures = [], {}
    for row, axis in enumerate(AXES):
        task = problem(terms, features, ratings, axis)
        model, strength = fit_chosen(task.table.items, task.y, task.signs, np.asarray(task.groups), 0)
        weights[row, [terms.columns.index(c) for c in task.table.columns]] = model.weights
        strengths.append(strength)
        figures[axis] = evaluate(task, seeds)
    return Fit(terms, terms.table(features), weights, (strengths[0], strengths[1]), figures)


def assembled(
    columns: tuple[str, ...],
    transforms: tuple[str, ...],
    centre: Array,
    scale: Array,
    weights: Array,
    gain: Array,
    sd: Array,
) -> LinearAffect:
    """The predictor of all columns that weigh anything on either axis, its numbers rounded."""
    used = [j for j in range(len(columns)) if np.any(weights[:, j] != 0)]
    return LinearAffect(
        columns=tuple(columns[j] for j in used),
        transform=tuple(transforms[j] for j in used),
        centre=rounded(centre[used]),
        scale=rounded(scale[used]),
        weights=rounded(weights[:, used]),
        gain=rounded(gain),
        sd=rounded(sd),
    )
