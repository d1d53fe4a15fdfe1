"""The music of a scene, and where it is over: its fades, tails and crossfades."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recommender.editing.placement import Fit, Stretch, lay_times
from recommender.editing.placing import CLICK_S, FADE_IN_S, FADE_OUT_S, Measured
from recommender.extractors.audio.beats import Beats
from recommender.films.cues import MusicCue, Transition
from recommender.films.levels import Spread
from recommender.films.transitions import ON_LINE_S, ROOM_S, TAIL_TIMES, crossing
from recommender.types import Array

BEFORE_S = 0.02
"""Music is cut so long before a bar line, at least: the stroke on it is whole."""
EARLY_S = 0.5
"""A track that ends so near to its scene's end ends with it."""


@dataclass(frozen=True)
class Body:
    """The music of a scene before its ends are settled.

    Attributes
    ----------
    cue: whose it is. at_s: second of the film. pieces: of the track, until the scene ends at the latest. music: their
        measure. room_s: what is left of the track behind them.
    fit: how it was recut. beats: of the track. on_line: whether it begins on a bar line. why_not: why it could not be
        recut.
    """

    cue: MusicCue
    at_s: float
    pieces: tuple[Stretch, ...]
    music: Measured
    room_s: float
    fit: Fit | None
    beats: Beats
    on_line: bool
    why_not: str | None = None

    @property
    def end_s(self) -> float:
        """Second of the film at which the pieces are over."""
        return self.at_s + sum(end - start for start, end in self.pieces)

    def lines_s(self, more_s: float = 0.0) -> Array:
        """Bar lines, in seconds of the film; those of `more_s` of the track behind the pieces, too."""
        *first, last = self.pieces
        pieces = [*first, Stretch(last.start_s, last.end_s + min(more_s, self.room_s))]
        return lay_times(self.beats.downbeats_s, pieces, self.at_s)[1]


def spread(body: Body, ending: Transition, *, into_s: float, after: MusicCue | None) -> Spread:
    """The body with its ends: how far it sounds, its fades, the curves of its crossfades.

    into_s: how long the cue before crosses into it. after: the next cue, None of the last.
    """
    end_s, fade_out_s = _end_of(body, ending, after)
    itself = body.on_line or body.pieces[0].start_s < CLICK_S
    cut_s = body.fit.fade_in_s if body.fit is not None else CLICK_S if itself else FADE_IN_S
    curves = [crossing(body.at_s, into_s, into=True)] if into_s else []
    if ending.ending == "crossfade" and ending.lasts_s:
        curves.append(crossing(body.cue.scene.end_s, ending.lasts_s, into=False))
    length_s = end_s - body.at_s
    fades = CLICK_S if into_s else min(cut_s, length_s / 3), min(fade_out_s, length_s * 2 / 3)
    pieces = until(body.pieces, length_s)
    return Spread(body.cue, ending, body.at_s, body.music, pieces, fades, into_s, tuple(curves))


def _end_of(body: Body, ending: Transition, after: MusicCue | None) -> tuple[float, float]:
    """When the music is over, in seconds of the film, and how long it fades before that."""
    scene, end_s = body.cue.scene, body.cue.scene.end_s
    if body.end_s < end_s - EARLY_S:
        return body.end_s, CLICK_S if body.fit is None else body.fit.fade_out_s
    if after is None:
        return min(end_s, body.end_s + body.room_s), CLICK_S if ending.ending == "button" else FADE_OUT_S
    if ending.rest_s:
        return end_s - min(ending.rest_s, scene.duration_s / 2), FADE_OUT_S
    if ending.ending == "button":
        return _button(body), CLICK_S
    if ending.ending == "tail":
        times = 1 if after.chosen is None else TAIL_TIMES
        return end_s + ending.lasts_s, max(times * ending.lasts_s, FADE_OUT_S)
    return end_s + ending.lasts_s, CLICK_S


def _button(body: Body) -> float:
    """Where a button stops: at the track's own ending, else just before the last bar line not past the border."""
    border_s, ends_s = body.cue.scene.end_s, body.end_s + body.room_s
    if abs(ends_s - border_s) <= EARLY_S:
        return ends_s
    lines = body.lines_s(ON_LINE_S)
    lines = lines[(lines > body.at_s + ROOM_S) & (lines <= border_s + ON_LINE_S)]
    return min(float(lines[-1]) - BEFORE_S, border_s) if len(lines) else border_s


def until(pieces: Sequence[Stretch], length_s: float) -> tuple[Stretch, ...]:
    """The pieces, the last one longer or shorter so that they last `length_s`; those behind are left out."""
    kept: list[Stretch] = []
    for start, end in pieces:
        if kept and length_s <= 0:
            break
        kept.append(Stretch(start, min(end, start + length_s)))
        length_s -= kept[-1].end_s - start
    start, end = kept[-1]
    return (*kept[:-1], Stretch(start, end + max(length_s, 0.0)))


def nearest(times_s: Array, at_s: float) -> float:
    """Of some seconds, at least one, that nearest to another."""
    return float(times_s[np.abs(times_s - at_s).argmin()])
