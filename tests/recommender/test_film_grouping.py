"""Shots merged into scenes: the cheapest grouping, exactly; limits; as many scenes as are asked for."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from recommender.films.grouping import APART, PENALTY_S, Limits, Shots, group, group_into


def drawn(seed: int, count: int = 9) -> Shots:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 3))
    return Shots(rng.uniform(1, 6, count), points / np.linalg.norm(points, axis=1, keepdims=True))


def cost(shots: Shots, starts: tuple[int, ...], penalty_s: float) -> float:
    """Time times squared distance from the scene's mean, and the penalty of each scene."""
    total = 0.0
    for a, b in pairwise([*starts, len(shots.lengths_s)]):
        mean = np.average(shots.points[a:b], axis=0, weights=shots.lengths_s[a:b])
        total += float(shots.lengths_s[a:b] @ np.square(shots.points[a:b] - mean).sum(axis=1)) + penalty_s
    return total


def groupings(shots: Shots, limits: Limits) -> list[tuple[int, ...]]:
    """Every way to group the shots within the limits."""
    count = len(shots.lengths_s)
    every = [(0, *cuts) for k in range(count) for cuts in combinations(range(1, count), k)]
    return [one for one in every if all(limits.shortest_s <= s <= limits.longest_s for s in lengths(shots, one))]


def lengths(shots: Shots, starts: tuple[int, ...]) -> list[float]:
    return [float(shots.lengths_s[a:b].sum()) for a, b in pairwise([*starts, len(shots.lengths_s)])]


@pytest.mark.parametrize("limits", [Limits(0.0), Limits(5.0), Limits(4.0, 14.0)], ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_the_grouping_costs_least_of_all(seed, limits, monkeypatch):
    monkeypatch.setattr("recommender.films.grouping.APART", 0.0)
    shots = drawn(seed)
    best = min(groupings(shots, limits), key=lambda one: cost(shots, one, 1.0))
    assert tuple(group(shots, limits, penalty_s=1.0)) == best
    counted = [one for one in groupings(shots, limits) if len(one) == 3]
    assert tuple(group_into(shots, 3, limits)) == min(counted, key=lambda one: cost(shots, one, 0.0))


def test_what_is_asked_for_goes_before_limits():
    shots = drawn(0)
    assert len(group_into(shots, 7, Limits(30.0))) == 7
    assert group_into(shots, 99) == list(range(9))
    assert group_into(shots, 1) == [0]
    assert group(shots, Limits(1000.0)) == [0]


def test_neighbours_that_are_alike_are_one_scene_however_long_they_are():
    near, far = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    drifted = near + np.sqrt(0.9 * APART) * far
    long = Shots(np.full(20, 30.0), np.array([near] * 10 + [drifted] * 10))
    gained = 600 / 4 * 0.9 * APART
    assert gained > 10 * PENALTY_S
    assert group(long) == [0]
    assert group(long._replace(points=np.array([near] * 10 + [far] * 10))) == [0, 10]


def test_what_comes_back_within_seconds_is_no_scene():
    a, b = np.eye(2)
    assert group(Shots(np.full(12, 2.0), np.array([a, b] * 6))) == [0]
