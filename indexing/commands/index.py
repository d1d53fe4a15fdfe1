"""`recommend index ...`: build and look after a library."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from indexing import ingest
from indexing.commands.following import fail_if_lost, follow
from recommender.console import (
    FAILED,
    TABLE,
    ExecutorOption,
    Format,
    FormatOption,
    Kind,
    KindOption,
    LibraryOption,
    ModelOption,
    SchedulerOption,
    TimeoutOption,
    WorkersOption,
    WorkOptions,
    group,
    load_model,
    name_executor,
    say_when_interrupted,
    tell,
    write,
    write_list,
)
from recommender.errors import CliptuneError, InputError, LibraryNotFound
from recommender.options import argument, option, take_options
from recommender.outputs.listing import Listing, facts
from recommender.outputs.progress import Progress
from recommender.text import show

if TYPE_CHECKING:
    from indexing.ingest.events import LeftOut
    from indexing.library import Library
    from recommender.model import Model
    from recommender.types import Modality

app = group("Build and look after a library.", no_args_is_help=True)


def open_library(name: str) -> "Library":
    """The library of that name or path."""
    from indexing.library import Library

    return Library.open(name)


def _report(counts: Counter[str], left: list["LeftOut"], format: Format) -> None:
    """Writes what became of how many files, for programs; people read it on stderr."""
    from indexing.ingest.events import LeftOut

    if format != TABLE:
        names = ("files", "analysed", "to analyse", "unchanged", "failed", "removed")
        done = {name.replace(" ", "_"): counts[name] for name in names}
        write_list(facts({**done, "left_out": sum(left, LeftOut()).as_json()}), format)


def _finish(counts: Counter[str], modality: "Modality", paths: Sequence[Path]) -> None:
    """Exit 1 when nothing at all could be used, or tracks are lost; other failures were shown and are remembered."""
    fail_if_lost(counts)
    if not counts["files"] and not counts["failed"]:
        raise CliptuneError(f"no {MEDIA_WORDS[modality]} in {', '.join(show(p) for p in paths)}")
    if counts["failed"] and not counts["analysed"] and not counts["unchanged"]:
        raise typer.Exit(FAILED)


MEDIA_WORDS = {"music": "music (mp3, flac, ogg, wav, m4a, ...)", "video": "clips (mp4, mov, mkv, webm, gif, jpg, ...)"}


@app.command("add")
@take_options
def index_add(
    paths: Annotated[list[Path], argument("Files or folders.")],
    *,
    library: LibraryOption = "default",
    kind: KindOption = Kind.music,
    model: ModelOption = "builtin",
    work: WorkOptions,
    format: FormatOption = TABLE,
) -> None:
    """Analyse files and folders into a library; what is in it already is left alone.

    What is left out of folders (hidden, recycle bins, links that lead out, `.recommendignore`) is counted in a line.

    Example: recommend index add ~/Music --library film-music"""
    from indexing.library import Library

    analyser = load_model(model)
    analyser.check_media(kind.modality)
    if not any(path.exists() for path in paths):
        raise InputError(f"no such file or folder: {', '.join(map(show, paths))}")
    if work.dry_run:
        try:
            opened: Library | None = open_library(library)
        except LibraryNotFound:
            opened = None
    else:
        opened = Library.open_or_create(library, analyser.space)
    left: list[LeftOut] = []
    events = ingest.add(opened, paths, analyser, modality=kind.modality, **work.settings())
    counts = follow(events, "analysing", left=left)
    _report(counts, left, format)
    _finish(counts, kind.modality, paths)


@app.command("update")
@take_options
def index_update(
    *,
    library: LibraryOption = "default",
    model: ModelOption = "builtin",
    work: WorkOptions,
    reanalyse: Annotated[bool, option("Analyse everything again (after a new model).", "--reanalyse")] = False,
    prune: Annotated[
        bool, option("Also drop folders whose files are all gone (not an unplugged disk).", "--prune")
    ] = False,
    format: FormatOption = TABLE,
) -> None:
    """Look at the library's folders again: new, changed and vanished files.

    A folder of which no file is there any more keeps its tracks: its disk may be away. --prune removes them.

    Example: recommend index update --library film-music --retry"""
    left = list["LeftOut"]()
    chosen = {"reanalyse": reanalyse, "prune": prune, **work.settings()}
    counts = follow(ingest.update(open_library(library), load_model(model), **chosen), "analysing", left=left)
    _report(counts, left, format)
    fail_if_lost(counts)


@app.command("upgrade")
@take_options
def index_upgrade(*, library: LibraryOption = "default", model: ModelOption = "builtin", work: WorkOptions) -> None:
    """Move a library to another model; it stays searchable with the old one until all is done.

    Where the new model reads the same features, nothing is decoded again. Interrupted, the same command goes on.

    Example: recommend index upgrade --library film-music --model my-model"""
    analyser, opened = load_model(model), open_library(library)
    if analyser.space == opened.space:
        write(f"the library is searched with {analyser.name} revision {analyser.revision} already\n")
        return
    counts = follow(ingest.upgrade(opened, analyser, **work.settings()), "upgrading")
    if not work.dry_run:
        write(f"the library is searched with {analyser.name} revision {analyser.revision} now\n")
    fail_if_lost(counts)


@app.command("remove")
def index_remove(
    paths: Annotated[list[Path], argument("Files or folders as `index list` shows them.")],
    library: LibraryOption = "default",
) -> None:
    """Take files, or everything under a folder, out of a library (the files stay).

    Example: recommend index remove ~/Music/Demos"""
    counts = follow(ingest.remove(open_library(library), paths), "removing")
    if not counts["removed"]:
        raise CliptuneError(f"nothing of {', '.join(map(show, paths))} is in this library (`recommend index list`)")


@app.command("list", help="List the tracks, or the files that failed.\n\nExample: recommend index list --format json")
def index_list(
    library: LibraryOption = "default",
    failed: Annotated[bool, option("The files that could not be used, with the reason.", "--failed")] = False,
    format: FormatOption = TABLE,
) -> None:
    from recommender.outputs import records

    opened = open_library(library)
    rows = [*(map(records.failure_record, opened.failures()) if failed else map(records.track_record, opened.tracks()))]
    columns: Sequence[str] = records.FAILURE_COLUMNS if failed else records.TRACK_COLUMNS
    write_list(Listing(rows, rows, columns), format)


@app.command("info", help="Size, model, backend and health of a library.\n\nExample: recommend index info")
def index_info(library: LibraryOption = "default", format: FormatOption = TABLE) -> None:
    from indexing.maintenance.verify import info

    write_list(facts(info(open_library(library))), format)


@app.command("verify")
def index_verify(
    library: LibraryOption = "default",
    queries: Annotated[int, option("Queries of the search's audit; 0 leaves it out.", min=0)] = 50,
    format: FormatOption = TABLE,
) -> None:
    """Check every part of a library, and its search against brute force; exit 0 only when all is whole.

    Example: recommend index verify --format json"""
    from indexing.disk.locations import existing
    from indexing.maintenance.verify import examine

    report = examine(existing(library), queries)
    if format != "json":
        for orphan in report.orphans:
            tell(f"orphan: {show(orphan)}: harmless, the next writer removes it")
        for modality, recall in report.recalls.items():
            tell(f"search of {modality}: {recall}")
    text = "".join(f"{problem}\n" for problem in report.problems) or "whole\n"
    value = report.as_json()
    write_list(Listing(value, value["problems"], ("kind", "text"), text), format)
    if report.problems:
        raise CliptuneError(f"{len(report.problems)} problem(s) found; `recommend index repair` puts right what it can")


@app.command("repair")
def index_repair(
    folders: Annotated[list[Path] | None, argument("Where files may be whose paths are lost.")] = None,
    library: LibraryOption = "default",
    model: ModelOption = "builtin",
    workers: WorkersOption = None,
    timeout: TimeoutOption = None,
    executor: ExecutorOption = None,
    scheduler: SchedulerOption = None,
) -> None:
    """Put a damaged library right with what is left of it; only what is damaged is analysed again.

    Folders are looked through for files whose paths are lost. What cannot be read now is left as it is, damaged files
    are kept in the library's folder `aside`. Exit 0 only when all is whole and nothing is lost.

    Example: recommend index repair ~/Music"""
    from indexing.disk.locations import existing
    from indexing.maintenance.repair import repair, what_is_left

    where, analyser = name_executor(executor, scheduler), load_model(model)
    events = repair(library, analyser, folders or (), workers=workers, executor=where, limit_s=timeout)
    follow(events, "repairing")
    if reason := what_is_left(existing(library)):
        raise CliptuneError(reason)
    write("whole\n")


@app.command("compact")
def index_compact(library: LibraryOption = "default") -> None:
    """Merge small parts, drop dead rows and shrink the catalog; `index info` says when it pays.

    Example: recommend index compact --library film-music"""
    from indexing.disk.locations import existing
    from indexing.maintenance.compact import compact

    saved = compact(existing(library))
    write(f"{saved}\n")
    if saved.left:
        raise CliptuneError(f"{len(saved.left)} part(s) were left as they are: {saved.why}")


@app.command("build")
def index_build(
    library: LibraryOption = "default",
    memory: Annotated[str | None, option("Most that the index may take, such as 2GB.")] = None,
    recall: Annotated[float | None, option("Share of the best 10 and 100 windows to find; 1: all.")] = None,
    backend: Annotated[
        str | None,
        option("What searches: exact, faiss_flat, torch, faiss_pq, representatives, or auto (by size and device)."),
    ] = None,
) -> None:
    """Build the search index of a large library; also done in the background after adding.

    All options are kept with the library. Queries go on meanwhile; `index info` shows what was measured.

    Example: recommend index build --library film-music --memory 2GB --recall 0.99"""
    from indexing.maintenance.build_index import rebuild

    for modality, built in rebuild(open_library(library), memory, recall, backend=backend).items():
        write(f"{modality}: {built}\n")


@app.command("publish")
def index_publish(
    library: LibraryOption = "default",
    server: Annotated[
        str | None, option("qdrant://host:port/collection, milvus://..., or local: none. [default: the one before]")
    ] = None,
    anew: Annotated[bool, option("Send everything again, also in place of another library.", "--anew")] = False,
) -> None:
    """Send a library to a vector server, which is asked for candidates from then on; later what has changed.

    Answers stay those of the library. qdrants:// and milvuss:// encrypt; a key is read from QDRANT_API_KEY or
    MILVUS_TOKEN. Interrupted, the same command goes on. On other machines it sends nothing: they ask the server, too.

    Example: recommend index publish --library film-music --server qdrant://search.example.org:6333/film_music"""
    from indexing.maintenance.publish import Published, publish
    from indexing.search.servers.address import read_address

    opened = open_library(library)
    if server is None and opened.server is None:
        raise InputError("name the server by --server qdrant://host:port/collection")
    address = opened.server.address if server is None and opened.server else read_address(server or "")
    with Progress("publishing") as progress, say_when_interrupted("what was sent is kept"):
        for event in publish(opened, address, anew=anew):
            if isinstance(event, Published):
                write(f"{event}\n")
            else:
                progress.stage(event.modality, event.done, event.total)
    write("the library answers by itself\n" if opened.server is None else f"candidates come from {address}\n")


