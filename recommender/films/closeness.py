"""How near neighbouring cues are: steps on the circle of fifths between their keys, and the leap of the tempo.

Both are expected values: as far as a key or tempo may not be what it is told to be, it is as far away as any other.
Keys with the same signature (C major, A minor) stand at the same place of the circle.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.films.rules import Rules
from recommender.names import KEYS, key_name
from recommender.types import Array, Track

FAR, ANY_STEPS, ANY_LEAP = 6, 3.0, 0.25
"""Fifths to the other side of the circle; steps to any key, on average; octaves of tempo to any other: the mean
of all pairs of 115 tracks."""
UNTOLD = 0.5
"""How sure a key or tempo is that comes without a confidence."""
NEAR = 2
"""Fifths up to which neighbours' keys go together: farther ones clash without a rest between."""
EVEN = 0.02
"""Tempi that differ by less are the same to the ear: the least that is noticed of even beats (Drake and Botte 1993)."""


class Pulse(NamedTuple):
    """What is told of a track's key and tempo.

    Attributes
    ----------
    place: of its key on the circle of fifths, 0 to 11, C major at 0; None where not known. minor: whether it is so.
    key_sure, tempo_sure: probabilities. levels: log2 of its tempo and of the next likely one; () where not known.
    """

    place: int | None
    minor: bool
    key_sure: float
    levels: tuple[float, ...]
    tempo_sure: float


def pulse(track: Track) -> Pulse:
    """What is told of a track's key and tempo, its key in any notation."""
    place, minor = _place(track.key)
    tempi = [bpm for bpm in (track.bpm, track.bpm_alternative) if bpm]
    levels = tuple(math.log2(bpm) for bpm in tempi) if track.bpm else ()
    sure = [UNTOLD if told is None else told for told in (track.key_confidence, track.bpm_confidence)]
    return Pulse(place, minor, 0.0 if place is None else sure[0], levels, sure[1] if levels else 0.0)


@cache
def _place(key: str | None) -> tuple[int | None, bool]:
    try:
        tonic, mode = key_name(key or "").split()
    except InputError:
        return None, False
    return (KEYS.index(tonic) * 7 + (-3 if mode == "minor" else 0)) % 12, mode == "minor"


def steps(before: Pulse, after: Pulse) -> int | None:
    """Steps on the circle of fifths, 0 to 6; None where a key is not known."""
    if before.place is None or after.place is None:
        return None
    apart = abs(before.place - after.place)
    return min(apart, 12 - apart)


def leap(before: Pulse, after: Pulse) -> float | None:
    """log2 of the ratio of the tempi, at the levels of their pulses that are nearest; None where one is not known."""
    return min((b - a for a in before.levels for b in after.levels), key=abs, default=None)


def distances(before: Sequence[Pulse], after: Sequence[Pulse], rules: Rules) -> Array:
    """float64 [a, b]: what following one of `before` by one of `after` costs."""
    apart = _all_steps(before, after)
    sure = np.outer([one.key_sure for one in before], [one.key_sure for one in after])
    far = np.abs(_levels(before)[:, None, :, None] - _levels(after)[None, :, None, :]).min(axis=(2, 3))
    certain = np.outer([one.tempo_sure for one in before], [one.tempo_sure for one in after])
    keys = (sure * apart + (1 - sure) * ANY_STEPS) / FAR
    return rules.key * keys + rules.tempo * (certain * np.minimum(far, 1) + (1 - certain) * ANY_LEAP)


def far(before: Sequence[Pulse], after: Sequence[Pulse]) -> Array:
    """bool [a, b]: whether the keys told, however sure, lie more than `NEAR` fifths apart; not where one is unknown."""
    known = np.logical_and.outer(*([one.place is not None for one in some] for some in (before, after)))
    return known & (_all_steps(before, after) > NEAR)


def _all_steps(before: Sequence[Pulse], after: Sequence[Pulse]) -> Array:
    """int64 [a, b]: steps on the circle of fifths; any where a key is not known."""
    places = [np.array([-1 if one.place is None else one.place for one in some]) for some in (before, after)]
    apart = np.abs(places[0][:, None] - places[1])
    return np.minimum(apart, 12 - apart)


def _levels(some: Sequence[Pulse]) -> Array:
    """float64 [n, 2]: both levels of each tempo, the only one twice; 0 where none is known."""
    return np.array([[one.levels[0], one.levels[-1]] if one.levels else [0.0, 0.0] for one in some]).reshape(-1, 2)


def words(before: Pulse, after: Pulse) -> str:
    """How a cue follows the one before it: "same key as before, 4 % faster"."""
    return f"{_key_words(before, after)}, {_tempo_words(leap(before, after))}"


def _key_words(before: Pulse, after: Pulse) -> str:
    apart = steps(before, after)
    if apart is None:
        return "no key known"
    if apart == 0:
        return "same key as before" if before.minor == after.minor else "relative key of the one before"
    return f"{'a fifth' if apart == 1 else f'{apart} fifths'} from the key before"


def _tempo_words(octaves: float | None) -> str:
    if octaves is None:
        return "no tempo known"
    change = 2**octaves - 1
    if abs(change) < EVEN:
        return "same tempo"
    return f"{abs(change) * 100:.0f} % {'faster' if change > 0 else 'slower'}"
