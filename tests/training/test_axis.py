"""The figures of an axis on planted data: signal is found, noise is not, intervals hold."""

import numpy as np
import pytest

from training.affect.cross_validation import Problem, across, evaluate
from training.affect.feature_table import FeatureTable
from training.affect.nested import cross_validate, fit_chosen, group_folds


def planted(noise: float, seed: int = 0, n: int = 150) -> Problem:
    """y = a - b + noise over n items in 30 groups; three windows an item, themselves noisy; column c is idle."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    owner = np.repeat(np.arange(n), 3)
    table = FeatureTable(("a", "b", "c"), x, x[owner] + 0.5 * rng.normal(size=(3 * n, 3)), owner)
    y = x[:, 0] - x[:, 1] + noise * rng.normal(size=n)
    return Problem.of(table, 7 + 2 * y, (1, -1, 0), groups=tuple(str(i // 5) for i in range(n)))


def test_idle_columns_are_dropped_and_ratings_standardised():
    problem = planted(0.5)
    assert problem.table.columns == ("a", "b")
    np.testing.assert_array_equal(problem.signs, [1, -1])
    np.testing.assert_allclose([problem.y.mean(), problem.y.std()], [0, 1], atol=1e-12)


def test_signal_is_found_with_honest_figures():
    figures = evaluate(planted(noise=np.sqrt(2)), seeds=3)
    # Half of the variance can be explained: r = sqrt(.5), and predictions at unit variance leave sqrt(2 - 2r).
    assert figures.r_mean == pytest.approx(np.sqrt(0.5), abs=0.08)
    assert figures.residual_sd_items == pytest.approx(np.sqrt(2 - 2 * figures.r_mean), abs=0.02)
    assert abs(figures.r_mean - figures.r_leave_one_group_out) < 0.05
    assert figures.r_windows < figures.r_mean
    assert figures.residual_sd_windows > figures.residual_sd_items
    assert figures.mae_mean < figures.mae_constant
    assert figures.coverage_80 == pytest.approx(0.8, abs=0.07)
    assert figures.coverage_90_windows == pytest.approx(0.9, abs=0.06)
    assert figures.sign_right_sure > figures.sign_right > 0.7
    assert (figures.items, figures.groups, figures.columns, len(figures.r_by_seed)) == (150, 30, 2, 3)


def test_chance_is_about_zero_and_far_below_the_signal():
    figures = evaluate(planted(noise=1.0), seeds=1)
    assert -0.1 < figures.chance_r_mean < 0.05
    assert figures.chance_r_mean < figures.chance_r_95 < 0.3 < figures.r_mean


def test_windows_are_predicted_by_the_model_that_has_not_seen_their_item():
    problem = planted(0.5)
    folds = group_folds(problem.groups, 5, 0)
    out, models = cross_validate(
        problem.table.items, problem.y, problem.signs, groups=problem.groups, folds=folds, seed=0
    )
    np.testing.assert_allclose(across(models, folds, problem.table.items), out)


def test_a_model_of_all_items_recovers_the_planted_weights():
    problem = planted(noise=0.01)
    model, _ = fit_chosen(problem.table.items, problem.y, problem.signs, np.asarray(problem.groups), 0)
    np.testing.assert_allclose(model.weights * [1, -1], [np.sqrt(0.5)] * 2, rtol=0.15)
