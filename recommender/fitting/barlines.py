"""Where a track can be cut: the lines between its bars, and how sure each is one.

Beats are as told of the track. What begins a bar is judged anew, at two levels at once: slow music is often told at
twice its tempo, and its told bars are halves then. So the bars of quick beats are taken two by two, unless a half is
inserted; a line between the halves of a bar is none. Where the music repeats, it is at the same place of its bars:
what is told of beats that repeat is told of all of them together.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from recommender.extractors.audio import bars
from recommender.extractors.audio.beat_times import path, unlike
from recommender.extractors.audio.beats import Beats
from recommender.extractors.audio.stft import SLOW
from recommender.fitting.similarity import differences
from recommender.fitting.sound import LOW_BANDS, PER_CHROMA, Sound
from recommender.types import Array

QUICK_S = 2.2  # told bars shorter than this are taken two by two
WIDE = 0.5  # what evidence over twice the time weighs beside the beat's own
TEMPER = 0.3  # of the log-odds: neighbouring beats tell the same thing, and are no independent witnesses
BREAK, HALF = 5.0, 2.4  # what a bar cut short costs, and half of one inserted, in natural logarithms
LEAST = 8  # beats, with fewer there is no telling at two levels
LASTING, LASTS = 0.8, 8  # what a change between the chords of so many beats before and after weighs, in deviations
AROUND = 16  # beats on either side in which music must be alike to be a repetition
SAME = 0.5  # unlikeness in usual ones at which it is none any more
MOST = 2_000  # beats that are compared with each other: 32 MB an array; music with more is taken as it comes


class Barlines(NamedTuple):
    """Lines between bars.

    Attributes
    ----------
    at_s: float64 [n], ascending. both: float64 [n, n], the probability that bars begin at two of them.
    """

    at_s: Array
    both: Array

    @property
    def sure(self) -> Array:
        """The probability that a bar begins at each, [n]."""
        return np.diagonal(self.both)


def barlines(sound: Sound, beats: Beats) -> Barlines:
    """The lines between the bars of a track with at least 4 beats."""
    metre = beats.beats_per_bar or 4
    quick = metre * float(np.median(np.diff(beats.times_s))) < QUICK_S
    bar = metre * (2 if quick else 1)
    chance = _chance(TEMPER * (log_odds(sound, beats.times_s) + np.log(3 / (bar - 1))), bar)
    cost = _changes(bar, half=quick)
    first = np.flatnonzero(path(chance, cost) == 0)
    return Barlines(beats.times_s[first], both_first(chance, cost, first))


def log_odds(sound: Sound, times_s: Array) -> Array:
    """Of a bar's beginning at each beat, float64 [n], against an average beat in four."""
    frames, slow = _series(sound)
    weights = np.array(list(bars.WEIGHTS.values()))
    found = bars.evidence(times_s, frames, slow) @ weights
    for phase in range(2 if len(times_s) >= LEAST else 0):
        found[phase::2] += WIDE * (bars.evidence(times_s[phase::2], frames, slow) @ weights)
    lasting = unlike(*bars.sides(slow["chroma"], times_s, LASTS))
    found += LASTING * np.clip((lasting - lasting.mean()) / max(lasting.std(), 1e-9), -bars.UNUSUAL, bars.UNUSUAL)
    if len(times_s) <= MOST:
        same = repeats(sound, times_s)
        found = (found + same @ found) / (1 + same.sum(axis=1))
    return np.asarray(found + bars.LOG_ODDS)


def repeats(sound: Sound, times_s: Array) -> Array:
    """How far the music around each beat is that around another one, [n, n], from 0 (not at all) to 1 (the same)."""
    n = len(times_s)
    apart = differences(sound, np.append(times_s, times_s[-1] + np.median(np.diff(times_s))))
    usual = max(float(apart.mean()), 1e-9)
    apart = np.pad(apart, AROUND, constant_values=usual)  # beyond the ends nothing repeats
    total = np.zeros((len(apart) + 1, len(apart) + 1))
    for row, values in enumerate(apart):
        total[row + 1, 1:] = total[row, :-1] + values
    span = 2 * AROUND
    around = (total[span:, span:] - total[:-span, :-span])[:n, :n] / span
    near = np.abs(np.arange(n)[:, None] - np.arange(n)) < 4
    return np.where(near, 0.0, np.clip(1 - around / (SAME * usual), 0, 1))


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


def both_first(chance: Array, cost: Array, first: Array) -> Array:
    """The probability that two beats are both in place 0, for each two of `first` [m], float64 [m, m].

    Summed over all runs of places (forward-backward, Rabiner 1989); from the one beat to the other by the chances of
    each step, given all that is heard.
    """
    forward, later = chance[0], np.zeros_like(chance)
    for at in range(len(chance) - 2, -1, -1):
        later[at] = np.logaddexp.reduce((chance[at + 1] + later[at + 1] - cost.T), axis=1)
    place = np.exp(forward + later[0] - np.logaddexp.reduce(forward + later[0]))
    found, reached = np.zeros((len(first), len(first))), np.zeros((len(first), chance.shape[1]))
    at_line = {int(beat): line for line, beat in enumerate(first)}
    for at in range(len(chance)):
        if at:
            step = np.exp((chance[at] + later[at])[:, None] - cost - later[at - 1])
            place, reached = step @ place, reached @ step.T
        if at in at_line:
            line = at_line[at]
            reached[line, 0] = place[0]
            found[line, : line + 1] = found[: line + 1, line] = reached[: line + 1, 0]
    return found
