"""Shots of a film merged into scenes: where the pictures, and what they feel like, change for longer than a shot.

Kernel change-point detection with a penalty per scene (Arlot, Celisse, Harchaoui: "A kernel multiple change-point
algorithm via model selection", 2019, eq. 4), exact by dynamic programming: a scene costs the time of its shots times
their mean squared distance from the scene's own mean. Memory grows with the shots, not with their square.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from recommender.types import Array

PENALTY_S = 2.0
"""What a further scene costs: as much as joining two shots of 2 s that have nothing in common. Chosen on joined films,
docs/results/scenes.md."""
SHORTEST_S = 5.0
"""No scene is shorter: music needs some bars. docs/results/scenes.md has 8 s beside it."""
APART = 0.5
"""Squared distance of their means below which neighbours are one scene, however long they are: shots of one clip of
many pictures stay within it, those of two clips are hardly ever that near."""
_EPS_S = 1e-6


class Shots(NamedTuple):
    """Shots in order: how long each lasts in s, float64 [n], and points float64 [n, d] whose squared distances tell how
    unlike two shots are."""

    lengths_s: Array
    points: Array


class Limits(NamedTuple):
    """How long a scene may be in s; a single shot may be longer."""

    shortest_s: float = SHORTEST_S
    longest_s: float = np.inf


USUAL = Limits()


def group(shots: Shots, limits: Limits = USUAL, *, penalty_s: float = PENALTY_S) -> list[int]:
    """The first shot of every scene, ascending, beginning with 0: the grouping that costs least, neighbours that are
    alike joined."""
    count = len(shots.lengths_s)
    best, before = np.zeros(count + 1), np.zeros(count + 1, int)
    for upto, costs in enumerate(_costs(shots), 1):
        total = best[:upto] + costs + penalty_s
        total = np.where(_may(shots, upto, limits, best), total, np.inf)
        before[upto], best[upto] = int(total.argmin()), total.min()
    starts, upto = [], count
    while upto > 0:
        upto = int(before[upto])
        starts.append(upto)
    return _join(shots, starts[::-1], limits)


def group_into(shots: Shots, count: int, limits: Limits = USUAL) -> list[int]:
    """The same with exactly `count` scenes, or as many as there are shots: limits give way where they must."""
    count = min(count, len(shots.lengths_s))
    return _into(shots, count, limits) or _into(shots, count, Limits(0.0))


def _into(shots: Shots, count: int, limits: Limits) -> list[int]:
    """First shots of `count` scenes within `limits`; none where they allow none."""
    shape = count + 1, len(shots.lengths_s) + 1
    best, before = np.full(shape, np.inf), np.zeros(shape, int)
    best[0, 0] = 0.0
    for upto, costs in enumerate(_costs(shots), 1):
        total = best[:-1, :upto] + np.where(_fits(shots, upto, limits), costs, np.inf)
        before[1:, upto], best[1:, upto] = total.argmin(axis=1), total.min(axis=1)
    if not np.isfinite(best[-1, -1]):
        return []
    starts, upto = [], shape[1] - 1
    for scene in range(count, 0, -1):
        upto = int(before[scene, upto])
        starts.append(upto)
    return starts[::-1]


def _costs(shots: Shots) -> Iterator[Array]:
    """For each last shot the costs of scenes from every shot up to it, float64 [1], [2], ... [n]."""
    lengths, points = shots
    own = lengths * np.square(points).sum(axis=1)
    scatter, own_sum, total_s = np.zeros(0), np.zeros(0), np.zeros(0)  # of scenes from each shot up to the last
    for last in range(len(lengths)):
        likeness = lengths[: last + 1] * (points[: last + 1] @ points[last])
        with_last = np.cumsum(likeness[::-1])[::-1]
        grown = lengths[last] * (2 * with_last - likeness[last])
        scatter = np.append(scatter, 0.0) + grown
        own_sum = np.append(own_sum, 0.0) + own[last]
        total_s = np.append(total_s, 0.0) + lengths[last]
        yield own_sum - scatter / np.maximum(total_s, _EPS_S)


def _fits(shots: Shots, upto: int, limits: Limits) -> Array:
    """Which scenes from each shot up to `upto` are within the limits, bool [upto]."""
    lasts_s = np.cumsum(shots.lengths_s[:upto][::-1])[::-1]
    single = np.arange(upto) == upto - 1
    return (lasts_s >= limits.shortest_s - _EPS_S) & ((lasts_s <= limits.longest_s + _EPS_S) | single)


def _may(shots: Shots, upto: int, limits: Limits, best: Array) -> Array:
    """Which scenes up to `upto` may be, bool [upto]: within the limits as far as any is."""
    reached = np.isfinite(best[:upto])
    fits = _fits(shots, upto, limits) & reached
    if fits.any():
        return fits
    if upto < len(shots.lengths_s):
        return np.zeros(upto, bool)  # too short for a scene: those that follow begin earlier
    long = _fits(shots, upto, Limits(limits.shortest_s)) & reached
    return long if long.any() else np.arange(upto) == 0


def _join(shots: Shots, starts: Sequence[int], limits: Limits) -> list[int]:
    """`starts` without those of scenes hardly unlike the one before, the most alike first."""
    kept = list(starts)
    while len(kept) > 1:
        spans = list(zip(kept, [*kept[1:], len(shots.lengths_s)], strict=True))
        means = np.array([np.average(shots.points[a:b], axis=0, weights=shots.lengths_s[a:b]) for a, b in spans])
        apart = np.square(np.diff(means, axis=0)).sum(axis=1)
        lasts_s = np.array([shots.lengths_s[a:b].sum() for a, b in spans])
        apart[lasts_s[1:] + lasts_s[:-1] > limits.longest_s] = np.inf
        if apart.min() >= APART:
            break
        del kept[int(apart.argmin()) + 1]
    return kept
