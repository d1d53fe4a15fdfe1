"""Sign-constrained ridge against hand-worked answers, plain ridge, and brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.affect.signed_ridge import fit, solve

GRAM = np.array([[1.0, 0.5], [0.5, 1.0]])


def test_unconstrained_side_is_plain_ridge():
    # (G + I) w = m with m = (2, 1.5): det = 4 - .25 = 3.75; w = (2*2 - .5*1.5, 2*1.5 - .5*2) / 3.75
    w = solve(GRAM, np.array([2.0, 1.5]), np.array([1.0, 1.0]), strength=1.0)
    np.testing.assert_allclose(w, [3.25 / 3.75, 2.0 / 3.75], rtol=1e-12)


def test_a_forbidden_sign_becomes_zero_and_the_rest_is_refitted():
    # Plain ridge gives w2 = (2*.2 - .5*2)/3.75 < 0. With w2 = 0: w1 = m1 / (1 + 1) = 1.
    w = solve(GRAM, np.array([2.0, 0.2]), np.array([1.0, 1.0]), strength=1.0)
    np.testing.assert_allclose(w, [1.0, 0.0], atol=1e-12)


def test_the_same_weight_is_allowed_when_its_sign_is_negative():
    w = solve(GRAM, np.array([2.0, 0.2]), np.array([1.0, -1.0]), strength=1.0)
    np.testing.assert_allclose(w, [(2 * 2 - 0.5 * 0.2) / 3.75, (2 * 0.2 - 0.5 * 2) / 3.75], rtol=1e-12)


def test_fit_standardises_and_adds_the_mean_back():
    # One column 0, 2 (mean 1, SD 1), target 1, 5 (mean 3): m = 2, w = 2 / (1 + 1) = 1.
    model = fit(np.array([[0.0], [2.0]]), np.array([1.0, 5.0]), [1], strength=1.0)
    np.testing.assert_allclose([model.weights[0], model.intercept], [1.0, 3.0])
    np.testing.assert_allclose(model.predict(np.array([[0.0], [1.0], [2.0]])), [2.0, 3.0, 4.0])


def test_predictions_stop_growing_beyond_the_clip():
    model = fit(np.array([[0.0], [2.0]]), np.array([1.0, 5.0]), [1], strength=1.0)
    np.testing.assert_allclose(model.predict(np.array([[4.5], [100.0]])), [6.5, 6.5])


def test_a_constant_column_weighs_nothing():
    model = fit(np.array([[0.0, 7.0], [2.0, 7.0]]), np.array([1.0, 5.0]), [1, 1], strength=1.0)
    np.testing.assert_array_equal(model.weights[1], 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.3, 3.0]))
def test_signs_hold_and_no_allowed_step_improves(seed, strength):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(30, 5)), rng.normal(size=30)
    signs = rng.choice([-1.0, 1.0], 5)
    gram, moment = x.T @ x / 30, x.T @ y / 30
    w = solve(gram, moment, signs, strength=strength)
    assert (signs * w >= 0).all()
    # Karush-Kuhn-Tucker: the gradient along each sign is 0 where a weight is used, not negative elsewhere.
    gradient = signs * (gram @ w + strength * w - moment)
    assert (gradient > -1e-9).all()
    np.testing.assert_allclose(gradient[w != 0], 0, atol=1e-9)


def test_agrees_with_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 4))
    x = (x - x.mean(0)) / x.std(0)
    y = x @ [1.0, -0.5, 0.2, 0.0] + rng.normal(size=60)
    other = linear_model.Ridge(alpha=60 * 0.4, positive=True, tol=1e-12, max_iter=10_000).fit(x, y)
    np.testing.assert_allclose(fit(x, y, [1] * 4, strength=0.4).weights, other.coef_, atol=1e-3)
