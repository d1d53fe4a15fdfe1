"""A track's music recut to a length: whole bars, joined where they are alike.

It begins on a bar line near the section that was recommended and ends where the music rests; what is left of the length
after the last whole bar is faded out: so the length is exact, and nothing is stretched. With the real ending, or with a
peak to be hit, time is counted from there instead, and what is left stands before the first line.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from recommender.editing.placement import Fit, Joint, Stretch
from recommender.errors import FitError, InputError
from recommender.extractors.audio.beats import FEWEST, Beats
from recommender.extractors.audio.stft import FRAME_HZ
from recommender.fitting.barlines import Barlines, barlines
from recommender.fitting.joints import Meeting, clearance, meet
from recommender.fitting.path import Run, Terrain, cheapest, reverse_runs
from recommender.fitting.similarity import Bars, compare
from recommender.fitting.sound import Sound, listen
from recommender.types import Array

Ending = Literal["free", "real"]

TOO_DEAR = 0.9  # a joint nearly as bad as jumping anywhere
SHORTEST_S = 6.0  # of a piece between two joints
LEAD_S = 0.025  # cuts lie so long before a line: the stroke on it is whole, whichever side it comes from
MARGIN_S = 0.1  # kept at either end of the track for what joints are moved by
FEWEST_BARS = 4
LONGEST_S = 4 * 3600.0
# What a way costs beside its jumps, in random jumps.
JOINT = 0.02  # each joint: fewer are better
DOUBT = 2.0  # a joint whose sides are surely not both lines
AWAY, FARTHEST = 0.07, 0.7  # each bar that the beginning lies from the section's, up to
OUTSIDE = 0.002  # each bar that is played outside of the section
UNREST = 1.0  # ending where more starts than in any other bar
FADE_S, CLICK_S = 0.5, 0.02  # of an end within the music, at least; of one at a line


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes
    ----------
    length_s: of the music. section: of the track that it should live in; None for any. ending: free, or the track's.
    hit_s: when the section's peak is to sound, in seconds from the beginning of the music; not with the real ending,
        for bars between two fixed points rarely add up.
    """

    length_s: float
    section: Stretch | None = None
    ending: Ending = "free"
    hit_s: float | None = None


def fit_file(path: Path, wish: Wish, beats: Beats | None = None) -> Fit:
    """As `fit` of the music in a file, decoded once; its beats are looked for unless given."""
    sound = listen(path)
    if beats is None:
        from recommender.extractors.audio import beats as kept
        from recommender.extractors.audio.music import from_blocks

        beats = kept.from_bytes(from_blocks([sound.samples]).beats or b"")
    return fit(sound, beats, wish)


def fit(sound: Sound, beats: Beats | None, wish: Wish) -> Fit:
    """The music of a track recut as wished.

    Raises InputError for a wish that makes no sense, FitError, in one line, where the track cannot be cut so, or not
    without its being heard.
    """
    _check(wish)
    if beats is None or len(beats.times_s) < FEWEST:
        raise FitError("it has no beats to cut on")
    found = barlines(sound, beats)
    if len(found.at_s) <= FEWEST_BARS:
        raise FitError(f"it has fewer than {FEWEST_BARS} bars")
    inside = found.at_s < sound.ends_s
    lines = Barlines(np.maximum(found.at_s - LEAD_S, 0)[inside], found.both[inside][:, inside])
    bars = compare(sound, lines.at_s)
    peak = None if wish.hit_s is None else peak_line(sound, bars, wish.section)
    land = terrain(sound, bars, lines.both, wish=wish)
    runs, ahead = _runs(land, sound.ends_s - bars.lines_s[-1], wish, peak=peak)
    made = _Cutter(sound, bars, lines.both)(runs, wish, None if peak is None else _Peak(peak, ahead))
    dearest = max((joint.cost for joint in made.joints), default=0.0)
    if dearest > TOO_DEAR:
        raise FitError(f"its best cut costs {dearest:.2f} of a random jump: it would be heard")
    return made


def _check(wish: Wish) -> None:
    if not 0 < wish.length_s <= LONGEST_S:
        raise InputError(f"{wish.length_s:g} s is no length to fit music to: give more than 0, up to {LONGEST_S:g}")
    if wish.hit_s is not None and wish.ending == "real":
        raise InputError("a peak to hit and the real ending fix two points of the track: ask for one of them")
    if wish.hit_s is not None and not LEAD_S < wish.hit_s < wish.length_s:
        raise InputError(f"{wish.hit_s:g} s lies outside of the {wish.length_s:g} s of music")


def terrain(sound: Sound, bars: Bars, both: Array, *, wish: Wish) -> Terrain:
    """What ways through the bars cost, for a wish without its ending and hit; `both` as in `Barlines`."""
    lines = bars.lines_s
    bar_s = float(np.median(bars.lengths_s))
    section = wish.section or Stretch(0.0, sound.duration_s)
    away = np.abs(lines - section.start_s) / bar_s if wish.section else np.zeros(len(lines))
    inside = (lines[:-1] > section.start_s - bar_s) & (lines[1:] < section.end_s + bar_s)
    return Terrain(
        bars.lengths_s,
        np.where(inside, 0.0, OUTSIDE),
        bars.jump + JOINT + DOUBT * (1 - both),
        np.minimum(AWAY * away, FARTHEST),
        UNREST * (1 - bars.rest),
        least=max(1, round(min(SHORTEST_S, wish.length_s / 3) / bar_s)),
        before_s=max(float(lines[0]) - MARGIN_S, 0.0),
        after_s=max(sound.ends_s - float(lines[-1]) - MARGIN_S, 0.0),
    )


