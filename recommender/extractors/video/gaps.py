"""Cuts in the gaps between bursts, where nothing is decoded: told from the packets and the pictures around a gap.

An encoder spends as much on the first picture of a shot as on a key frame, and most set a key frame there. But a key
frame may also come because one was due, and a large packet because of fast motion or a flash: so the pictures on both
sides of the gap must differ too.
"""

from typing import NamedTuple

import numpy as np

from recommender.extractors.running import median
from recommender.extractors.video.motion import Flow, View
from recommender.extractors.video.series import Series, Step
from recommender.extractors.video.shots import FLOOR, colours, geometric_mean
from recommender.media import Outline
from recommender.types import Array

NEAR = 6
"""Packets on either side that the size of a packet is compared with; B pictures are too small to count."""
SPIKE = 2.5
"""Size over the second largest of them that tells a cut: steps within shots of our test clips stay below 2.4, all but
the shortest shots exceed 2.8. The second largest, as one of them may start a shot too."""
BUMP = 1.35
"""The same where the pictures around the gap are different."""
CHANGED, PER_WIDTH, WIDTHS = 0.4, 0.3, 0.25
"""Disagreement of the pictures around a gap from which a cut lies in it, grown by so much per width that the picture
may have moved meanwhile, for up to so many widths."""
SHARP = 0.15
"""So much less disagreement is enough where a spike tells the same."""
SHORT_S = 3.0
"""In a gap so short, different pictures that hardly move are a cut, told or not; in a longer one much may happen."""
REGULAR_S = 0.05
"""Longest groups differ by no more than a picture or two."""


class Burst(NamedTuple):
    """A measured burst with its outermost pictures, and how long it lasts."""

    series: Series
    first: View
    last: View
    start_s: float
    end_s: float

    @property
    def speed(self) -> float:
        """Median speed in widths/s."""
        return median(np.array([s.speeds.mean for s in self.series.steps])) if self.series.steps else 0.0


def cuts_between(measured: list[Burst], seen: Outline) -> list[Array]:
    """When shots begin after each burst and until the first picture of the next, ascending."""
    spike, regular, sharp, flow = spikes(seen), _regular(seen), _sharp(seen), Flow()
    found = []
    for a, b in zip(measured, [*measured[1:], None], strict=True):
        until = seen.end_s if b is None else b.start_s
        inside = (seen.times_s > a.end_s + 1e-6) & (seen.times_s <= until + 1e-6)
        if b is None:  # no picture to compare with
            told = inside & sharp & ~seen.keys
        else:
            keys = inside & seen.keys & ~regular
            still = until - a.end_s <= SHORT_S and _movement(a, b) < WIDTHS
            others = keys if keys.any() else inside & ((spike >= BUMP) | still)
            told = _shot_starts(inside & sharp, others, spike, _change(a, b, flow))
        found.append(np.sort(seen.times_s[told]))
    return found


def cuts_inside(steps: list[Step], scores: Array, seen: Outline) -> Array:
    """Which of the steps within bursts are cuts, as packets tell and their `scores` [n] allow; bool [n].

    The scores alone need the steps around them to compare with, of which a short burst has few.
    """
    sharp_s = np.sort(seen.times_s[_sharp(seen)])
    starts, ends = (np.array([s[k] for s in steps]) for k in (0, 1))
    told = np.searchsorted(sharp_s, ends + 1e-6) > np.searchsorted(sharp_s, starts + 1e-6)
    return told & (scores >= FLOOR)


def cuts_unmarked(seen: Outline) -> bool:
    """Whether the encoder set no key frames at most cuts."""
    sharp = _sharp(seen)
    return 2 * int((sharp & ~seen.keys).sum()) > int(sharp.sum())


def _shot_starts(sharp: Array, others: Array, spike: Array, change: float) -> Array:
    """Which packets of a gap begin shots, bool [n]: all `sharp` ones, else the sharpest of `others`.

    change: what `_change` says.
    """
    told = np.zeros_like(sharp)
    if change < -SHARP:
        return told
    if change < 0 or sharp.any() or not others.any():
        return sharp
    told[np.where(others, spike, -1.0).argmax()] = True
    return told


def _movement(a: Burst, b: Burst) -> float:
    """How many widths the picture may have moved from `a` to `b`."""
    return 0.5 * (a.speed + b.speed) * (b.start_s - a.end_s)


def _change(a: Burst, b: Burst, flow: Flow) -> float:
    """How much the last picture of `a` and the first of `b` disagree, over what one shot may explain; in [-1, 2]."""
    least = CHANGED + PER_WIDTH * min(WIDTHS, _movement(a, b))
    if a.last.grey.shape != b.first.grey.shape:
        return 1 - least
    difference = 0.5 * float(np.abs(colours(a.last.rgb) - colours(b.first.rgb)).sum())
    if difference < 0.5 * (least - SHARP) ** 2:  # the residual is at most 2
        return -least
    forth = geometric_mean(difference, flow.match(a.last, b.first).residual) - least
    if forth < -SHARP:  # the same shot, and the way back can only tell so more clearly
        return forth
    return min(forth, geometric_mean(difference, flow.match(b.first, a.last).residual) - least)


def _sharp(seen: Outline) -> Array:
    """Which packets tell a cut by their size, other than key frames that were due; bool [n]."""
    return (spikes(seen) >= SPIKE) & ~_regular(seen)


def spikes(seen: Outline) -> Array:
    """Size of each packet over the second largest of its neighbours, float64 [n]; 0 for B pictures and lone packets.

    Neighbours are the packets on either side that are shown after all before them, key frames left out.
    """
    places = np.flatnonzero(seen.times_s >= np.maximum.accumulate(seen.times_s))
    sizes = seen.sizes[places]
    plain = np.pad(np.where(seen.keys[places], 0, sizes), NEAR)
    around = np.delete(np.lib.stride_tricks.sliding_window_view(plain, 2 * NEAR + 1), NEAR, axis=1)
    second = np.partition(around, -2, axis=1)[:, -2]
    ratios = np.zeros(len(seen.sizes))
    ratios[places] = np.where((around > 0).sum(1) >= NEAR // 2, sizes / np.maximum(second, 1), 0.0)
    return ratios


def _regular(seen: Outline) -> Array:
    """Which packets are key frames that come because the longest group is over, not because of a cut, bool [n]."""
    starts = seen.starts
    groups = np.diff(seen.times_s[starts])
    regular = np.zeros(len(seen.keys), bool)
    if len(groups):
        full = groups >= groups.max() - REGULAR_S
        regular[starts[1:][full]] = full.sum() > 1
    return regular
