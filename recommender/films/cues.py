"""Values of a film's score: scenes, and the music cue of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from recommender.query import Query
from recommender.types import Recommendation

Ending = Literal["cut", "crossfade", "tail", "button"]
"""How music ends where the next scene begins: cut off, crossfaded into the next cue, rung out over it, or stopped on a
last beat."""


class Transition(NamedTuple):
    """How a cue goes over to what follows.

    Attributes
    ----------
    ending: see `Ending`. lasts_s: how long both sound (crossfade), or it rings on beyond its scene (tail). words: for
        people. rest_s: of silence before the next cue begins, at least; 0 where it may follow at once.
    """

    ending: Ending
    lasts_s: float = 0.0
    words: str = ""
    rest_s: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A stretch of a film that feels like one.

    Attributes
    ----------
    number: from 1. start_s, end_s: in seconds of the film, on its frames; every scene begins where the one before it
        ends.
    query: what is searched for it: its affect, its vector, its course and its speech in seconds of the scene.
    why: why it begins where it does, in words: "cut; calmer and darker than before".
    label: a name somebody gave it. silent: whether somebody wants it to have no music.
    track: the path of a track that somebody wants for it. begins_s: the second of its track at which somebody has its
        music begin; whose track that is, `Rules.lock` says.
    """

    number: int
    start_s: float
    end_s: float
    query: Query
    why: str = ""
    label: str | None = None
    silent: bool = False
    track: str | None = None
    begins_s: float | None = None

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class MusicCue:
    """The music of one scene.

    Attributes
    ----------
    scene: see `Scene`. chosen: the section of a track for it, with its placement under the whole film once it is laid
        there; None where speech (or somebody's wish) leaves the scene without music.
    why: why this one, or why none, beside the reasons of `chosen`: "same key as before, 4 % faster".
    theme: the theme that it states, of those that may return; None of none.
    alternatives: what else would do in its place, the best total first.
    transition: how it goes over to the next; None where that is not settled. kept: whether somebody chose its track.
    free_s: where its track would begin if nobody had said where; None where nobody did.
    """

    scene: Scene
    chosen: Recommendation | None
    why: str = ""
    theme: str | None = None
    alternatives: Sequence[Recommendation] = ()
    transition: Transition | None = None
    kept: bool = False
    free_s: float | None = None
