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
from indexing.catalog.rows import Known, Root
from indexing.catalog.writer import CatalogWriter
from indexing.disk.files import absolute, below, is_gone, trouble
from indexing.ingest import plan
from indexing.ingest.events import Event, LeftOut, Plan, Planned, Recoded, Removed, Skipped, Warned
from indexing.ingest.pipeline import Pipeline
from indexing.ingest.plan import Decisions
from indexing.ingest.reencode import recodable, recode
from indexing.ingest.scan import Found, scan
from indexing.library import Library
from indexing.writing.writer import Writer, writing
from recommender.errors import LibraryError
from recommender.model import Model
from recommender.text import show
from recommender.types import Modality

_MODALITIES: tuple[Modality, ...] = ("music", "video")
_CHUNK = 500  # catalog-only changes per transaction


class Choices(TypedDict, total=False):
    """Keyword arguments of `add` and `update`.

    Attributes
    ----------
    workers:   processes; None (default) takes one per core that this process may use.
    retry:     try files again that failed before.
    reanalyse: analyse known content again; moves the whole library to the analyser's space.
    dry_run:   only say what would be done; nothing is written.
    wait_s:    how long to wait for another writer, in seconds (default 0).
    executor:  name in `EXECUTORS` (default "processes").
    limit_s:   seconds after which a file is given up; None (default) goes by its size.
    follow_links: follow links that lead out of the folders named, too.
    """

    workers: int | None
    retry: bool
    reanalyse: bool
    dry_run: bool
    wait_s: float
    executor: str
    limit_s: float | None
    follow_links: bool


@dataclass(frozen=True)
class _Run:
    """The resolved choices and the analyser."""

    analyser: Model
    workers: int | None = None
    retry: bool = False
    reanalyse: bool = False
    dry_run: bool = False
    wait_s: float = 0.0
    executor: str = "processes"
    limit_s: float | None = None
    follow_links: bool = False


@dataclass
class _Task:
    """One modality of a run: what was found, what the catalog knows, what follows."""

    modality: Modality
    paths: list[str]
    found: Found
    known: Known
    decisions: Decisions


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
    yield from _carry_out(library, wanted, run, sweep=False)


def update(library: Library, analyser: Model, **choices: Unpack[Choices]) -> Generator[Event]:
    """Look again at everything that was added: new, changed and vanished files; events as in `add`.

    Parameters
    ----------
    library: open. analyser: its model. choices: see `Choices`.

    A root that is not there (an unplugged disk) is Warned about and keeps its tracks.
    """
    yield from _carry_out(library, _roots(library), _Run(analyser, **choices), sweep=True)


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
            gone = [p for m in _MODALITIES for p in _remove(writer, os.fspath(path), m)]
            writer.apply(partial(CatalogWriter.drop_roots, under=absolute(path)))
            yield from (Removed(p) for p in gone)
            if not gone:
                yield Skipped(os.fspath(path), "not in the library")
        writer.publish()


def _remove(writer: Writer, path: str, modality: Modality) -> list[str]:
    known = writer.reading(lambda catalog: catalog.known(modality))
    hits = sorted(p for p in {*known.files, *known.failed} if p == path or below(p, absolute(path)))
    for chunk in _chunks(hits):
        writer.commit([Gone(p) for p in chunk], modality)
    return hits


def _carry_out(library: Library | None, wanted: dict[Modality, list[str]], run: _Run, sweep: bool) -> Iterator[Event]:
    """The events of `add`, and with `sweep`, where all roots are wanted, of `update`."""
    if run.dry_run:
        yield from _rehearse(library, wanted, run, sweep)
    elif library is None:
        raise LibraryError("there is no library to add to; make one first")
    elif run.reanalyse and run.analyser.space != library.space:
        yield from _move(library, wanted if sweep else _merge(_roots(library), wanted), run)
    else:
        with _session(library, run) as writer:
            yield from _ingest(writer, wanted, run, sweep=sweep)


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
    writer: Writer, wanted: Mapping[Modality, list[str]], run: _Run, *, sweep: bool, old: int | None = None
) -> Iterator[Event]:
    """Everything between taking the lock and publishing the snapshot; `old`: the space that is left."""
    tasks = []
    for modality, paths in wanted.items():
        known = writer.reading(partial(Catalog.known, modality=modality))
        held = known if old is None else writer.reading(partial(_known_before, space=old, modality=modality))
        tasks.append(_task(modality, paths, known, run=run, held=held if sweep else Known()))
    yield _total(tasks)
    yield from _left_out(tasks)
    try:
        for task in tasks:
            if not sweep:
                _remember(writer, task)
            yield from _problems(task, sweep)
            pipeline = Pipeline(writer, run.analyser, task.modality, run.workers, run.executor, run.limit_s)
            yield from pipeline.run(task.decisions)
            if sweep:
                yield from _sweep(writer, task)
    except (KeyboardInterrupt, GeneratorExit):
        writer.publish()
        raise
    writer.publish()


def _task(modality: Modality, paths: list[str], known: Known, *, run: _Run, held: Known) -> _Task:
    """What one modality of a run finds and decides; of the tracks `held`, none is lost for being left out now."""
    absent = set(plan.absent_roots(known))
    files = [path for path, file in held.files.items() if not file.imported]
    found = scan([p for p in paths if p not in absent], modality, follow_links=run.follow_links, held=files)
    decisions = plan.decide(found.files, known, modality, retry=run.retry, reanalyse=run.reanalyse)
    return _Task(modality, paths, found, known, decisions)


def _known_before(catalog: Catalog, space: int, modality: Modality) -> Known:
    return catalog.beside(space).known(modality)


