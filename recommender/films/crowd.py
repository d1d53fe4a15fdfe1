"""Ways along a chain grown a step at a time, without those that no completion makes better than the best known one and
those that another one dominates (labels with resources, as Desrochers 1988 sets them)."""

from dataclasses import dataclass

import numpy as np

from recommender.films.chain import CLOSE, Chain, Prices, onward
from recommender.types import Array

SPARE = 2
"""Times as many ways are kept until those that others dominate are gone."""


def grow(chain: Chain, prices: Prices, *, ways: int, least: float) -> tuple[list[int], float]:
    """The best way found, [] where none is better than `least`, and what no other such way exceeds.

    Parameters
    ----------
    prices: what guides, and bounds what can follow; the bound says nothing where a theme has several options left.
    ways: how many are followed.
    """
    crowd, missed = _Crowd.begin(chain), -np.inf
    for step, out in enumerate(onward(chain, prices)):
        guide = _Guide(step, out, np.where(chain.later[step], prices.rooms, 0.0), ways)
        crowd, lost = crowd.grow(chain, guide, least)
        missed = max(missed, lost)
    return (crowd.picks[0].tolist() if len(crowd.picks) else []), missed


@dataclass(frozen=True)
class _Guide:
    """What is known of what follows a step: `onward` float64 [k]; the prices of rooms that later steps have options
    in, float64 [g]; and how many ways are followed."""

    step: int
    onward: Array
    prices: Array
    most: int


@dataclass
class _Crowd:
    """Ways up to some step, the most promising first: their options int64 [m, steps], what they are worth [m], and how
    many options they have in each room, int16 [m, g]."""

    picks: Array
    values: Array
    taken: Array

    @classmethod
    def begin(cls, chain: Chain) -> "_Crowd":
        return cls(np.empty((1, 0), np.int64), np.zeros(1), np.zeros((1, len(chain.places)), np.int16))

    def grow(self, chain: Chain, guide: _Guide, least: float) -> tuple["_Crowd", float]:
        """The ways with one more step that may become better than `least`, and the best bound of those left out."""
        values, bounds = self._extend(chain, guide)
        cells, missed = _largest(bounds.ravel(), SPARE * guide.most, least + CLOSE)
        way, option = np.divmod(cells, bounds.shape[1])
        picks, taken = np.concatenate([self.picks[way], option[:, None]], 1), self.taken[way]
        for column in chain.rooms[guide.step].T:
            taken[np.arange(len(way)), column[option]] += 1
        taken[:, -1] = 0
        made = _Crowd(picks, values[way, option], taken)
        kept = made._undominated(chain, guide.step)
        if len(kept) > guide.most:
            missed = max(missed, float(bounds.ravel()[cells[kept[guide.most]]]))
        kept = kept[: guide.most]
        return _Crowd(made.picks[kept], made.values[kept], made.taken[kept]), missed

    def _extend(self, chain: Chain, guide: _Guide) -> tuple[Array, Array]:
        """What each way is worth with each option, and what no completion of that exceeds, float64 [m, k]."""
        step, rooms = guide.step, chain.rooms[guide.step]
        values = self.values[:, None] + chain.worth[step]
        if step:
            values = values - chain.costs[step - 1].take(self.picks[:, -1], axis=0)
        left = np.maximum(chain.places[:-1] - self.taken[:, :-1], 0)
        full, spent = self.taken >= chain.places, np.zeros_like(values)
        fines, prices = np.where(full, chain.fines, 0.0), np.where(full, 0.0, guide.prices)
        for column in rooms.T:
            values -= fines.take(column, axis=1)
            spent += prices.take(column, axis=1)
        for theme in chain.themes:
            if step in theme[1:]:
                values[self.picks[:, [theme[0]]] != np.arange(len(rooms))] = -np.inf
        return values, values + guide.onward + (left @ guide.prices[:-1])[:, None] - spent

    def _undominated(self, chain: Chain, step: int) -> Array:
        """int64 [kept], ascending: ways that no better or equal one equals in all that matters for what follows: the
        last option, the places in rooms that are asked for again, and what themes that return took."""
        last = [theme[0] for theme in chain.themes if theme[0] < step < theme[-1]]
        matters = np.hstack([self.picks[:, [*last, step]], self.taken[:, chain.later[step]]])
        first = dict[bytes, int]()
        for at, one in enumerate(matters):
            first.setdefault(one.tobytes(), at)
        return np.array(list(first.values()), np.int64)


def _largest(values: Array, count: int, least: float) -> tuple[Array, float]:
    """Where the `count` largest of `values` [n] above `least` are, the largest first; and the largest one left out."""
    found, missed = np.flatnonzero(values > least), -np.inf
    if len(found) > count:
        found = found[np.argpartition(-values[found], count)]
        missed, found = float(values[found[count]]), np.sort(found[:count])
    return found[np.argsort(-values[found], kind="stable")], missed
