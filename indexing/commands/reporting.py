"""`recommend --video ... --report out.html`: the answers as one page, beside the list."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.console import tell
from recommender.text import show

if TYPE_CHECKING:
    from indexing.library import Library
    from recommender.extractors.audio.beats import Beats
    from recommender.outputs.records import Answer
    from recommender.types import Track


def report(
    answers: "Iterable[Answer]", path: Path, library: "Library", *, overwrite: bool = False
) -> "Iterator[Answer]":
    """The answers as they come; after the last one the page of all is written, whole or not at all."""
    from recommender.outputs.progress import Progress
    from recommender.page import make_part, steps, write_report

    parts = []
    for answer in answers:
        with Progress("looking and listening for the report") as progress:
            progress.expect(steps(answer))
            parts.append(make_part(answer, tell_beats(library), progress.step))
        for line in parts[-1].remarks:
            tell(f"{show(path)}: {line}")
        yield answer
    if parts:
        write_report(parts, path, overwrite=overwrite)
        tell(f"report: {show(path)}")


def tell_beats(library: "Library") -> "Callable[[Track], Beats | None]":
    """What tells the beats of a track: the library, or where it does not know them, its file once more."""

    def beats(track: "Track") -> "Beats | None":
        from indexing.beats import beats_or_none
        from recommender.editing.export import find_beats

        known = beats_or_none(library, track.id)
        return find_beats(Path(track.path)) if known is None else known

    return beats
