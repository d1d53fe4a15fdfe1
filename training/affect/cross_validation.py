"""How well one axis (valence or arousal) of one corpus is predicted: grouped, nested, repeated over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recommender.types import Array
from training.affect.agreement import coverage, mae, pearson, sign_accuracy, standardise
from training.affect.feature_table import FeatureTable
from training.affect.nested import Fitted, Fitter, cross_validate, fit_chosen, group_folds, leave_one_group_out

OUTER_FOLDS = 5
PERMUTATIONS = 100
SURE_Z = 0.5
"""A mood is worth naming where the prediction is at least this far out (population SDs)."""


@dataclass(frozen=True)
class Problem:
    """One axis of one corpus: transformed columns with prior signs, ratings (mean 0, SD 1), and what fits them.

    deals: how often the ratings are dealt out at random to tell what chance reaches.
    """

    table: FeatureTable
    y: Array
    signs: Array
    groups: tuple[str, ...]
    fit: Fitter = fit_chosen
    deals: int = PERMUTATIONS

    @classmethod
    def of(
        cls, table: FeatureTable, rated: Array, signs: Sequence[int], *, groups: Sequence[str], fit: Fitter = fit_chosen
    ) -> "Problem":
        """The problem of raw ratings `rated` [n]; columns whose sign is 0 take no part in this axis."""
        used = [c for c, s in zip(table.columns, signs, strict=True) if s]
        kept = np.array([s for s in signs if s], float)
        return cls(table.select(used), standardise(rated), kept, tuple(groups), fit)

    def predict_out_of_fold(self, folds: Array, seed: int) -> tuple[Array, dict[int, Fitted]]:
        """Out-of-fold predictions [n] of the items, and the models by fold."""
        x, y, signs = self.table.items, self.y, self.signs
        return cross_validate(x, y, signs, groups=self.groups, folds=folds, seed=seed, fit=self.fit)

    def shuffle(self, rng: np.random.Generator) -> "Problem":
        """The same problem with the ratings dealt out anew: what chance looks like."""
        return replace(self, y=rng.permutation(self.y))


@dataclass(frozen=True)
class AxisFigures:
    """Out-of-fold figures of one axis; SDs, MAE and z in SDs of the ratings.

    `_mean` and `_sd` run over seeds (different grouped folds). Residuals, coverage and signs are those of the
    predictions as the product states them: brought to unit variance.
    """

    items: int
    groups: int
    columns: int
    r_mean: float
    r_sd: float
    r_by_seed: tuple[float, ...]
    r_leave_one_group_out: float
    mae_mean: float
    mae_sd: float
    mae_constant: float
    chance_r_mean: float
    chance_r_95: float
    residual_sd_items: float
    residual_sd_windows: float
    r_windows: float
    coverage_80: float
    coverage_90: float
    coverage_80_windows: float
    coverage_90_windows: float
    sign_right: float
    sign_right_sure: float
    share_sure: float


def across(models: dict[int, Fitted], fold_of_row: Array, x: Array) -> Array:
    """Predictions [m] of rows `x` [m, f], each by the model that has not seen the row's fold."""
    out = np.empty(len(x))
    for fold, model in models.items():
        out[fold_of_row == fold] = model.deviation(x[fold_of_row == fold])
    return out


def evaluate(problem: Problem, seeds: int) -> AxisFigures:
    """The figures of `problem` over `seeds` different sets of grouped folds."""
    runs = [_one_seed(problem, seed) for seed in range(seeds)]
    mean = {k: float(np.mean([run[k] for run in runs])) for k in runs[0]}
    by_group, _ = problem.predict_out_of_fold(leave_one_group_out(problem.groups), 0)
    chance = _chance(problem)
    return AxisFigures(
        items=len(problem.y),
        groups=len(set(problem.groups)),
        columns=len(problem.signs),
        r_mean=mean["r"],
        r_sd=float(np.std([run["r"] for run in runs])),
        r_by_seed=tuple(run["r"] for run in runs),
        r_leave_one_group_out=pearson(by_group, problem.y),
        mae_mean=mean["mae"],
        mae_sd=float(np.std([run["mae"] for run in runs])),
        mae_constant=mae(np.zeros(len(problem.y)), problem.y),
        chance_r_mean=float(chance.mean()),
        chance_r_95=float(np.quantile(chance, 0.95)),
        **{name: value for name, value in mean.items() if name not in ("r", "mae")},
    )


def _one_seed(problem: Problem, seed: int) -> dict[str, float]:
    folds = group_folds(problem.groups, OUTER_FOLDS, seed)
    raw, models = problem.predict_out_of_fold(folds, seed)
    owner = problem.table.owner
    raw_windows = across(models, folds[owner], problem.table.windows)
    gain = 1 / raw.std() if raw.std() > 0 else 0.0
    stated, stated_windows = gain * (raw - raw.mean()), gain * (raw_windows - raw.mean())
    rest, rest_windows = stated - problem.y, stated_windows - problem.y[owner]
    sure, share = sign_accuracy(stated, problem.y, SURE_Z)
    return {
        "r": pearson(raw, problem.y),
        "mae": mae(raw, problem.y),
        "residual_sd_items": float(np.sqrt((rest**2).mean())),
        "residual_sd_windows": float(np.sqrt((rest_windows**2).mean())),
        "r_windows": pearson(raw_windows, problem.y[owner]),
        "coverage_80": coverage(rest, folds, 0.8),
        "coverage_90": coverage(rest, folds, 0.9),
        "coverage_80_windows": coverage(rest_windows, folds[owner], 0.8),
        "coverage_90_windows": coverage(rest_windows, folds[owner], 0.9),
        "sign_right": sign_accuracy(stated, problem.y)[0],
        "sign_right_sure": sure,
        "share_sure": share,
    }


def _chance(problem: Problem) -> Array:
    """Scores [deals] of the whole procedure on ratings dealt out at random."""
    rng = np.random.default_rng(0)
    scores = []
    for k in range(problem.deals):
        dealt = problem.shuffle(rng)
        out, _ = dealt.predict_out_of_fold(group_folds(problem.groups, OUTER_FOLDS, k), k)
        scores.append(pearson(out, dealt.y))
    return np.array(scores)
