"""Where a track can be cut: the lines between its bars, and how sure each is one.

Beats are as told of the track. What begins a bar is judged anew, at two levels at once: slow music is often told at
twice its tempo, and its told bars are halves then. So the bars of quick beats are taken two by two, unless a half is
inserted; a line between the halves of a bar is none.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from recommender.extractors.audio import bars
from recommender.extractors.audio.beat_times import path
from recommender.extractors.audio.beats import Beats
from recommender.extractors.audio.stft import SLOW
from recommender.fitting.sound import LOW_BANDS, PER_CHROMA, Sound
from recommender.types import Array

QUICK_S = 2.2  # told bars shorter than this are taken two by two
WIDE = 0.5  # what evidence over twice the time weighs beside the beat's own
TEMPER = 0.3  # of the log-odds: neighbouring beats tell the same thing, and are no independent witnesses
BREAK, HALF = 6.0, 2.4  # what a bar cut short costs, and half of one inserted, in natural logarithms
LEAST = 8  # beats, with fewer there is no telling at two levels


class Barlines(NamedTuple):
    """Lines between bars.

    Attributes
    ----------
    at_s: float64 [n], ascending. sure: float64 [n], the probability that a bar begins there.
    """

    at_s: Array
    sure: Array


def barlines(sound: Sound, beats: Beats) -> Barlines:
    """The lines between the bars of a track with at least 4 beats."""
    metre = beats.beats_per_bar or 4
    quick = metre * float(np.median(np.diff(beats.times_s))) < QUICK_S
    bar = metre * (2 if quick else 1)
    chance = _chance(TEMPER * (log_odds(sound, beats.times_s) + np.log(3 / (bar - 1))), bar)
    cost = _changes(bar, half=quick)
    first = path(chance, cost) == 0
    return Barlines(beats.times_s[first], posterior(chance, cost)[first, 0])


def log_odds(sound: Sound, times_s: Array) -> Array:
    """Of a bar's beginning at each beat, float64 [n], against an average beat in four."""
    frames, slow = _series(sound)
    weights = np.array(list(bars.WEIGHTS.values()))
    found = bars.evidence(times_s, frames, slow) @ weights
    for phase in range(2 if len(times_s) >= LEAST else 0):
        found[phase::2] += WIDE * (bars.evidence(times_s[phase::2], frames, slow) @ weights)
    return np.asarray(found + bars.LOG_ODDS)


def _series(sound: Sound) -> tuple[Mapping[str, Array], Mapping[str, Array]]:
    """What `bars.evidence` reads."""
    low = sound.levels_db[:, :LOW_BANDS]
    rise = np.maximum(np.diff(low, axis=0, prepend=low[:1]), 0).mean(axis=1)
    starts = np.arange(0, len(sound.chroma), SLOW // PER_CHROMA)
    slow = {"chroma": sound.chroma, "bass_chroma": sound.bass}
    return {"low_onset": rise}, {name: np.add.reduceat(part, starts, axis=0) for name, part in slow.items()}


def _chance(odds: Array, bar: int) -> Array:
    """The logarithm of the likelihood of each of `bar` places at each beat, [n, bar], from log-odds of the first."""
    chance = np.repeat(-np.logaddexp(0, odds)[:, None], bar, axis=1)
    chance[:, 0] = -np.logaddexp(0, -odds)
    return chance


def _changes(bar: int, *, half: bool) -> Array:
    """What going from place to place costs, [to, from]: to the next nothing, back to the first what a break does."""
    cost = np.full((bar, bar), np.inf)
    cost[0] = BREAK
    if half:
        cost[0, bar // 2 - 1] = HALF
    cost[(np.arange(bar) + 1) % bar, np.arange(bar)] = 0
    return cost


def posterior(chance: Array, cost: Array) -> Array:
    """The probability of each place at each beat, [n, k], summed over all runs (forward-backward, Rabiner 1989)."""
    forward, backward = np.empty_like(chance), np.zeros_like(chance)
    forward[0] = chance[0]
    for at in range(1, len(chance)):
        forward[at] = chance[at] + np.logaddexp.reduce(forward[at - 1] - cost, axis=1)
    for at in range(len(chance) - 2, -1, -1):
        backward[at] = np.logaddexp.reduce((chance[at + 1] + backward[at + 1] - cost.T), axis=1)
    both = forward + backward
    return np.asarray(np.exp(both - np.logaddexp.reduce(both, axis=1)[:, None]))
