"""A damaged library put right with what is left of it: nothing is given up that any copy of it still holds."""

import os
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from indexing.catalog import queries
from indexing.catalog.schema import contents, parts, recordings, tracks
from indexing.disk.content_hash import fingerprint
from indexing.disk.files import File
from indexing.disk.locations import existing, library_path, lost
from indexing.ingest.events import Event, Mended
from indexing.ingest.job import Job
from indexing.ingest.pipeline import NEVER, Pipeline
from indexing.ingest.plan import Decisions
from indexing.maintenance import salvage
from indexing.maintenance.relink import relink
from indexing.maintenance.verify import checked_part, examine, orphans_in
from indexing.snapshot import snapshot
from indexing.writing import changes
from indexing.writing.changes import Refused
from indexing.writing.writer import Writer, mismatch, writing
from recommender.text import shown
from recommender.types import Analyser, Modality


class Lost(NamedTuple):
    """A content in a damaged part, with the paths that the catalog has for it."""

    id: int
    part: int
    hash: bytes
    size: int
    modality: Modality
    paths: list[str]


def repair(
    name_or_path: str | Path,
    analyser: Analyser,
    folders: Sequence[str | Path] = (),
    *,
    workers: int | None = None,
    executor: str = "processes",
    limit_s: float | None = None,
    wait_s: float = 0.0,
) -> Generator[Event]:
    """Put a library right; a Mended event for everything that was done or cannot be done.

    In this order: the catalog is brought back, files that no catalog knows are linked or removed, tracks in
    damaged parts are analysed again from their files, and the snapshot is made anew. `folders` are looked through for
    files whose paths are lost. Interrupted, the next call goes on. Raises LibraryLocked, LibraryError, SpaceMismatch.
    """
    folder = library_path(name_or_path)
    folder = folder if lost(folder) else existing(name_or_path)
    yield from salvage.bring_back(folder, analyser, wait_s)
    strays = orphans_in(folder)
    with writing(folder, wait_s=wait_s) as writer:
        yield from (Mended(f"removed {name}, which a killed writer left") for name in strays)
        yield from _references(writer)
        yield from relink(writer, folders)
        yield from _parts(writer, partial(_pipeline, writer, analyser, workers, executor, limit_s))
        yield from _snapshot(writer)


def _pipeline(
    writer: Writer, analyser: Analyser, workers: int | None, executor: str, limit_s: float | None, modality: Modality
) -> Pipeline:
    if analyser.space != writer.space:
        raise mismatch(writer.folder, writer.space, analyser.space)
    return Pipeline(writer, analyser, modality, workers, executor, limit_s)


def _references(writer: Writer) -> Iterator[Event]:
    """Rows that refer to nothing go: what they described is looked at again by the next update."""
    lost = [
        (recordings, recordings.c.content.not_in(sa.select(contents.c.id))),
        (contents, contents.c.part.not_in(sa.select(parts.c.id))),
        (tracks, tracks.c.content.not_in(sa.select(contents.c.id))),
    ]
    for table, dangling in lost:
        if found := writer.reading(partial(_count, table=table, where=dangling)):
            writer.apply(partial(_delete, table=table, where=dangling))
            yield Mended(f"dropped {found} rows of {table.name} that refer to what is not there: `index update`")


def _count(link: sa.Connection, table: sa.Table, where: Any) -> int:
    return int(link.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one())


def _delete(link: sa.Connection, table: sa.Table, where: Any) -> list[str]:
    if table is contents:
        gone = sa.select(contents.c.id).where(where)
        link.execute(sa.delete(tracks).where(tracks.c.content.in_(gone)))
        link.execute(sa.delete(recordings).where(recordings.c.content.in_(gone)))
    link.execute(sa.delete(table).where(where))
    return []


