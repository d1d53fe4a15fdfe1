"""Lay the cues of a film under it: where each begins in its track, how loud it is, how it goes over to the next.

Every cue begins with its scene, on a frame, its track on a bar line (or so that bars lie on each other where it is
crossfaded with music as fast), or where somebody has it begin; then all others begin where they did without that.
Levels are those of `editing.placing`, each cue by its own scene: music below speech where somebody speaks in it, else
both together at `Levels.lufs`. The film's own sound is measured once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recommender.editing.mix import music_blocks, section_blocks
from recommender.editing.placement import Fit, Placement, Stretch
from recommender.editing.placing import CLICK_S, Levels, Measured, measure
from recommender.errors import FitError, InputError
from recommender.extractors.audio.beats import NONE, Beats
from recommender.films.closeness import pulse, steps
from recommender.films.crossfades import even_out
from recommender.films.cues import MusicCue, Scene, Transition
from recommender.films.ends import BEFORE_S, EARLY_S, Body, nearest, spread, until
from recommender.films.levels import Spread, level
from recommender.films.transitions import Border, aligns, transition
from recommender.media import probe
from recommender.media.footage import footage
from recommender.media.kept import State, state_of
from recommender.media.stereo import RATE_HZ
from recommender.text import show
from recommender.types import Array, Recommendation, Track

if TYPE_CHECKING:
    from recommender.editing.export import Stages

BeatsOf = Callable[[Track], Beats | None]
"""The beats of a track; None where they are not known."""
SHORT_S = 1.0
"""Music that ends so long before its scene does is recut, where that is asked for, else told to end early."""
CLASH, SURE = 2, 0.5
"""Fifths between two keys from which they clash, where each is at least so sure: G, F, a, e and d are nearer to C."""
_AROUND = 8  # beats that tell how long a bar is
_MEASURES = 400  # that are kept, of 10 numbers for every second of a cue
_BREATH_S = 0.3  # before speech, in which music of the scene before is over


def lay(
    film: Path,
    cues: Sequence[MusicCue],
    *,
    levels: Levels | None = None,
    beats_of: BeatsOf = lambda track: None,
    recut: bool = False,
    progress: "Stages | None" = None,
) -> list[MusicCue]:
    """The cues with `placement` and `transition` settled: where each lies under the whole film, and how it ends.

    Parameters
    ----------
    film: the file. cues: in order of time, of all scenes, silent ones included. An ending that a cue has is kept.
    levels: by default those of the web. beats_of: gives the beats of tracks; without it nothing is on bars.
    recut: whether music shorter than its scene is cut to its length; else it ends early, and that is told.

    Raises MediaError for a file that cannot be read, InputError where a section begins behind the end of its track.
    """
    beats_of = _once(beats_of)
    layer = _Layer(film, footage(film).rate, beats_of, recut=recut)
    if any(cue.scene.begins_s is not None for cue in cues):
        _lay_all(layer, [_freed(cue) for cue in cues], progress)
        layer = _Layer(film, footage(film).rate, beats_of, recut=recut, settled=layer.begins)
    _lay_all(layer, cues, progress)
    return even_out(level(film, layer.laid, cues, levels=levels or Levels()))


def _once(beats_of: BeatsOf) -> BeatsOf:
    """The same, asked once for each track: a library reads a column for it."""
    known: dict[int, Beats | None] = {}

    def beats(track: Track) -> Beats | None:
        if track.id not in known:
            known[track.id] = beats_of(track)
        return known[track.id]

    return beats


def _lay_all(layer: "_Layer", cues: Sequence[MusicCue], progress: "Stages | None") -> None:
    for number, cue in enumerate(cues):
        if progress is not None:
            progress.stage("laying cues", number, len(cues))
        layer.add(cue, cues[number + 1] if number + 1 < len(cues) else None)


def _freed(cue: MusicCue) -> MusicCue:
    """A cue as it would be if nobody had said where its track begins."""
    if cue.chosen is None or cue.free_s is None:
        return cue
    lasts_s = cue.chosen.out_s - cue.chosen.in_s
    section = replace(cue.chosen, in_s=cue.free_s, out_s=cue.free_s + lasts_s)
    return replace(cue, scene=replace(cue.scene, begins_s=None), chosen=section)


class _Begin(NamedTuple):
    """Where in its track a cue begins, and whether on a bar line or beat of its own."""

    in_s: float
    on_line: bool


class _Layer:
    """Lays cue after cue: how one ends decides where in its track the next one begins.

    Attributes
    ----------
    settled: by number of a scene where its track begins, whatever comes before it. begins: where those that were laid
        do. laid: what came of them.
    """

    def __init__(
        self,
        film: Path,
        rate: Fraction,
        beats_of: BeatsOf,
        *,
        recut: bool,
        settled: Mapping[int, _Begin] | None = None,
    ) -> None:
        self._film, self._rate, self._beats_of, self._recut = film, rate, beats_of, recut
        self._into_s = 0.0  # how long the cue before crosses into the next one
        self._lines: Array | None = None  # bar lines of it that those of the next are to lie on, seconds of the film
        self._settled = settled or {}
        self.begins: dict[int, _Begin] = {}
        self.laid: list[Spread | None] = []

    def add(self, cue: MusicCue, after: MusicCue | None) -> None:
        """Lay the next cue; `after`: the one behind it, None of the last."""
        if cue.chosen is None:
            self.laid.append(None)
            self._into_s, self._lines = 0.0, None
            return
        body = self._begin(cue, cue.chosen)
        ending, on_lines = self._ending(body, after)
        self.laid.append(spread(body, ending, into_s=self._into_s, after=after))
        crosses = ending.ending == "crossfade"
        self._into_s = ending.lasts_s if crosses else 0.0
        self._lines = body.lines_s(ending.lasts_s) if crosses and on_lines else None

    def _begin(self, cue: MusicCue, chosen: Recommendation) -> Body:
        """The music from its scene's beginning on, until the scene ends or the track."""
        beats, at_s, length_s = self._beats_of(chosen.track) or NONE, cue.scene.start_s, cue.scene.duration_s
        if chosen.fit is not None:
            return self._fitted(cue, chosen, chosen.fit, beats)
        in_s, on_line = self.begins[cue.scene.number] = self._in_point(cue.scene, chosen.in_s, beats)
        path, why_not = Path(chosen.track.path), None
        music = _measured(path, round(in_s * RATE_HZ), round(length_s * RATE_HZ), state_of(path))
        if not music.samples:
            raise InputError(f"{show(path)} has nothing to play from {in_s:.1f} s on, for scene {cue.scene.number}")
        heard_s = min(music.samples / RATE_HZ, length_s)
        whole = heard_s > length_s - 1 / RATE_HZ
        if self._recut and heard_s < length_s - SHORT_S and cue.scene.begins_s is not None:
            why_not = "it is not recut, since it begins where somebody set it"
        elif self._recut and heard_s < length_s - SHORT_S:
            try:
                return self._fitted(cue, chosen, _fit(path, chosen, length_s, beats), beats)
            except FitError as error:
                why_not = str(error)
        pieces = (Stretch(in_s, in_s + (length_s if whole else heard_s)),)
        return Body(cue, at_s, pieces, music, _left_s(path, pieces) if whole else 0.0, None, beats, on_line, why_not)

    def _fitted(self, cue: MusicCue, chosen: Recommendation, fit: Fit, beats: Beats) -> Body:
        """Recut music, what of it lies behind its scene left out."""
        path, scene = Path(chosen.track.path), cue.scene
        pieces = until(fit.pieces, min(sum(end - start for start, end in fit.pieces), scene.duration_s))
        music = measure(music_blocks(Placement(self._film, scene.end_s, path, pieces), gains=False))
        body = Body(cue, scene.start_s, pieces, music, 0.0, fit, beats, False)
        return replace(body, room_s=_left_s(path, pieces)) if body.end_s > scene.end_s - CLICK_S else body

    def _in_point(self, scene: Scene, in_s: float, beats: Beats) -> _Begin:
        """Where in its track a cue begins: where somebody says, else near `in_s`; on a frame."""
        if scene.begins_s is not None:
            return _Begin(self._frame(scene.begins_s), self._on_beat(beats, scene.begins_s))
        if scene.number in self._settled:
            return self._settled[scene.number]
        lines, at_s = beats.downbeats_s, scene.start_s
        if self._lines is not None and len(lines) and len(there := self._lines[self._lines >= at_s]):
            shifted = lines - (there[0] - at_s)
            if len(near := shifted[shifted >= 0]):
                return _Begin(self._frame(nearest(near, in_s)), False)
        line = _line_near(beats, in_s)
        if line is None:
            return _Begin(self._frame(in_s), False)
        return _Begin(float(int(Fraction(max(line - BEFORE_S, 0.0)) * self._rate) / self._rate), True)

    def _on_beat(self, beats: Beats, in_s: float) -> bool:
        """Whether a beat falls where a track begins, or just behind it: its stroke is to be heard whole."""
        if not len(beats.times_s):
            return False
        since_s, frame_s = nearest(beats.times_s, in_s + BEFORE_S) - self._frame(in_s), float(1 / self._rate)
        return -frame_s / 2 <= since_s <= BEFORE_S + 1.5 * frame_s

    def _frame(self, in_s: float) -> float:
        return float(round(Fraction(max(in_s, 0.0)) * self._rate) / self._rate)

    def _ending(self, body: Body, after: MusicCue | None) -> tuple[Transition, bool]:
        """How the music of a scene ends, and whether bar lines are to lie on each other there."""
        asked, early_s = body.cue.transition, body.cue.scene.end_s - body.end_s
        if early_s > EARLY_S:
            why = f" ({body.why_not})" if body.why_not else ""
            words = f"the track ends {early_s:.1f} s before its scene does: silence follows{why}"
            return Transition("button", 0.0, words, asked.rest_s if asked else 0.0), False
        if after is None:
            own = body.room_s <= EARLY_S
            words = "the track's own ending falls on the film's" if own else "fades out with the film"
            return Transition("button" if own else "tail", 0.0, words), False
        border = self._border(body, after)
        return transition(border), aligns(border)

    def _border(self, body: Body, after: MusicCue) -> Border:
        """What is known where `body` goes over to the next cue."""
        border_s, speech = body.cue.scene.end_s, after.scene.query.speech
        spoken_s = speech[0].start_s - _BREATH_S if speech else np.inf
        share = 0.5 if after.chosen is None else 1 / 3
        room_s = max(min(body.room_s, after.scene.duration_s * share, spoken_s), 0.0)
        lines = body.lines_s(1.0)
        line_s = nearest(lines, border_s) - border_s if len(lines) else None
        ends_s = body.end_s + body.room_s - border_s
        told = Border(after.chosen is not None, room_s, ends_s, line_s, asked=body.cue.transition)
        if body.cue.chosen is None or after.chosen is None:
            return told
        beats = NONE if after.chosen.fit is not None else self._beats_of(after.chosen.track) or NONE
        bars = _bar_s(body.beats, body.pieces[-1].end_s), _bar_s(beats, after.chosen.in_s)
        set_s, on_beat = after.scene.begins_s, _line_near(beats, after.chosen.in_s) is not None
        if set_s is not None or body.cue.scene.begins_s is not None:
            bars = None, None  # one of them stays where somebody set it: bars fall as they may
        return told._replace(
            clash=_clash(body.cue.chosen.track, after.chosen.track),
            bars_s=None if bars[0] is None or bars[1] is None else (bars[0], bars[1]),
            on_beat=on_beat if set_s is None else self._on_beat(beats, set_s),
            leap=_arousal(after) - _arousal(body.cue),
        )


