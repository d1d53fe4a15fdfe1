"""Choices: a track that was taken for a stretch of film, among the candidates that the ranking had for it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recommender.rankers.taste import TERMS, log_odds
from recommender.types import Array


class Choice(NamedTuple):
    """One choice.

    Attributes
    ----------
    film: what it was made for; choices of one film are not independent.
    scores: float64 [c], of the candidates without a taste. values: float64 [c, t], their `TERMS`, NaN where not known.
    chosen: which of them was taken.
    """

    film: str
    scores: Array
    values: Array
    chosen: int


class Packed(NamedTuple):
    """q choices of F films as arrays, film by film; c is the most candidates that any has.

    Attributes
    ----------
    x: float64 [q, c, 1 + t], log odds of the score and terms, standardised over all candidates; 0 where not known, or
        where there is no candidate. there: bool [q, c], whether there is one.
    chosen: int64 [q]. starts: int64 [F + 1], where the choices of each film begin and the last one's end.
    centre, scale: float64 [1 + t], by which x is standardised.
    """

    x: Array
    there: Array
    chosen: Array
    starts: Array
    centre: Array
    scale: Array

    @property
    def films(self) -> int:
        """How many there are."""
        return len(self.starts) - 1


def pack(choices: Sequence[Choice]) -> Packed:
    """Choices, of one film at least, as arrays; films in the order of their names."""
    ordered = sorted(choices, key=lambda one: one.film)
    most = max(len(one.scores) for one in ordered)
    raw = np.full((len(ordered), most, 1 + len(TERMS)), np.nan)
    there = np.zeros((len(ordered), most), bool)
    for i, one in enumerate(ordered):
        raw[i, : len(one.scores)] = np.column_stack([log_odds(one.scores), one.values])
        there[i, : len(one.scores)] = True
    known = np.isfinite(raw)
    count = np.maximum(known.sum(axis=(0, 1)), 1)
    centre = np.where(known, raw, 0).sum(axis=(0, 1)) / count
    scale = np.sqrt(np.where(known, (raw - centre) ** 2, 0).sum(axis=(0, 1)) / count)
    scale = np.where(scale > 1e-9, scale, 1.0)  # what is the same everywhere tells nothing
    names = [one.film for one in ordered]
    starts = [i for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    chosen = np.array([one.chosen for one in ordered])
    x = np.where(known, (raw - centre) / scale, 0.0)
    return Packed(x, there, chosen, np.array([*starts, len(ordered)]), centre, scale)


def ranks(packed: Packed, weights: Array) -> Array:
    """float64 [q]: the rank from 1 of what was chosen, by `weights` [1 + t] or [q, 1 + t]; of equals the mean."""
    total = np.einsum("qcp,qp->qc", packed.x, np.broadcast_to(weights, (len(packed.x), packed.x.shape[2])))
    own = total[np.arange(len(total)), packed.chosen][:, None]
    above, equal = (total > own) & packed.there, (total == own) & packed.there
    return np.asarray(0.5 + above.sum(axis=1) + equal.sum(axis=1) / 2)


def mean_by_film(packed: Packed, figures: Array) -> Array:
    """float64 [F]: the mean of `figures` [q] over the choices of each film."""
    return np.asarray(np.add.reduceat(figures, packed.starts[:-1]) / np.diff(packed.starts))
