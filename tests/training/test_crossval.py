"""Folds keep groups whole, the strength is chosen inside, and noise scores nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import InputError
from training.affect.agreement import pearson
from training.affect.nested import (
    INNER_FOLDS,
    STRENGTHS,
    choose_strength,
    cross_validate,
    group_folds,
    leave_one_group_out,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=60), st.integers(2, 8), st.integers(0, 99))
def test_no_group_crosses_folds_and_no_fold_is_empty(groups, k, seed):
    if len(set(groups)) < k:
        with pytest.raises(InputError, match="cannot make"):
            group_folds(groups, k, seed)
        return
    folds = group_folds(groups, k, seed)
    assert set(folds) == set(range(k))
    for name in set(groups):
        assert len({f for f, g in zip(folds, groups, strict=True) if g == name}) == 1


def test_folds_are_reproducible_and_differ_between_seeds():
    groups = [f"g{i // 3}" for i in range(60)]
    np.testing.assert_array_equal(group_folds(groups, 5, 1), group_folds(groups, 5, 1))
    assert (group_folds(groups, 5, 1) != group_folds(groups, 5, 2)).any()


def test_equal_groups_make_equal_folds():
    folds = group_folds([f"g{i // 2}" for i in range(20)], 5, 0)
    np.testing.assert_array_equal(np.bincount(folds), [4] * 5)


def test_leave_one_group_out_numbers_groups():
    np.testing.assert_array_equal(leave_one_group_out(["b", "a", "b", "c"]), [1, 0, 1, 2])


def test_a_planted_relation_is_found_out_of_fold():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    y = 2 * x[:, 0] - x[:, 1] + 0.5 * rng.normal(size=120)
    groups = [str(i // 4) for i in range(120)]
    out, models = cross_validate(
        x, y, np.array([1.0, -1.0, 1.0]), groups=groups, folds=group_folds(groups, 5, 0), seed=0
    )
    assert pearson(out, y) > 0.9
    assert sorted(models) == [0, 1, 2, 3, 4]


def test_a_relation_against_the_prior_sign_is_not_used():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 1))
    groups = [str(i // 4) for i in range(120)]
    _, models = cross_validate(x, 2 * x[:, 0], np.array([-1.0]), groups=groups, folds=group_folds(groups, 5, 0), seed=0)
    assert all((m.weights == 0).all() for m in models.values())


def test_noise_scores_about_zero():
    rng = np.random.default_rng(1)
    groups = [str(i // 4) for i in range(160)]
    folds = group_folds(groups, 5, 0)
    scores = []
    for _ in range(30):
        x, y = rng.normal(size=(160, 4)), rng.normal(size=160)
        scores.append(pearson(cross_validate(x, y, np.ones(4), groups=groups, folds=folds, seed=0)[0], y))
    # About .08 each; slightly negative on average, since what by chance leans one way in the training
    # folds leans the other way in the fold left out.
    assert -0.1 < np.mean(scores) < 0.05


def test_group_effects_do_not_leak():
    """Each group has its own level in x and y: folds that split groups would score high, ours must not."""
    rng = np.random.default_rng(2)
    member = np.repeat(np.arange(30), 6)
    level_x, level_y = rng.normal(size=(30, 12)), rng.normal(size=30)
    x = level_x[member] + 0.05 * rng.normal(size=(180, 12))
    y = level_y[member] + 0.05 * rng.normal(size=180)
    groups = [str(g) for g in member]
    scores = [
        pearson(cross_validate(x, y, np.ones(12), groups=groups, folds=group_folds(groups, 5, s), seed=s)[0], y)
        for s in range(4)
    ]
    assert np.mean(scores) < 0.25


def test_noise_gets_the_strongest_ridge_and_signal_a_weak_one():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 8))
    groups = np.array([str(i // 2) for i in range(100)])
    clear = x @ np.arange(1.0, 9) + 0.1 * rng.normal(size=100)
    assert choose_strength(x, clear, np.ones(8), groups=groups, seed=0) == STRENGTHS[0]
    assert choose_strength(x, rng.normal(size=100), np.ones(8), groups=groups, seed=0) >= 1.0


def test_few_groups_are_left_out_one_by_one_whatever_the_seed():
    """With up to INNER_FOLDS groups the inner folds do not depend on how the groups are dealt."""
    rng = np.random.default_rng(3)
    groups = np.array([f"g{i % INNER_FOLDS}" for i in range(60)])
    folds = [group_folds(list(groups), INNER_FOLDS, seed) for seed in range(5)]
    assert all(len(set(zip(f, groups, strict=True))) == INNER_FOLDS for f in folds)
    x, y = rng.normal(size=(60, 4)), rng.normal(size=60)
    x[:, 0] += 0.5 * y
    assert len({choose_strength(x, y, np.ones(4), groups=groups, seed=seed) for seed in range(5)}) == 1


def test_a_single_group_gets_the_middle_strength():
    assert choose_strength(np.ones((3, 1)), np.ones(3), np.ones(1), groups=np.array(["a"] * 3), seed=0) == STRENGTHS[3]
