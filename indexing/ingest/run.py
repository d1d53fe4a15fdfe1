"""Files into a library, as a stream of events: scan, decide, analyse in parallel, commit in batches."""

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

from indexing.catalog.changes import Gone
from indexing.catalog.queries import Catalog
from indexing.catalog.rows import Known
from indexing.catalog.writer import CatalogWriter
from indexing.disk.durable import library_errors
from indexing.disk.files import absolute, below, is_gone
from indexing.ingest import plan
from indexing.ingest.events import Event, LeftOut, Plan, Planned, Recoded, Removed, Skipped
from indexing.ingest.pipeline import Pipeline
from indexing.ingest.reencode import recodable, recode
from indexing.ingest.scan import scan
from indexing.ingest.sweep import Kept, Task, chunks, missing, problems, remember_roots, sweep
from indexing.library import Library
from indexing.writing.writer import Writer, writing
from recommender.charsets import check
from recommender.errors import LibraryError
from recommender.filters import alike
from recommender.model import Model
from recommender.text import fold_path, show
from recommender.types import Modality

_MODALITIES: tuple[Modality, ...] = ("music", "video")


class Choices(TypedDict, total=False):
    """Keyword arguments of `add` and `update`.

    Attributes
    ----------
    workers:   processes; None (default) takes one per core that this process may use, or all that a cluster has.
    retry:     try files again that failed before.
    reanalyse: analyse known content again; moves the whole library to the analyser's space.
    prune:     also take out what is below a folder whose files are all gone at once (else: a disk that is away).
    dry_run:   only say what would be done; nothing is written.
    wait_s:    how long to wait for another writer, in seconds (default 0).
    executor:  name in `EXECUTORS` (default "processes"); "dask:ADDRESS" with that of a scheduler, or its file.
    limit_s:   seconds after which a file is given up; None (default) goes by its size.
    tag_charset: of tags that are marked as Latin-1, such as "cp1251"; None (default) finds it. Also read again are the
        tags of files that are known.
    follow_links: follow links that lead out of the folders named, too.
    """

    workers: int | None
    retry: bool
    reanalyse: bool
    prune: bool
    dry_run: bool
    wait_s: float
    executor: str
    limit_s: float | None
    tag_charset: str | None
    follow_links: bool


@dataclass(frozen=True)
class _Run:
    """The resolved choices and the analyser."""

    analyser: Model
    workers: int | None = None
    retry: bool = False
    reanalyse: bool = False
    prune: bool = False
    dry_run: bool = False
    wait_s: float = 0.0
    executor: str = "processes"
    limit_s: float | None = None
    tag_charset: str | None = None
    follow_links: bool = False

    def __post_init__(self) -> None:
        if self.tag_charset is not None:
            check(self.tag_charset)


def add(
    library: Library | None,
    paths: Iterable[str | Path],
    analyser: Model,
    *,
    modality: Modality = "music",
    **choices: Unpack[Choices],
) -> Generator[Event]:
    """Bring files into the library; first a Plan and what was LeftOut, then an event per file.

    Parameters
    ----------
    library: open; None for a dry run into a library that is yet to be made.
    paths: of files and folders, with all below them. analyser: the library's model. modality: what to read of them.
    choices: see `Choices`.

    Events come after their batch is committed; the library is locked until the iterator ends or is closed, and
    shows the new state then. Raises LibraryLocked, SpaceMismatch, LibraryError (full disk: what was committed
    stays).
    """
    run = _Run(analyser, **choices)
    wanted: dict[Modality, list[str]] = {modality: [absolute(path) for path in paths]}
    yield from _carry_out(library, wanted, run, sweeping=False)


def update(library: Library, analyser: Model, **choices: Unpack[Choices]) -> Generator[Event]:
    """Look again at everything that was added: new, changed and vanished files; events as in `add`.

    Parameters
    ----------
    library: open. analyser: its model. choices: see `Choices`.

    A folder whose files are all gone at once, or that is not there (an unplugged disk), is Warned about and keeps its
    tracks, unless they are to be pruned.
    """
    yield from _carry_out(library, _roots(library), _Run(analyser, **choices), sweeping=True)


