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
    """What a taste learnt from F films is worth.

    Attributes
    ----------
    weights: float64 [1 + t], of log odds and terms as `Packed` has them, by all films. strength: of its ridge.
    ranks_without, ranks: float64 [q], of what was chosen, without a taste and with that which the other films taught.
    halvings, mrr: float64 [F, 2], the means over each film's choices of -log2(rank) and of 1 / rank, without and with.
    gained: halvings of the rank, the mean over films with a 95 % interval. That sees every place won among a hundred;
        MRR and nDCG see little but the first few, and miss every second taste that this finds.
    """

    weights: Array
    strength: float
    ranks_without: Array
    ranks: Array
    halvings: Array
    mrr: Array
    gained: Interval

    @property
    def is_better(self) -> bool:
        """Whether it surely ranks better on films that it has not seen, and does not lower MRR."""
        return len(self.mrr) >= FEWEST and self.gained.low > 0 and not self.lowers_mrr

    @property
    def lowers_mrr(self) -> bool:
        """Whether the mean over films of 1 / rank falls."""
        without, with_it = self.mrr.mean(axis=0)
        return bool(with_it < without)

    @property
    def taste(self) -> Array:
        """float64 [t]: the weights of the terms, beside log odds with weight 1."""
        return np.asarray(self.weights[1:] / max(float(self.weights[0]), LEAST))


def judge(packed: Packed, seed: int = 0) -> Judgement:
    """Learn from all films, three at least, and judge it by leaving each out.

    The strength of the ridge is chosen inside: for every film that is left out, by leaving the others out in turn.
    """
    fits = _fit_all(packed)
    losses = np.stack([leave_two_out(packed, s, w) for s, w in zip(STRENGTHS, fits, strict=True)])  # [s, F, F]
    alone = np.diagonal(losses, axis1=1, axis2=2)
    chosen = np.argmin(losses.sum(axis=2) - alone, axis=0)
    folds = [fit(packed, STRENGTHS[s], fits[s], without=i) for i, s in enumerate(chosen.tolist())]
    by_choice = np.repeat(np.stack([_bound(w) for w in folds]), np.diff(packed.starts), axis=0)
    both = ranks(packed, np.eye(packed.x.shape[2])[0]), ranks(packed, by_choice)
    halvings, mrr = (np.stack([mean_by_film(packed, of(r)) for r in both], axis=1) for of in (_halvings, np.reciprocal))
    best = int(np.argmin(alone.sum(axis=1)))
    gained = bootstrap(halvings[:, 1] - halvings[:, 0], seed=seed)
    return Judgement(fits[best], STRENGTHS[best], *both, halvings, mrr, gained)


def _halvings(rank: Array) -> Array:
    return np.asarray(-np.log2(rank))


def _fit_all(packed: Packed) -> list[Array]:
    """Weights by all films for each of `STRENGTHS`, each begun where the one before ended."""
    found: list[Array] = []
    for strength in STRENGTHS:
        found.append(fit(packed, strength, found[-1] if found else None))
    return found


def _bound(weights: Array) -> Array:
    return np.concatenate([[max(float(weights[0]), LEAST)], weights[1:]])
