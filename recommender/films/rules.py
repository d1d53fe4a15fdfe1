"""What makes a score coherent, and what a person wants of it."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from recommender.errors import InputError
from recommender.films.cues import Scene
from recommender.films.search import EFFORT
from recommender.text import show


@dataclass(frozen=True)
class Rules:
    """What a score must and should be.

    Costs are in what the best fit of a scene is worth, which is 1; all scenes count the same, since a change of music
    is one thing to hear whatever the scene lasts, and a short scene could else have any music.

    Attributes
    ----------
    key: what neighbours cost that are six fifths apart. tempo: what they cost when one is twice as fast.
    artist: what each further cue of an artist costs. short: what music costs that ends at once (a half: by half).
    slack: share of a scene's best score that may be lost freely for coherence; beyond, each loss counts `STEEP` times.
    per_artist: cues of one artist at most; of unknown artists any number. repeats: whether a track may return anyway.
    themes: numbers of scenes that share a track, each in other sections where it has them.
    lock: by number of a scene the track that it has, by id or path. silence: numbers of scenes without music.
    speech_alone: whether scenes full of speech stay without music (see `silence.fills`).
    alternatives: how many are told per cue. effort: see `search.search`.
    """

    key: float = 0.15
    tempo: float = 0.1
    artist: float = 0.01
    short: float = 0.5
    slack: float = 0.05
    per_artist: int | None = None
    repeats: bool = False
    themes: tuple[tuple[int, ...], ...] = ()
    lock: Mapping[int, int | str] = field(default_factory=dict)
    silence: Collection[int] = ()
    speech_alone: bool = True
    alternatives: int = 5
    effort: int = EFFORT

    def __post_init__(self) -> None:
        """Raises InputError, in one line, where the rules do not go together."""
        if self.per_artist is not None and self.per_artist < 1:
            raise InputError(f"{self.per_artist} tracks per artist: at least 1")
        for name in ("key", "tempo", "artist", "short", "slack"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} {getattr(self, name):g}: give a number from 0 to 1")
        for number, times in Counter(self._in_themes()).items():
            if times > 1:
                raise InputError(f"scene {number} is named twice in themes: a scene has one")
        for number in (*self._in_themes(), *self.lock):
            if number in self.silence:
                raise InputError(f"scene {number} is to be silent, and to have music: take one back")

    def check(self, scenes: Sequence[Scene]) -> None:
        """Raises InputError, in one line, where the rules name a scene that is not there."""
        known = {scene.number for scene in scenes}
        for number in (*self._in_themes(), *self.lock, *self.silence):
            if number not in known:
                raise InputError(f"there is no scene {number}: the film has {len(scenes)}")

    def _in_themes(self) -> Iterator[int]:
        return chain.from_iterable(self.themes)

    def theme(self, number: int) -> str | None:
        """The name of the theme that a scene states: A, B and so on."""
        return next((name(at) for at, theme in enumerate(self.themes) if number in theme), None)

    def returns(self, before: int, after: int) -> bool:
        """Whether two scenes may have the same track."""
        both = {before, after}
        return self.repeats or both <= set(self.lock) or any(both <= set(theme) for theme in self.themes)


def name(at: int) -> str:
    """The name of a theme by its place: A to Z, then 27 and so on."""
    return chr(ord("A") + at) if at < 26 else str(at + 1)


def read_theme(text: str) -> tuple[int, ...]:
    """The scenes that share a theme, as people write them: `1,5,9`. Raises InputError."""
    try:
        numbers = tuple(sorted(int(part) for part in text.split(",")))
    except ValueError:
        numbers = ()
    if len(numbers) < 2 or numbers[0] < 1 or len(set(numbers)) < len(numbers):
        raise InputError(f"{show(text)}: give the numbers of two or more scenes, such as 1,5,9")
    return numbers