def upgrade(library: Library, analyser: Model, **choices: Unpack[Choices]) -> Generator[Event]:
    """Move the library to another model, which becomes the searched one once everything is there.

    Parameters
    ----------
    library: open. analyser: the other model. choices: see `Choices`.

    Tracks whose features were measured as the analyser's source measures them are coded from what the library holds,
    whether or not their files are at hand; the others are analysed again, and the folders looked at as in `update`.
    Interrupted, the old model stays searchable and the next call goes on. Nothing happens under the same model.
    Raises LibraryError, and changes nothing that is searched, when tracks would be lost: their disk is not there, or
    they were imported.
    """
    run = _Run(analyser, **choices)
    if analyser.space == library.space:
        yield Plan(0, 0, 0)
    elif run.dry_run:
        yield from _rehearse_upgrade(library, run)
    else:
        yield from _move(library, _roots(library), run, recoding=True)


def remove(library: Library, paths: Iterable[str | Path], wait_s: float = 0.0) -> Generator[Event]:
    """Take files, or all below folders, out of the library; the files themselves stay where they are.

    Parameters
    ----------
    library: open. paths: of files and folders. wait_s: how long to wait for another writer, in seconds.

    `update` no longer looks at these folders. Imported tracks are named by their path or id. What is not in
    the library is Skipped.
    """
    with _session(library, None, wait_s) as writer:
        for path in paths:
            places = _spellings(writer, absolute(path))
            gone = [p for m in _MODALITIES for p in _remove(writer, os.fspath(path), m, places=places)]
            for place in places:
                writer.apply(partial(CatalogWriter.drop_roots, under=place))
            yield from (Removed(p) for p in gone)
            if not gone:
                yield Skipped(os.fspath(path), "not in the library")
        writer.publish()


def _spellings(writer: Writer, path: str) -> set[str]:
    """A path of a file or folder, also as the library spells it."""
    known = [writer.reading(partial(Catalog.known, modality=modality)) for modality in _MODALITIES]
    paths = (p for one in known for p in (*one.files, *one.failed, *(root.path for root in one.roots)))
    return {path, *alike([path], paths).get(path, ())}


def _remove(writer: Writer, path: str, modality: Modality, *, places: set[str]) -> list[str]:
    known = writer.reading(lambda catalog: catalog.known(modality))
    every = {*known.files, *known.failed}
    named = fold_path(path)
    hits = sorted(p for p in every if fold_path(p) == named or any(below(p, place) for place in places))
    for chunk in chunks(hits):
        writer.commit([Gone(p) for p in chunk], modality)
    return hits


def _carry_out(
    library: Library | None, wanted: dict[Modality, list[str]], run: _Run, sweeping: bool
) -> Iterator[Event]:
    """The events of `add`, and with `sweeping`, where all roots are wanted, of `update`."""
    if run.dry_run:
        yield from _rehearse(library, wanted, run, sweeping)
    elif library is None:
        raise LibraryError("there is no library to add to; make one first")
    elif run.reanalyse and run.analyser.space != library.space:
        yield from _move(library, wanted if sweeping else _merge(_roots(library), wanted), run)
    else:
        with _session(library, run) as writer:
            yield from _ingest(writer, wanted, run, sweeping=sweeping)


@contextmanager
def _session(library: Library, run: _Run | None, wait_s: float = 0.0, switch: bool = False) -> Iterator[Writer]:
    """A context with the library's writer, after which the library shows the new state."""
    was_open = library.is_open
    try:
        space, wait = (run.analyser.space, run.wait_s) if run else (None, wait_s)
        with writing(library.folder, space, wait, switch=switch) as writer:
            try:
                yield writer
            finally:
                library.close()  # the writer is the last to close: SQLite then folds its journal into the file
    finally:
        if was_open:
            library.reload()


