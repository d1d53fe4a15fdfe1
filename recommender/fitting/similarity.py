"""How alike the bars of a track are, and what a jump between them costs (after Foote 1999; Schödl et al. 2000).

A bar is heard in `SLOTS` slots, scaled to its length, so that bars at slightly different tempi compare beat by beat. A
jump replaces what should have followed by something else, and gives that something another past: it costs how unlike
both are. Costs are told relative to that of a random jump in the same track, so that 1 is chance and 0 nothing to hear.
"""

from typing import NamedTuple

import numpy as np

from recommender.extractors.audio.stft import FRAME_HZ
from recommender.fitting.sound import PER_CHROMA, Sound
from recommender.types import Array

SLOTS = 8
HARMONY, BASS, TIMBRE = 1.0, 0.5, 0.7  # what unlike chroma, bass and timbre weigh
WEIGHTS = (1.0, 0.5, 0.25)  # of the bars next to a jump, on either side
STROKE_S = 0.15  # what sounds on a line, and may go on sounding


class Bars(NamedTuple):
    """The bars of a track.

    Attributes
    ----------
    lines_s: float64 [n + 1], where bars begin, and where the last one ends.
    unlike: float64 [n, n], from 0 (the same) on.
    jump: float64 [n + 1, n + 1]: what going on at line `to` instead of line `from` costs, relative to a random
        jump; infinite where there is no jump. Between lines whose bar before and bar after are both known.
    rest: float64 [n + 1], 0 to 1: how much the music rests after the stroke on a line, so that it may end there.
    """

    lines_s: Array
    unlike: Array
    jump: Array
    rest: Array

    @property
    def lengths_s(self) -> Array:
        return np.diff(self.lines_s)


def compare(sound: Sound, lines_s: Array) -> Bars:
    """The bars between `lines_s` float64 [n + 1 >= 3], ascending."""
    unlike = differences(sound, lines_s)
    cost = jump_costs(unlike)
    off = np.isfinite(cost)
    usual = float(cost[off].mean()) if off.any() else 1.0
    return Bars(lines_s, unlike, cost / max(usual, 1e-9), rests(sound, lines_s))


def differences(sound: Sound, lines_s: Array) -> Array:
    """How unlike the bars are, float64 [n, n]."""
    chroma, bass = (
        _unit(_slots(np.sqrt(part), lines_s * FRAME_HZ / PER_CHROMA)) for part in (sound.chroma, sound.bass)
    )
    levels = _slots(sound.levels_db, lines_s * FRAME_HZ)
    levels = (levels - levels.mean(axis=(0, 1))) / max(float(levels.std(axis=(0, 1)).mean()), 1e-9)
    timbre = np.sqrt(_squared_distance(levels.reshape(len(levels), -1)) / levels[0].size)
    return HARMONY * _angle(chroma) + BASS * _angle(bass) + TIMBRE * timbre


def _slots(series: Array, lines: Array) -> Array:
    """The mean of `series` [m, k] in the slots of each bar, float64 [n, SLOTS, k]; `lines` [n + 1] in frames."""
    total = np.concatenate([np.zeros((1, series.shape[1])), np.cumsum(series, axis=0, dtype=np.float64)])
    part = np.arange(SLOTS) / SLOTS
    edges = np.append((lines[:-1, None] + part * np.diff(lines)[:, None]).ravel(), lines[-1])
    edges = (edges + 0.5).clip(0, len(series))
    low = np.minimum(edges.astype(int), len(series) - 1)
    upto = total[low] + (edges - low)[:, None] * (total[low + 1] - total[low])
    means = np.diff(upto, axis=0) / np.maximum(np.diff(edges), 1e-9)[:, None]
    return means.reshape(len(lines) - 1, SLOTS, -1)


def _unit(slots: Array) -> Array:
    return np.asarray(slots / np.maximum(np.linalg.norm(slots, axis=2, keepdims=True), 1e-9))


def _angle(slots: Array) -> Array:
    """1 minus the mean cosine of the slots of two bars, [n, n]."""
    flat = slots.reshape(len(slots), -1)
    return np.maximum(1 - flat @ flat.T / SLOTS, 0)


def _squared_distance(rows: Array) -> Array:
    square = np.square(rows).sum(axis=1)
    return np.maximum(square[:, None] + square - 2 * rows @ rows.T, 0)


def jump_costs(unlike: Array) -> Array:
    """[n + 1, n + 1]: unlikeness of what follows and of what preceded, weighted by `WEIGHTS`, infinite on the diagonal.

    Bars beyond either end of the track count for nothing.
    """
    n = len(unlike)
    cost, weight = np.zeros((n + 1, n + 1)), np.zeros((n + 1, n + 1))
    for k, w in enumerate(WEIGHTS):
        cost[: n - k, : n - k] += w * unlike[k:, k:]
        weight[: n - k, : n - k] += w
        cost[k + 1 :, k + 1 :] += w * unlike[: n - k, : n - k]
        weight[k + 1 :, k + 1 :] += w
    cost = cost / np.maximum(weight, 1e-9)
    cost[[0, n]], cost[:, [0, n]] = np.inf, np.inf
    np.fill_diagonal(cost, np.inf)
    return cost


def rests(sound: Sound, lines_s: Array) -> Array:
    """How little starts in the bar after each line, [n + 1], by rank: 1 where it is least, 0 where it is most."""
    rise = np.maximum(np.diff(sound.levels_db, axis=0, prepend=sound.levels_db[:1]), 0).mean(axis=1)
    total = np.concatenate([[0], np.cumsum(rise, dtype=np.float64)])
    bar_s = np.diff(lines_s, append=lines_s[-1] + np.median(np.diff(lines_s)))
    spans = np.stack([lines_s + STROKE_S, lines_s + bar_s]) * FRAME_HZ
    starts = np.diff(np.interp(spans, np.arange(len(total)), total), axis=0)[0] / bar_s
    return np.asarray(1 - starts.argsort().argsort() / max(len(starts) - 1, 1))
