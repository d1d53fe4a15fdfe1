"""Motion and light in the gaps between bursts, where nothing is decoded: what the bursts around and the packets tell.

Within a shot an encoder spends the more bytes on a picture the less the one before explains it. So what was seen just
before and after a gap goes over evenly into each other, and rises and falls with the sizes of the packets.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recommender.extractors.video.gaps import SPIKE, Burst, spikes
from recommender.extractors.video.motion import UNSEEN, Speeds
from recommender.extractors.video.series import Step
from recommender.media import Outline
from recommender.types import Array

PIECE_S = 0.25
"""Length of an assumed step: short enough for the half seconds in which motion varies."""
AROUND_S = 1.0
"""Sizes are averaged over so long: pictures of different kinds take turns, up to half a second."""
MOST = 3.0
"""Motion is taken to rise or fall by no more than this factor."""


class Rates(NamedTuple):
    """Mean speeds and change of brightness per second float64 [5], and the `Busy` of the time that they were seen."""

    values: Array
    busy: float


class Busy:
    """Mean size of the packets shown within some time, without key frames and those that start shots."""

    def __init__(self, seen: Outline) -> None:
        plain = ~seen.keys & (spikes(seen) < SPIKE)
        order = np.argsort(seen.times_s[plain])
        self._times = seen.times_s[plain][order]
        self._total = np.concatenate(([0.0], np.cumsum(seen.sizes[plain][order])))

    def __call__(self, starts: Array, ends: Array) -> Array:
        """Bytes per packet in [starts, ends), float64 [n]; nan where there are none."""
        first, last = (np.searchsorted(self._times, t - 1e-6) for t in (starts, ends))
        count = last - first
        return np.where(count > 0, (self._total[last] - self._total[first]) / np.maximum(count, 1), np.nan)


def assume_steps(measured: list[Burst], cut: Sequence[Array], between: list[Array], *, seen: Outline) -> list[Step]:
    """Steps for the time between the bursts and until the end, as far as a burst of the same shot tells of it.

    cut: which steps of each burst are cuts, bool [n]; between: when shots begin in the gap after each burst.
    """
    busy = Busy(seen)
    heads = [*(_rates(b, c, busy, last=False) for b, c in zip(measured, cut, strict=True)), None]
    tails = [_rates(b, c, busy, last=True) for b, c in zip(measured, cut, strict=True)]
    steps = []
    for a, b, tail, head, cut_s in zip(measured, [*measured[1:], None], tails, heads[1:], between, strict=True):
        until = seen.end_s if b is None else b.start_s
        if len(cut_s):
            steps += _blend(a.end_s, float(cut_s[0]), tail, None, busy)
            steps += _blend(float(cut_s[-1]), until, None, head, busy)
        else:
            steps += _blend(a.end_s, until, tail, head, busy, 0.0 if b is None else _apart(a, b))
    return steps


def _rates(b: Burst, cut: Array, busy: Busy, last: bool) -> Rates | None:
    """What the first or the `last` shot of `b` tells; None where no step in it does."""
    shot = np.cumsum(cut)  # of each step, the shot that it leads to
    wanted = shot == (shot[-1] if last and len(shot) else 0)
    rows = zip(b.series.steps, wanted & ~cut, strict=True)
    steps = [step for step, inside in rows if inside and step.residual < UNSEEN]
    if not steps:
        return None
    lengths = np.array([s.end_s - s.start_s for s in steps])
    speeds, jumps = np.array([s.speeds for s in steps]), sum(s.jump for s in steps)
    start, end = steps[0].start_s, steps[-1].end_s
    if end - start < AROUND_S:  # look on into the same shot
        start, end = (start, start + AROUND_S) if last or not cut.any() else (end - AROUND_S, end)
    size = float(busy(np.array([start]), np.array([end]))[0])
    return Rates(np.append(lengths @ speeds, jumps) / lengths.sum(), size)


def _apart(a: Burst, b: Burst) -> float:
    """How much brightness (0 to 1) changes from the last picture of `a` to the first of `b`."""
    return abs(float(a.last.grey.mean()) - float(b.first.grey.mean())) / 255


def _blend(
    start: float, end: float, before: Rates | None, after: Rates | None, busy: Busy, apart: float = 0.0
) -> list[Step]:
    """Steps from `start` to `end` in a shot seen just `before` and `after`; none if it was not seen at all.

    Their changes of brightness are at least `apart` in all.
    """
    known = [rates for rates in (before, after) if rates is not None]
    if not known or end - start < 1e-3:
        return []
    edges = np.linspace(start, end, max(1, round((end - start) / PIECE_S)) + 1)
    middle, lengths = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    now = busy(np.maximum(middle - AROUND_S / 2, start), np.minimum(middle + AROUND_S / 2, end))
    first, last = (_scale(rates, now) for rates in (known[0], known[-1]))
    rates = first + ((middle - start) / (end - start))[:, None] * (last - first)
    jumps = rates[:, 4] * lengths
    jumps += max(0.0, apart - float(jumps.sum())) * lengths / (end - start)
    rows = zip(edges[:-1].tolist(), edges[1:].tolist(), rates[:, :4].tolist(), jumps.tolist(), strict=True)
    return [Step(a, b, Speeds(*speeds), 0.0, jump) for a, b, speeds, jump in rows]


def _scale(seen: Rates, now: Array) -> Array:
    """What was `seen`, scaled to the sizes `now` [n]; float64 [n, 5]."""
    ratio = np.nan_to_num(now / seen.busy, nan=1.0) if seen.busy > 0 else np.ones(len(now))
    return np.clip(ratio, 1 / MOST, MOST)[:, None] * seen.values
