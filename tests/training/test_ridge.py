"""Ridge regression through the products of the items, against the textbook form."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Peer

from training.affect.picture_affect import fit_mirrored
from training.affect.ridge import STRENGTHS, Products, fit_chosen


def planted(n: int = 80, d: int = 200, noise: float = 0.5):
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (n, d)) * rng.uniform(0.1, 5, d)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    y = z[:, :5].sum(axis=1) + noise * rng.normal(size=n)
    return x, y, np.array([f"g{i // 4}" for i in range(n)])


@pytest.mark.parametrize("strength", [0.1, 3.0])
def test_it_is_ridge_on_standardised_columns(strength):
    x, y, _ = planted()
    model = Products(x, y).fit(strength)
    z = (x - x.mean(axis=0)) / x.std(axis=0) / np.sqrt(x.shape[1])
    peer = Peer(alpha=strength).fit(z, y)
    fresh = np.random.default_rng(1).normal(3, 2, (7, x.shape[1]))
    expected = peer.predict((fresh - x.mean(axis=0)) / x.std(axis=0) / np.sqrt(x.shape[1])) - y.mean()
    np.testing.assert_allclose(model.deviation(fresh), expected, atol=1e-8)


def test_noise_is_shrunk_more_than_signal():
    x, y, groups = planted(noise=0.1)
    found, dealt = (fit_chosen(x, t, np.ones(200), groups, 0)[1] for t in (y, np.random.default_rng(0).permutation(y)))
    assert found < dealt
    assert {found, dealt} <= set(STRENGTHS)


def test_a_constant_column_weighs_nothing():
    x, y, groups = planted()
    x[:, 7] = 4.0
    model, _ = fit_chosen(x, y, np.ones(200), groups, 0)
    assert model.weights[7] == 0
    assert np.isfinite(model.weights).all()


def test_mirrored_rows_are_fitted_by_their_mean_and_read_by_their_first_half():
    x, y, groups = planted()
    other = x + np.random.default_rng(2).normal(size=x.shape)
    model, strength = fit_mirrored(np.hstack([x, other]), y, np.ones(400), groups, 0)
    mean, same = fit_chosen((x + other) / 2, y, np.ones(200), groups, 0)
    assert strength == same
    np.testing.assert_allclose(model.deviation(np.hstack([x, 0 * other])), mean.deviation(x))
