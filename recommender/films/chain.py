"""A choice per step, where neighbours cost and some choices share a room: the values, and what no choice can exceed.

Without rooms the best way is the longest path of Viterbi (1967). Rooms ("no track twice", "two tracks of an artist at
most") are relaxed: each has a price, and a way is worth what its options are worth less their prices, plus what all
rooms would earn. For any prices that is a bound of what any way with its fines is worth (Lagrange; Fisher 1981); the
steps of a theme, which must take the same option, have prices of both signs that sum to zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from recommender.types import Array

CLOSE = 1e-9
"""Ways whose totals differ by less are equally good."""


@dataclass(frozen=True)
class Chain:
    """What may be chosen, of n >= 1 steps with k options each.

    Attributes
    ----------
    worth: of each step float64 [k], finite.
    costs: of each step but the first float64 [k before, k]: what the option costs after that one; infinite where it may
        not follow.
    rooms: of each step int64 [k, r]: which rooms each option takes a place in; the last room is no room.
    places: float64 [g]: how many options each room holds; the last one holds all.
    fines: float64 [g]: what each option beyond costs; infinite where there may be none.
    themes: steps of which all take the same option; their options stand in the same order.
    """

    worth: Sequence[Array]
    costs: Sequence[Array]
    rooms: Sequence[Array]
    places: Array
    fines: Array
    themes: tuple[tuple[int, ...], ...] = ()

    @cached_property
    def later(self) -> list[Array]:
        """Of each step bool [g]: whether a later step has options in that room."""
        seen, found = np.zeros(len(self.places), bool), []
        for rooms in reversed(self.rooms):
            found.append(seen.copy())
            seen[rooms.ravel()] = True
        return found[::-1]

    def keep(self, options: Sequence[Array]) -> "Chain":
        """The chain of these options of each step, int64 [kept], ascending; those of a theme's steps are the same."""
        before = zip(options, options[1:], self.costs, strict=False)
        return replace(
            self,
            worth=[worth[some] for worth, some in zip(self.worth, options, strict=True)],
            costs=[costs[np.ix_(left, right)] for left, right, costs in before],
            rooms=[rooms[some] for rooms, some in zip(self.rooms, options, strict=True)],
        )

    def total(self, picks: Sequence[int]) -> float:
        """What a way is worth, minus infinity where it may not be gone."""
        if any(len({picks[step] for step in theme}) > 1 for theme in self.themes):
            return -np.inf
        worth = sum(float(worth[pick]) for worth, pick in zip(self.worth, picks, strict=True))
        cost = sum(float(costs[a, b]) for costs, a, b in zip(self.costs, picks, picks[1:], strict=False))
        over = np.maximum(self.load(picks) - self.places, 0)
        return worth - cost - float((self.fines[over > 0] * over[over > 0]).sum())

    def instead(self, picks: Sequence[int], steps: Sequence[int]) -> Array:
        """float64 [k]: what a way is worth with each option at `steps`, of one step or a theme, all else as it is."""
        every = np.arange(len(self.worth[steps[0]]))
        options = [every if step in steps else np.full_like(every, pick) for step, pick in enumerate(picks)]
        totals = np.sum([worth[some] for worth, some in zip(self.worth, options, strict=True)], axis=0)
        for costs, before, after in zip(self.costs, options, options[1:], strict=False):
            totals -= costs[before, after]
        taken = np.zeros((len(every), len(self.places)), np.int64)
        for rooms, some in zip(self.rooms, options, strict=True):
            for column in rooms[some].T:
                taken[every, column] += 1
        over = np.maximum(taken - self.places, 0)
        return totals - (np.where(over > 0, self.fines, 0.0) * over).sum(1)

    def load(self, picks: Sequence[int]) -> Array:
        """int64 [g]: how many options of a way are in each room."""
        rooms = np.concatenate([rooms[pick] for rooms, pick in zip(self.rooms, picks, strict=True)])
        return np.bincount(rooms, minlength=len(self.places))