def _reader(name: str) -> "Model":
    model = load_model(name)
    if not model.reads_features:
        raise InputError(f"the model '{show(name)}' analyses media itself: use `recommend index add`")
    return model


@app.command("import")
def index_import(
    vectors: Annotated[Path, argument(".npy [n, dim], or .parquet with a `vector` column.")],
    ids: Annotated[Path | None, option("CSV with a column `id` (and path, title, start_s, ...).")] = None,
    space: Annotated[str, option("Name of the space: what made the vectors.")] = "",
    model: Annotated[str | None, option("Retrieval model, by name or folder, that reads the rows as features.")] = None,
    kind: KindOption = Kind.music,
    library: LibraryOption = "default",
) -> None:
    """Import precomputed vectors as a library of their own space.

    Embeddings need the name of their space; features, the retrieval model that reads them.

    Examples: recommend index import vectors.npy --ids ids.csv --space my-encoder --library platform

    recommend index import vggish.npy --ids ids.csv --model my-retrieval --library vggish"""
    from indexing.ingest.import_vectors import import_vectors

    if bool(space) == bool(model):
        raise InputError(
            "give --space NAME for embeddings (queries must come from the same encoder), or --model for features"
        )
    made = import_vectors(library, vectors, ids, space=_reader(model) if model else space, modality=kind.modality)
    write(f"{made.tracks} tracks, {made.windows} vectors of {made.dim} dimensions imported\n")
