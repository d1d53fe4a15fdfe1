"""What of a film's music is told to broadcasters and collecting societies: cues to the frame, and what they are."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from recommender.conditions import INSTRUMENTAL
from recommender.films.cues import MusicCue
from recommender.films.levels import placement_of
from recommender.media.footage import Footage, footage
from recommender.tags import isrc_tag
from recommender.timelines.cue_sheet import NOT_ON_FILE, Use
from recommender.timelines.timecode import clock, first_frame, nominal, timecode
from recommender.types import Track

VOCAL = 0.5
"""How likely a voice is from which on a track is called vocal; instrumental it is as `--instrumental` takes it."""


class Entry(NamedTuple):
    """A stretch of a film in frames, ends exclusive, with the cue that is heard there; None where no music is."""

    start: int
    end: int
    cue: MusicCue | None

    @property
    def frames(self) -> int:
        """How many it lasts."""
        return self.end - self.start


def entries(cues: Sequence[MusicCue], rate: Fraction, frames: int) -> list[Entry]:
    """A film of so many frames cut into stretches of music and of none, without gap or overlap.

    Where two cues sound together the time counts for the one that begins, so that everything adds up to the film.
    """
    found: list[Entry] = []
    music = [(cue, placement) for cue in cues if (placement := placement_of(cue)) is not None]
    for cue, placement in music:
        start, end = (
            min(max(round(Fraction(at_s) * rate), 0), frames)
            for at_s in (placement.at_s, placement.at_s + placement.duration_s)
        )
        if found and found[-1].end > start:
            found[-1] = found[-1]._replace(end=max(start, found[-1].start))
        at = found[-1].end if found else 0
        found += [Entry(at, start, None)] if start > at else []
        found.append(Entry(start, end, cue))
    at = found[-1].end if found else 0
    found += [Entry(at, frames, None)] if frames > at else []
    return [one for one in found if one.frames > 0]


def uses(film: Path, cues: Sequence[MusicCue]) -> tuple[Footage, list[Entry], list[Use]]:
    """A film as it is counted, its stretches, and the rows of its cue sheet: those with music.

    Raises MediaError for a film that cannot be read, InputError for a still.
    """
    seen = footage(film)
    found = entries(cues, seen.rate, seen.frames)
    return seen, found, [_use(film, seen, one, one.cue) for one in found if one.cue is not None]


def _use(film: Path, seen: Footage, one: Entry, cue: MusicCue) -> Use:
    known: dict[str, str | None] = {"scene": cue.scene.label or str(cue.scene.number), "frames": str(one.frames)}
    known["duration"] = lasts_in(seen, one.frames)
    if cue.chosen is not None:
        track = cue.chosen.track
        known |= {name: getattr(track, name) for name in ("title", "artist", "album", "licence")}
        known |= {"isrc": isrc_tag(Path(track.path)), "use": _used_as(cue, track), "vocal": vocal(track)}
    at_s, length_s = Fraction(one.start) / seen.rate, Fraction(one.frames) / seen.rate
    return Use(film.name, length_s, seen.rate, seen.timecode, known, at_s)


def lasts_in(seen: Footage, frames: int) -> str:
    """How long so many frames of a film last: in its timecode counted from zero, else in time."""
    if nominal(seen.rate) is None:
        return clock(Fraction(frames) / seen.rate, digits=3)
    return timecode(frames, seen.rate, drop=first_frame(seen.timecode, seen.rate)[1])


def vocal(track: Track) -> str:
    """Whether a track has a voice, in a word; `NOT_ON_FILE` where nobody listened."""
    if track.voice is None:
        return NOT_ON_FILE
    return "vocal" if track.voice >= VOCAL else "instrumental" if track.voice <= INSTRUMENTAL else "perhaps vocal"


def _used_as(cue: MusicCue, track: Track) -> str:
    """What it is used for, as cue sheets code it: nobody is seen to perform, so that all is background (BI, BV)."""
    kinds = {"vocal": "background vocal (BV)", "instrumental": "background instrumental (BI)"}
    kind = kinds.get(vocal(track), "background (BI or BV)")
    return f"{kind}, {'under speech' if cue.scene.query.speech else 'underscore'}"
