"""How loud the cues of a film are, and its own sound with them: by the rules of `editing.placing`, scene by scene."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.editing.loudness import HOP_S, programme_lufs
from recommender.editing.mix import mix
from recommender.editing.placement import Bed, Keyframe, Placement, Stretch, gains_at
from recommender.editing.placing import (
    CLOSE_LU,
    REHEARSALS,
    Levels,
    Measured,
    bound_gain,
    clip_length,
    measure,
    measure_own,
    set_levels,
)
from recommender.films.cues import MusicCue, Transition
from recommender.media import probe
from recommender.media.remux import pictures_of
from recommender.media.stereo import RATE_HZ

RAMP_S = 0.5
"""How long the film's own sound takes to its level in the next scene; the louder of two has its own throughout."""


class Spread(NamedTuple):
    """A cue under its film before it has its level.

    Attributes
    ----------
    cue, ending: what it is, how it ends. at_s: where it begins on the film. music: the measure of what lies under its
        scene. pieces: all that sounds, tails too.
    fades_s: in and out. into_s: how long it is crossfaded into. curves: keyframes of its crossfades.
    """

    cue: MusicCue
    ending: Transition
    at_s: float
    music: Measured
    pieces: tuple[Stretch, ...]
    fades_s: tuple[float, float]
    into_s: float
    curves: tuple[tuple[Keyframe, ...], ...]


def level(film: Path, spreads: Sequence[Spread | None], cues: Sequence[MusicCue], *, levels: Levels) -> list[MusicCue]:
    """The cues of a film with placement and transition; None stands for a cue without music, which stays as it is."""
    film_s, zero_s = clip_length(film), pictures_of(film).start_s
    own = measure_own(film, zero_s, film_s) if levels.own_sound else None
    bare = Placement(film, film_s, film, (), clip_gain_db=None if own is None else 0.0, peak_dbtp=levels.peak_dbtp)
    laid, lost = list(cues), []
    for at, spread in enumerate(spreads):
        if spread is not None:
            placement, loss = _levelled(bare, spread, levels, own=own)
            laid[at] = place_cue(replace(laid[at], transition=spread.ending), placement)
            lost += [(at, spread)] if loss > CLOSE_LU else []
    return _rehearse(film, laid, lost, lufs=levels.lufs) if lost else laid


def bed(film: Path, cues: Sequence[MusicCue]) -> Bed:
    """All music of laid cues under their film, which keeps its own sound where no cue says otherwise."""
    placements = tuple(one for cue in cues if (one := placement_of(cue)) is not None)
    peak_dbtp = placements[0].peak_dbtp if placements else -1.0
    heard = probe(film).has_audio and not any(one.clip_gain_db is None for one in placements)
    return Bed(film, clip_length(film), placements, _own_course(cues) if heard else None, peak_dbtp)


def placement_of(cue: MusicCue) -> Placement | None:
    """Where the music of a cue lies; None of a cue without any."""
    return None if cue.chosen is None else cue.chosen.placement


def _own_course(cues: Sequence[MusicCue]) -> tuple[Keyframe, ...]:
    """Keyframes of the gain of the film's own sound over all scenes."""
    gains = [(placement.clip_gain_db or 0.0) if (placement := placement_of(cue)) else 0.0 for cue in cues]
    frames = [Keyframe(0.0, gains[0] if gains else 0.0)]
    for (before, after), (gain, other) in zip(pairwise(cues), pairwise(gains), strict=True):
        if gain != other:
            low = before.scene if gain < other else after.scene
            ramp_s, at_s = min(RAMP_S, low.duration_s / 2), after.scene.start_s
            start_s = at_s - ramp_s if gain < other else at_s
            frames += [Keyframe(start_s, gain), Keyframe(start_s + ramp_s, other)]
    return tuple(frames)


def _levelled(bare: Placement, spread: Spread, levels: Levels, *, own: Measured | None) -> tuple[Placement, float]:
    """The placement of a cue, its level that of its scene alone, and what the limiter may take of it."""
    scene, chosen = spread.cue.scene, spread.cue.chosen
    first, end = _hops(scene.start_s, scene.end_s)
    zero_s = first * HOP_S
    here = None if own is None else Measured(own.powers[first:end], own.peaks[first:end], 0)
    speech = [Stretch(*(scene.start_s - zero_s + at for at in one)) for one in scene.query.speech]
    track = Path(chosen.track.path) if chosen is not None else bare.track
    since_s = max(spread.at_s - zero_s, 0.0)  # in the middle of a tenth it may begin before the one it is counted from
    alone = replace(bare, track=track, pieces=spread.pieces, at_s=since_s)
    alone = _faded(alone, spread, levels)
    heard = here if here is not None and here.peaks.any() else None
    placed, lost = set_levels(alone, levels, speech=speech, music=spread.music, own=heard)
    ducks = together([tuple(Keyframe(zero_s + at, db) for at, db in placed.ducks), *spread.curves])
    own_db = bare.clip_gain_db if placed.clip_gain_db is None else placed.clip_gain_db
    return replace(placed, at_s=spread.at_s, ducks=ducks, clip_gain_db=own_db), lost


def _faded(placement: Placement, spread: Spread, levels: Levels) -> Placement:
    """With the fades of its ends; those asked for stand where nothing crosses into it, and where it just fades away."""
    into, out = spread.fades_s
    into = into if levels.fade_in_s is None or spread.into_s else levels.fade_in_s
    fades = spread.ending.ending == "tail" and not spread.ending.lasts_s
    out = levels.fade_out_s if levels.fade_out_s is not None and fades else out
    return replace(placement, fade_in_s=into, fade_out_s=out)


def together(courses: Sequence[tuple[Keyframe, ...]]) -> tuple[Keyframe, ...]:
    """Keyframes of several courses of gain as one: their sum in dB."""
    told = [course for course in courses if course]
    at_s = np.unique([one.at_s for course in told for one in course])
    total = sum((gains_at(course, at_s) for course in told), np.zeros(len(at_s)))
    return tuple(Keyframe(*pair) for pair in zip(at_s.tolist(), total.tolist(), strict=True))


def _rehearse(film: Path, laid: list[MusicCue], lost: Sequence[tuple[int, Spread]], *, lufs: float) -> list[MusicCue]:
    """With gains that give cues this loudness behind the limiter, which takes some of it."""
    for _ in range(REHEARSALS):
        heard = mix(bed(film, laid), pictures_of(film).start_s)
        powers = measure(heard.blocks).powers[round(-heard.at / RATE_HZ / HOP_S) :]
        off = False
        for at, spread in lost:
            first, end = _hops(spread.at_s + spread.into_s, spread.cue.scene.end_s)
            short = lufs - programme_lufs(powers[first:end])
            placement = placement_of(laid[at])
            if placement is not None and CLOSE_LU <= abs(short) < np.inf:
                gain_db = bound_gain(placement.gain_db + short)
                off = off or gain_db != placement.gain_db
                laid[at] = place_cue(laid[at], replace(placement, gain_db=gain_db))
        if not off:
            break
    return laid


def place_cue(cue: MusicCue, placement: Placement) -> MusicCue:
    """A cue laid there; one without music stays as it is."""
    return cue if cue.chosen is None else replace(cue, chosen=replace(cue.chosen, placement=placement))


def _hops(start_s: float, end_s: float) -> tuple[int, int]:
    """The tenths of a second of a film from `start_s` to `end_s`, one at least."""
    first = round(start_s / HOP_S)
    return first, max(round(end_s / HOP_S), first + 1)
