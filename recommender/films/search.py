"""The best way along a chain whose choices share rooms, with a proof of how far from the best it can be.

Prices that lower the bound (subgradient steps, Held, Wolfe and Crowder 1974) leave few options that can still be part
of a better way than the best known one. What a theme takes is then tried one by one, the most promising first, and the
ways that are left are grown a step at a time. Where more is left than is looked at, its bound says what was perhaps
missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from recommender.films.chain import CLOSE, Bound, Chain, Prices, bound, earn, onward, slope, starts
from recommender.films.crowd import grow
from recommender.types import Array

STEPS, FEW, NARROW_EVERY, GROW_EVERY, PATIENCE = 120, 40, 10, 30, 6
"""Steps of the prices at most, and where a theme is to be settled first; how often options are dropped, and ways grown,
on the way; steps without a better bound after which the prices move half as far."""
QUICK, THOROUGH = 20_000, 100_000
"""Ways times options that a step looks at, on the way and in the end."""
EFFORT, OVERHEAD, WAY = 110_000_000, 10_000, 40
"""Pairs of options that are looked at in all, some 0.4 s; what a step counts for beside them; and what a way with an
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
    chain: of these options. best: its prices with the lowest bound, which is `most`.
    prices, heading, stride, idle: where the prices stand, where they last went and how far they go; steps since `most`
        fell.
    """

    left: list[Array]
    chain: Chain
    best: Prices
    most: float
    prices: Prices
    heading: Prices | None = None
    stride: float = 1.0
    idle: int = 0

    def lower(self, found: Bound, total: float) -> None:
        """Move the prices to where the bound is lower, from the best ones in shorter steps where none came for long."""
        if found.most < self.most - CLOSE:
            self.most, self.best, self.idle = found.most, self.prices, 0
        else:
            self.idle += 1
        down = slope(self.chain, found.picks)
        self.heading = down = down if self.heading is None else _blend(down, self.heading)
        if self.idle == PATIENCE:
            self.stride, self.idle, self.prices, self.heading = self.stride / 2, 0, self.best, None
        elif (steep := _square(down, self.prices, self.chain.fines)) > 0:
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
        self.prices, self.heading = self.best, None

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
    """The best way of `chain` so far, what it is worth, and what those exceed at most that were not looked at."""

    chain: Chain
    effort: int
    picks: list[int] = field(default_factory=list)
    total: float = -np.inf
    missed: float = -np.inf

    def run(self) -> None:
        """Look at the part that may hold the best way, until none may hold a better one."""
        left = [np.arange(len(worth)) for worth in self.chain.worth]
        prices = min(starts(self.chain), key=lambda prices: bound(self.chain, prices).most)
        parts = [(-np.inf, 0, Part(left, self.chain, prices, np.inf, prices), -1)]
        self.try_ways(parts[0][2], QUICK)
        made = 1
        while parts and -parts[0][0] > self.total + CLOSE and self.effort > 0:
            most, _, part, option = heappop(parts)
            part = part if option < 0 else part.only(option, -most)
            for option, most in self.settle(part):
                heappush(parts, (-most, made, part, option))
                made += 1
        self.missed = max([self.missed, *(-most for most, *_ in parts)])

    def settle(self, part: Part) -> list[tuple[int, float]]:
        """Look for better ways in a part; where that does not settle it, the options of its open theme, and what no
        way exceeds with each."""
        self.narrow(part)
        for at in range(1, (FEW if part.open else STEPS) + 1):
            found = bound(part.chain, part.prices)
            self.effort -= sum(costs.size + OVERHEAD for costs in part.chain.costs)
            self.meet(part, found.picks)
            part.lower(found, self.total)
            if part.most <= self.total + CLOSE or self.effort <= 0:
                break
            if at % NARROW_EVERY == 0:
                self.narrow(part)
            if at % GROW_EVERY == 0:
                self.try_ways(part, QUICK)
        self.narrow(part)
        if part.most <= self.total + CLOSE:
            return []
        if part.open and self.effort > 0:
            return list(enumerate(part.reach()[part.open[0]].tolist()))
        self.missed = max(self.missed, part.most if part.open else min(part.most, self.try_ways(part, THOROUGH)))
        return []

    def narrow(self, part: Part) -> None:
        """Leave out the options of a part that no better way goes through."""
        self.effort -= 2 * sum(costs.size + OVERHEAD for costs in part.chain.costs)
        kept = [np.flatnonzero(most > self.total + CLOSE) for most in part.reach()]
        if all(map(len, kept)):
            part.keep(kept)
        else:
            part.most = self.total

    def try_ways(self, part: Part, width: int) -> float:
        """Grow ways of a part; what those that are not looked at exceed at most."""
        if part.most <= self.total + CLOSE:
            return part.most
        picks, missed = grow(part.chain, part.best, width=width, least=self.total)
        self.effort -= WAY * width * len(part.left)
        if picks:
            self.meet(part, picks)
        return missed

    def meet(self, part: Part, picks: Sequence[int]) -> None:
        """Keep a way of a part that is better than the best."""
        total = part.chain.total(picks)
        if total > self.total + CLOSE:
            self.picks = [int(some[pick]) for some, pick in zip(part.left, picks, strict=True)]
            self.total = total


def _blend(down: Prices, heading: Prices) -> Prices:
    """A direction that does not turn back at every step (Camerini, Fratta and Maffioli 1975, with a fixed share)."""
    themes = {step: 0.7 * prices + 0.3 * heading.themes[step] for step, prices in down.themes.items()}
    return Prices(0.7 * down.rooms + 0.3 * heading.rooms, themes)


def _square(down: Prices, prices: Prices, fines: Array) -> float:
    """The squared length of a direction, without what would leave the prices' limits."""
    stuck = ((prices.rooms <= 0) & (down.rooms < 0)) | ((prices.rooms >= fines) & (down.rooms > 0))
    return float((down.rooms[~stuck] ** 2).sum() + sum((more**2).sum() for more in down.themes.values()))
