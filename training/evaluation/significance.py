"""Is one system better than another on the same queries? Paired randomisation tests, corrected for many comparisons.

The paired randomisation test (Fisher; recommended for retrieval by Smucker, Allan and Carterette, CIKM 2007): under
the null hypothesis either system could have produced either value of a query: the sign of each difference is a coin
flip.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.evaluation.intervals import Interval, differences, drop_undefined, paired_bootstrap

ROUNDS = 100_000
"""Random sign patterns: the smallest p is 1e-5, small enough to survive Holm over 100 pairs."""
EXACT = 18
"""Up to so many differing queries all 2^n patterns are counted: not more work than ROUNDS costs."""
CELLS = 1 << 20


class PairedTest(NamedTuple):
    """Two-sided test of mean difference 0: difference, p, queries compared, and whether all patterns were counted."""

    difference: float
    p: float
    n: int
    exact: bool


class Comparison(NamedTuple):
    """System a against system b: the mean of a - b with its 95 % interval, p, and p after Holm's correction."""

    a: str
    b: str
    difference: Interval
    p: float
    p_holm: float


def paired_test(a: Array, b: Array, groups: Array | None = None, *, rounds: int = ROUNDS, seed: int = 0) -> PairedTest:
    """The sign-flip test between per-query values [q] of two systems; queries where either is NaN are left out.

    With `groups` [q] the queries of a group flip together. Monte Carlo p is (1 + patterns at least as extreme) /
    (1 + rounds) (Phipson and Smyth 2010): never 0. Without any common query p is 1.
    """
    if rounds < 1:
        raise InputError(f"a randomisation test needs rounds from 1, not {rounds}")
    kept, group = drop_undefined(differences(a, b), groups)
    if not len(kept):
        return PairedTest(float("nan"), 1.0, 0, True)
    units = np.bincount(group, kept)
    units = units[units != 0]  # a zero difference flips into itself
    exact = len(units) <= EXACT
    # Sums of the same terms in another order differ in the last bits: equal must count as extreme.
    least = abs(units.sum()) - 1e-12 * np.abs(units).sum()
    sums = [_all_sums(units)] if exact else _random_sums(units, rounds, seed)
    extreme = sum(int(np.count_nonzero(np.abs(block) >= least)) for block in sums)
    p = extreme / 2 ** len(units) if exact else (1 + extreme) / (1 + rounds)
    return PairedTest(float(kept.mean()), p, len(kept), exact)


def holm(p: Sequence[float]) -> list[float]:
    """The p-values adjusted by Holm (1979), in the given order: reject where the result is below the level."""
    values = np.asarray(p, np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise InputError(f"p-values must lie in [0, 1], not {values.tolist()}")
    order = np.argsort(values, kind="stable")
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)), 1)
    return [float(value) for value in adjusted]


def compare(
    systems: Mapping[str, Array],
    groups: Array | None = None,
    against: str | None = None,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> list[Comparison]:
    """Every pair of systems on the same queries [q], or every system against one; Holm over all comparisons made."""
    if against is not None and against not in systems:
        raise InputError(f"no system {against!r} to compare with: there are {', '.join(systems)}")
    pairs = [(name, against) for name in systems if name != against] if against else list(combinations(systems, 2))
    tests = [paired_test(systems[a], systems[b], groups, rounds=rounds, seed=seed) for a, b in pairs]
    adjusted = holm([test.p for test in tests])
    return [
        Comparison(a, b, paired_bootstrap(systems[a], systems[b], groups=groups, seed=seed), test.p, corrected)
        for (a, b), test, corrected in zip(pairs, tests, adjusted, strict=True)
    ]


def _all_sums(units: Array) -> Array:
    """float64 [2^n]: the sum under every pattern of signs."""
    sums = np.zeros(1)
    for unit in units:
        sums = np.concatenate([sums + unit, sums - unit])
    return sums


def _random_sums(units: Array, rounds: int, seed: int) -> Iterator[Array]:
    """float64 [b] blocks of the sum under random signs, `rounds` in all."""
    rng = np.random.default_rng(seed)
    step = max(1, CELLS // len(units))
    for start in range(0, rounds, step):
        count = min(step, rounds - start)
        bits = np.frombuffer(rng.bytes(count * -(-len(units) // 8)), np.uint8).reshape(count, -1)
        flipped = np.unpackbits(bits, axis=1, count=len(units)).astype(np.float64)
        yield units.sum() - 2 * (flipped @ units)
