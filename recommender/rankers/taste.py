"""Your taste: a few terms of a candidate that move its score, with weights learnt from one's own films.

The log odds of a score, log(s / (1 - s)), grow by the sum of weight * z over the terms, where z is how far a term lies
from what is usual, in standard deviations of it, and 0 where it is not known. `training.taste` learns the weights;
without them nothing changes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.names import KEYS
from recommender.rankers import arcs, speech
from recommender.rankers.sections import Section, follows
from recommender.types import Array, Reason, Space, Track, TrackWindows

FEATURE = "taste"
LEAST = 0.001
"""Changes of the score below are no reason."""
WALKING_BPM = 110.0
"""From where a tempo is told to be extreme: people walk, and most music goes, at 100 to 120 (Moelants 2002)."""
_EDGE = 1e-6  # a score of 0 or 1 has no log odds


class Term(NamedTuple):
    """What is measured of a candidate: in words where there is more of it than usual, and where there is less."""

    more: str
    less: str


TERMS: Mapping[str, Term] = {
    "arc": Term("moves as the picture does", "does not move as the picture does"),
    "tempo": Term("faster", "slower"),
    "tempo_extreme": Term("an extreme tempo", "a middling tempo"),
    "minor": Term("minor", "major"),
    "fifths_c": Term("", ""),
    "fifths_a": Term("", ""),
    "voice": Term("sung", "instrumental"),
    "speech": Term("room for speech", "little room for speech"),
    "valence": Term("brighter", "darker"),
    "arousal": Term("livelier", "calmer"),
    "loudness": Term("loud for its peaks", "soft for its peaks"),
    "cuts": Term("beats in step with the cuts", "beats out of step with the cuts"),
}
"""Agreement with the clip's arc; octaves of the tempo above `WALKING_BPM`, and their square; 1 minor, 0 major; where
the key lies on the circle of fifths (C major and A minor in the direction of `fifths_c`, A major and F sharp minor in
that of `fifths_a`); the probability of a voice; the share of the score that speech leaves; the section's affect; its
loudness in dB were its peaks at full scale (the level of a file says nothing: what is placed is given another); 1 where
a mean shot lasts 1, 2, 4, 8 ... beats, -1 half-way between, so that half and double tempo are the same."""
LOUDNESS = "crest_db"
"""The column that loudness is read from: how far the peak of a window lies above its root mean square."""
_FIFTHS = ("fifths_c", "fifths_a")
_PLAIN = [name for name in TERMS if name not in _FIFTHS]
KEY = "key"
"""Both terms of the circle of fifths, in words."""
_WORTH = 0.2  # of the strongest weight: what is less is not worth a word
_MOST = 2  # terms that are named of a track


class Weight(NamedTuple):
    """Of a term: its weight in log odds for a standard deviation `scale` above `centre`."""

    weight: float
    centre: float
    scale: float


@dataclass(frozen=True)
class Taste:
    """Weights of all `TERMS`, for the answers of one space by one ranker."""

    space: Space
    ranker: str
    weights: Mapping[str, Weight]

    def parts(self, values: Array) -> Array:
        """float64 [c, t]: what each term adds to the log odds of candidates with `values` [c, t]."""
        weight, centre, scale = np.array([self.weights[name] for name in TERMS]).T
        return np.asarray(weight * np.nan_to_num((values - centre) / scale))

    def words(self) -> list[str]:
        """What it likes, the strongest first."""
        likes = {name: self.weights[name].weight for name in _PLAIN}
        found = {self.say(name, above=weight > 0): abs(weight) for name, weight in likes.items()}
        found[self.say(KEY)] = math.hypot(*(self.weights[name].weight for name in _FIFTHS))
        ordered = sorted(found.items(), key=lambda item: -item[1])
        return [said for said, size in ordered if size >= _WORTH * ordered[0][1] > 0]

    def say(self, name: str, *, above: bool = True) -> str:
        """A term above what is usual, or below it, in words; of `KEY`: near the key that is liked, or far from it."""
        if name != KEY:
            return TERMS[name].more if above else TERMS[name].less
        c, a = (self.weights[one].weight / self.weights[one].scale for one in _FIFTHS)
        tonic = KEYS[round(math.atan2(a, c) / (math.pi / 6)) * 7 % 12]
        return f"{'near' if above else 'far from'} the key of {tonic} major"


def unfit(taste: Taste, space: Space, *, calibrate: bool = False) -> str | None:
    """Why a taste cannot be used in a space, in one line; None where it can."""
    if taste.space != space:
        return (
            f"your taste was learnt on model '{taste.space.model}' revision {taste.space.revision}, the library is "
            f"searched with '{space.model}' revision {space.revision}: learn it again (`recommend edits learn`)"
        )
    return "your taste was learnt without calibration on the library: leave one of them out" if calibrate else None


class Tasted(NamedTuple):
    """Candidates by a taste: `parts` [c, t] as `Taste.parts`."""

    taste: Taste
    parts: Array

    @property
    def shifts(self) -> Array:
        """float64 [c]: what the taste adds to the log odds."""
        return np.asarray(self.parts.sum(axis=1))

    def scores(self, scores: Sequence[float]) -> list[float]:
        """`scores` after the taste, in (0, 1)."""
        return _shift(np.array(scores), self.shifts).tolist()

    def reason(self, at: int, score: float) -> Reason | None:
        """What the taste says for or against candidate `at`, of that score without it, beside the median of all."""
        shift, usual = float(self.shifts[at]), float(np.median(self.shifts))
        before, after = _shift(np.array([score, score]), np.array([usual, shift])).tolist()
        change = after - before
        if abs(change) < LEAST:
            return None
        spoken = f"{'your taste' if change > 0 else 'not your taste'}: {' and '.join(self._why(at, change))}"
        terms = ", ".join(f"{name} {value:+.2f}" for name, value in zip(TERMS, self.parts[at], strict=True) if value)
        told = f"log odds {shift:+.2f} ({terms or 'nothing is known'}), usually {usual:+.2f}"
        text = f"your taste: {told} ({'helps' if change > 0 else 'hurts'} {change:+.3f})"
        return Reason(FEATURE, shift, usual, "", change, text, spoken)

    def _why(self, at: int, change: float) -> list[str]:
        """The terms that move candidate `at` most in that direction from the median of all, in words."""
        away = dict(zip(TERMS, (self.parts[at] - np.median(self.parts, axis=0)).tolist(), strict=True))
        moved = {name: away[name] for name in _PLAIN} | {KEY: sum(away[name] for name in _FIFTHS)}
        strongest = sorted(moved, key=lambda name: -moved[name] * np.sign(change))[:_MOST]
        likes = {name: self.taste.weights[name].weight for name in _PLAIN} | {KEY: 1.0}
        named = [name for name in strongest if moved[name] * change > 0]
        # Medians of terms do not add up to that of their sum: none may tell.
        return [self.taste.say(name, above=moved[name] * likes[name] > 0) for name in named] or ["all in all"]


def values(
    tracks: Sequence[Track],
    windows: Sequence[TrackWindows],
    sections: Sequence[Section],
    *,
    arc: arcs.Arc | None = None,
    room: speech.Room | None = None,
    columns: Sequence[str] = (),
    shot_s: float | None = None,
) -> Array:
    """float64 [c, t]: `TERMS` of candidates, NaN where not known.

    Parameters
    ----------
    tracks, windows, sections: of the candidates. arc: of the clip, where it has one. room: for the clip's speech.
    columns: of the windows' inputs. shot_s: how long a shot of the clip lasts, where it has cuts.
    """
    found = np.full((len(tracks), len(TERMS)), np.nan)
    column = dict(zip(TERMS, found.T, strict=True))
    column["arc"][:] = 0.0 if arc is None or not len(tracks) else follows(arc, windows, sections)
    octaves = np.log2([track.bpm / WALKING_BPM if track.bpm else np.nan for track in tracks])
    column["tempo"][:], column["tempo_extreme"][:] = octaves, octaves**2
    column["cuts"][:] = 0.0 if shot_s is None else np.cos(2 * np.pi * (octaves + np.log2(shot_s * WALKING_BPM / 60)))
    crest = columns.index(LOUDNESS) if LOUDNESS in columns else None
    for i, track in enumerate(tracks):
        column["minor"][i], *fifths = _key(track.key)
        column["fifths_c"][i], column["fifths_a"][i] = fifths
    column["voice"][:] = [np.nan if track.voice is None else track.voice for track in tracks]
    column["speech"][:] = 0.0 if room is None else [-room.cost(one) for one in room.hindrances]
    for i, (some, section) in enumerate(zip(windows, sections, strict=True)):
        if some.affect.shape[1]:
            felt = some.affect[section.first : section.last + 1, :2].mean(axis=0, dtype=np.float64)
            column["valence"][i], column["arousal"][i] = felt
        if crest is not None:
            column["loudness"][i] = -some.inputs[section.first : section.last + 1, crest].mean(dtype=np.float64)
    return found


def log_odds(scores: Array) -> Array:
    """log(s / (1 - s)) of scores in [0, 1], float64 of their shape; finite at the ends."""
    inside = np.clip(np.asarray(scores, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def _shift(scores: Array, shifts: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-(log_odds(scores) + shifts))))


def _key(key: str | None) -> tuple[float, float, float]:
    """1 minor or 0 major, and the place on the circle of fifths; NaN of no key."""
    tonic, _, mode = (key or "").partition(" ")
    if tonic not in KEYS:
        return np.nan, np.nan, np.nan
    minor = mode == "minor"
    angle = np.pi / 6 * ((KEYS.index(tonic) + 3 * minor) * 7 % 12)
    return float(minor), float(np.cos(angle)), float(np.sin(angle))
