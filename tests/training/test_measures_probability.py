"""Probabilities: bins that no order of the items changes, curves by hand, and what sampling alone adds to the ECE."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InputError
from training.measures import POINTWISE, Bin, ece_of_calibrated, reliability
from training.measures.probability import assign_bins, ece

ECE = POINTWISE["ECE"].of
ITEMS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8).map(lambda i: i / 8)), min_size=1, max_size=30)


def test_the_curve_by_hand() -> None:
    truth, p = np.array([0, 1, 1, 1]), np.array([0.25, 0.75, 0.5, 1.0])
    assert reliability(truth, p, bins=2) == [Bin(0.25, 0.5, 0.375, 0.5, 2), Bin(0.75, 1.0, 0.875, 1.0, 2)]
    assert ece(truth, p, bins=2) == 0.125
    assert ece(truth, p, bins=1) == 0.125  # |3/4 - 2.5/4|
    assert ece(np.array([0, 1]), np.full(2, 0.5)) == 0  # a constant at the base rate is calibrated


@given(ITEMS, st.integers(1, 12))
def test_bins_part_no_equals_and_ignore_the_order(items: list[tuple[int, float]], bins: int) -> None:
    truth, p = (np.array(column) for column in zip(*items, strict=True))
    which = assign_bins(p, bins)
    assert all(len({*which[p == value]}) == 1 for value in p)
    assert (np.diff(which[np.argsort(p, kind="stable")]) >= 0).all()
    back = np.arange(len(p))[::-1]
    assert ece(truth[back], p[back], bins) == pytest.approx(ece(truth, p, bins), abs=1e-12)
    curve = reliability(truth, p, bins)
    assert sum(b.items for b in curve) == len(p)
    by_curve = sum(b.items * abs(b.observed - b.predicted) for b in curve) / len(p)
    assert ece(truth, p, bins) == pytest.approx(by_curve, abs=1e-12)


@given(st.integers(1, 200), st.integers(1, 12))
def test_bins_of_distinct_probabilities_are_of_equal_count(n: int, bins: int) -> None:
    sizes = np.bincount(assign_bins(np.arange(n) / n, bins))
    assert np.ptp(sizes[sizes > 0]) <= 1
    assert np.count_nonzero(sizes) == min(n, bins)


def test_the_level_of_calibrated_probabilities_is_the_mean_over_all_outcomes() -> None:
    p = np.array([0.1, 0.3, 0.3, 0.8, 0.9])
    expected = sum(
        np.prod(np.where(truth, p, 1 - p)) * ece(np.array(truth), p, 2) for truth in product((0, 1), repeat=5)
    )
    assert ece_of_calibrated(p, 2) == pytest.approx(expected, abs=1e-12)
    assert ece_of_calibrated(np.array([0.0, 1.0, 1.0])) == 0


@pytest.mark.parametrize("name", ["Brier", "ECE"])
def test_what_is_no_probability_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="probabilities must lie from 0 to 1, not -0.5 to 2"):
        POINTWISE[name].of(np.array([0, 1]), np.array([-0.5, 2]))
    with pytest.raises(InputError, match="truth of a probability must be 0 or 1"):
        POINTWISE[name].chance(np.array([0.5, 1]), np.array([0.5, 1]))
    with pytest.raises(InputError, match="at least one bin, not 0"):
        reliability(np.array([0, 1]), np.array([0.5, 1]), 0)
