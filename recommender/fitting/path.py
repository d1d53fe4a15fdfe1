"""The cheapest way through the bars of a track in a given time: shortest path over (bar line, time)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.types import Array

TICK_S = 0.05  # ways that reach a line within this are one; the time of the better is kept exactly
MOST_TICKS = 3_000  # longer times are told apart less finely
BEAM = 100  # lines that jumps are tried from, the best at each time


class Run(NamedTuple):
    """Consecutive bars, from the line `first` to the line `last`."""

    first: int
    last: int


@dataclass(frozen=True)
class Terrain:
    """What a way may do.

    Attributes
    ----------
    lengths_s: float64 [n], of the bars.
    play: float64 [n], what playing each bar costs.
    jump: float64 [n + 1, n + 1], what going on at line `to` instead of line `from` costs; infinite where it may not.
    begin, end: float64 [n + 1], what beginning and ending at each line costs; infinite where it may not.
    least: bars that are played after beginning and after every jump.
    before_s, after_s: what of the track may still be played beyond its first and its last line.
    """

    lengths_s: Array
    play: Array
    jump: Array
    begin: Array
    end: Array
    least: int = 1
    before_s: float = 0.0
    after_s: float = 0.0

    def reverse(self) -> "Terrain":
        """The same run backwards: its ways are those of this one, reversed."""
        ends = self.end[::-1], self.begin[::-1]
        way = self.lengths_s[::-1], self.play[::-1], self.jump[::-1, ::-1].T
        return Terrain(*way, *ends, least=self.least, before_s=self.after_s, after_s=self.before_s)


def reverse_runs(runs: list[Run], bars: int) -> list[Run]:
    """The runs of a way through a reversed terrain as runs through the terrain."""
    return [Run(bars - run.last, bars - run.first) for run in reversed(runs)]


class Way(NamedTuple):
    """Runs in order, and what they cost with their ends; they last up to a bar less than was asked for."""

    runs: list[Run]
    cost: float


def cheapest(terrain: Terrain, wanted_s: float) -> Way | None:
    """The cheapest way that lasts `wanted_s` but for less than the bar that would follow; None where there is none.

    Between its first and its last line it consists of whole bars; time is added up in seconds, never in bars.
    """
    table = _Table(terrain, wanted_s)
    table.begin()
    for tick in range(table.ticks):
        table.go_on(tick)
    return table.best()


class _Table:
    """Cheapest costs by (tick, line), with the exact time and what came before."""

    def __init__(self, terrain: Terrain, wanted_s: float) -> None:
        self._on, self._wanted_s = terrain, wanted_s
        self._tick_s = max(TICK_S, wanted_s / MOST_TICKS)
        self.ticks = int(wanted_s / self._tick_s) + 2
        n = len(terrain.lengths_s)
        self._lines_s = np.concatenate([[0], np.cumsum(terrain.lengths_s)])
        self._play = np.concatenate([[0], np.cumsum(terrain.play)])
        self._cost = np.full((self.ticks, n + 1), np.inf)
        self._at_s = np.zeros((self.ticks, n + 1))
        self._came = np.full((self.ticks, n + 1, 3), -1, np.int32)  # tick, line left, line gone on at
        self._ends: list[tuple[float, int, int, int]] = []  # cost, tick, line, first line of a way of one short run

    def begin(self) -> None:
        """Every way's first run: `least` bars, or fewer where time is up before."""
        n, least = len(self._on.lengths_s), self._on.least
        for first in np.flatnonzero(np.isfinite(self._on.begin)).tolist():
            for last in range(first, min(first + least, n) + 1):
                lasts = float(self._lines_s[last] - self._lines_s[first])
                cost = float(self._on.begin[first] + self._play[last] - self._play[first])
                if lasts > self._wanted_s + 1e-9:
                    break
                if last < first + least:
                    self._end(cost, lasts, last, (-1, first))
                else:
                    tick = self._tick(lasts)
                    if cost < self._cost[tick, last]:
                        self._cost[tick, last], self._at_s[tick, last] = cost, lasts
                        self._came[tick, last] = (-1, -1, first)

    def go_on(self, tick: int) -> None:
        """One more bar, or a jump and `least` bars, from every line reached at `tick`."""
        here = np.flatnonzero(np.isfinite(self._cost[tick]))
        if not len(here):
            return
        for line in here.tolist():
            self._end(float(self._cost[tick, line]), float(self._at_s[tick, line]), line, (tick, -1))
        n, least = len(self._on.lengths_s), self._on.least
        on = here[here < n]
        self._reach(tick, on, on, on + 1)
        if len(here) > BEAM:
            here = here[np.argpartition(self._cost[tick, here], BEAM)[:BEAM]]
        to = np.arange(n + 1 - least)
        if len(to):
            options = self._cost[tick, here][:, None] + self._on.jump[np.ix_(here, to)]
            best = options.argmin(axis=0)
            open_ = np.isfinite(options[best, to])
            self._reach(tick, here[best][open_], to[open_], to[open_] + least)

    def _reach(self, tick: int, left: Array, gone_on: Array, line: Array) -> None:
        """From the lines `left` at `tick` on to the lines `line`, by the bars from the lines `gone_on` on."""
        jumped = left != gone_on
        cost = self._cost[tick, left] + self._play[line] - self._play[gone_on]
        cost = cost + np.where(jumped, self._on.jump[left, gone_on], 0.0)
        at_s = self._at_s[tick, left] + self._lines_s[line] - self._lines_s[gone_on]
        ticks = np.minimum((at_s / self._tick_s).round().astype(int), self.ticks - 1)
        better = (at_s <= self._wanted_s + 1e-9) & (cost < self._cost[ticks, line])
        ticks, line = ticks[better], line[better]
        self._cost[ticks, line], self._at_s[ticks, line] = cost[better], at_s[better]
        self._came[ticks, line] = np.stack([np.full(len(line), tick), left[better], gone_on[better]], axis=1)

    def _end(self, cost: float, at_s: float, line: int, back: tuple[int, int]) -> None:
        """Notes a way that may end at `line`: what is left is less than the bar that follows."""
        n = len(self._on.lengths_s)
        left_s = self._wanted_s - at_s
        follows_s = float(self._on.lengths_s[line]) if line < n else max(self._on.after_s, self._tick_s / 2)
        if left_s < follows_s and np.isfinite(self._on.end[line]):
            self._ends.append((cost + float(self._on.end[line]), *back, line))

    def best(self) -> Way | None:
        if not self._ends:
            return None
        cost, tick, first, line = min(self._ends)
        if tick < 0:
            return Way([Run(first, line)], cost)
        runs: list[Run] = []
        last = line
        while tick >= 0:
            before, left, gone_on = self._came[tick, line].tolist()
            if left != gone_on:  # a jump, or the beginning
                runs.append(Run(gone_on, last))
                last = left
            tick, line = before, left
        return Way(runs[::-1], cost)

    def _tick(self, at_s: float) -> int:
        return min(round(at_s / self._tick_s), self.ticks - 1)
