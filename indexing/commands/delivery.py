"""What is made of an answer beside its list: previews to hear, files to take home.

With any of it --out is a folder, which holds all that is made, and the list is printed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.console import tell, word_as_options
from recommender.editing_commands import (
    EXPORT_HELP,
    MARKS_HELP,
    FitOptions,
    LevelOptions,
    fit_levels,
    measure,
    render,
    take_home,
)
from recommender.errors import CliptuneError, FitError, InputError, MediaError, StillError
from recommender.options import Options, setting
from recommender.text import file_name, show
from recommender.timelines import formats_in

if TYPE_CHECKING:
    from indexing.library import Library
    from recommender.editing.placement import Placement, Stretch
    from recommender.extractors.audio.beats import Beats
    from recommender.outputs import Output
    from recommender.outputs.records import Answer
    from recommender.timelines import Format
    from recommender.types import Recommendation


class DeliveryOptions(Options):
    """What is made of the best answers."""

    preview: int = setting("Render the clip with so many best tracks under it, into the folder --out.", 0, min=0)
    export: str | None = setting(EXPORT_HELP)
    alternatives: int = setting("Further tracks in an export, muted below the best one.", 3, min=0)
    marks: bool = setting(MARKS_HELP, True, "--marks/--no-marks")
    report: Path | None = setting("Write a page that shows clip and music side by side: --report answers.html.")
    overwrite: bool = setting("Replace files of the same names.", False, "--overwrite")


class Delivery:
    """What was asked for beside the list, and where it goes.

    Raises InputError for options that do not go together. `by_clip`: whether clips are asked about.
    """

    def __init__(
        self, made: DeliveryOptions, levels: LevelOptions, out: Path | None, by_clip: bool, *, fitting: FitOptions
    ) -> None:
        self.made, self.levels, self.out, self.fitting = made, levels, out or Path(), fitting
        self.library: Library | None = None
        if fitting.is_asked and not by_clip:
            raise InputError("--fit cuts music for a clip: give one by --video")
        self.formats = formats_in(made.export) if made.export is not None else []
        self.wanted = bool(made.preview or self.formats)
        asked = "--preview" if made.preview else "--export"
        if self.wanted and not by_clip:
            raise InputError(f"{asked} shows a clip: give one by --video")
        if self.wanted and out is None:
            made_of = "films" if made.preview else "files"
            raise InputError(f"{asked} makes {made_of}: say in which folder by --out")
        if self.wanted and self.out.exists() and not self.out.is_dir():
            raise InputError(f"{asked} makes its files in a folder, and {show(self.out)} is none")
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
        for each in answers:
            answer = each
            try:
                answer = self._fitted(each) if self.fitting.fit is not None and each.recommendations else each
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

    def _fitted(self, answer: "Answer") -> "Answer":
        """The answer with each track's music cut to length; one that cannot be keeps its section, and says why."""
        from recommender.outputs.progress import Progress

        clip_s = _length_s(answer)
        verb = "fitting tracks"
        done: list[Recommendation] = []
        with Progress(verb) as progress:
            for r in answer.recommendations:
                progress.stage(verb, len(done), len(answer.recommendations))
                done.append(self._fit(r, clip_s))
        return replace(answer, recommendations=done)

    def _fit(self, r: "Recommendation", clip_s: float) -> "Recommendation":
        from recommender.editing.placement import Stretch
        from recommender.fitting.fit import fit_file

        wish = self.fitting.wish(clip_s, Stretch(r.in_s, r.out_s))
        if wish is None:
            return r
        try:
            return replace(r, fit=fit_file(Path(r.track.path), wish, self._known_beats(r)))
        except (FitError, MediaError) as error:
            return replace(r, unfit=word_as_options(error))

    def _known_beats(self, r: "Recommendation") -> "Beats | None":
        """The beats of a track as the library has them; None where they are to be found anew."""
        from indexing.beats import beats_or_none

        return None if self.library is None else beats_or_none(self.library, r.track.id)

    def _made_of(self, answer: "Answer", failed: list[str]) -> "Answer":
        """An answer with what is made of its best tracks; a track that cannot be used has nothing made of it."""
        name = self._free_name(answer)
        clip = self._film(answer, name)
        speech = () if self.levels.mute_clip else answer.speech
        formats = self._formats_of(clip, name, failed)
        most = max(self.made.preview, 1 + self.made.alternatives if formats else 0)
        paths = self._preview_paths(answer.recommendations[: self.made.preview], clip, name)
        done: list[Recommendation] = []
        for r, path in zip_longest(answer.recommendations[:most], paths):
            try:
                placement = self._place(clip, r, speech, slides=bool(formats))
                done.append(replace(r, placement=placement))
                if path is not None:
                    for line in render(placement, path, overwrite=self.made.overwrite):
                        tell(line)
                    done[-1] = replace(r, placement=placement, preview=str(path))
                    _tell_remarks(placement, path)
            except CliptuneError as error:
                _note(error, failed)
                done.append(r)
        if formats:
            self._export(done[: 1 + self.made.alternatives], name, failed)
        return replace(answer, recommendations=[*done, *answer.recommendations[len(done) :]])

    def _formats_of(self, clip: Path, name: str, failed: list[str]) -> "list[Format]":
        """What to export a clip to: nothing of a still, which is told; raises InputError for what is there already."""
        from recommender.editing.export import refuse_files
        from recommender.media.footage import footage

        try:
            if self.formats:
                refuse_files(self.formats, self.out, name, overwrite=self.made.overwrite)
                footage(clip)
        except StillError as error:
            _note(error, failed)
            return []
        return self.formats

    def _export(self, best: "list[Recommendation]", name: str, failed: list[str]) -> None:
        """Timelines of the best tracks that could be laid, the stem beside them."""
        placements = [r.placement for r in best if r.placement is not None]
        titles = {r.placement.track: r.track.title for r in best if r.placement is not None}
        if not placements:
            return
        chosen = next(r for r in best if r.placement is not None)
        try:
            made = take_home(
                placements,
                self.formats,
                (self.out, name),
                titles=titles,
                slides=False,
                marks=self.made.marks,
                beats=self._known_beats(chosen) if self.made.marks else None,
                overwrite=self.made.overwrite,
            )
            for line in made.remarks:
                tell(line)
        except CliptuneError as error:
            _note(error, failed)

    def _place(self, clip: Path, r: "Recommendation", speech: "Sequence[Stretch]", *, slides: bool) -> "Placement":
        """A recommended track under the clip: from its section's beginning until the clip ends, or the track.

        `slides`: to a frame, less than half of one away; so do previews, and all that is made sounds the same.
        """
        from recommender.editing.export import slide_to_frames

        laid = {"in_s": r.in_s, "levels": self.levels.levels()} if r.fit is None else fit_levels(r.fit, self.levels)
        placement = measure(clip, Path(r.track.path), speech=speech, **laid)
        return slide_to_frames(placement) if slides and r.fit is None else placement

    def _film(self, answer: "Answer", name: str) -> Path:
        """The clip of an answer; of a slideshow, the film made of it, which stays beside its previews."""
        from recommender.editing.preview import write_film
        from recommender.media import probe

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
        from recommender.editing.preview import preview_suffix
        from recommender.home import refuse_existing

        suffix = preview_suffix(clip)
        paths = [self.out / f"{name} - {r.rank:02d} {file_name(r.track.title)}{suffix}" for r in best]
        refuse_existing(paths, self.made.overwrite)
        return paths


def _length_s(answer: "Answer") -> float:
    """How long what is asked about is shown."""
    from recommender.editing.placing import clip_length

    if answer.picture_s is None and len(answer.clips) == 1:
        return clip_length(answer.clips[0])
    return answer.duration_s or 0.0


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
    from recommender.editing.placing import remarks

    for line in remarks(placement):
        tell(f"{show(path.name)}: {line}")
