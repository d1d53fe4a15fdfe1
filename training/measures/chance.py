"""Chance level of every ranking measure: its exact expectation over all orders of the corpus, float64 [q].

Each function takes n, candidates per query, and r, the relevant ones among them (int [q]), and a cutoff k where the
measure has one. A query without relevant items has no level: NaN.
"""

from collections.abc import Callable

import numpy as np

from recommender.types import Array
from training.measures.ranking import discounts, first_hit


def average_precision(n: Array, r: Array, k: int | None = None) -> Array:
    """(H_n + (r-1)/(n-1) (n - H_n)) / n with the harmonic number H_n: place j is relevant with probability r/n and
    then expects (j-1)(r-1)/(n-1) relevant items before it."""
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1.0, n.max(initial=0) + 1))])[n]
    return _where(r, (harmonic + (r - 1) / np.maximum(n - 1, 1) * (n - harmonic)) / np.maximum(n, 1))


def precision(n: Array, r: Array, k: int | None) -> Array:
    """r/n in each of the first min(k, n) places, divided by k."""
    cut = n if k is None else k
    return _where(r, r / np.maximum(n, 1) * np.minimum(cut, n) / np.maximum(cut, 1))


def recall(n: Array, r: Array, k: int | None) -> Array:
    """min(k, n) / n: every item is among the first k with the same probability."""
    return _where(r, np.minimum(n if k is None else k, n) / np.maximum(n, 1))


def ndcg(n: Array, r: Array, k: int | None) -> Array:
    """r/n times the discounts of the first min(k, n) places, over those of the first min(k, r)."""
    upto = np.concatenate([[0.0], np.cumsum(discounts(int(n.max(initial=0))))])
    cut = n if k is None else np.minimum(k, n)
    ideal = upto[np.minimum(cut, r)]
    return _where(r, r / np.maximum(n, 1) * upto[cut] / np.where(r > 0, ideal, 1))


def success(n: Array, r: Array, k: int | None) -> Array:
    """1 - C(n-r, k) / C(n, k), the hypergeometric chance of at least one relevant item in k draws."""
    return _each(n, r, lambda a, b: float(first_hit(a, b)[:k].sum()))


def reciprocal_rank(n: Array, r: Array, k: int | None = None) -> Array:
    """The sum over places x of P(first relevant item at x) / x."""
    return _each(n, r, lambda a, b: float(first_hit(a, b) @ (1 / np.arange(1.0, a - b + 2))))


def first_rank(n: Array, r: Array, k: int | None = None) -> Array:
    """(n+1) / (r+1), the expected rank of the first relevant item."""
    return _where(r, (n + 1) / (r + 1))


def median_first_rank(n: Array, r: Array) -> float:
    """The median rank of the first relevant item when queries and orders are drawn at random.

    The median of a sample is not the mean of expectations: this is the median of the mixture over queries of the
    distributions of the first rank, halfway to the next rank where exactly half lies below. NaN without relevant items.
    """
    pairs, times = np.unique(np.stack([n, r])[:, r > 0], axis=1, return_counts=True)
    if not len(times):
        return float("nan")
    mass = np.zeros(int(n.max()))
    for (size, hits), weight in zip(pairs.T, times, strict=True):
        mass[: size - hits + 1] += weight * first_hit(int(size), int(hits))
    below = np.cumsum(mass) / times.sum()
    # A rounding error must not decide whether exactly half lies below.
    low, high = np.searchsorted(below, 0.5 - 1e-12), np.searchsorted(below, 0.5 + 1e-12)
    return float(low + high) / 2 + 1


def _each(n: Array, r: Array, level: Callable[[int, int], float]) -> Array:
    """`level` of every pair (n, r), computed once per distinct pair."""
    pairs, which = np.unique(np.stack([n, r]), axis=1, return_inverse=True)
    return np.array([level(int(a), int(b)) if b else np.nan for a, b in pairs.T])[which.reshape(-1)]


def _where(r: Array, values: Array) -> Array:
    return np.where(r > 0, values, np.nan)