def _parts(writer: Writer, pipeline: Any) -> Iterator[Event]:
    """Analyse the tracks of damaged parts again from whichever of their files is there."""
    damaged = writer.reading(partial(_damaged, folder=writer.folder))
    for name, why in damaged.values():
        yield Mended(f"part {name}: {why}")
    tried: set[str] = set()
    while jobs := _jobs(writer.reading(partial(_lost, damaged=damaged)), tried):
        for modality in sorted({job.modality for job in jobs}):
            mine = [job for job in jobs if job.modality == modality]
            yield from pipeline(modality).run(Decisions(jobs=mine))
    yield from _hopeless(writer, damaged)
    writer.apply(partial(_unused, damaged=damaged))


def _damaged(link: sa.Connection, folder: Path) -> dict[int, tuple[str, str]]:
    """Names and what is wrong, of the parts of the searched space that are not whole, by id."""
    head = queries.head(link)
    described = queries.described(link, head.space_id)
    found = {}
    rows = link.execute(sa.select(parts.c.id, parts.c.modality).where(parts.c.space == head.space_id)).all()
    infos = queries.known_parts(link)
    for row in rows:
        problems = list(checked_part(folder, link, infos[row.id], row.id, described[row.modality].columns))
        if problems:
            found[row.id] = (infos[row.id].name, problems[0])
    return found


def _lost(link: sa.Connection, damaged: Any) -> list[Lost]:
    """The contents that are still in damaged parts."""
    c = contents.c
    query = sa.select(c.id, c.part, c.hash, c.size, c.modality).where(c.part.in_(list(damaged))).order_by(c.id)
    t, paths = tracks.c, dict[int, list[str]]()
    mine = sa.select(t.content, t.path).join_from(tracks, contents).where(c.part.in_(list(damaged))).order_by(t.path)
    for row in link.execute(mine):
        paths.setdefault(row.content, []).append(os.fsdecode(row.path))
    return [Lost(*row, paths.get(row.id, [])) for row in link.execute(query).all()]


def _jobs(lost: list[Lost], tried: set[str]) -> list[Job]:
    """The next file of each content to try, one that is as it was: a changed one is for the next update."""
    jobs = []
    for content in lost:
        for path in content.paths:
            if path not in tried and (file := _file(path, content.hash)) is not None:
                tried.add(path)
                jobs.append(Job(file, content.modality, content.hash))
                break
    return jobs


def _file(path: str, digest: bytes) -> File | None:
    """The file at `path` where it has that content."""
    try:
        status = Path(path).stat()
        return File(path, status.st_size, status.st_mtime_ns) if fingerprint(Path(path)) == digest else None
    except (OSError, ValueError):
        return None


def _hopeless(writer: Writer, damaged: Any) -> Iterator[Event]:
    """Tracks of damaged parts without a file: kept where the snapshot has them, else remembered as failures."""
    published = snapshot.load_or_none(writer.folder)
    for content in writer.reading(partial(_lost, damaged=damaged)):
        name = shown(content.paths[0]) if content.paths else f"track {content.id}"
        if published is not None and _in_snapshot(published, content):
            yield Mended(f"{name} is searchable from the snapshot alone: bring its file back and repair again")
            continue
        reason = "lost with a damaged part; " + ("add its file again" if content.size else "import it again")
        batch = [Refused(File(path, content.size, NEVER), content.hash, reason) for path in content.paths]
        writer.commit(batch, content.modality)
        yield Mended(f"{name} is {reason}")


def _in_snapshot(published: snapshot.Snapshot, content: Lost) -> bool:
    segment = published.segments.get(content.modality)
    at = None if segment is None else segment.place(content.id)
    return segment is not None and at is not None and int(segment.parts[at]) == content.part


def _unused(link: sa.Connection, damaged: Any) -> list[str]:
    """Drop those of the parts that hold nothing any more."""
    return changes.collect(link, (), damaged)[0]


def _snapshot(writer: Writer) -> Iterator[Event]:
    """Make the snapshot anew where it is not what the store holds."""
    writer.publish()
    problems = examine(writer.folder, queries=0).problems
    if {problem.kind for problem in problems} == {"snapshot"}:
        (writer.folder / snapshot.MANIFEST).unlink(missing_ok=True)
        writer.publish()
        yield from (Mended(f"the snapshot was made anew: {problem.text}") for problem in problems)
