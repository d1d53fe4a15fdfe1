"""`recommend film ...`: the scenes of a film, and music for each."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexing.commands.index import open_library
from indexing.commands.query import FilterOptions, conditions_of, require_any, tell_voices
from recommender.console import FAILED, TABLE, FormatOption, load_model, tell, write_list
from recommender.editing_commands import PATIENCE_S, OverwriteOption
from recommender.errors import Argument, InputError
from recommender.options import Options, argument, setting, take_options
from recommender.text import show

if TYPE_CHECKING:
    from recommender.engine import Recommender
    from recommender.films.cues import MusicCue
    from recommender.films.scenes import Film, Wish
    from recommender.types import Filter, Recommendation


class SceneOptions(Options):
    """Where a film is cut into scenes."""

    scenes: int | None = setting("So many scenes (default: as many as the film changes).", min=1)
    cuts: Path | None = setting(
        "Where scenes begin: a list of times or timecodes, the table of --format csv as you edited it, or an EDL or "
        "OTIO file of the edit, whose shots are merged into scenes."
    )
    shortest: float = setting("Seconds that a scene lasts at least.", 5.0, min=0)
    longest: float | None = setting("Seconds that it lasts at most, where there is a cut to end it.", min=1)
    frames: Path | None = setting("Write a picture of every scene into this folder.")

    def wish(self) -> "Wish":
        """As `read_film` takes it. Raises InputError."""
        from recommender.films.grouping import USUAL, Limits
        from recommender.films.scenes import Wish

        longest_s = USUAL.longest_s if self.longest is None else self.longest
        if longest_s < 2 * self.shortest:
            raise InputError(
                f"--longest {longest_s:g} leaves no room for scenes of --shortest {self.shortest:g}: twice that"
            )
        return Wish(self.cuts, self.scenes, Limits(self.shortest, longest_s))


class ScoreOptions(Options):
    """What music the scenes may have."""

    library: str = setting("Library name or folder.", "default")
    model: str | None = setting("Model name or folder (default: the library's).")
    ranker: str | None = setting("How candidates are scored: cosine, afclnet or fusion (default: the model's).")
    candidates: int = setting("Tracks that each scene may choose from.", 200, min=1)
    theme: list[str] | None = setting("Scenes that share a track, such as 1,5,9; repeat for several themes.")
    silence: str | None = setting("Scenes without music, such as 3,7.")
    alternatives: int = setting("Further tracks that are told for each scene.", 3, min=0)
    per_artist: int | None = setting("Scenes with music of one artist at most.", min=1)


@take_options
def film(
    film: Annotated[Path, argument("The film.")],
    cut: SceneOptions,
    score: ScoreOptions,
    conditions: FilterOptions,
    format: FormatOption = TABLE,
    overwrite: OverwriteOption = False,
) -> None:
    """A score for a whole film: its scenes, and music for each that goes with what comes before and after.

    Examples: recommend film wedding.mp4 --library film-music

    recommend film wedding.mp4 --format csv > scenes.csv

    recommend film wedding.mp4 --cuts scenes.csv --theme 1,5 --frames pictures"""
    from recommender.engine import Recommender
    from recommender.films.listing import listing

    where, wish = conditions_of(conditions), cut.wish()
    engine = Recommender(open_library(score.library), load_model(score.model) if score.model else None, score.ranker)
    where = engine.settle(where)
    require_any(engine.library, "music", where)
    tell_voices(engine.library, where)
    if cut.frames is not None and cut.frames.exists() and not cut.frames.is_dir():
        raise InputError(f"--frames writes into a folder, and {show(cut.frames)} is none")
    found = _read(engine, film, wish)
    pictures = _pictures(found, cut.frames, overwrite=overwrite)
    cues = _compose(found, _candidates(engine, found, score, where), score)
    write_list(listing(found, cues, pictures), format)
    for remark in () if format == TABLE else found.remarks:
        tell(remark)
    if found.loss is not None and found.loss.is_most:
        raise typer.Exit(FAILED)


def _read(engine: "Recommender", film: Path, wish: "Wish") -> "Film":
    """The scenes of a film, with progress while it is read."""
    from recommender.films.scenes import read_film
    from recommender.media import probe
    from recommender.outputs.progress import Progress

    verb, whole = f"reading {show(film.name)}, seconds", max(1, round(probe(film).duration_s or 0))
    with Progress(verb, PATIENCE_S) as progress:
        return read_film(
            engine, film, wish, on_second=lambda at_s: progress.stage(verb, min(round(at_s), whole), whole)
        )


def _pictures(film: "Film", folder: Path | None, *, overwrite: bool) -> list[str]:
    """The paths of the pictures of the scenes; none where none are asked for."""
    if folder is None:
        return []
    from recommender.films.pictures import write_pictures

    paths = write_pictures(film, folder, overwrite=overwrite)
    tell(f"{len(paths)} pictures: {show(folder)}")
    return [str(path) for path in paths]


def _candidates(
    engine: "Recommender", film: "Film", asked: ScoreOptions, where: "Filter | None"
) -> "list[list[Recommendation]]":
    """What each scene may have, best first."""
    from recommender.outputs.progress import Progress

    verb = "searching music for scenes"
    found: list[list[Recommendation]] = []
    with Progress(verb, PATIENCE_S) as progress:
        for scene in film.scenes:
            progress.stage(verb, len(found), len(film.scenes))
            found.append(engine.recommend(scene.query, top=asked.candidates, candidates=asked.candidates, where=where))
    return found


def _compose(film: "Film", found: "Sequence[Sequence[Recommendation]]", asked: ScoreOptions) -> "list[MusicCue]":
    """The music of all scenes together."""
    from recommender.films.rules import Rules, read_theme
    from recommender.films.score import compose

    silent = [scene.number for scene in film.scenes if scene.silent]
    rules = Rules(
        per_artist=asked.per_artist,
        themes=tuple(read_theme(text) for text in asked.theme or ()),
        silence=frozenset([*silent, *_numbers(asked.silence)]),
        alternatives=asked.alternatives,
    )
    return compose(film.scenes, found, rules)


def _numbers(text: str | None) -> list[int]:
    """The scenes that a list such as `3,7` names. Raises InputError."""
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise InputError(
            f"{show(text or '')}: give the numbers of scenes, such as ", Argument("silence", "3,7")
        ) from None