@dataclass(frozen=True)
class Prices:
    """What rooms, and the options of themes, are priced at.

    Attributes
    ----------
    rooms: float64 [g], from 0 to the fines. themes: by step of a theme float64 [k]; those of a theme sum to zero.
    """

    rooms: Array
    themes: dict[int, Array] = field(default_factory=dict)

    def keep(self, options: Sequence[Array]) -> "Prices":
        """The prices of what is left of a chain (see `Chain.keep`)."""
        return Prices(self.rooms, {step: prices[options[step]] for step, prices in self.themes.items()})

    def move(self, by: "Prices", step: float, fines: Array) -> "Prices":
        """The prices `step` further on, within the fines."""
        themes = {at: prices + step * by.themes[at] for at, prices in self.themes.items()}
        return Prices(np.clip(self.rooms + step * by.rooms, 0, fines), themes)


def free(chain: Chain) -> Prices:
    """Prices of nothing."""
    themes = {step: np.zeros(len(chain.worth[step])) for theme in chain.themes for step in theme}
    return Prices(np.zeros(len(chain.places)), themes)


def starts(chain: Chain) -> list[Prices]:
    """Prices to begin with: of nothing; what the first rooms of options would cost if all steps wanted the same; and
    the same for all of these."""
    nothing, best = free(chain), np.full(len(chain.places), -np.inf)
    for worth, rooms in zip(chain.worth, chain.rooms, strict=True):
        np.maximum.at(best, rooms[:, 0], worth)
    first = np.isfinite(best[:-1]).nonzero()[0]
    if len(first) == 0:
        return [nothing]
    least = np.sort(best[first])[-min(len(chain.worth), len(first))]
    found = [nothing]
    for prices in (np.maximum(best[first] - least, 0), *np.logspace(-3, 2, 11)):
        rooms = nothing.rooms.copy()
        rooms[first] = np.minimum(prices, chain.fines[first])
        found.append(replace(nothing, rooms=rooms))
    return found


class Bound(NamedTuple):
    """What no way exceeds at some prices.

    Attributes
    ----------
    most: the bound. picks: the way of the relaxed chain that reaches it; it may not be gone.
    into: of each step float64 [k], the best of what leads to each option, with it.
    """

    most: float
    picks: list[int]
    into: list[Array]


def price(chain: Chain, prices: Prices) -> list[Array]:
    """Of each step float64 [k]: what its options are worth less their prices."""
    found = [worth - prices.rooms[rooms].sum(1) for worth, rooms in zip(chain.worth, chain.rooms, strict=True)]
    for step, more in prices.themes.items():
        found[step] = found[step] - more
    return found


def bound(chain: Chain, prices: Prices) -> Bound:
    """What no way exceeds at these prices, by one pass along the chain."""
    worth = price(chain, prices)
    into = [worth[0]]
    for costs, own in zip(chain.costs, worth[1:], strict=True):
        into.append((into[-1][:, None] - costs).max(0) + own)
    picks = [int(into[-1].argmax())]
    for costs, best in zip(reversed(chain.costs), reversed(into[:-1]), strict=True):
        picks.append(int((best - costs[:, picks[-1]]).argmax()))
    return Bound(float(into[-1].max()) + earn(chain, prices), picks[::-1], into)


def earn(chain: Chain, prices: Prices) -> float:
    """What all rooms earn at these prices when they are full."""
    return float(prices.rooms[:-1] @ chain.places[:-1])


def onward(chain: Chain, prices: Prices) -> list[Array]:
    """Of each step float64 [k]: the best of what can follow each option, without it."""
    worth, found = price(chain, prices), [np.zeros(len(chain.worth[-1]))]
    for costs, own in zip(reversed(chain.costs), reversed(worth[1:]), strict=True):
        found.append((own + found[-1] - costs).max(1))
    return found[::-1]


def slope(chain: Chain, picks: Sequence[int]) -> Prices:
    """Where the bound falls from prices at which `picks` reach it: rooms that are too full go up."""
    rooms = chain.load(picks) - chain.places
    rooms[-1] = 0.0
    themes: dict[int, Array] = {}
    for theme in chain.themes:
        chosen = np.zeros((len(theme), len(chain.worth[theme[0]])))
        chosen[np.arange(len(theme)), [picks[step] for step in theme]] = 1.0
        themes.update(zip(theme, chosen - chosen.mean(0), strict=True))
    return Prices(rooms, themes)
