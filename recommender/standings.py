"""Candidates with the section of each that fits best and its score, before they are put in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from recommender import rankers
from recommender.rankers import speech
from recommender.rankers.taste import Taste, Tasted, values
from recommender.types import Array, Reason, Track, TrackWindows


@dataclass(frozen=True)
class Standings:
    """c candidates of one query.

    Attributes
    ----------
    windows: of each. sections: the best of each, with the ranker's score.
    known: by id, the tracks in this order, where they had to be looked up: under speech, and with a taste.
    arc: of the clip, where it has one. room: for its speech, where somebody speaks. taste: that moves the scores.
    columns: of the windows' inputs, where `known` is. shot_s: how long a shot of the clip lasts, where it has cuts.
    """

    windows: Sequence[TrackWindows]
    sections: Sequence[rankers.Section]
    known: Mapping[int, Track] = field(default_factory=dict)
    arc: rankers.Arc | None = None
    room: speech.Room | None = None
    taste: Taste | None = None
    columns: Sequence[str] = ()
    shot_s: float | None = None

    @cached_property
    def plain(self) -> list[float]:
        """Scores after speech, without a taste."""
        scores = [section.score for section in self.sections]
        return scores if self.room is None else self.room.scores(scores)

    @cached_property
    def scores(self) -> list[float]:
        """Scores by which candidates are put in order."""
        return self.plain if self._tasted is None else self._tasted.scores(self.plain)

    def values(self, tracks: Sequence[Track], columns: Sequence[str]) -> Array:
        """float64 [c, t]: what a taste weighs (`rankers.taste.TERMS`).

        Parameters
        ----------
        tracks: the candidates. columns: of the windows' inputs.
        """
        return values(
            tracks,
            self.windows,
            self.sections,
            arc=self.arc,
            room=self.room,
            columns=columns,
            shot_s=self.shot_s,
        )

    def reasons(self, at: int) -> list[Reason]:
        """What speech and taste say for or against candidate `at`."""
        told = [self.room.reason(at, self.sections[at].score)] if self.room else []
        told += [self._tasted.reason(at, self.plain[at])] if self._tasted else []
        return [one for one in told if one is not None]

    @cached_property
    def _tasted(self) -> Tasted | None:
        if self.taste is None:
            return None
        return Tasted(self.taste, self.taste.parts(self.values([*self.known.values()], self.columns)))