def _roots(library: Library) -> dict[Modality, list[str]]:
    out: dict[Modality, list[str]] = {}
    for root in library.roots():
        out.setdefault(root.modality, []).append(root.path)
    return out


def _merge(roots: dict[Modality, list[str]], more: dict[Modality, list[str]]) -> dict[Modality, list[str]]:
    return {m: [*roots.get(m, []), *more.get(m, [])] for m in _MODALITIES if m in roots or m in more}


def _ingest(
    writer: Writer, wanted: Mapping[Modality, list[str]], run: _Run, *, sweeping: bool, old: int | None = None
) -> Iterator[Event]:
    """Everything between taking the lock and publishing the snapshot; `old`: the space that is left."""
    tasks = []
    for modality, paths in wanted.items():
        known = writer.reading(partial(Catalog.known, modality=modality))
        held = known if old is None else writer.reading(partial(_known_before, space=old, modality=modality))
        tasks.append(_task(modality, paths, known, run=run, held=held if sweeping else None))
    yield _total(tasks)
    yield from _left_out(tasks)
    try:
        for task in tasks:
            remember_roots(writer, task, sweeping)
            yield from problems(task, sweeping)
            how = run.workers, run.executor, run.limit_s
            pipeline = Pipeline(writer, run.analyser, task.modality, *how, charset=run.tag_charset)
            yield from pipeline.run(task.decisions)
            if sweeping:
                yield from sweep(writer, task, run.prune)
    except (KeyboardInterrupt, GeneratorExit):
        writer.publish()
        raise
    writer.publish()


def _task(modality: Modality, paths: list[str], known: Known, *, run: _Run, held: Known | None) -> Task:
    """What one modality of a run finds and decides; sweeping, nothing `held` is lost for being left out now."""
    absent = set(plan.absent_roots(known))
    files = [] if held is None else [path for path, file in held.files.items() if not file.imported]
    found = scan([p for p in paths if p not in absent], modality, follow_links=run.follow_links, held=files)
    decide = partial(plan.decide, retry=run.retry, reanalyse=run.reanalyse, charset=run.tag_charset)
    decisions = decide(found.files, known, modality)
    kept: Kept = dict.fromkeys(path for path in paths if path in absent)
    if held is not None:
        there = {file.path for file in found.files} | decisions.moved
        kept = {} if run.prune else {**kept, **plan.folders_away(known, there)}
    return Task(modality, paths, found, known, decisions, kept)


def _known_before(catalog: Catalog, space: int, modality: Modality) -> Known:
    return catalog.beside(space).known(modality)


def _left_out(tasks: list[Task]) -> Iterator[LeftOut]:
    left = sum((task.found.left_out for task in tasks), LeftOut())
    yield from [left] if left else []


def _total(tasks: list[Task]) -> Plan:
    plans = [task.decisions.plan() for task in tasks]
    return Plan(sum(p.total for p in plans), sum(p.to_analyse for p in plans), sum(p.bytes for p in plans))


def _rehearse(
    library: Library | None, wanted: Mapping[Modality, list[str]], run: _Run, sweeping: bool
) -> Iterator[Event]:
    """The events of a run without its analyses, and without writing anything."""
    tasks = []
    for modality, paths in wanted.items():
        known = _load_known(library, modality)
        tasks.append(_task(modality, paths, known, run=run, held=known if sweeping else None))
    yield _total(tasks)
    yield from _left_out(tasks)
    for task in tasks:
        yield from problems(task, sweeping)
        yield from (Skipped(path, reason) for path, reason in task.decisions.skip)
        yield from (Skipped(linked.file.path, reason) for linked, reason in task.decisions.links)
        yield from (Planned(job.file.path) for job in task.decisions.jobs)
        yield from (Skipped(job.file.path, "copy") for job in task.decisions.wait)
        if sweeping:
            yield from (Removed(p) for p in missing(task.known, task.kept) if p not in task.decisions.moved)


