"""The best way along a chain whose choices share rooms, with a proof of how far from the best it can be.

Prices that lower the bound (subgradient steps, Held, Wolfe and Crowder 1974) leave few options that can still be part
of a better way than the best known one; ways are grown in these. What that does not settle is looked at again: what a
theme takes one by one, else with options that remember more of what was taken on the way to them. The part that may
hold the best way is always the next; what it holds at most when the effort is spent is what was perhaps missed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from recommender.films.chain import CLOSE, Bound, Chain, Prices, bound, earn, onward, slope, starts
from recommender.films.crowd import grow
from recommender.films.memory import notice, remember
from recommender.types import Array

STEPS, NARROW_EVERY, PATIENCE = 30, 10, 4
"""Steps of the prices before ways are grown; how often options are dropped on the way; steps without a better bound
after which the prices move half as far."""
WAYS = 1000
"""How many ways are grown at once."""
EFFORT, OVERHEAD, WAY = 250_000_000, 10_000, 8
"""Pairs of options that are looked at in all, some 0.6 s; what a step counts for beside them; and what a way with an
option does."""


class Way(NamedTuple):
    """A choice per step.

    Attributes
    ----------
    picks: the option of each step. total: what it is worth. most: what no way exceeds; `total` where that is proven the
        best.
    """

    picks: list[int]
    total: float
    most: float


def search(chain: Chain, effort: int = EFFORT) -> Way:
    """The best way along a chain that has one; the same for the same chain.

    Parameters
    ----------
    effort: pairs of options that are looked at, about; where that is too little for a proof, it is the best one found.
    """
    hunt = Hunt(chain, effort)
    hunt.run()
    return Way(hunt.picks, hunt.total, max(hunt.missed, hunt.total))


@dataclass
class Part:
    """Ways in the options that are `left` of each step of a whole chain.

    Attributes
    ----------
    left: the option of the whole chain that each option is. chain: of these options. best: its prices with the lowest
        bound, which is `most`.
    prices, stride, idle: where the prices stand, and how far they go; steps since `most` fell.
    remembers: how many rooms options remember at most.
    """

    left: list[Array]
    chain: Chain
    best: Prices
    most: float
    prices: Prices
    stride: float = 1.0
    idle: int = 0
    remembers: int = 0

    def lower(self, found: Bound, total: float) -> None:
        """Move the prices to where the bound is lower, from the best ones in shorter steps where none came for long."""
        down = slope(self.chain, found.picks)
        self.idle = 0 if found.most < self.most - CLOSE else self.idle + 1
        if self.idle == 0:
            self.most, self.best = found.most, self.prices
        if self.idle == PATIENCE:
            self.stride, self.idle, self.prices = self.stride / 2, 0, self.best
        elif (steep := _square(down, self.prices, self.chain.fines)) > 0 and found.most > total:
            self.prices = self.prices.move(down, self.stride * (found.most - total) / steep, self.chain.fines)

    def reach(self) -> list[Array]:
        """Of each step float64 [k]: what no way through each option exceeds; of a theme's steps the same."""
        into, out = bound(self.chain, self.best).into, onward(self.chain, self.best)
        found = [before + after + earn(self.chain, self.best) for before, after in zip(into, out, strict=True)]
        for theme in self.chain.themes:
            least = np.minimum.reduce([found[step] for step in theme])
            found = [least if step in theme else one for step, one in enumerate(found)]
        return found

    def keep(self, kept: Sequence[Array]) -> None:
        """Leave these options of what is left of each step."""
        self.left = [some[keep] for some, keep in zip(self.left, kept, strict=True)]
        self.chain, self.best = self.chain.keep(kept), self.best.keep(kept)
        self.prices = self.best

    def remember(self, whole: Chain, seen: Counter[tuple[int, int]]) -> None:
        """Have the options remember one room more; no theme is open any more."""
        self.remembers, left = self.remembers + 1, [np.unique(some) for some in self.left]
        self.chain, states = remember(whole.keep(left), seen, self.remembers)
        self.left = [some[state] for some, state in zip(left, states, strict=True)]
        self.best = self.prices = Prices(self.best.rooms)
        self.stride, self.idle = 1.0, 0

    @property
    def open(self) -> tuple[int, ...]:
        """The steps of a theme that has several options left; () where there is none."""
        sizes = {theme: len(self.left[theme[0]]) for theme in self.chain.themes}
        return min((theme for theme in sizes if sizes[theme] > 1), key=sizes.__getitem__, default=())

    def only(self, option: int, most: float) -> "Part":
        """The ways in which the open theme takes this option, of which none exceeds `most`."""
        part, steps = replace(self, stride=1.0, idle=0, most=min(self.most, most)), self.open
        part.keep(
            [np.array([option]) if step in steps else np.arange(len(some)) for step, some in enumerate(self.left)]
        )
        return part


