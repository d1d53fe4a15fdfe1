"""The one writer of a library: takes the lock, commits batches, publishes snapshots, clears what a kill left."""

import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from filelock import FileLock, Timeout

from indexing import catalog, changes, snapshot, store
from indexing.changes import Analysed, Change
from indexing.durable import translated
from indexing.schema import Database, open_writer
from recommender.errors import LibraryError, LibraryLocked, SpaceMismatch
from recommender.text import shown
from recommender.types import Analysis, Modality, Space

T = TypeVar("T")

LOCK, OWNER = "write.lock", "writer.json"
_PUBLISH_ROWS = 20_000  # windows; below this a tail costs an opening reader little


@contextmanager
def lock(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """A context that holds the library's write lock; raises LibraryLocked when another process has it.

    Waits up to `wait_s` seconds (negative: forever). The lock falls with the process, however it ends.
    """
    handle = FileLock(folder / LOCK, thread_local=False)  # an iterator may be finished by another thread
    with translated(folder, "write to the library at"):
        try:
            handle.acquire(timeout=wait_s)
        except Timeout as error:
            raise LibraryLocked(f"the library at {shown(folder)} is being written{_owner(folder)}") from error
        except NotImplementedError as error:
            raise LibraryError(f"the file system of {shown(folder)} has no file locks; use a local folder") from error
    try:
        with translated(folder, "write to the library at"):
            note = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
            (folder / OWNER).write_text(json.dumps(note), encoding="utf-8")
        yield
    finally:
        try:
            (folder / OWNER).unlink(missing_ok=True)
        finally:
            handle.release()


def _owner(folder: Path) -> str:
    try:
        note = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        return f" by process {int(note['pid'])} on {note['host']} since {note['since']}; wait for it or stop it"
    except (OSError, ValueError, KeyError, TypeError):
        return " by another process; wait for it or stop it"


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class Writer:
    """An open, locked library being written in `space_id`, which may differ from the space searched now."""

    folder: Path
    database: Database
    space_id: int
    space: Space
    unpublished: int = 0

    @property
    def link(self) -> sa.Connection:
        """The connection; every change begins its own transaction."""
        return self.database.connection

    def reading(self, question: Callable[[sa.Connection], T]) -> T:
        """The answer of the catalog to a question, in a transaction of its own."""
        with translated(self.folder, "read the library at"), self.link.begin():
            return question(self.link)

    def describe(self, modality: Modality, columns: Sequence[str], inputs: Sequence[str]) -> None:
        """Record the columns of a modality, once; raises LibraryError when they are not the recorded ones."""
        absent = [c for c in inputs if c not in columns]
        if absent:
            raise LibraryError(f"the model reads {', '.join(absent)}, which its analysis of {modality} does not give")
        with translated(self.folder, "write to the library at"), self.link.begin():
            known = catalog.described(self.link, self.space_id).get(modality)
            if known is None:
                changes.add_description(self.link, self.space_id, modality, columns, inputs)
            elif known != (tuple(columns), tuple(inputs)):
                raise LibraryError(
                    f"the model gives other {modality} features than this library was indexed with, under the same "
                    "revision; run `recommend index update --reanalyse` in a new library"
                )

    def commit(self, batch: Sequence[Change], modality: Modality) -> None:
        """Make a batch durable, all or nothing; raises LibraryError and leaves the library as it was."""
        analysed = [c for c in batch if isinstance(c, Analysed)]
        part = self._write_part([(c.hash, c.analysis) for c in analysed]) if analysed else None
        self.apply(
            lambda link: changes.apply(link, self.space_id, modality, batch, part, now()), [part] if part else []
        )
        self.unpublished += 0 if part is None else part.rows
        if self.unpublished > max(_PUBLISH_ROWS, self._published_rows()):
            self.publish()

    def apply(self, change: Callable[[sa.Connection], list[str]], fresh: Sequence[store.Part] = ()) -> None:
        """Run one transaction over the catalog; `change` returns names of parts nothing refers to any more.

        On an error the `fresh` parts, written for it, are removed again.
        """
        try:
            with translated(self.folder, "write to the library at"), self.link.begin():
                dead = change(self.link)
        except BaseException:
            self.discard([p.name for p in fresh])
            raise
        self.discard(dead)

    def publish(self) -> None:
        """Publish a snapshot of what is committed in the space that is searched."""
        with translated(self.folder, "read the library at"), self.link.begin():
            snapshot.publish_snapshot(self.folder, self.link)
        self.unpublished = 0

    def discard(self, names: Iterable[str]) -> None:
        """Remove part files; what cannot be removed now is removed by the next writer."""
        for name in names:
            try:
                (self.folder / store.FOLDER / name).unlink(missing_ok=True)
            except OSError:
                continue

    def clear(self) -> None:
        """Remove what a killed writer left: files the catalog does not know, unfinished snapshots."""
        known = self.reading(lambda link: [p.name for p in catalog.known_parts(link).values()])
        with translated(self.folder, "write to the library at"):
            for path in store.strangers(self.folder, known):
                path.unlink(missing_ok=True)
            published = snapshot.load_or_none(self.folder)
            if published is not None:
                snapshot.remove_others(self.folder, published.name)

    def _write_part(self, items: list[tuple[bytes, Analysis]]) -> store.Part:
        return store.write_part(self.folder, store.rows_of(items), items[0][1].features.columns)

    def _published_rows(self) -> int:
        published = snapshot.load_or_none(self.folder)
        return 0 if published is None else sum(len(s.vectors) for s in published.segments.values())


@contextmanager
def writing(folder: Path, space: Space | None = None, wait_s: float = 0.0, switch: bool = False) -> Iterator[Writer]:
    """A context with the library's Writer; the lock is held inside.

    `space` must be the library's own, else SpaceMismatch; with `switch` the writer stages into that space,
    invisible to readers until `changes.adopt`.
    """
    with lock(folder, wait_s):
        with translated(folder, "open the library at"):
            database = open_writer(folder)
        try:
            with translated(folder, "open the library at"), database.connection.begin():
                head = catalog.head(database.connection)
                space_id = head.space_id
                if space is not None and space != head.space:
                    if not switch:
                        raise mismatch(folder, head.space, space)
                    space_id = changes.stage(database.connection, space)
            writer = Writer(folder, database, space_id, space or head.space)
            writer.clear()
            yield writer
        finally:
            database.close()


def mismatch(folder: Path, stored: Space, asked: Space) -> SpaceMismatch:
    """The error that says which space a library is in, which was asked for, and what to do."""

    def words(space: Space) -> str:
        return f"{space.model} revision {space.revision} ({space.dim} dimensions)"

    return SpaceMismatch(
        f"the library at {shown(folder)} was indexed with {words(stored)}, not with {words(asked)}; use that model, "
        "or compute everything again with: recommend index update --reanalyse"
    )
