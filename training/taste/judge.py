"""Whether a taste is one: whether films agree on it, and how every film is ranked by what the others taught."""

from typing import NamedTuple

import numpy as np

from recommender.types import Array
from training.evaluation.intervals import Interval, bootstrap
from training.taste.agreement import tell_agreement
from training.taste.choices import Packed, mean_by_film, ranks
from training.taste.fit import LEAST, teach

FEWEST = 20
"""Films below which nothing is learnt."""


class Judgement(NamedTuple):
    """What a taste learnt from F films is worth.

    Attributes
    ----------
    weights: float64 [1 + t], of log odds and terms as `Packed` has them, by all films.
    ranks_without, ranks: float64 [q], of what was chosen, without a taste and with that which the other films taught.
    halvings, mrr: float64 [F, 2], the means over each film's choices of -log2(rank) and of 1 / rank, without and with.
    gained: halvings of the rank that this wins, the mean over films with a 95 % interval.
    agreement: of films on a taste, see `tell_agreement`.
    """

    weights: Array
    ranks_without: Array
    ranks: Array
    halvings: Array
    mrr: Array
    gained: Interval
    agreement: Interval

    @property
    def is_better(self) -> bool:
        """Whether films surely agree on it, and it lowers neither rank nor MRR on films that it has not seen."""
        return len(self.mrr) >= FEWEST and self.agreement.low > 0 and not self.lowers

    @property
    def lowers(self) -> str | None:
        """What of both falls in the mean over films."""
        if self.gained.estimate <= 0:
            return "the rank"
        without, with_it = self.mrr.mean(axis=0)
        return "MRR" if with_it < without else None

    @property
    def taste(self) -> Array:
        """float64 [t]: the weights of the terms, beside log odds with weight 1."""
        return np.asarray(self.weights[1:] / max(float(self.weights[0]), LEAST))


def judge(packed: Packed, seed: int = 0) -> Judgement:
    """Learn from all films, three at least, and judge it by leaving each out."""
    taught = teach(packed)
    others = np.concatenate([np.maximum(taught.without[:, :1], LEAST), taught.without[:, 1:]], axis=1)
    by_choice = np.repeat(others, np.diff(packed.starts), axis=0)
    both = ranks(packed, np.eye(packed.x.shape[2])[0]), ranks(packed, by_choice)
    halvings, mrr = (np.stack([mean_by_film(packed, of(r)) for r in both], axis=1) for of in (_halvings, np.reciprocal))
    gained = bootstrap(halvings[:, 1] - halvings[:, 0], seed=seed)
    return Judgement(taught.weights, *both, halvings, mrr, gained, tell_agreement(packed, seed))


def _halvings(rank: Array) -> Array:
    return np.asarray(-np.log2(rank))