@dataclass
class Hunt:
    """The best way of `chain` so far, what it is worth, and what those exceed at most that were not looked at; rooms
    that were entered twice are `seen` (see `memory.notice`)."""

    chain: Chain
    effort: int
    picks: list[int] = field(default_factory=list)
    total: float = -np.inf
    missed: float = -np.inf
    seen: Counter[tuple[int, int]] = field(default_factory=Counter)

    def run(self) -> None:
        """Look at the part that may hold the best way, until none may hold a better one."""
        left = [np.arange(len(worth)) for worth in self.chain.worth]
        most, prices = min(((bound(self.chain, one).most, one) for one in starts(self.chain)), key=lambda pair: pair[0])
        parts, made = [(-most, 0, Part(left, self.chain, prices, most, prices), -1)], 1
        self.try_ways(parts[0][2])
        while parts and -parts[0][0] > self.total + CLOSE and self.effort > 0:
            most, _, part, option = heappop(parts)
            part = part if option < 0 else part.only(option, -most)
            for option, left_most in self.look(part):
                heappush(parts, (max(-left_most, most), made, part, option))
                made += 1
        self.missed = max((-most for most, *_ in parts if -most > self.total + CLOSE), default=-np.inf)

    def look(self, part: Part) -> list[tuple[int, float]]:
        """Look for better ways in a part. What is left of it, and what no way of that exceeds: the options of its open
        theme, or -1 for all of it."""
        self.lower(part)
        missed = self.try_ways(part)
        self.narrow(part)
        if min(part.most, missed) <= self.total + CLOSE:
            return []
        if part.open:
            return list(enumerate(part.reach()[part.open[0]].tolist()))
        part.remember(self.chain, self.seen)
        return [(-1, min(part.most, missed))]

    def lower(self, part: Part) -> None:
        """Lower what no way of a part exceeds."""
        for at in range(STEPS):
            if at % NARROW_EVERY == 0:
                self.narrow(part)
            found = bound(part.chain, part.prices)
            self.effort -= sum(costs.size + OVERHEAD for costs in part.chain.costs)
            self.meet(part, found.picks)
            notice(part.chain, found.picks, self.seen)
            part.lower(found, self.total)
            if part.most <= self.total + CLOSE or self.effort <= 0:
                break
        self.narrow(part)

    def narrow(self, part: Part) -> None:
        """Leave out the options of a part that no better way goes through."""
        self.effort -= 2 * sum(costs.size + OVERHEAD for costs in part.chain.costs)
        kept = [np.flatnonzero(most > self.total + CLOSE) for most in part.reach()]
        if all(map(len, kept)):
            part.keep(kept)
        else:
            part.most = self.total

    def try_ways(self, part: Part) -> float:
        """Grow ways of a part; what no way that is not looked at exceeds, infinity where a theme is open."""
        picks, missed = grow(part.chain, part.best, ways=WAYS, least=self.total)
        self.effort -= WAY * WAYS * sum(map(len, part.left))
        if picks:
            self.meet(part, picks)
        return np.inf if part.open else missed

    def meet(self, part: Part, picks: Sequence[int]) -> None:
        """Keep a way of a part that is better than the best."""
        total = part.chain.total(picks)
        if total > self.total + CLOSE:
            self.picks = [int(some[pick]) for some, pick in zip(part.left, picks, strict=True)]
            self.total = total


def _square(down: Prices, prices: Prices, fines: Array) -> float:
    """The squared length of a direction, without what would leave the prices' limits."""
    stuck = ((prices.rooms <= 0) & (down.rooms < 0)) | ((prices.rooms >= fines) & (down.rooms > 0))
    return float((down.rooms[~stuck] ** 2).sum() + sum((more**2).sum() for more in down.themes.values()))
