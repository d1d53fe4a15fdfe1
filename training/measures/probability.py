"""How good are probabilities: the Brier score, the expected calibration error, and the reliability curve behind it."""

from functools import reduce
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.measures.pointwise import Pointwise, matching

BINS = 10


class Bin(NamedTuple):
    """Items of similar probability: least and greatest, their mean, the share that is true, and how many they are."""

    low: float
    high: float
    predicted: float
    observed: float
    items: int


def brier(truth: Array, probability: Array) -> float:
    """Mean (p - t)^2 of probabilities p of truths t, 0 or 1 (Brier 1950, in its form for two classes)."""
    truth, probability = _check(truth, probability)
    return float(((probability - truth) ** 2).mean())


def ece(truth: Array, probability: Array, bins: int = BINS) -> float:
    """Expected calibration error: sum over bins of their share of items times |share that is true - mean probability|.

    Guo et al. 2017, On calibration of modern neural networks, equation 3, here in bins of equal count (`assign_bins`)
    instead of equal width, so that no bin rests on a handful of items. The estimate is biased upward: see
    `ece_of_calibrated` for what chance alone adds.
    """
    truth, probability = _check(truth, probability)
    gap = np.bincount(assign_bins(probability, bins), truth - probability)
    return float(np.abs(gap).sum() / len(truth))


def reliability(truth: Array, probability: Array, bins: int = BINS) -> list[Bin]:
    """The reliability curve: the bins of `ece` that hold items, by ascending probability."""
    truth, probability = _check(truth, probability)
    which = assign_bins(probability, bins)
    parts = [(truth[which == b], probability[which == b]) for b in np.unique(which)]
    return [Bin(float(p.min()), float(p.max()), float(p.mean()), float(t.mean()), len(t)) for t, p in parts]


def assign_bins(probability: Array, bins: int = BINS) -> Array:
    """int64 [n]: the bin from 0 of every probability [n], bins of equal count within one.

    Equal probabilities are never parted: all go where the first of them would, so that no bin depends on the order
    of the items; a bin may be left empty. Raises InputError for fewer than one bin.
    """
    if bins < 1:
        raise InputError(f"a reliability curve needs at least one bin, not {bins}")
    first = np.searchsorted(np.sort(probability), probability, side="left")
    return np.asarray(first * bins // max(len(probability), 1), np.int64)


def chance_brier(truth: Array, probability: Array) -> float:
    """Mean (p - t)^2 over all pairs of a truth and a probability."""
    truth, probability = _check(truth, probability)
    return float(truth.var() + probability.var() + (truth.mean() - probability.mean()) ** 2)


def chance_ece(truth: Array, probability: Array) -> float:
    """Expected ECE when the truths are dealt at random: each bin then holds a hypergeometric number of ones."""
    truth, probability = _check(truth, probability)
    which = assign_bins(probability)
    sizes, sums = np.bincount(which), np.bincount(which, probability)
    ones, n = int(truth.sum()), len(truth)
    return float(sum(_deviation(_hypergeometric(n, ones, int(k)), s) for k, s in zip(sizes, sums, strict=True)) / n)


def ece_of_calibrated(probability: Array, bins: int = BINS) -> float:
    """Expected ECE of perfectly calibrated probabilities [n]: what sampling alone adds; exact.

    Where every item is true with its own probability, a bin's number of ones has the Poisson binomial distribution.
    """
    _, probability = _check(np.zeros(len(probability)), probability)
    which = assign_bins(probability, bins)
    total = 0.0
    for part in (probability[which == b] for b in np.unique(which)):
        ones = reduce(lambda mass, p: np.convolve(mass, (1 - p, p)), part, np.ones(1))
        total += _deviation(ones, part.sum())
    return total / len(probability)


MEASURES = {
    "Brier": Pointwise(brier, chance_brier, "probability", "mean squared error of probabilities", False),
    "ECE": Pointwise(ece, chance_ece, "probability", "expected calibration error, ten bins of equal count", False),
}


def _deviation(mass: Array, around: float) -> float:
    """Expected |h - around| of a number h = 0, 1, ... with these probabilities."""
    return float(mass @ np.abs(np.arange(len(mass)) - around))


def _hypergeometric(n: int, ones: int, k: int) -> Array:
    """float64 [k + 1]: the probability of h = 0..k ones among k items dealt from n that hold `ones`."""
    from scipy.special import gammaln

    def log_choose(a: int, b: Array) -> Array:
        safe = np.clip(b, 0, a)
        value = gammaln(a + 1) - gammaln(safe + 1) - gammaln(a - safe + 1)
        return np.where(safe == b, value, -np.inf)

    h = np.arange(k + 1)
    return np.exp(log_choose(ones, h) + log_choose(n - ones, k - h) - log_choose(n, np.array(k)))


def _check(truth: Array, probability: Array) -> tuple[Array, Array]:
    truth, probability = matching(truth, probability)
    if not np.isin(truth, (0, 1)).all():
        raise InputError("the truth of a probability must be 0 or 1")
    if probability.min() < 0 or probability.max() > 1:
        raise InputError(f"probabilities must lie from 0 to 1, not {probability.min():g} to {probability.max():g}")
    return truth.astype(np.float64), probability.astype(np.float64)
