"""What each scene may have: sections of tracks, what they are worth there, and what tracks a theme can have."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from recommender.films.cues import Scene
from recommender.films.rules import Rules
from recommender.types import Array, Recommendation

STEEP = 30.0
"""Times that counts what is lost of a fit beyond `Rules.slack`: only where no other track is left."""
AGAIN = 0.5
"""What it costs to hear a section of a theme's track again: another one is taken unless it fits hardly at all."""
LEAST_SCORE = 0.1
"""Losses are shares of a scene's best score, or of this where that is lower, as cosines near 0 are."""
MOST_WAYS, SECTIONS = 729, 3
"""Choices of sections for a theme of one track that are compared; where there are more, each scene in turn takes the
best. Sections of a track that a theme chooses from in each scene."""
WORST, NOTHING = -9.0, -1000.0
"""What music is worth that does not fit at all, and what none is where there could be some: less than any music is."""


@dataclass(frozen=True)
class Options:
    """What a scene may have; the last option is nothing.

    Attributes
    ----------
    scene: see `Scene`. found: the sections, best first unless they are a theme's; a recording stands once.
    recordings: of each section. worth: float64 [k + 1].
    """

    scene: Scene
    found: tuple[Recommendation, ...]
    recordings: tuple[int, ...]
    worth: Array


def loss(found: Recommendation, best: float) -> float:
    """The share of a scene's best score that a section loses, from 0 to 1."""
    return min(max((best - found.score) / max(abs(best), LEAST_SCORE), 0.0), 1.0)


def fit(scene: Scene, found: Recommendation, *, best: float, rules: Rules) -> float:
    """What a section is worth in a scene whose best score is `best`; 1 at most."""
    lost = loss(found, best)
    covered = (found.out_s - found.in_s) / scene.duration_s if scene.duration_s > 0 else 1.0
    worth = max(1 - STEEP * max(lost - rules.slack, 0.0), WORST) - lost
    return worth - rules.short * (1 - min(covered, 1.0))


class Shelf:
    """Candidates of scenes by recording.

    Parameters
    ----------
    candidates: of each of the scenes. recordings: by id of a track what recording it is of; those left out are their
        own.
    """

    def __init__(
        self,
        scenes: Sequence[Scene],
        candidates: Sequence[Sequence[Recommendation]],
        rules: Rules,
        *,
        recordings: Mapping[int, int],
    ) -> None:
        self.rules, self.recordings = rules, recordings
        self.scenes = {scene.number: scene for scene in scenes}
        self.candidates = dict(zip(self.scenes, candidates, strict=True))
        self.best = {number: max((one.score for one in some), default=0.0) for number, some in self.candidates.items()}

    def recording(self, found: Recommendation) -> int:
        """What recording a section is of."""
        return self.recordings.get(found.track.id, found.track.id)

    def choices(self, number: int) -> list[Recommendation]:
        """The candidates of a scene, or those of the track that it is locked to."""
        wanted, found = self.rules.lock.get(number), self.candidates[number]
        return [one for one in found if wanted is None or is_of(one, wanted)]

    def fit(self, number: int, found: Recommendation) -> float:
        """What a section is worth in a scene."""
        return fit(self.scenes[number], found, best=self.best[number], rules=self.rules)

    def options(self, number: int) -> Options:
        """What a scene may have that belongs to no theme: of each recording the section that is worth most."""
        best: dict[int, Recommendation] = {}
        for one in sorted(self.choices(number), key=lambda one: -self.fit(number, one)):
            best.setdefault(self.recording(one), one)
        return self._options(number, best, [self.fit(number, one) for one in best.values()])

    def theme_options(self, theme: Sequence[int]) -> list[Options]:
        """What scenes of a theme may have: the same recordings, in the same order, in the best sections together."""
        sections = {number: self._by_recording(number) for number in theme}
        common = [one for one in sections[theme[0]] if all(one in sections[number] for number in theme)]
        chosen = {one: self._apart(theme, [sections[number][one] for number in theme]) for one in common}
        found: list[Options] = []
        for at, number in enumerate(theme):
            here = {one: sections[at] for one, sections in chosen.items()}
            again = [_heard(sections[at], sections[:at]) for sections in chosen.values()]
            worth = [self.fit(number, one) - AGAIN * more for one, more in zip(here.values(), again, strict=True)]
            found.append(self._options(number, here, worth))
        return found

    def _options(self, number: int, found: Mapping[int, Recommendation], worth: Sequence[float]) -> Options:
        return Options(self.scenes[number], tuple(found.values()), tuple(found), np.array([*worth, NOTHING]))

    def _by_recording(self, number: int) -> dict[int, list[Recommendation]]:
        """The sections of each recording, the best `SECTIONS` first."""
        found: dict[int, list[Recommendation]] = {}
        for one in sorted(self.choices(number), key=lambda one: -self.fit(number, one)):
            found.setdefault(self.recording(one), []).append(one)
        return {recording: sections[:SECTIONS] for recording, sections in found.items()}

    def _apart(self, theme: Sequence[int], sections: Sequence[Sequence[Recommendation]]) -> tuple[Recommendation, ...]:
        """A section for each scene of a theme, worth most together when hearing one again costs."""

        def worth(chosen: Sequence[Recommendation]) -> float:
            heard = sum(_heard(one, chosen[:at]) for at, one in enumerate(chosen))
            return sum(self.fit(*pair) for pair in zip(theme, chosen, strict=False)) - AGAIN * heard

        first = tuple(some[0] for some in sections)
        if not any(_overlap(one, other) for one, other in combinations(first, 2)):
            return first
        if math.prod(map(len, sections)) <= MOST_WAYS:
            return max(product(*sections), key=worth)
        chosen: tuple[Recommendation, ...] = ()
        for some in sections:
            chosen = max(((*chosen, one) for one in some), key=worth)
        return chosen


def is_of(found: Recommendation, wanted: int | str) -> bool:
    """Whether a section is of the track of that id or path."""
    track = found.track
    return wanted == track.id if isinstance(wanted, int) else wanted in (track.path, *track.copies, *track.versions)


def _heard(section: Recommendation, before: Sequence[Recommendation]) -> float:
    """How much of a section was heard before, each time as a share of the shorter one."""
    return sum(_overlap(section, other) for other in before)


def _overlap(one: Recommendation, other: Recommendation) -> float:
    both_s = min(one.out_s, other.out_s) - max(one.in_s, other.in_s)
    return max(both_s, 0.0) / max(min(one.out_s - one.in_s, other.out_s - other.in_s), 1e-6)
