"""What is made of a film's score beside its list: a preview to hear, timelines, a cue sheet, pictures of its scenes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.console import tell
from recommender.editing_commands import EXPORT_HELP, PATIENCE_S, LevelOptions
from recommender.errors import InputError
from recommender.options import Options, setting
from recommender.text import file_name, show
from recommender.timelines import files_of, formats_in

if TYPE_CHECKING:
    from indexing.library import Library
    from recommender.films.cues import MusicCue
    from recommender.films.scenes import Film


class FilmDeliveryOptions(Options):
    """What is made of the score."""

    frames: Path | None = setting("Write a picture of every scene into this folder.")
    preview: bool = setting("Render the film with its music under it, into the folder --out.", False, "--preview")
    export: str | None = setting(EXPORT_HELP)
    cue_sheet: Path | None = setting("Write what music is used where: a table (.csv), or a page to print (.html).")
    out: Path | None = setting("The folder of --preview and --export.")
    recut: bool = setting("Cut music that is shorter than its scene to the scene's length, on bars.", False, "--recut")
    overwrite: bool = setting("Replace files of the same names.", False, "--overwrite")

    @property
    def lays(self) -> bool:
        """Whether anything is made that needs the music laid under the film."""
        return self.preview or self.export is not None or self.cue_sheet is not None

    def check(self, film: Path) -> None:
        """Raise InputError for options that do not go together, and for what is there already, before any work."""
        from recommender.home import refuse_existing
        from recommender.page import refuse_existing as refuse_page
        from recommender.page.cue_sheet import SHEETS

        formats = formats_in(self.export) if self.export is not None else []
        for folder, name in ((self.out, "--out"), (self.frames, "--frames")):
            if folder is not None and folder.exists() and not folder.is_dir():
                raise InputError(f"{name} is a folder to write into, and {show(folder)} is none")
        if (self.preview or formats) and self.out is None:
            raise InputError(f"{'--preview' if self.preview else '--export'} makes files: say in which folder by --out")
        if self.cue_sheet is not None:
            if self.cue_sheet.suffix.lower() not in SHEETS:
                raise InputError(f"{show(self.cue_sheet)}: a cue sheet ends in {' or '.join(SHEETS)}")
            refuse_page(self.cue_sheet, self.overwrite, what="cue sheet")
        made = files_of(formats, self.out or Path(), name_of(film))
        made += [self.preview_path(film)] if self.preview else []
        refuse_existing(made, self.overwrite)

    def preview_path(self, film: Path) -> Path:
        """Where the film with its music goes."""
        from recommender.editing.preview import preview_suffix

        return (self.out or Path()) / f"{name_of(film)} with music{preview_suffix(film)}"


def name_of(film: Path) -> str:
    """What files of a film are called after."""
    return file_name(film.stem)


def write_scene_pictures(film: "Film", made: FilmDeliveryOptions) -> list[str]:
    """The paths of the pictures of the scenes; none where none are asked for."""
    if made.frames is None:
        return []
    from recommender.films.pictures import write_pictures

    paths = write_pictures(film, made.frames, overwrite=made.overwrite)
    tell(f"{len(paths)} picture{'s' * (len(paths) != 1)}: {show(made.frames)}")
    return [str(path) for path in paths]


def deliver(
    film: "Film", cues: "Sequence[MusicCue]", made: FilmDeliveryOptions, *, levels: LevelOptions, library: "Library"
) -> "Sequence[MusicCue]":
    """The cues, laid under the film where anything of that is asked for; what is made is told."""
    if not made.lays:
        return cues
    from indexing.commands.reporting import tell_beats
    from recommender.films.laying import lay
    from recommender.outputs.progress import Progress

    beats: dict[str, Any] = {"beats_of": tell_beats(library), "recut": made.recut}
    with Progress("laying cues", PATIENCE_S) as progress:
        laid = lay(film.path, cues, levels=levels.levels(), progress=progress, **beats)
    if made.export is not None:
        _export(film, laid, made)
    if made.cue_sheet is not None:
        from recommender.page.cue_sheet import write_cue_sheet

        write_cue_sheet(film.path, laid, made.cue_sheet, overwrite=made.overwrite)
        tell(f"cue sheet: {show(made.cue_sheet)}")
    if made.preview:
        _preview(film, laid, made)
    return laid


def _export(film: "Film", laid: "Sequence[MusicCue]", made: FilmDeliveryOptions) -> None:
    from recommender.films.delivery import export_film

    where: dict[str, Any] = {"out": made.out or Path(), "name": name_of(film.path), "overwrite": made.overwrite}
    for line in export_film(film.path, laid, formats_in(made.export or ""), cuts_s=film.cut_s, **where).remarks:
        tell(line)


def _preview(film: "Film", laid: "Sequence[MusicCue]", made: FilmDeliveryOptions) -> None:
    from recommender.films.delivery import preview_film
    from recommender.outputs.progress import Progress

    path, whole = made.preview_path(film.path), max(1, round(film.duration_s))
    verb = f"rendering {show(path.name)}, seconds"
    with Progress(verb) as progress:
        told = preview_film(
            film.path,
            laid,
            path,
            overwrite=made.overwrite,
            on_second=lambda at_s: progress.stage(verb, min(whole, max(0, int(at_s))), whole),
        )
    for line in (*told, f"preview: {show(path)}"):
        tell(line)
