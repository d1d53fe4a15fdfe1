"""Bootstrap intervals: against scipy, coverage in simulation, groups, conventions, errors."""

import math

import numpy as np
import pytest
from scipy import stats

from recommender.errors import InputError
from training.evaluation.intervals import (
    Method,
    Summary,
    bootstrap,
    bootstrap_of,
    draws,
    paired_bootstrap,
    spread,
)
from training.measures import POINTWISE


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
@pytest.mark.parametrize("summary", ["mean", "median"])
def test_bounds_equal_those_of_scipy(method: Method, summary: Summary, rng: np.random.Generator) -> None:
    values = rng.exponential(size=80)
    ours = bootstrap(values, summary, method, resamples=20_000)
    function = np.mean if summary == "mean" else np.median
    theirs = stats.bootstrap(
        (values,), function, n_resamples=20_000, method={"bca": "BCa"}.get(method, method), rng=rng
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.estimate == pytest.approx(function(values))
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * width)


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
def test_about_95_of_100_intervals_hold_the_truth(method: Method, rng: np.random.Generator) -> None:
    held = 0
    for trial in range(300):
        interval = bootstrap(rng.beta(2, 3, 96), "mean", method, resamples=600, seed=trial)
        held += interval.low <= 0.4 <= interval.high
    assert 0.91 <= held / 300 <= 0.985


def test_groups_widen_the_interval_of_values_that_repeat(rng: np.random.Generator) -> None:
    values, groups = np.repeat(rng.random(30), 4), np.repeat(np.arange(30), 4)
    alone, together = bootstrap(values, method="percentile"), bootstrap(values, method="percentile", groups=groups)
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(2, abs=0.2)
    assert together.estimate == alone.estimate
    each = bootstrap(values, groups=np.arange(120))
    assert each == bootstrap(values)


def test_groups_of_unequal_size_weigh_by_their_size() -> None:
    got = bootstrap(np.array([0.0, 0, 0, 1]), method="percentile", groups=np.array(["a", "a", "a", "b"]))
    assert got.estimate == 0.25
    assert (got.low, got.high) == (0, 1)


def test_the_seed_decides_all() -> None:
    values = np.arange(20.0)
    assert bootstrap(values, seed=3) == bootstrap(values, seed=3)
    assert bootstrap(values, seed=3) != bootstrap(values, seed=4)
    blocks = list(draws(400_000, 5, seed=0))
    assert [len(block) for block in blocks] == [2, 2, 1]


def test_undefined_values_are_left_out_and_too_few_have_no_bounds() -> None:
    values = np.array([1, np.nan, 2, 3, np.nan])
    assert bootstrap(values) == bootstrap(values[[0, 2, 3]])
    assert bootstrap(values).n == 3
    none = bootstrap(np.array([np.nan]))
    assert none.n == 0
    assert math.isnan(none.estimate)
    one = bootstrap(np.array([2.0]))
    assert one.estimate == 2
    assert math.isnan(one.low)
    assert math.isnan(bootstrap(np.array([1.0, 2]), groups=np.array([0, 0])).high)


def test_constant_values_have_a_point_for_an_interval() -> None:
    got = bootstrap(np.full(10, 0.5))
    assert (got.estimate, got.low, got.high) == (0.5, 0.5, 0.5)


def test_ranks_may_be_infinite_in_a_median() -> None:
    got = bootstrap(np.array([1, 2, 3, 4, np.inf]), "median")
    assert got.estimate == 3
    assert got.high == math.inf
    assert math.isnan(bootstrap(np.array([1, np.inf])).low)


def test_paired_interval_is_that_of_the_differences(rng: np.random.Generator) -> None:
    a = rng.random(50)
    b = a - 0.1
    b[4] = np.nan
    got = paired_bootstrap(a, b)
    assert got.n == 49
    assert got.low == pytest.approx(0.1)
    assert got.high == pytest.approx(0.1)


def test_any_statistic_of_rows(rng: np.random.Generator) -> None:
    truth = rng.integers(0, 2, 100)
    score = truth * 0.5 + rng.random(100)
    got = bootstrap_of(POINTWISE["AUC"].of, truth, score, resamples=400)
    assert got.estimate == POINTWISE["AUC"].of(truth, score)
    # Hanley and McNeil's standard error of an AUC near .88 with 50 of each is about .035.
    assert got.high - got.low == pytest.approx(4 * 0.034, abs=0.05)
    values = rng.random(40)
    mean = bootstrap_of(lambda x: float(x.mean()), values, seed=5)
    assert mean == pytest.approx(bootstrap(values, method="percentile", resamples=2000, seed=5))
    by_group = bootstrap_of(lambda x: float(x.mean()), values, groups=np.arange(40) // 2, seed=5)
    assert by_group == pytest.approx(
        bootstrap(values, method="percentile", resamples=2000, groups=np.arange(40) // 2, seed=5)
    )


def test_resamples_of_one_class_are_left_out() -> None:
    got = bootstrap_of(POINTWISE["AUC"].of, np.array([0, 0, 1]), np.array([0.1, 0.2, 0.3]), resamples=50)
    assert (got.low, got.high) == (1, 1)
    assert math.isnan(bootstrap_of(POINTWISE["AUC"].of, np.zeros(3), np.arange(3.0)).estimate)


def test_spread_over_seeds() -> None:
    got = spread(np.array([1.0, 2, 3]))
    assert got == (2, 1, 1, 3, 3)
    assert math.isnan(spread(np.array([1.0])).std)
    for bad in ([], [1, np.nan], [[1.0]]):
        with pytest.raises(InputError, match="one figure per seed"):
            spread(np.array(bad))


def test_bad_input() -> None:
    values = np.arange(4.0)
    with pytest.raises(InputError, match="unknown interval 'bcb'"):
        bootstrap(values, method="bcb")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="level between 0 and 1"):
        bootstrap(values, level=95)
    with pytest.raises(InputError, match="resamples from 1"):
        bootstrap(values, resamples=0)
    with pytest.raises(InputError, match="no bootstrap of the 'median' by groups"):
        bootstrap(values, "median", groups=np.arange(4))
    with pytest.raises(InputError, match="no bootstrap of the 'mode'"):
        bootstrap(values, "mode")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="one per query"):
        bootstrap(values[None])
    with pytest.raises(InputError, match="one per value"):
        bootstrap(values, groups=np.arange(3))
    with pytest.raises(InputError, match="of the same queries"):
        paired_bootstrap(values, values[:2])
    with pytest.raises(InputError, match="must be finite"):
        paired_bootstrap(values, np.full(4, np.inf))
    with pytest.raises(InputError, match="the same length"):
        bootstrap_of(lambda *_: 0.0, values, values[:2])
    with pytest.raises(InputError, match="the same length, at least 1"):
        bootstrap_of(lambda *_: 0.0)
