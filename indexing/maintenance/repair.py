"""A damaged library put right with what is left of it: nothing is given up that any copy of it still holds."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from indexing.catalog.changes import Refused
from indexing.catalog.queries import DANGLING, Catalog
from indexing.catalog.rows import NEVER, Held, Stored
from indexing.catalog.writer import CatalogWriter
from indexing.disk import parts
from indexing.disk.content_hash import content_hash
from indexing.disk.durable import library_errors
from indexing.disk.files import File, file_of
from indexing.disk.locations import existing, is_lost, library_path
from indexing.ingest.events import Event, Mended
from indexing.ingest.job import Job
from indexing.ingest.pipeline import Pipeline
from indexing.ingest.plan import Decisions
from indexing.maintenance import damage, derived, salvage
from indexing.maintenance.relink import relink
from indexing.maintenance.verify import examine, orphans
from indexing.snapshot import snapshot
from indexing.writing.writer import Writer, mismatch, writing
from recommender.model import Model
from recommender.text import show
from recommender.types import Modality

_LOST = "lost with a damaged part"


def repair(
    name_or_path: str | Path,
    analyser: Model,
    folders: Sequence[str | Path] = (),
    *,
    workers: int | None = None,
    executor: str = "processes",
    limit_s: float | None = None,
    wait_s: float = 0.0,
) -> Generator[Event]:
    """Put a library right; a Mended event for everything that was done or cannot be done.

    In this order: a snapshot that fails its checks is dropped, the catalog is brought back, files that no catalog knows
    are linked or removed, what damaged parts still hold is kept and the rest analysed again from its files, and the
    snapshot is made anew. Interrupted, the next call goes on. Of a part that cannot be read now nothing is changed.

    Parameters
    ----------
    name_or_path: of the library. analyser: its model. folders: looked through for files whose paths are lost.
    workers, executor, limit_s, wait_s: as in `ingest.Choices`.

    Raises LibraryLocked, LibraryError, SpaceMismatch.
    """
    folder = library_path(name_or_path)
    folder = folder if is_lost(folder) else existing(name_or_path)
    yield from derived.clear_way(folder)
    yield from derived.drop_failing(folder, wait_s)
    yield from salvage.bring_back(folder, analyser, wait_s)
    strays = orphans(folder)
    with writing(folder, wait_s=wait_s) as writer:
        yield from _tell_gone(folder, strays)
        yield from damage.put_back(writer)
        damaged = yield from _damaged(writer)
        yield from _references(writer)
        writer.apply(partial(_give_paths, folder=folder))
        yield from relink(writer, folders)
        yield from _parts(writer, damaged, analyser, partial(_pipeline, writer, analyser, workers, executor, limit_s))
        strays = orphans(folder)  # now that no part is missing, none of them can be it
        writer.clear()
        yield from _tell_gone(folder, strays)
        yield from _snapshot(writer)


def _tell_gone(folder: Path, strays: Iterable[str]) -> Iterator[Event]:
    gone = (name for name in strays if not (folder / parts.FOLDER / name).exists())
    yield from (Mended(f"removed {name}, which a killed writer left") for name in gone)


def what_is_left(folder: Path) -> str | None:
    """In a line what is not whole, or was in a damaged part alone and so is lost for now; None for nothing."""
    if problems := examine(folder, queries=0).problems:
        return f"{len(problems)} problem(s) are left: {problems[0]}"
    with library_errors(folder, "read the library at"), closing(Catalog.open(folder)) as catalog:
        gone = [failure for failure in catalog.failures() if failure.reason.startswith(_LOST)]
    if not gone:
        return None
    told = f"{len(gone)} file(s) are {_LOST}, {show(gone[0].path)} among them"
    return f"{told}: bring them back and run `recommend index update`"


def _pipeline(
    writer: Writer, analyser: Model, workers: int | None, executor: str, limit_s: float | None, modality: Modality
) -> Pipeline:
    if analyser.space != writer.space:
        raise mismatch(writer.folder, writer.space, analyser.space)
    return Pipeline(writer, analyser, modality, workers, executor, limit_s)


def _references(writer: Writer) -> Iterator[Event]:
    """Rows that refer to nothing go: what they described is looked at again by the next update."""
    for table in DANGLING:
        if found := writer.reading(partial(Catalog.count_dangling, table=table)):
            writer.apply(partial(CatalogWriter.drop_dangling, table=table))
            yield Mended(f"dropped {found} rows of {table} that refer to what is not there: `index update`")


def _damaged(writer: Writer) -> Generator[Event, None, list[Held]]:
    """The parts that are damaged, once the catalog says what the others hold."""
    found = list(damage.find_flaws(writer))
    dangling = writer.reading(partial(Catalog.count_dangling, table="tracks"))
    if dangling or any(flaw.written and not flaw.unread for flaw in found):
        yield from damage.place_again(writer)
        found = list(damage.find_flaws(writer))
    yield from (Mended(f"part {flaw.held.part.name}: {flaw.why}") for flaw in found)
    return [flaw.held for flaw in found if not flaw.unread]


def _give_paths(catalog: CatalogWriter, folder: Path) -> None:
    """Give tracks without a path those that a snapshot of this catalog has for them."""
    published = snapshot.load_or_none(folder)
    if published is not None and published.uid == catalog.head().uid:
        salvage.give_paths(folder, catalog)


def _parts(writer: Writer, damaged: list[Held], analyser: Model, pipeline: Any) -> Iterator[Event]:
    """Keep what damaged parts still hold, and analyse the rest again from whichever of its files is there."""
    some = [held.id for held in damaged]
    for held in damaged:
        yield from damage.keep_remains(writer, held, analyser)
    lost_tracks = partial(Catalog.tracks_in, parts=some)
    tried: set[str] = set()
    while jobs := _jobs(writer.reading(lost_tracks), tried):
        for modality in sorted({job.modality for job in jobs}):
            mine = [job for job in jobs if job.modality == modality]
            yield from pipeline(modality).run(Decisions(jobs=mine))
    yield from _hopeless(writer, writer.reading(lost_tracks))
    writer.apply(partial(CatalogWriter.drop_empty, some=some))


def _jobs(lost: list[Stored], tried: set[str]) -> list[Job]:
    """The next file of each track to try, one that is as it was: a changed one is for the next update."""
    jobs = []
    for track in lost:
        for path in track.paths:
            if path not in tried and (file := _file(path, track.hash)) is not None:
                tried.add(path)
                jobs.append(Job(file, track.modality, track.hash))
                break
    return jobs


def _file(path: str, digest: bytes) -> File | None:
    """The file at `path` where it has that content."""
    try:
        status = Path(path).stat()
        return file_of(path, status) if content_hash(Path(path)) == digest else None
    except (OSError, ValueError):
        return None


def _hopeless(writer: Writer, lost: list[Stored]) -> Iterator[Event]:
    """Tracks of damaged parts without a file: kept where the snapshot has them, else remembered as failures."""
    published = snapshot.load_or_none(writer.folder)
    for track in lost:
        name = show(track.paths[0]) if track.paths else f"track {track.id}"
        if published is not None and _in_snapshot(published, track):
            yield Mended(f"{name} is searchable from the snapshot alone: bring its file back and repair again")
            continue
        reason = _LOST + "; " + ("add its file again" if track.size else "import it again")
        batch = [Refused(File(path, track.size, NEVER), track.hash, reason) for path in track.paths]
        writer.commit(batch, track.modality)
        yield Mended(f"{name} is {reason}")


def _in_snapshot(published: snapshot.Snapshot, track: Stored) -> bool:
    places = ((segment, segment.place(track.id)) for segment in published.segments.get(track.modality, []))
    return any(at is not None and int(segment.parts[at]) == track.part for segment, at in places)


def _snapshot(writer: Writer) -> Iterator[Event]:
    """Make the snapshot anew where it is not what the store holds."""
    writer.publish()
    problems = examine(writer.folder, queries=0).problems
    if {problem.kind for problem in problems} == {"snapshot"}:
        with library_errors(writer.folder, "write to the library at"):
            (writer.folder / snapshot.MANIFEST).unlink(missing_ok=True)
        writer.publish()
        yield from (Mended(f"the snapshot was made anew: {problem.text}") for problem in problems)
