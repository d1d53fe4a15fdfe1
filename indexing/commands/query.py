"""`recommend --video ...`: a query from its options to its answers."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin

import typer

from indexing.commands.delivery import Delivery, DeliveryOptions
from indexing.commands.following import follow
from indexing.commands.index import MEDIA_WORDS, open_library
from recommender.conditions import FILTERS, Declared
from recommender.console import FAILED, FollowLinksOption, Kind, WorkersOption, load_model, tell, word_as_options
from recommender.editing_commands import FitOptions, LevelOptions
from recommender.errors import CliptuneError, InputError
from recommender.options import Options, option, setting, take_options
from recommender.outputs import OUTPUTS
from recommender.text import show

if TYPE_CHECKING:
    from indexing.library import Library
    from recommender.engine import Recommender
    from recommender.model import Model
    from recommender.outputs import Output
    from recommender.outputs.records import Answer
    from recommender.query import Query
    from recommender.types import Array, Filter, LibraryReader, Modality, Recommendation


_Films = list[tuple[str, list[Path]]]


class OutputFormat(StrEnum):
    """The formats of answers, as registered."""

    vars().update((name, name) for name in OUTPUTS)


class QueryOptions(Options):
    """What is asked for, where it is looked for, and how the answer is written."""

    video: list[Path] | None = setting("Clip, still or animation, or a folder of them; repeat for several.")
    slideshow: float | None = setting(
        "Take all of --video as one film: every picture shown so many seconds, in order.", min=0.1
    )
    track: Path | None = setting("The reverse: a piece of music that looks for clips.")
    like: Path | None = setting("A reference track, alone or blended with --video.")
    like_weight: float = setting("Weight of --like beside --video: 0 clip only, 1 reference only.", 0.5, min=0, max=1)
    vector: Path | None = setting("A query vector: .npy of shape [dim] or [n, dim].")
    features: Path | None = setting("Features of clips (.npy or .parquet), for a library of a retrieval model.")
    features_of: Kind = setting("What --features describes; the other is searched.", Kind.clips)
    library: str | None = setting("Library name or folder (`default` if not given).")
    music: Path | None = setting("A music folder: indexed first (only what is new), then searched.")
    tag_charset: str | None = setting("Charset of tags of --music marked as Latin-1: cp1251 (default: found).")
    follow_links: FollowLinksOption = False
    top: int = setting("Tracks to return.", 10, min=1)
    candidates: int = setting("Distinct tracks that the search hands to the ranker.", 200, min=1)
    ranker: str | None = setting("How candidates are scored: cosine, afclnet or fusion (default: the model's).")
    model: str | None = setting("Model name or folder (default: the library's).")
    format: OutputFormat | None = setting(
        "How to print (default: table; JSON lines for several clips): "
        f"{'; '.join(f'{output.name}: {output.help}' for output in OUTPUTS.values())}."
    )
    out: Path | None = setting("Write there, not to the terminal; with --preview, the folder of films.")
    calibrate_on_library: bool = setting(
        "Measure feelings against this library's own music (20 tracks at least), not the model's reference.",
        False,
        "--calibrate-on-library",
    )
    no_taste: bool = setting("Leave out the taste learnt from your films (`edits learn`).", False, "--no-taste")


def _filter_setting(one: Declared) -> Any:
    help = f"{one.help}; repeat for several." if get_origin(one.takes) is list else f"{one.help}."
    switch = one.takes is bool
    return setting(help, False, f"--{one.option.replace('_', '-')}") if switch else setting(help)


class FilterOptions(Options):
    """What may be recommended at all: an option for every declared filter."""

    __annotations__ = {one.option: one.takes if one.takes is bool else one.takes | None for one in FILTERS}
    vars().update((one.option, _filter_setting(one)) for one in FILTERS)


class AnswerOptions(Options):
    """What of the answer is told."""

    per_artist: int | None = setting("Tracks of one artist at most: 1 for a different artist every time.", min=1)
    versions: bool = setting("List every other file of the same recording, not only the first.", False, "--versions")
    figures: bool = setting(
        "With the words for and against a track, the figures behind them: length of notes: 1.09 s, "
        "above the library's median of 0.392 (helps +0.035).",
        False,
        "--figures",
    )


@take_options
def query(
    context: typer.Context,
    asked: QueryOptions,
    conditions: FilterOptions,
    told: AnswerOptions,
    made: DeliveryOptions,
    levels: LevelOptions,
    fitting: FitOptions,
    workers: WorkersOption = None,
    version: Annotated[bool, option("Print the version.", "--version")] = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("cliptune"))
    elif not (asked.video or asked.track or asked.like or asked.vector or asked.features or asked.slideshow):
        typer.echo(context.get_help())
    else:
        _check(asked)
        delivery = Delivery(made, levels, asked.out, bool(asked.video), fitting=fitting)
        _recommend(asked, conditions, told, workers, delivery)


def _check(asked: QueryOptions) -> None:
    """Raise InputError for options that do not go together."""
    if sum(map(bool, (asked.track, asked.vector, asked.features, asked.video or asked.like))) > 1:
        raise InputError("--track, --vector, --features and --video/--like are different queries: give one kind")
    if asked.library and asked.music:
        raise InputError("--library and --music are two places to search: give one")
    if asked.tag_charset and not asked.music:
        raise InputError("--tag-charset says how the tags of --music are read: give a folder by --music")
    if asked.slideshow is not None and not asked.video:
        raise InputError("--slideshow needs pictures: give them, or a folder of them, by --video")
    if asked.format and OUTPUTS[asked.format].needs_path and asked.out is None:
        raise InputError(f"--format {asked.format} writes a file or folder: say which by --out")


def _recommend(
    asked: QueryOptions,
    conditions: FilterOptions,
    told: AnswerOptions,
    workers: int | None,
    delivery: Delivery,
) -> None:
    """Puts every query to the library and writes the answers as they come; exit 1 when one failed or is mostly lost."""
    from indexing.ingest.scan import expand_clips
    from recommender import outputs

    where = conditions_of(conditions)
    model = load_model(asked.model) if asked.model else None
    clips = expand_clips(asked.video or [], tell, follow_links=asked.follow_links, choice="--follow-links")
    vectors = _rows(asked)
    read: dict[str, Any] = {"tag_charset": asked.tag_charset, "follow_links": asked.follow_links, "workers": workers}
    opened = open_music(asked.music, model, **read) if asked.music else open_library(asked.library or "default")
    engine = _engine(opened, model, asked)
    where = engine.settle(where)
    target = asked.features_of.other if asked.features else "video" if asked.track else "music"
    require_any(engine.library, target, where)
    tell_voices(engine.library, where)
    if engine.model.reads and engine.model.name != "builtin":
        tell(f"model: {engine.model.name}, which reads {engine.model.reads}")
    if engine.scale:
        tell(engine.scale.sentence())
    several = max(len(clips), len(vectors)) > 1 or any(path.is_dir() for path in asked.video or [])
    several = several and asked.slideshow is None
    output = outputs.get(asked.format or ("json" if several else "table"))
    ask = partial(engine.recommend, top=asked.top, candidates=asked.candidates, where=where, per_artist=told.per_artist)
    failed: list[str] = []
    films = _films(asked, clips)
    answers = _answers(_queries(engine, asked, films, vectors), ask, told, several)
    delivery.library = opened
    made: Iterable[Answer] = delivery.deliver(_with_clips(answers, films, asked.slideshow), failed)
    made = delivery.report(made, opened)
    outputs.write(output, _remarked(made, output, failed), delivery.list_path(output, asked.out))
    if failed:
        raise typer.Exit(FAILED)


def _engine(library: "Library", model: "Model | None", asked: QueryOptions) -> "Recommender":
    from indexing.edits.taste_file import taste_of
    from recommender.engine import Recommender

    calibrate = asked.calibrate_on_library
    taste = None if asked.no_taste else taste_of(library, calibrate=calibrate)
    return Recommender(library, model, asked.ranker, calibrate, taste=taste)


def conditions_of(given: FilterOptions) -> "Filter | None":
    """The filter that the options describe, None without any."""
    from recommender.conditions import Listed, filter_of
    from recommender.lists import paths_in

    asked = {name: value for name, value in vars(given).items() if value not in (None, [], False)}
    files = [one for one in FILTERS if isinstance(one, Listed) and one.option in asked]
    listed: dict[str, Any] = {one.field: paths_in(asked.pop(one.option)) for one in files}
    return replace(filter_of(asked), **listed) or None


def require_any(library: "LibraryReader", target: "Modality", where: "Filter | None") -> None:
    """Raise an error that says which conditions left how many tracks, where none meets all."""
    if where and library.count(target) and not library.count(target, where):
        from recommender.filters import unmet

        raise unmet(library, target, where)


def tell_voices(library: "LibraryReader", where: "Filter | None") -> None:
    """Say how surely tracks are told to be instrumental, where only such are asked for."""
    if where:
        from recommender.filters import voices

        if told := voices(library, where):
            tell(told)


def _rows(asked: QueryOptions) -> list[tuple[str, "Array"]]:
    """The query vectors or features in a file, with their names."""
    path = asked.vector or asked.features
    if path is None:
        return []
    from indexing.ingest.import_vectors import load_queries

    return list(load_queries(path, direction=bool(asked.vector)))


def _films(asked: QueryOptions, clips: list[Path]) -> _Films:
    """What is shown in each query by clip, with its name: one clip, or with --slideshow all of them."""
    if asked.slideshow is None:
        return [(str(clip), [clip]) for clip in clips]
    return [(str(clips[0]) if len(clips) == 1 else f"{clips[0]} and {len(clips) - 1} more", clips)]


def _with_clips(answers: "Iterable[Answer]", films: _Films, picture_s: float | None) -> "Iterator[Answer]":
    shown = dict(films)
    return (replace(answer, clips=shown.get(answer.query, ()), picture_s=picture_s) for answer in answers)


def _queries(
    engine: "Recommender", asked: QueryOptions, films: _Films, vectors: list[tuple[str, "Array"]]
) -> "Iterable[tuple[str, Query | CliptuneError]]":
    """Each query with its name, in order; one that cannot be read comes as its error where others are asked."""
    if asked.features:
        return ((name, engine.features(v, asked.features_of.modality)) for name, v in vectors)
    if vectors:
        return ((name, engine.vector(v)) for name, v in vectors)
    if asked.track:
        return [(str(asked.track), engine.music(asked.track))]
    return _clip_queries(engine, asked, films)


def _clip_queries(
    engine: "Recommender", asked: QueryOptions, films: _Films
) -> "Iterator[tuple[str, Query | CliptuneError]]":
    from recommender.query import blend

    reference = engine.like(asked.like) if asked.like else None
    if not films and reference:
        yield str(asked.like), reference
    weights = [1 - asked.like_weight, asked.like_weight]
    for name, film in films:
        try:
            q = engine.clip(film[0]) if asked.slideshow is None else engine.slideshow(film, asked.slideshow)
            yield name, blend([q, reference], weights) if reference else q
        except CliptuneError as error:
            if len(films) == 1:
                raise
            yield name, error


def _answers(
    queries: "Iterable[tuple[str, Query | CliptuneError]]",
    ask: "Callable[[Query], list[Recommendation]]",
    told: AnswerOptions,
    several: bool,
) -> "Iterator[Answer]":
    from recommender.outputs.records import Answer

    for name, q in queries:
        if isinstance(q, CliptuneError):
            yield Answer(name, error=word_as_options(q), several=several)
        else:
            said = (q.affect, q.duration_s, q.emotions, told.versions, q.still, told.figures, q.cues, several)
            course = () if q.course is None else q.course.moments
            yield Answer(name, ask(q), None, *said, loss=q.loss, speech=q.speech, course=course)


def _remarked(answers: "Iterable[Answer]", output: "Output", failed: list[str]) -> "Iterator[Answer]":
    """The answers, with errors and what the output leaves out told on stderr; what failed or is lost, in `failed`."""
    from recommender.outputs.table import remarks

    for answer in answers:
        if answer.error is not None:
            tell(f"error: {answer.error}")
            failed.append(answer.error)
        if answer.loss is not None and answer.loss.is_most:
            failed.append(str(answer.loss))
        for remark in () if output.remarks else remarks(answer):
            tell(f"{show(answer.query)}: {remark}")
        yield answer


def open_music(folder: Path, model: "Model | None", **read: Any) -> "Library":
    """The private library of a music folder, brought up to date; `read`: as `refresh` takes it."""
    from indexing.disk.files import is_gone
    from indexing.ingest.folders import refresh
    from recommender.model import Model

    chosen = model or Model.load()
    chosen.check_media("music")
    library, events = refresh(folder, chosen, **read)
    follow(events, "analysing", quiet=True)
    if not library.count("music"):
        raise CliptuneError(f"no usable {MEDIA_WORDS['music']} in {show(folder)}")
    if all(is_gone(track.path) for track in library.tracks("music")):
        known = library.count("music")
        raise CliptuneError(
            f"none of the {known} tracks known of {show(folder)} is there; see that its disk is mounted"
        )
    return library
