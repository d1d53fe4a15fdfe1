"""How far a figure may be trusted: bootstrap intervals over queries, and the spread over seeds.

Values that are NaN (queries without relevant items) are left out. All is seeded: the same call, the same bounds.
"""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from recommender.errors import InputError
from recommender.types import Array

RESAMPLES = 10_000
"""Monte Carlo error of a 95 % bound: about 2 % of the interval's width."""
CELLS = 1 << 20
"""Draws held at a time, 8 MB."""

Method = Literal["percentile", "basic", "bca"]
Summary = Literal["mean", "median"]


class Interval(NamedTuple):
    """An estimate and its bounds, from n values; the bounds are NaN where n says nothing about the spread (n < 2)."""

    estimate: float
    low: float
    high: float
    n: int


class Spread(NamedTuple):
    """Mean, standard deviation (n - 1; NaN for one value), least and greatest of n runs."""

    mean: float
    std: float
    low: float
    high: float
    n: int


def spread(values: Array) -> Spread:
    """The spread of one figure over runs with different seeds; raises InputError without any, or with NaN."""
    runs = np.asarray(values, np.float64)
    if runs.ndim != 1 or not len(runs) or np.isnan(runs).any():
        raise InputError(f"the spread over seeds needs one figure per seed, not {runs.tolist()}")
    std = float(runs.std(ddof=1)) if len(runs) > 1 else float("nan")
    return Spread(float(runs.mean()), std, float(runs.min()), float(runs.max()), len(runs))