def _left_out(tasks: list[_Task]) -> Iterator[LeftOut]:
    left = sum((task.found.left_out for task in tasks), LeftOut())
    yield from [left] if left else []


def _total(tasks: list[_Task]) -> Plan:
    plans = [task.decisions.plan() for task in tasks]
    return Plan(sum(p.total for p in plans), sum(p.to_analyse for p in plans), sum(p.bytes for p in plans))


def _problems(task: _Task, sweep: bool) -> Iterator[Event]:
    """What the scan could not look at; when sweeping, a root file that vanished is not a problem but news."""
    for path in plan.absent_roots(task.known):
        if path in task.paths:
            yield Warned(path, trouble(path, "it is not there (an unplugged disk?); its tracks stay in the library"))
    for problem in task.found.problems:
        if not (sweep and problem.path in task.paths and is_gone(problem.path)):
            yield problem


def _remember(writer: Writer, task: _Task) -> None:
    """Record as roots the paths that held any file, for `update`."""
    for path in task.paths:
        if any(below(file.path, path) for file in task.found.files):
            folder = Path(path).is_dir()
            mount = plan.mount_of(path if folder else os.path.dirname(path))  # noqa: PTH120
            root = Root(path, task.modality, folder, mount)
            writer.apply(partial(CatalogWriter.add_root, root=root))


def _sweep(writer: Writer, task: _Task) -> Iterator[Event]:
    """Take out of the library what is no longer on disk."""
    known = writer.reading(lambda catalog: catalog.known(task.modality))
    for chunk in _chunks(_missing(known)):
        writer.commit([Gone(p) for p in chunk], task.modality)
        yield from (Removed(p) for p in chunk)
    for root in known.roots:
        if not root.folder and plan.missing(root.path, known):
            writer.apply(partial(CatalogWriter.drop_roots, under=root.path))


def _missing(known: Known) -> list[str]:
    """What was analysed or failed, and is gone; imported tracks may never have been files."""
    imported = {path for path, file in known.files.items() if file.imported}
    return sorted(p for p in {*known.files, *known.failed} - imported if plan.missing(p, known))


def _rehearse(library: Library | None, wanted: Mapping[Modality, list[str]], run: _Run, sweep: bool) -> Iterator[Event]:
    """The events of a run without its analyses, and without writing anything."""
    tasks = []
    for modality, paths in wanted.items():
        known = _load_known(library, modality)
        tasks.append(_task(modality, paths, known, run=run, held=known if sweep else Known()))
    yield _total(tasks)
    yield from _left_out(tasks)
    for task in tasks:
        yield from _problems(task, sweep)
        yield from (Skipped(path, reason) for path, reason in task.decisions.skip)
        yield from (Skipped(linked.file.path, reason) for linked, reason in task.decisions.links)
        yield from (Planned(job.file.path) for job in task.decisions.jobs)
        yield from (Skipped(job.file.path, "copy") for job in task.decisions.wait)
        if sweep:
            moved = {linked.was for linked, _ in task.decisions.links}
            yield from (Removed(p) for p in _missing(task.known) if p not in moved)


def _load_known(library: Library | None, modality: Modality) -> Known:
    if library is None:
        return Known()
    with closing(Catalog.open(library.folder)) as catalog:
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
        for event in _ingest(writer, wanted, replace(run, reanalyse=False), sweep=True, old=old):
            told |= {event.path} if isinstance(event, Removed) else set()
            yield event
        gone = [p for m in _MODALITIES for p in _left_behind(writer, old, m)]
        if not any(writer.reading(partial(Catalog.known, modality=m)).files for m in _MODALITIES):
            raise LibraryError(
                f"nothing of the library at {show(library.folder)} could be analysed; it stays as it is, "
                "searchable with the model it was indexed with"
            )
        writer.apply(CatalogWriter.adopt)
        writer.publish()
        yield from (Removed(p) for p in gone if p not in told)


def _recode(writer: Writer, old: int, analyser: Model) -> Iterator[Event]:
    todo = writer.reading(
        lambda catalog: recodable(writer.folder, catalog.beside(old), catalog.space_id, analyser=analyser)
    )
    yield Plan(todo.tracks, todo.tracks, 0)
    yield from recode(writer, old, analyser, todo=todo)


def _left_behind(writer: Writer, old: int, modality: Modality) -> list[str]:
    """Paths of the old space that are not in the writer's: files that failed now, or that are gone from their disk.

    Raises LibraryError for any other, which the move would lose.
    """
    before = writer.reading(lambda catalog: catalog.beside(old).known(modality))
    now = writer.reading(lambda catalog: catalog.known(modality))
    left = sorted(before.files.keys() - now.files.keys())
    lost = [p for p in left if p not in now.failed and (before.files[p].imported or not plan.missing(p, before))]
    if lost:
        raise LibraryError(
            f"{len(lost)} track(s) of the library at {show(writer.folder)} could not be brought over, the first is "
            f"{show(lost[0])}: plug in the disk it is on and run the same command again, or take it out first "
            "(`recommend index remove`); until then the library stays as it is, searchable with its old model"
        )
    return left


def _rehearse_upgrade(library: Library, run: _Run) -> Iterator[Event]:
    """The tracks that `upgrade` would code from what the library holds, and those it would analyse."""
    with closing(Catalog.open(library.folder)) as catalog:
        todo = recodable(library.folder, catalog, None, analyser=run.analyser)
        coded = {path for part in todo for path in catalog.paths_in(part)}
    rest = sorted(track.path for track in library.tracks() if track.path not in coded)
    yield Plan(len(coded) + len(rest), len(rest), 0)
    yield from (Planned(path) for path in rest)
    yield from (Recoded(path) for path in sorted(coded))


def _chunks(paths: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(paths), _CHUNK):
        yield paths[at : at + _CHUNK]
