"""What options share: a recording comes once, and an artist not too often."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recommender.films.options import Options, Shelf
from recommender.films.rules import Rules
from recommender.text import fold
from recommender.types import Array, Recommendation


class Room(NamedTuple):
    """What only some options may have: a recording, or an artist's first cue, or as many as an artist may have."""

    kind: str  # "recording", "first" or "most"
    name: int | str


def rooms(shelf: Shelf, options: Sequence[Options]) -> tuple[list[Array], Array, Array]:
    """The rooms of each step, how many places they have and what each option beyond costs, as `chain.Chain` has them.

    What a theme states again, and a recording that is locked again, takes no second place.
    """
    rules, wanted, locked = shelf.rules, [], set[int]()
    again = {number for theme in rules.themes for number in sorted(theme)[1:]}
    for one in options:
        number = one.scene.number
        told = locked if number in rules.lock else set()
        pairs = zip(one.found, one.recordings, strict=True)
        wanted.append([[] if number in again or at in told else _wanted(rules, found, at) for found, at in pairs])
        locked.update(one.recordings if number in rules.lock else ())
    return _number(rules, wanted)


def _wanted(rules: Rules, found: Recommendation, recording: int) -> list[Room]:
    """The rooms in which a section takes a place."""
    artist = fold(found.track.artist or "")
    kinds = {"recording": not rules.repeats, "first": artist and rules.artist, "most": artist and rules.per_artist}
    return [Room(kind, recording if kind == "recording" else artist) for kind, counts in kinds.items() if counts]


def _number(rules: Rules, wanted: Sequence[Sequence[Sequence[Room]]]) -> tuple[list[Array], Array, Array]:
    """Rooms as numbers; those that one step alone asks for are none, since they cannot get too full."""
    asked = Counter(room for step in wanted for room in dict.fromkeys(room for some in step for room in some))
    known = {room: at for at, room in enumerate(room for room, steps in asked.items() if steps > 1)}
    none = len(known)
    most = max((len(some) for step in wanted for some in step), default=0) or 1
    rooms = []
    for step in wanted:
        here = np.full((len(step) + 1, most), none)  # nothing, the last option, takes no place
        for at, some in enumerate(step):
            here[at, : len(some)] = [known.get(room, none) for room in some]
        rooms.append(here)
    places = [rules.per_artist or 1 if room.kind == "most" else 1 for room in known]
    fines = [rules.artist if room.kind == "first" else np.inf for room in known]
    return rooms, np.array([*places, np.inf]), np.array([*fines, 0.0])