def _load_known(library: Library | None, modality: Modality) -> Known:
    if library is None:
        return Known()
    with library_errors(library.folder, "read the library at"), closing(Catalog.open(library.folder)) as catalog:
        return catalog.known(modality)


def _move(library: Library, wanted: Mapping[Modality, list[str]], run: _Run, recoding: bool = False) -> Iterator[Event]:
    """Bring the whole library into another space, beside the old one; then switch in one transaction.

    `recoding` makes use of the features that the library holds. Interrupted, the old space stays searchable and the
    next run goes on where this one stopped.
    """
    with _session(library, run, switch=True) as writer:
        old = writer.reading(Catalog.head).space_id
        if recoding:
            yield from _recode(writer, old, run.analyser)
        told = set()
        for event in _ingest(writer, wanted, replace(run, reanalyse=False), sweeping=True, old=old):
            told |= {event.path} if isinstance(event, Removed) else set()
            yield event
        gone = [event for m in _MODALITIES for event in _left_behind(writer, old, m, prune=run.prune)]
        if not any(writer.reading(partial(Catalog.known, modality=m)).files for m in _MODALITIES):
            raise LibraryError(
                f"nothing of the library at {show(library.folder)} could be analysed; it stays as it is, "
                "searchable with the model it was indexed with"
            )
        writer.apply(CatalogWriter.adopt)
        writer.publish()
        yield from (event for event in gone if event.path not in told)


def _recode(writer: Writer, old: int, analyser: Model) -> Iterator[Event]:
    todo = writer.reading(
        lambda catalog: recodable(writer.folder, catalog.beside(old), catalog.space_id, analyser=analyser)
    )
    yield Plan(todo.tracks, todo.tracks, 0)
    yield from recode(writer, old, analyser, todo=todo)


def _left_behind(writer: Writer, old: int, modality: Modality, *, prune: bool) -> list[Removed]:
    """What of the old space is not in the writer's: files that failed for good, or that are gone from their disk.

    Raises LibraryError for any other, which the move would lose.
    """
    before = writer.reading(lambda catalog: catalog.beside(old).known(modality))
    now = writer.reading(lambda catalog: catalog.known(modality))
    left = sorted(before.files.keys() - now.files.keys())
    passing = [now.failed[p].reason for p in left if p in now.failed and now.failed[p].passing]
    if passing:
        raise LibraryError(
            f"{len(passing)} track(s) of the library at {show(writer.folder)} could not be analysed now, the first: "
            f"{passing[0]}; until the same command has been run again the library stays as it is, searchable with its "
            "old model"
        )
    there = {path for path in left if before.files[path].hash in now.paths}
    kept = () if prune else {*plan.absent_roots(before), *plan.folders_away(before, there)}
    gone = {path for path in left if is_gone(path) and not any(below(path, place) for place in kept)}
    lost = [p for p in left if p not in now.failed and (before.files[p].imported or p not in gone)]
    if lost:
        raise LibraryError(
            f"{len(lost)} track(s) of the library at {show(writer.folder)} could not be brought over, the first is "
            f"{show(lost[0])}: plug in the disk it is on and run the same command again, or take it out first "
            "(`recommend index remove`); until then the library stays as it is, searchable with its old model"
        )
    return [Removed(p, now.failed[p].reason if p in now.failed and p not in gone else "") for p in left]


def _rehearse_upgrade(library: Library, run: _Run) -> Iterator[Event]:
    """The tracks that `upgrade` would code from what the library holds, and those it would analyse."""
    with library_errors(library.folder, "read the library at"), closing(Catalog.open(library.folder)) as catalog:
        todo = recodable(library.folder, catalog, None, analyser=run.analyser)
        coded = {path for part in todo for path in catalog.paths_in(part)}
    rest = sorted(track.path for track in library.tracks() if track.path not in coded)
    yield Plan(len(coded) + len(rest), len(rest), 0)
    yield from (Planned(path) for path in rest)
    yield from (Recoded(path) for path in sorted(coded))
