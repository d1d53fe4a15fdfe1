"""What is made of an answer beside its list: previews to hear, files to take home.

With any of it --out is a folder, which holds all that is made, and the list is printed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.console import tell, word_as_options
from recommender.editing_commands import LevelOptions, render, speech_of
from recommender.errors import CliptuneError, InputError
from recommender.options import Options, setting
from recommender.text import file_name, show

if TYPE_CHECKING:
    from indexing.library import Library
    from recommender.outputs import Output
    from recommender.outputs.records import Answer
    from recommender.placement import Placement, Stretch
    from recommender.types import Recommendation


class DeliveryOptions(Options):
    """What is made of the best answers."""

    preview: int = setting("Render the clip with so many best tracks under it, into the folder --out.", 0, min=0)
    report: Path | None = setting("Write a page that shows clip and music side by side: --report answers.html.")
    overwrite: bool = setting("Replace files of the same names.", False, "--overwrite")


class Delivery:
    """What was asked for beside the list, and where it goes.

    Raises InputError for options that do not go together. `by_clip`: whether clips are asked about.
    """

    def __init__(self, made: DeliveryOptions, levels: LevelOptions, out: Path | None, by_clip: bool) -> None:
        self.made, self.levels, self.out = made, levels, out or Path()
        self.wanted = bool(made.preview)
        if self.wanted and not by_clip:
            raise InputError("--preview shows a clip: give one by --video")
        if self.wanted and out is None:
            raise InputError("--preview makes films: say in which folder by --out")
        if self.wanted and self.out.exists() and not self.out.is_dir():
            raise InputError(f"--preview makes films in a folder, and {show(self.out)} is none")
        self._names: set[str] = set()
        if made.report is not None:
            self._check_report(made.report, by_clip)

    def _check_report(self, path: Path, by_clip: bool) -> None:
        from recommender.page import refuse_existing

        if not by_clip:
            raise InputError("--report shows a clip: give one by --video")
        refuse_existing(path, self.made.overwrite)

    def list_path(self, output: "Output", out: Path | None) -> Path | None:
        """Where the list is written, `out` unless that is the folder of what is made; None: to the terminal."""
        if not self.wanted:
            return out
        return self.out / f"recommendations.{output.name}" if output.needs_path else None

    def deliver(self, answers: "Iterable[Answer]", failed: list[str]) -> "Iterator[Answer]":
        """The answers, each with what was made of it; what could not be made is told, and noted in `failed`."""
        for answer in answers:
            try:
                yield self._made_of(answer, failed) if self.wanted and answer.recommendations else answer
            except InputError:
                raise
            except CliptuneError as error:
                _note(error, failed)
                yield answer

    def report(self, answers: "Iterable[Answer]", library: "Library") -> "Iterable[Answer]":
        """The answers; after the last one the page of all is written, where one was asked for."""
        if self.made.report is None:
            return answers
        from indexing.commands.reporting import report

        return report(answers, self.made.report, library, overwrite=self.made.overwrite)

    def _made_of(self, answer: "Answer", failed: list[str]) -> "Answer":
        """An answer with what is made of its best tracks; a track that cannot be used has nothing made of it."""
        name = self._free_name(answer)
        clip = self._film(answer, name)
        speech = speech_of(clip, self.levels)
        most = self.made.preview
        paths = self._preview_paths(answer.recommendations[:most], clip, name)
        done: list[Recommendation] = []
        for r, path in zip(answer.recommendations, paths, strict=False):
            try:
                placement = self._place(clip, r, speech)
                for line in render(placement, path, overwrite=self.made.overwrite):
                    tell(line)
                done.append(replace(r, placement=placement, preview=str(path)))
                _tell_remarks(placement, path)
            except CliptuneError as error:
                _note(error, failed)
                done.append(r)
        return replace(answer, recommendations=[*done, *answer.recommendations[len(done) :]])

    def _place(self, clip: Path, r: "Recommendation", speech: "Sequence[Stretch]") -> "Placement":
        """A recommended track under the clip: from its section's beginning until the clip ends, or the track."""
        from recommender.placing import place

        return place(clip, Path(r.track.path), in_s=r.in_s, speech=speech, levels=self.levels.levels())

    def _film(self, answer: "Answer", name: str) -> Path:
        """The clip of an answer; of a slideshow, the film made of it, which stays beside its previews."""
        from recommender.media import probe
        from recommender.preview import write_film

        first, picture_s = answer.clips[0], answer.picture_s
        if picture_s is None or (len(answer.clips) == 1 and not probe(first).still):
            return first
        film = self.out / f"{name}.mp4"
        write_film(answer.clips, film, picture_s=picture_s, overwrite=self.made.overwrite)
        return film

    def _free_name(self, answer: "Answer") -> str:
        """What the files of an answer are called after: the clip's name, and a number where another has that name."""
        name = name_of(answer)
        number = next(n for n in range(1, len(self._names) + 2) if _numbered(name, n) not in self._names)
        self._names.add(_numbered(name, number))
        return _numbered(name, number)

    def _preview_paths(self, best: "list[Recommendation]", clip: Path, name: str) -> list[Path]:
        """Where the previews go, by clip, rank and track; raises InputError for what is there already."""
        from recommender.preview import preview_suffix, refuse_existing

        suffix = preview_suffix(clip)
        paths = [self.out / f"{name} - {r.rank:02d} {file_name(r.track.title)}{suffix}" for r in best]
        refuse_existing(paths, self.made.overwrite)
        return paths


def name_of(answer: "Answer") -> str:
    """The name of an answer's clip, fit for a file."""
    more = f" and {len(answer.clips) - 1} more" if len(answer.clips) > 1 else ""
    return file_name(answer.clips[0].stem) + more


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"


def _note(error: CliptuneError, failed: list[str]) -> None:
    failed.append(word_as_options(error))
    tell(f"error: {failed[-1]}")


def _tell_remarks(placement: "Placement", path: Path) -> None:
    from recommender.placing import remarks

    for line in remarks(placement):
        tell(f"{show(path.name)}: {line}")
