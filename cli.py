"""The `recommend` command: reads arguments, calls one function, renders. Heavy imports wait until needed.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 something failed, 2 wrong usage.
"""

import atexit
import gc
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from indexing.commands.beats import app as index_app
from indexing.commands.index import MEDIA_WORDS, follow, open_library
from recommender.commands import app as models_app
from recommender.console import (
    FAILED,
    OK,
    USAGE,
    Format,
    FormatOption,
    Kind,
    WorkersOption,
    group,
    write,
    write_json,
    write_rows,
)
from recommender.errors import CliptuneError, InputError
from recommender.text import shown
from training import commands as training_commands
from training.dataset_commands import dataset_app, features_app

if TYPE_CHECKING:
    from indexing.library import Library
    from recommender.engine import Query, Recommender
    from recommender.model import Model
    from recommender.outputs import Answer
    from recommender.types import Array, Filter, LibraryReader, Modality

HELP = """Music for your video by emotion: ranked, explained tracks from your own library.

\b
Examples:
  recommend --video clip.mp4 --music ~/Music
  recommend index add ~/Music && recommend --video clip.mp4 --top 5 --format json
  recommend --video clip.mp4 --like reference.mp3 --like-weight 0.3
  recommend --track song.mp3 --library my-clips
  recommend --video clip.mp4 --library film --calibrate-on-library
  recommend --video pictures/ --slideshow 4
  recommend --video clip.mp4 --top 3 --figures
  recommend --video clip.mp4 --bpm 90-130 --half-double --key "A minor" --duration 2:30- --exclude ~/Music/Christmas
"""

app = group(HELP)
app.add_typer(index_app, name="index")
app.add_typer(models_app, name="models")
app.add_typer(training_commands.app, name="train")
app.add_typer(dataset_app, name="dataset")
app.add_typer(features_app, name="features")
app.command("benchmark", help=training_commands.BENCHMARK_HELP)(training_commands.benchmark)
app.command("matching", help=training_commands.MATCHING_HELP)(training_commands.matching)
app.command("eval", help=training_commands.EVAL_HELP)(training_commands.evaluate)


