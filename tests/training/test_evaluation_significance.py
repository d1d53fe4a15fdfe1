"""Paired randomisation tests by hand, against scipy, level under the null; Holm by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recommender.errors import InputError
from training.evaluation import significance
from training.evaluation.significance import compare, holm, paired_test


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_by_hand() -> None:
    # Differences 1, 2, 3: only + + + and - - - reach a sum of 6.
    got = paired_test(np.array([2.0, 4, 6]), np.array([1.0, 2, 3]))
    assert got == (2, 2 / 8, 3, True)
    # Differences 1, 2, -3 sum to 0: every pattern is at least as extreme.
    assert paired_test(np.array([1.0, 2, 0]), np.array([0.0, 0, 3])).p == 1
    # 0.1 + 0.2 - 0.3 is not 0 in floats: the patterns that reach it again must count all the same.
    assert paired_test(np.array([0.1, 0.2, -0.3]), np.zeros(3)).p == 1


def test_exact_p_equals_scipy(rng: np.random.Generator) -> None:
    a = rng.normal(0.4, 1, 11)
    theirs = stats.permutation_test(
        (a, np.zeros(11)), lambda x, y: float(np.mean(x - y)), permutation_type="samples", n_resamples=np.inf
    )
    got = paired_test(a, np.zeros(11))
    assert got.exact
    assert got.p == pytest.approx(theirs.pvalue, abs=1e-12)


def test_random_patterns_agree_with_all_patterns(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    a = rng.normal(0.5, 1, 16)
    exact = paired_test(a, np.zeros(16))
    monkeypatch.setattr(significance, "EXACT", 3)
    monkeypatch.setattr(significance, "CELLS", 10_000)
    sampled = paired_test(a, np.zeros(16), rounds=40_000)
    assert (exact.exact, sampled.exact) == (True, False)
    assert sampled.p == pytest.approx(exact.p, abs=4 * (exact.p / 40_000) ** 0.5)
    assert sampled == paired_test(a, np.zeros(16), rounds=40_000)


def test_a_random_p_is_never_zero() -> None:
    got = paired_test(np.full(60, 1.0), np.zeros(60), rounds=999)
    assert not got.exact
    assert got.p == pytest.approx(1 / 1000)


def test_under_the_null_five_in_a_hundred_fall_below_five_per_cent(rng: np.random.Generator) -> None:
    p = [paired_test(rng.normal(size=25), rng.normal(size=25), rounds=400).p for _ in range(400)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.033)


def test_undefined_and_equal_queries() -> None:
    a, b = np.array([1, np.nan, 3, 4, 5]), np.array([0, 1, np.nan, 4, 4])
    got = paired_test(a, b)
    assert (got.n, got.exact) == (3, True)
    assert got.difference == pytest.approx(2 / 3)
    assert got.p == 2 / 4  # two queries differ, both in favour of a
    same = paired_test(a, a)
    assert (same.difference, same.p) == (0, 1)
    assert paired_test(np.array([np.nan]), np.array([1.0])).p == 1


def test_groups_flip_together() -> None:
    ones = np.ones(6)
    assert paired_test(ones, 0 * ones).p == 2 / 64
    assert paired_test(ones, 0 * ones, groups=np.array([0, 0, 1, 1, 2, 2])).p == 2 / 8


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.5]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=9))
def test_holm_only_raises_and_keeps_the_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(a <= b <= 1 for a, b in zip(p, adjusted, strict=True))
    order = np.argsort(p, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()
    assert all(b <= min(1, len(p) * a) + 1e-15 for a, b in zip(p, adjusted, strict=True))


def test_systems_are_compared_in_pairs_or_against_one(rng: np.random.Generator) -> None:
    base = rng.random(40)
    systems = {"good": base + 0.2, "same": base + rng.normal(0, 0.1, 40), "base": base}
    every = compare(systems, rounds=2000)
    assert [(c.a, c.b) for c in every] == [("good", "same"), ("good", "base"), ("same", "base")]
    assert [c.p_holm for c in every] == holm([c.p for c in every])
    assert every[1].difference.estimate == pytest.approx(0.2)
    assert every[0].difference.low > 0
    assert every[2].p > 0.05
    against = compare(systems, against="base", rounds=2000)
    assert [(c.a, c.b) for c in against] == [("good", "base"), ("same", "base")]
    assert against[0].p_holm == pytest.approx(2 / 2001)
    assert compare({"alone": base}) == []


def test_bad_input() -> None:
    with pytest.raises(InputError, match="of the same queries"):
        paired_test(np.zeros(3), np.zeros(2))
    with pytest.raises(InputError, match="must be finite"):
        paired_test(np.array([np.inf]), np.zeros(1))
    with pytest.raises(InputError, match="rounds from 1"):
        paired_test(np.zeros(3), np.zeros(3), rounds=0)
    with pytest.raises(InputError, match="one per value"):
        paired_test(np.zeros(3), np.zeros(3), groups=np.zeros(2))
    with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
        holm([0.5, float("nan")])
    with pytest.raises(InputError, match="no system 'c' to compare with: there are a, b"):
        compare({"a": np.zeros(2), "b": np.zeros(2)}, against="c")
