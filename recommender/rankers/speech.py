"""Music under speech: what a section loses of its score where somebody speaks over it.

Two things are in the way of speech: another voice, and energy between 1 and 4 kHz, where consonants are told apart (the
bands that count most in the Speech Intelligibility Index, ANSI S3.5-1997). Both cost a share of the score; a clip
without speech costs nothing.
"""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from recommender.editing.placement import Stretch
from recommender.types import Array, Reason, Track

VOICE, PRESENCE = 0.35, 0.1
"""Most that a voice, and energy at 1-4 kHz, cost of a score. That of the voice is the least, in steps of 0.05, with
which vocal twins of 20 tracks rank below them in 90 % of pairs at each level of the voice; of another 20 92 % do."""
FULL = 0.25
"""Share of a clip that is spoken, from which on speech counts fully: a sentence is to be understood as well."""
LOW_DB, HIGH_DB = -20.0, -6.0
"""Energy at 1-4 kHz against all of it, of music that is out of the way and of music that is most in the way: the 20th
and 95th percentile of 853 windows of 115 tracks."""
READ = ("spectral_rolloff_hz", "low_register_share", "spectral_entropy")
"""Columns that presence is told by: every library of the built-in model has them beside its vectors."""
ROLL = 7.8
FIT = (-18.66, 7.51, 1.34, 28.29, -2.69, -15.89, -2.77, -13.35)
"""Of 1, log roll-off less `ROLL`, low register, entropy, the squares of the first two, their product, entropy by the
first: dB at 1-4 kHz."""
FEATURE = "under_speech"
LEAST = 0.001
"""Changes of the score below are no reason."""


class Hindrance(NamedTuple):
    """What stands in the way of speech: likely a voice (None: nobody listened), dB at 1-4 kHz (None: not known)."""

    voice: float | None
    presence_db: float | None

    @property
    def by_voice(self) -> float:
        """Share of the score that the voice costs."""
        return VOICE * (self.voice or 0.0)

    @property
    def by_presence(self) -> float:
        """Share of the score that energy at 1-4 kHz costs."""
        known = LOW_DB if self.presence_db is None else self.presence_db
        return PRESENCE * min(max((known - LOW_DB) / (HIGH_DB - LOW_DB), 0.0), 1.0)


class Room(NamedTuple):
    """How much room sections leave for speech that counts `weight` (above 0, at most 1), by their hindrances."""

    weight: float
    hindrances: Sequence[Hindrance]

    def scores(self, scores: Sequence[float]) -> list[float]:
        """`scores` after speech: lower the more stands in its way, never above what they were."""
        costs = map(self.cost, self.hindrances)
        return [score - cost * abs(score) for score, cost in zip(scores, costs, strict=True)]

    def cost(self, hindrance: Hindrance) -> float:
        """The share of its score that a section loses."""
        return self.weight * (hindrance.by_voice + hindrance.by_presence)

    def reason(self, at: int, score: float) -> Reason | None:
        """What speech says for or against section `at`, of that score without it, beside the median of all."""
        found, usual = self.hindrances[at], median(map(self.cost, self.hindrances))
        cost = self.cost(found)
        change = (usual - cost) * abs(score)
        if abs(change) < LEAST:
            return None
        known = [] if found.voice is None else [f"a voice is {found.voice:.0%} likely"]
        known += [] if found.presence_db is None else [f"{found.presence_db:.0f} dB at 1-4 kHz"]
        effect = f"{'helps' if change > 0 else 'hurts'} {change:+.3f}"
        paid = f"costs {cost:.1%} of the score, usually {usual:.1%} ({effect})"
        text = f"under speech: {', '.join(known) or 'nothing is known'}; {paid}"
        return Reason(FEATURE, cost, usual, "share", change, text, _words(found, change))


def _words(found: Hindrance, change: float) -> str:
    if change > 0:
        return "leaves room for speech"
    return "sings over speech" if found.by_voice > found.by_presence else "busy where speech is"


def room(tracks: Iterable[Track], inputs: Iterable[Array], *, columns: Sequence[str], weight: float) -> Room:
    """The room that sections of tracks leave for speech, by what was measured in each: `inputs` [rows, columns]."""
    presence = (presence_db(columns, rows) for rows in inputs)
    return Room(weight, [*map(Hindrance, (track.voice for track in tracks), presence)])


def weigh(speech: Sequence[Stretch], duration_s: float) -> float:
    """How much speech counts in a clip, from 0 without any to 1 from `FULL` of it on."""
    spoken_s = sum(end_s - start_s for start_s, end_s in speech)
    return min(spoken_s / (FULL * duration_s), 1.0) if duration_s > 0 else 0.0


def sort_in(why: Sequence[Reason], more: Sequence[Reason]) -> list[Reason]:
    """Reasons with some `more`, the strongest first; as they are without any."""
    return sorted([*why, *more], key=lambda one: -abs(one.change)) if more else [*why]


def presence_db(columns: Sequence[str], inputs: Array) -> float | None:
    """Energy at 1-4 kHz against all of it in dB, of a section whose windows measure `inputs` [n, f] of `columns`.

    None where the columns do not tell. Fitted to what 853 windows of 115 tracks hold there: r = 0.84 on tracks that the
    fit had not seen, 3.6 dB off (root mean square).
    """
    if not set(READ) <= set(columns):
        return None
    roll, low, entropy = inputs[:, [columns.index(name) for name in READ]].astype(np.float64).T
    roll = np.log(np.maximum(roll, 1.0)) - ROLL
    terms = np.stack([np.ones_like(roll), roll, low, entropy, roll**2, low**2, low * roll, entropy * roll])
    return float(np.clip(np.asarray(FIT) @ terms, -40, 0).mean())