@app.callback(invoke_without_command=True)
def query(
    context: typer.Context,
    video: Annotated[
        list[Path] | None,
        typer.Option(readable=False, help="Clip, still or animation, or a folder of them; repeat for several."),
    ] = None,
    slideshow: Annotated[
        float | None,
        typer.Option(min=0.1, help="Take all of --video as one film: every picture shown so many seconds, in order."),
    ] = None,
    track: Annotated[
        Path | None, typer.Option(readable=False, help="The reverse: a piece of music that looks for clips.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option(readable=False, help="A reference track, alone or blended with --video.")
    ] = None,
    like_weight: Annotated[
        float,
        typer.Option(min=0, max=1, help="Weight of --like beside --video: 0 clip only, 1 reference only."),
    ] = 0.5,
    vector: Annotated[
        Path | None, typer.Option(readable=False, help="A query vector: .npy of shape [dim] or [n, dim].")
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(readable=False, help="Features of clips (.npy or .parquet), for a library of a retrieval model."),
    ] = None,
    features_of: Annotated[Kind, typer.Option(help="What --features describes; the other is searched.")] = Kind.clips,
    library: Annotated[str | None, typer.Option(help="Library name or folder (`default` if not given).")] = None,
    music: Annotated[
        Path | None,
        typer.Option(readable=False, help="A music folder: indexed first (only what is new), then searched."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Tracks to return.")] = 10,
    candidates: Annotated[int, typer.Option(min=1, help="Distinct tracks that the search hands to the ranker.")] = 200,
    ranker: Annotated[
        str | None, typer.Option(help="How candidates are scored: cosine, afclnet or fusion (default: the model's).")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model name or folder (default: the library's).")] = None,
    format: Annotated[
        Format | None,
        typer.Option("--format", help="How to print (default: table; JSON lines for several clips)."),
    ] = None,
    calibrate_on_library: Annotated[
        bool,
        typer.Option(
            "--calibrate-on-library",
            help="Measure feelings against this library's own music (20 tracks at least), not the model's reference.",
        ),
    ] = False,
    bpm: Annotated[str | None, typer.Option(help="Only this tempo: 90-130, 90- or -130.")] = None,
    half_double: Annotated[
        bool, typer.Option("--half-double", help="With --bpm, also tracks of which half or double the tempo fits.")
    ] = False,
    key: Annotated[
        list[str] | None, typer.Option(help='Only this key: "A minor", Am or Eb; repeat for several.')
    ] = None,
    duration: Annotated[str | None, typer.Option(help="Only tracks of this length: 2:30-4:00, 2:30- or -90.")] = None,
    folder: Annotated[
        list[Path] | None,
        typer.Option(readable=False, help="Only below this folder: ~/Music/Film; repeat for several."),
    ] = None,
    genre: Annotated[
        list[str] | None, typer.Option(help="Only of this genre, as the files are tagged: Ambient; repeat for several.")
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(help='Only under this licence, as the files are tagged: "CC BY 4.0"; repeat for several.'),
    ] = None,
    only: Annotated[
        Path | None,
        typer.Option(readable=False, help="Only files listed in this text file, a path per line: mine.txt."),
    ] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(readable=False, help="Not this file or folder: ~/Music/Christmas; repeat for several."),
    ] = None,
    per_artist: Annotated[
        int | None, typer.Option(min=1, help="Tracks of one artist at most: 1 for a different artist every time.")
    ] = None,
    versions: Annotated[
        bool, typer.Option("--versions", help="List every other file of the same recording, not only the first.")
    ] = False,
    figures: Annotated[
        bool,
        typer.Option(
            "--figures",
            help="With the words for and against a track, the figures behind them: length of notes: 1.09 s, "
            "above the library's median of 0.392 (helps +0.035).",
        ),
    ] = False,
    workers: WorkersOption = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("cliptune"))
    elif not (video or track or like or vector or features or slideshow):
        typer.echo(context.get_help())
    else:
        if sum(map(bool, (track, vector, features, video or like))) > 1:
            raise InputError("--track, --vector, --features and --video/--like are different queries: give one kind")
        if library and music:
            raise InputError("--library and --music are two places to search: give one")
        from indexing.ingest.scan import expand_clips
        from recommender.engine import Recommender
        from recommender.model import Model

        if slideshow is not None and not video:
            raise InputError("--slideshow needs pictures: give them, or a folder of them, by --video")
        where = _conditions(bpm, key, duration, folder, genre, licence, only, exclude, half_double)
        chosen = Model.load(model) if model else None
        clips, vectors = expand_clips(video or []), _rows(vector or features, direction=bool(vector))
        opened = _open_music(music, chosen, workers) if music else open_library(library or "default")
        engine = Recommender(opened, chosen, ranker, calibrate_on_library)
        target = features_of.other if features else "video" if track else "music"
        _require_any(engine.library, target, where)
        if engine.model and engine.model.name != "builtin":
            typer.echo(f"model: {engine.model.name}, which reads {engine.model.reads}", err=True)
        if engine.scale:
            typer.echo(engine.scale.sentence(), err=True)
        queries: Iterator[tuple[str, Query | CliptuneError]]
        if features:
            queries = ((name, engine.features(v, features_of.modality)) for name, v in vectors)
        elif vectors:
            queries = ((name, engine.vector(v)) for name, v in vectors)
        elif track:
            queries = iter([(str(track), engine.music(track))])
        else:
            queries = _clip_queries(engine, clips, like, like_weight, slideshow)
        several = max(len(clips), len(vectors)) > 1 or any(path.is_dir() for path in video or [])
        several = several and slideshow is None
        _answer(engine, queries, several, Wanted(top, candidates, where, per_artist), format, versions, figures)


def _conditions(
    bpm: str | None,
    keys: list[str] | None,
    duration: str | None,
    folders: list[Path] | None,
    genres: list[str] | None,
    licences: list[str] | None,
    only: Path | None,
    exclude: list[Path] | None,
    half_double: bool,
) -> "Filter | None":
    """The filter that the options describe, None without any."""
    if half_double and bpm is None:
        raise InputError("--half-double says how --bpm is meant: give a range of tempi, as --bpm 90-130")
    if all(given in (None, []) for given in (bpm, keys, duration, folders, genres, licences, only, exclude)):
        return None
    from recommender import filters
    from recommender.tags import licence_name
    from recommender.types import Filter

    return Filter(
        filters.range_of(bpm, "bpm") if bpm is not None else None,
        filters.duration_of(duration) if duration is not None else None,
        frozenset(map(filters.key_name, keys or [])),
        frozenset(genres or []),
        frozenset(map(licence_name, licences or [])),
        filters.absolute(map(str, folders or [])),
        filters.paths_in(only) if only else None,
        filters.absolute(map(str, exclude or [])),
        half_double,
    )


def _require_any(library: "LibraryReader", target: "Modality", where: "Filter | None") -> None:
    """Raise an error that says which conditions left how many tracks, where none meets all."""
    if where and library.count(target) and not len(library.ids(target, where)):
        from recommender.filters import unmet

        raise CliptuneError(unmet(library, target, where))


class Wanted(NamedTuple):
    """What is asked of every query; see `Recommender.recommend`."""

    top: int
    candidates: int
    where: "Filter | None"
    per_artist: int | None


def _rows(path: Path | None, direction: bool) -> list[tuple[str, "Array"]]:
    """The query vectors or features in a file, with their names."""
    if path is None:
        return []
    from indexing.ingest.import_vectors import load_queries

    return list(load_queries(path, direction))


def _clip_queries(
    engine: "Recommender", clips: list[Path], like: Path | None, weight: float, slideshow: float | None
) -> Iterator[tuple[str, "Query | CliptuneError"]]:
    """Each clip's query with its name; one of several that cannot be read comes as its error, but for a slideshow."""
    from recommender.engine import blend

    reference = engine.like(like) if like else None
    if not clips and reference:
        yield str(like), reference
    shows = [clips] if slideshow is not None else [[clip] for clip in clips]
    for show in shows:
        clip = show[0]
        name = str(clip) if len(show) == 1 else f"{clip} and {len(show) - 1} more"
        try:
            q = engine.clip(clip) if slideshow is None else engine.slideshow(show, slideshow)
            yield name, blend([q, reference], [1 - weight, weight]) if reference else q
        except CliptuneError as error:
            if len(shows) == 1:
                raise
            yield str(clip), error


def _answer(
    engine: "Recommender",
    queries: Iterable[tuple[str, "Query | CliptuneError"]],
    several: bool,
    wanted: Wanted,
    format: Format | None,
    versions: bool,
    figures: bool,
) -> None:
    """Prints every answer (as it comes where the format allows); exit 1 when one of several failed."""
    from recommender import outputs
    from recommender.outputs import jsonlines

    chosen = format or (Format.json if several else Format.table)
    answers: list[Answer] = []
    for name, q in queries:
        if isinstance(q, CliptuneError):
            answer = outputs.Answer(name, error=str(q))
            typer.echo(f"error: {q}", err=True)
        else:
            found = engine.recommend(q, *wanted)
            said = (q.affect, q.duration_s, q.emotions, versions, q.still, figures, q.cues)
            answer = outputs.Answer(name, found, None, *said)
        answers.append(answer)
        if chosen is not Format.table and outputs.nothing_fits(answer):
            typer.echo(f"{shown(name)}: {outputs.NOTHING_FITS}", err=True)
        if chosen is not Format.table and outputs.of_stills(answer):
            typer.echo(f"{shown(name)}: {outputs.STILL}", err=True)
        if several and chosen is Format.json:
            write(jsonlines.line(answer))
    if not (several and chosen is Format.json):
        write(outputs.get(chosen)(answers))
    if any(answer.error for answer in answers):
        raise typer.Exit(FAILED)


def _open_music(folder: Path, model: "Model | None", workers: int | None) -> "Library":
    """The private library of a music folder, brought up to date."""
    from indexing.ingest.folders import refresh
    from recommender.model import Model

    chosen = model or Model.load()
    chosen.check_media("music")
    library, events = refresh(folder, chosen, workers)
    follow(events, "analysing", quiet=True)
    if not library.count("music"):
        raise CliptuneError(f"no usable {MEDIA_WORDS['music']} in {shown(folder)}")
    return library


@app.command(help="Print versions, the FAISS build, devices and conflicts.\n\nExample: recommend doctor")
def doctor(format: FormatOption = Format.table) -> None:
    from indexing.maintenance.doctor import report

    facts, problems = report()
    if format is Format.json:
        write_json({"facts": dict(facts), "problems": problems})
    else:
        write_rows(
            [
                *facts,
                *(("problem", p) for p in problems),
                ("verdict", "conflicts" if problems else "all well"),
            ]
        )
    raise typer.Exit(FAILED if problems else OK)


@app.command(
    help="Render a small sample (moody tracks and two clips) into FOLDER.\n\nExample: recommend sample .sample"
)
def sample(folder: Annotated[Path, typer.Argument(readable=False, help="Where to put it.")]) -> None:
    from recommender.sample import render

    made = render(folder)
    write(f"music: {shown(made.music)}\nclips: {shown(made.clips)}\n")


def main() -> None:
    """Runs the command; every expected error becomes one line on stderr and an exit code."""
    atexit.register(gc.freeze)  # what is alive goes with the process: looking for cycles in it is a tenth of a query
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    try:
        app()
    except InputError as error:
        _die(str(error), USAGE)
    except CliptuneError as error:
        _die(str(error), FAILED)
    except OSError as error:
        # The result cannot be delivered: a reader that left early wants no message, a full disk needs one.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            sys.exit(FAILED)
        _die(f"cannot write the result: {error.strerror or error}", FAILED)


def _die(message: str, code: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