def bootstrap(
    values: Array,
    summary: Summary = "mean",
    method: Method = "bca",
    *,
    groups: Array | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval of the mean or median of values [q], resampling queries.

    With `groups` [q] whole groups are resampled (queries cut from one source are not independent); means only. BCa is
    Efron (1987), Better bootstrap confidence intervals: corrected for bias and skew. Raises InputError for shapes that
    do not fit and unknown options.
    """
    _options(method, level, resamples)
    if summary not in ("mean", "median") or (groups is not None and summary == "median"):
        raise InputError(f"no bootstrap of the {summary!r}{' by groups' if groups is not None else ''}")
    kept, group = drop_undefined(values, groups)
    pooled = np.mean if summary == "mean" else np.median
    if not len(kept):
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    estimate = float(pooled(kept))
    sums, sizes = np.bincount(group, kept), np.bincount(group)
    if len(sums) < 2 or not np.isfinite(estimate):
        return Interval(estimate, float("nan"), float("nan"), len(kept))
    if summary == "mean":
        resampled = [sums[i].sum(axis=1) / sizes[i].sum(axis=1) for i in draws(len(sums), resamples, seed)]
    else:
        resampled = [np.median(kept[i], axis=1) for i in draws(len(kept), resamples, seed)]
    jackknife = None
    if method == "bca":
        jackknife = (sums.sum() - sums) / (sizes.sum() - sizes) if summary == "mean" else _without_each(kept)
    low, high = bounds(np.concatenate(resampled), estimate, method, level=level, jackknife=jackknife)
    return Interval(estimate, low, high, len(kept))


def paired_bootstrap(a: Array, b: Array, *, groups: Array | None = None, seed: int = 0) -> Interval:
    """Interval of the mean of a - b over the queries where both are defined: two systems on the same queries [q]."""
    return bootstrap(differences(a, b), groups=groups, seed=seed)


def bootstrap_of(
    statistic: Callable[..., float],
    *columns: Array,
    method: Literal["percentile", "basic"] = "percentile",
    groups: Array | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of any statistic of columns [n] (F1, AUC, R2), resampling rows, or whole groups.

    One call per resample; resamples in which the statistic is not defined (one class only) are left out.
    """
    _options(method, level, resamples)
    arrays = [np.asarray(column) for column in columns]
    if not arrays or any(len(column) != len(arrays[0]) for column in arrays) or not len(arrays[0]):
        raise InputError("the columns of a bootstrap must have the same length, at least 1")
    group = number_groups(groups, len(arrays[0]))
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    estimate = float(statistic(*arrays))
    if len(members) < 2 or not np.isfinite(estimate):
        return Interval(estimate, float("nan"), float("nan"), len(group))
    resampled = []
    for block in draws(len(members), resamples, seed):
        for drawn in block:
            rows = np.concatenate([members[i] for i in drawn])
            resampled.append(float(statistic(*[column[rows] for column in arrays])))
    values = np.array(resampled)
    low, high = bounds(values[~np.isnan(values)], estimate, method, level=level)
    return Interval(estimate, low, high, len(group))


def draws(n: int, resamples: int, seed: int) -> Iterator[Array]:
    """int64 [b, n] blocks of indices drawn with replacement, `resamples` rows in all."""
    rng = np.random.default_rng(seed)
    step = max(1, CELLS // n)
    for start in range(0, resamples, step):
        yield rng.integers(0, n, (min(step, resamples - start), n))


def bounds(
    resampled: Array, estimate: float, method: Method, *, level: float, jackknife: Array | None = None
) -> tuple[float, float]:
    """Lower and upper bound from resampled estimates; `jackknife` (leave-one-out estimates) is for BCa."""
    tail = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca" and jackknife is not None:
        tail = _bca_tail(resampled, estimate, jackknife, tail)
    # Outwards to the next resample: no interpolation, which infinite ranks would turn into NaN.
    low = float(np.quantile(resampled, tail[0], method="lower"))
    high = float(np.quantile(resampled, tail[1], method="higher"))
    return (2 * estimate - high, 2 * estimate - low) if method == "basic" else (low, high)


def _bca_tail(resampled: Array, estimate: float, jackknife: Array, tail: Array) -> Array:
    """The quantiles that BCa reads instead of `tail` (Efron 1987, equation 3.9)."""
    below = (np.count_nonzero(resampled < estimate) + np.count_nonzero(resampled == estimate) / 2) / len(resampled)
    bias = ndtri(np.clip(below, 1 / (len(resampled) + 1), 1 - 1 / (len(resampled) + 1)))
    lean = jackknife.mean() - jackknife if np.isfinite(jackknife).all() else np.zeros(1)
    variation = (lean**2).sum()
    skew = (lean**3).sum() / (6 * variation**1.5) if variation > 0 else 0.0
    shifted = bias + ndtri(tail)
    return np.asarray(ndtr(bias + shifted / (1 - skew * shifted)))


def _without_each(values: Array) -> Array:
    return np.array([np.median(np.delete(values, i)) for i in range(len(values))])


def differences(a: Array, b: Array) -> Array:
    """a - b float64 [q], NaN where either is not defined; raises InputError for other shapes."""
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise InputError(f"paired values {first.shape} and {second.shape} must be of the same queries [q]")
    if np.isinf(first).any() or np.isinf(second).any():
        raise InputError("paired values must be finite (a rank may be infinite: compare its reciprocal)")
    return first - second


def drop_undefined(values: Array, groups: Array | None) -> tuple[Array, Array]:
    """The values that are not NaN, float64 [n], and their group numbers int64 [n] from 0 without gaps."""
    every = np.asarray(values, np.float64)
    if every.ndim != 1:
        raise InputError(f"values must be one per query [q], not {every.shape}")
    has = ~np.isnan(every)
    group = number_groups(groups, len(every))[has]
    return every[has], np.unique(group, return_inverse=True)[1].astype(np.int64)


def number_groups(groups: Array | None, n: int) -> Array:
    """Group numbers int64 [n] from 0; without groups every row is its own."""
    if groups is None:
        return np.arange(n)
    if np.shape(groups) != (n,):
        raise InputError(f"groups must be one per value [{n}], not {np.shape(groups)}")
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def _options(method: str, level: float, resamples: int) -> None:
    if method not in ("percentile", "basic", "bca"):
        raise InputError(f"unknown interval {method!r}: use percentile, basic or bca")
    if not 0 < level < 1 or resamples < 1:
        raise InputError(f"an interval needs a level between 0 and 1 and resamples from 1, not {level} and {resamples}")