@lru_cache(_MEASURES)
def _measured(path: Path, first: int, count: int, _state: State) -> Measured:
    """The measure of so many samples of a track, kept while it is the same: who moves a cue waits for that one."""
    return measure(section_blocks(path, first, count))


def _fit(path: Path, chosen: Recommendation, length_s: float, beats: Beats) -> Fit:
    from recommender.fitting.fit import Wish, fit_file

    return fit_file(path, Wish(length_s, Stretch(chosen.in_s, chosen.out_s)), beats if len(beats.times_s) else None)


def _left_s(track: Path, pieces: Sequence[Stretch]) -> float:
    """What there is of a track behind the last of its pieces; of one that does not tell how long it is, enough."""
    return max((probe(track).duration_s or np.inf) - pieces[-1].end_s, 0.0)


def _bar_s(beats: Beats, at_s: float) -> float | None:
    """How long a bar lasts around a second of the track; None where that is not known."""
    if beats.beats_per_bar is None or len(beats.times_s) < _AROUND:
        return None
    first = min(max(int(np.searchsorted(beats.times_s, at_s)) - _AROUND // 2, 0), len(beats.times_s) - _AROUND)
    return float(np.median(np.diff(beats.times_s[first : first + _AROUND]))) * beats.beats_per_bar


def _line_near(beats: Beats, in_s: float) -> float | None:
    """The bar line nearest to a second of the track; None where none is within a bar of it."""
    line = nearest(beats.downbeats_s, in_s) if beats.down.any() else np.inf
    return line if abs(line - in_s) <= (_bar_s(beats, in_s) or 0.0) else None


def _clash(before: Track, after: Track) -> bool:
    """Whether the keys of two tracks are surely far apart."""
    sides = pulse(before), pulse(after)
    apart = steps(*sides)
    return apart is not None and apart >= CLASH and min(side.key_sure for side in sides) >= SURE


def _arousal(cue: MusicCue) -> float:
    affect = cue.scene.query.affect
    return 0.0 if affect is None else affect.arousal