def peak_line(sound: Sound, bars: Bars, section: Stretch | None) -> int:
    """The line at which the music rises most: the level of the bar that follows above that of the two before it.

    It is looked for in the section, or in the whole track where none is given or no line lies inside.
    """
    total = np.concatenate([[0], np.cumsum(10 * np.log10((10 ** (sound.levels_db / 10)).sum(axis=1)))])
    upto = np.interp(bars.lines_s * FRAME_HZ, np.arange(len(total)), total)
    level = np.diff(upto) / np.diff(bars.lines_s)
    rise = level[2:] - (level[1:-1] + level[:-2]) / 2
    lines = np.arange(2, len(level))
    if section is not None:
        at_s = bars.lines_s[lines]
        inside = (at_s >= section.start_s - LEAD_S) & (at_s < section.end_s)
        rise = np.where(inside, rise, -np.inf) if inside.any() else rise
    return int(lines[rise.argmax()])


class _Peak(NamedTuple):
    """The line of a peak, and the runs that lie before it."""

    line: int
    ahead: int


def _runs(land: Terrain, tail_s: float, wish: Wish, *, peak: int | None) -> tuple[list[Run], int]:
    """The cheapest runs, and how many lie before the peak; `tail_s` is what sounds after the last line."""
    n = len(land.lengths_s)
    if peak is not None and wish.hit_s is not None:
        only = np.where(np.arange(n + 1) == peak, 0.0, np.inf)
        before = _backwards(replace(land, end=only), wish.hit_s - LEAD_S)
        after = _way(replace(land, begin=only), wish.length_s - wish.hit_s + LEAD_S)
        return [*before, *after], len(before)
    if wish.ending == "real":
        last = np.where(np.arange(n + 1) == n, 0.0, np.inf)
        return _backwards(replace(land, end=last), wish.length_s - tail_s), 0
    return _way(land, wish.length_s), 0


def _way(land: Terrain, wanted_s: float) -> list[Run]:
    found = cheapest(land, wanted_s) if wanted_s >= 0 else None
    if found is None:
        raise FitError("its bars do not add up to the length asked for")
    return found.runs


def _backwards(land: Terrain, wanted_s: float) -> list[Run]:
    return reverse_runs(_way(land.reverse(), wanted_s), len(land.lengths_s))


class _Cutter:
    """Makes pieces of runs of bars, their joints drawn to where the waves agree."""

    def __init__(self, sound: Sound, bars: Bars, both: Array) -> None:
        self._sound, self._bars, self._both = sound, bars, both

    def __call__(self, runs: list[Run], wish: Wish, peak: _Peak | None) -> Fit:
        lines = self._bars.lines_s
        parts = _merged(runs)
        starts, ends = ([float(lines[getattr(run, side)]) for run in parts] for side in Run._fields)
        met = [meet(self._sound.samples, ends[k], starts[k + 1]) for k in range(len(parts) - 1)]
        for k, meeting in enumerate(met):
            starts[k + 1] += meeting.later_s
            early_s = max(clearance(self._sound.samples, at_s) for at_s in (ends[k], starts[k + 1]))
            starts[k + 1], ends[k] = starts[k + 1] - early_s, ends[k] - early_s
        if wish.ending == "real":
            ends[-1] = self._sound.ends_s
            starts[0] -= wish.length_s - _total(starts, ends)
        if peak is not None and wish.hit_s is not None:
            piece = len(_merged(runs[: peak.ahead + 1])) - 1
            heard_s = _total(starts[:piece], ends[:piece]) + float(lines[peak.line]) - starts[piece]
            starts[0] -= wish.hit_s - LEAD_S - heard_s
        ends[-1] += wish.length_s - _total(starts, ends)
        pieces = tuple(Stretch(start, end) for start, end in zip(starts, ends, strict=True))
        return Fit(
            pieces,
            self._joints(parts, pieces, met),
            *_fades(float(lines[parts[0].first]) - starts[0], ends[-1] - float(lines[parts[-1].last]), wish),
            error_s=_total(starts, ends) - wish.length_s,
            peak_s=None if peak is None else float(lines[peak.line]) + LEAD_S,
        )

    def _joints(self, parts: list[Run], pieces: tuple[Stretch, ...], met: list[Meeting]) -> tuple[Joint, ...]:
        joints, at_s = [], 0.0
        for k, meeting in enumerate(met):
            at_s += pieces[k].end_s - pieces[k].start_s
            left, entered = parts[k].last, parts[k + 1].first
            sure = float(self._both[left, entered])
            cost = float(self._bars.jump[left, entered])
            joints.append(Joint(at_s, pieces[k].end_s, pieces[k + 1].start_s, cost, meeting.alike, sure))
        return tuple(joints)


def _fades(before_s: float, after_s: float, wish: Wish) -> tuple[float, float]:
    """Fades in and out of music that begins `before_s` before a line and ends `after_s` after one."""
    fade_in_s = min(max(before_s, CLICK_S), FADE_S)
    if wish.ending == "real":
        return fade_in_s, CLICK_S
    return fade_in_s, min(max(after_s, FADE_S), wish.length_s / 2)


def _merged(runs: list[Run]) -> list[Run]:
    """Runs that follow each other in the track as one."""
    out: list[Run] = []
    for run in runs:
        out[-1:] = [Run(out[-1].first, run.last)] if out and out[-1].last == run.first else [*out[-1:], run]
    return out


def _total(starts: list[float], ends: list[float]) -> float:
    return sum(ends) - sum(starts)
