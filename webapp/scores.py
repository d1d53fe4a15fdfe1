"""Scores of films of this session, the latest ones."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from webapp.films import film_key
from webapp.refusal import Refusal

KEPT = 50
"""Scores that are kept; what is gone is asked for again."""


class Kept(NamedTuple):
    """A score: of which clip, with music of which library (its folder), and what came of the task `score`."""

    clip: str
    folder: str
    made: Mapping[str, Any]


class Scores:
    """Scores by what they are; the oldest goes first. Pictures of scenes lie in a folder for each clip."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._known: OrderedDict[str, Kept] = OrderedDict()

    def add(self, score: Kept) -> str:
        """The id of a score, which is kept."""
        key = film_key({"clip": score.clip, "folder": score.folder, "made": score.made})
        self._known[key] = score
        self._known.move_to_end(key)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return key

    def get(self, key: str) -> Kept:
        """The score of an id; raises Refusal."""
        if (found := self._known.get(key)) is None:
            raise Refusal(404, "there is no such score any more; ask for it again")
        return found

    def pictures(self, clip: str) -> Path:
        """Where pictures of a clip's scenes lie, each called by its time in ms."""
        return self._folder / clip

    def sheet(self, key: str, suffix: str) -> Path:
        """Where the cue sheet of a score, laid in one way, is written."""
        return self._folder / f"{key}{suffix}"

    def forget(self, clip: str) -> None:
        """Let go of all that was made of a clip."""
        for key in [key for key, score in self._known.items() if score.clip == clip]:
            del self._known[key]
        for picture in self.pictures(clip).glob("*.jpg"):
            picture.unlink(missing_ok=True)


def scenes_told(made: Mapping[str, Any]) -> dict[str, Any]:
    """What of a score is shown."""
    return {name: made[name] for name in ("film", "scenes", "taste", "remarks")}
