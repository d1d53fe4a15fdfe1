"""Whether a taste is one: every film ranked by what the others taught, beside the present ranking."""

from typing import NamedTuple

import numpy as np

from recommender.types import Array
from training.evaluation.intervals import Interval, bootstrap
from training.taste.choices import Packed, mean_by_film, ranks
from training.taste.fit import LEAST, STRENGTHS, fit, leave_two_out

FEWEST = 20
"""Films below which nothing is learnt."""


class Judgement(NamedTuple):
    """What a taste learnt from films is worth.

    Attributes
    ----------
    weights: float64 [1 + t], of log odds and terms as `Packed` has them, by all films. strength: of its ridge.
    before, after: float64 [F, 2], the means over each film's choices of -log2(rank) and of 1 / rank of what was chosen,
        without and with the taste that the others taught.
    difference: of the means of -log2(rank), with a 95 % interval over films. That sees every place won among a hundred;
        MRR and nDCG see little but the first few, and miss every second taste that this finds.
    """

    weights: Array
    strength: float
    before: Array
    after: Array
    difference: Interval

    @property
    def is_better(self) -> bool:
        """Whether it surely ranks better on films that it has not seen, and does not lower MRR."""
        mrr = float((self.after - self.before)[:, 1].mean())
        return len(self.before) >= FEWEST and self.difference.low > 0 and mrr >= 0

    @property
    def taste(self) -> Array:
        """float64 [t]: the weights of the terms, beside log odds as they are."""
        return np.asarray(self.weights[1:] / max(float(self.weights[0]), LEAST))


def judge(packed: Packed, seed: int = 0) -> Judgement:
    """Learn from all films, and judge it by leaving each of two or more out.

    The strength of the ridge is chosen inside: for every film that is left out, by leaving the others out in turn.
    """
    fits = _fit_all(packed)
    losses = np.stack([leave_two_out(packed, s, w) for s, w in zip(STRENGTHS, fits, strict=True)])  # [s, F, F]
    every = losses[:, np.arange(packed.films), np.arange(packed.films)]
    inner = losses.sum(axis=2) - every
    chosen = np.argmin(inner, axis=0)
    folds = [fit(packed, STRENGTHS[s], fits[s], without=i) for i, s in enumerate(chosen.tolist())]
    by_choice = np.repeat(np.stack([_bound(w) for w in folds]), np.diff(packed.starts), axis=0)
    before, after = (_measure(packed, w) for w in (np.eye(packed.x.shape[2])[0], by_choice))
    best = int(np.argmin(every.sum(axis=1)))
    gained = bootstrap((after - before)[:, 0], seed=seed)
    return Judgement(fits[best], STRENGTHS[best], before, after, gained)


def _measure(packed: Packed, weights: Array) -> Array:
    """float64 [F, 2]: -log2(rank) and 1 / rank of each film."""
    found = ranks(packed, weights)
    return np.stack([mean_by_film(packed, -np.log2(found)), mean_by_film(packed, 1 / found)], axis=1)


def _fit_all(packed: Packed) -> list[Array]:
    """Weights by all films for each of `STRENGTHS`, each begun where the one before ended."""
    found: list[Array] = []
    for strength in STRENGTHS:
        found.append(fit(packed, strength, found[-1] if found else None))
    return found


def _bound(weights: Array) -> Array:
    return np.concatenate([[max(float(weights[0]), LEAST)], weights[1:]])
