"""Hand-worked figures."""

import numpy as np
import pytest

from training.affect.agreement import coverage, mae, pearson, sign_accuracy, standardise


def test_pearson_by_hand():
    # Deviations (-1, 0, 1) and (-1, 1, 0): product 1, norms sqrt(2) each.
    assert pearson(np.array([1.0, 2, 3]), np.array([1.0, 3, 2])) == pytest.approx(0.5)


def test_pearson_of_a_constant_is_zero():
    assert pearson(np.full(7, 0.1), np.arange(7.0)) == 0


def test_mae_by_hand():
    assert mae(np.array([1.0, -1]), np.array([0.0, 2])) == 2


def test_standardised_by_hand():
    np.testing.assert_allclose(standardise(np.array([1.0, 3])), [-1, 1])
    np.testing.assert_array_equal(standardise(np.full(3, 0.3)), 0)


def test_signs_are_counted_only_where_asked():
    predicted, truth = np.array([0.2, -0.2, 1.0, -1.0]), np.array([-1.0, -1, 1, 1])
    assert sign_accuracy(predicted, truth) == (0.5, 1.0)
    assert sign_accuracy(predicted, truth, beyond=0.5) == (0.5, 0.5)
    accuracy, share = sign_accuracy(predicted, truth, beyond=2)
    assert np.isnan(accuracy)
    assert share == 0


def test_coverage_takes_the_spread_from_the_other_folds():
    # Fold 0 has residuals ±1, fold 1 ±3. At 90 % (±1.645 SD): fold 0 inside ±4.9, fold 1 outside ±1.645.
    residuals, folds = np.array([1.0, -1, 3, -3]), np.array([0, 0, 1, 1])
    assert coverage(residuals, folds, 0.9) == 0.5


def test_coverage_of_normal_residuals_is_nominal():
    residuals = np.random.default_rng(0).normal(size=4000)
    assert coverage(residuals, np.arange(4000) % 5, 0.8) == pytest.approx(0.8, abs=0.02)
