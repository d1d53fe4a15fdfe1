"""All that a query on a current snapshot asks of a catalog, read with sqlite3 alone: its state, facts of what is shown.

SQLAlchemy takes longer to import than a search takes; `indexing.catalog.schema` opens the same connection with it when
more is asked.
"""

import os
import shutil
import sqlite3
import tempfile
import unicodedata
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from indexing.catalog.tracks import leading
from indexing.catalog.trust import check_objects, distrust
from indexing.disk.durable import library_errors
from indexing.disk.locations import CATALOG
from recommender.errors import LibraryError
from recommender.opening import check_regular, open_regular, parse_json
from recommender.text import show
from recommender.types import Array, Space

SCHEMA_VERSION = 5

HEAD = (
    "SELECT m.uid, m.generation, m.space, s.model, s.revision, s.dim "
    "FROM meta m LEFT JOIN spaces s ON s.id = m.space WHERE m.id = 1"
)
_CONTAINED = (
    "SELECT c.{0}, c.{1}, f.path FROM contained c JOIN files f ON f.track = c.{1} "
    "WHERE c.{0} IN ({2}) ORDER BY c.{0}, c.{1}, f.path"
)
_CHUNK = 500  # tracks asked about at a time


@dataclass(frozen=True)
class Head:
    """The state of the catalog: which catalog, which space is searched, how often its tracks changed."""

    uid: str
    generation: int
    space_id: int
    space: Space


class Description(NamedTuple):
    """Feature columns of a modality, and those of them that the encoder reads."""

    columns: tuple[str, ...]
    inputs: tuple[str, ...]


class UnfinishedError(LibraryError):
    """A catalog without its tables: its maker was killed, or is not done yet."""


class _Held(sqlite3.Connection):
    """A connection whose one transaction lasts until it is closed (SQLAlchemy rolls back what it is handed)."""

    def rollback(self) -> None:
        pass


class Reading:
    """A catalog file open for reading: `connection` shows one state of it, whatever a writer does."""

    def __init__(self, connection: sqlite3.Connection, scratch: tempfile.TemporaryDirectory[str] | None) -> None:
        self.connection = connection
        self._scratch = scratch

    def head(self) -> Head:
        """The catalog's state."""
        return head_of(self.connection.execute(HEAD).fetchone())

    def changes_since(self, generation: int) -> Array | None:
        """int64 [n], ascending: tracks that came, changed or went since `generation`; None where not known."""
        rows = self.connection.execute(
            "SELECT track FROM touched WHERE generation > ? ORDER BY track", (generation,)
        ).fetchall()
        found = np.array(rows, np.int64).reshape(-1)
        return None if len(found) and found[0] == 0 else found  # 0 stands for all that there were

    def facts(self, track_id: int) -> dict[str, Any]:
        """The facts of a track by name; empty where there is no such track."""
        row = self.connection.execute("SELECT facts FROM tracks WHERE id = ?", (track_id,)).fetchone()
        return parse_json(row[0]) if row else {}

    def spellings(self, entries: Collection[str]) -> dict[str, set[str]]:
        """By entry the paths of the catalog, and folders of them, that it names: see `recommender.filters.alike`.

        Asked by the index of paths; all are looked through only for an entry in other normal forms than C and D, or one
        that is on disk and not found.
        """
        found = {entry: forms for entry in entries if (forms := set(filter(self._holds, _forms(entry))))}
        rest = [entry for entry in entries if entry not in found and os.path.isabs(entry) and _may_be_alike(entry)]  # noqa: PTH117
        if not rest:
            return found
        from recommender.filters import alike

        rows = self.connection.execute("SELECT path FROM files UNION SELECT path FROM failures")
        return found | alike(rest, (os.fsdecode(path) for (path,) in rows))

    def _holds(self, path: str) -> bool:
        """Whether a file is known under a path, or below it."""
        try:
            name = os.fsencode(path)
        except UnicodeEncodeError:
            return False
        folder = name.rstrip(b"/") + b"/"
        return any(
            self.connection.execute(f"SELECT 1 FROM {table} WHERE {where} LIMIT 1", asked).fetchone()  # noqa: S608
            for table in ("files", "failures")
            for where, asked in (("path = ?", (name,)), ("path >= ? AND path < ?", (folder, folder[:-1] + b"0")))
        )

    def containment(self, track_ids: Sequence[int]) -> dict[int, tuple[list[bytes], list[bytes]]]:
        """Of those of some tracks that are contained in others or contain others, the paths of these and of those."""
        found: dict[int, tuple[list[bytes], list[bytes]]] = {}
        for place, (mine, other) in enumerate((("track", "whole"), ("whole", "track"))):
            for at in range(0, len(track_ids), _CHUNK):
                some = track_ids[at : at + _CHUNK]
                rows = self.connection.execute(_CONTAINED.format(mine, other, ", ".join("?" * len(some))), some)
                for (track, _), several in groupby(rows, key=itemgetter(0, 1)):
                    paths = [path for *_, path in several]
                    found.setdefault(track, ([], []))[place].append(paths[leading(paths)])
        return found

    def close(self) -> None:
        """End the transaction and let go of the file."""
        self.connection.close()
        if self._scratch is not None:
            self._scratch.cleanup()


def _forms(path: str) -> set[str]:
    """A path as it is, without separators that say nothing, and in normal forms C and D."""
    from recommender.filters import plain_path

    plain = plain_path(path)
    return {plain, *(unicodedata.normalize(form, plain) for form in ("NFC", "NFD"))}


def _may_be_alike(path: str) -> bool:
    return not path.isascii() or os.path.lexists(path)


def open_reading(folder: Path) -> Reading:
    """The catalog for reading; raises LibraryError for an unknown version, and the errors of SQLite.

    In a folder that cannot be written SQLite's WAL cannot be used: the file is opened as immutable, or,
    when a killed writer left a journal there, a private copy of both is. A catalog of an earlier version is brought
    to this one, or a private copy is, where another process writes or none can.
    """
    reading = _open(folder)
    try:
        check_version(reading.connection, folder)
        if version(reading.connection) == SCHEMA_VERSION:
            return reading
        return _brought_up(folder, reading)
    except BaseException:
        reading.close()
        raise


def _open(folder: Path, scratch: "tempfile.TemporaryDirectory[str] | None" = None) -> Reading:
    """The catalog inside a transaction, of whichever version; `scratch` goes when it is closed."""
    options, source = "mode=ro", folder
    if not os.access(folder, os.W_OK):
        options = "mode=ro&immutable=1"
        wal = folder / (CATALOG + "-wal")
        if wal.is_file() and wal.stat().st_size:
            scratch = tempfile.TemporaryDirectory(prefix="cliptune-")
            source, options = _copy(folder, Path(scratch.name)), "mode=rw"
    elif (folder / (CATALOG + "-journal")).exists():  # of the first instants, before WAL: who only reads cannot undo it
        with closing(sqlite3.connect(folder / CATALOG, timeout=30)) as begun:
            begun.execute("SELECT 1 FROM sqlite_master").fetchone()
    elif not _is_wal(folder / CATALOG):  # of other tools: what reads it would keep a writer waiting that makes it so
        with suppress(sqlite3.Error), closing(sqlite3.connect(folder / CATALOG, timeout=1)) as other:
            other.execute("PRAGMA journal_mode=WAL")
    uri = f"file:{quote(os.fsencode(source / CATALOG))}?{options}"
    check_regular(source / CATALOG)
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=30, check_same_thread=False, factory=_Held
    )
    reading = Reading(connection, scratch)
    try:
        distrust(connection)
        connection.execute("PRAGMA query_only=ON")
        connection.execute("BEGIN")
    except BaseException:
        reading.close()
        raise
    return reading


def _is_wal(catalog: Path) -> bool:
    """Whether a file says that its journal lets readers be; so of one that is no catalog."""
    with open_regular(catalog) as file:
        return file.read(20)[18:] != b"\1\1"


def _brought_up(folder: Path, older: Reading) -> Reading:
    """The catalog in this version: the file itself where it can be written now, else a private copy of `older`."""
    from indexing.catalog import migrations
    from indexing.disk.lock import lock

    try:
        with lock(folder), library_errors(folder, "write to the library at"):
            migrations.bring_up(folder)
    except LibraryError:
        return _migrate_copy(older)
    older.close()
    return open_reading(folder)


def _migrate_copy(older: Reading) -> Reading:
    from indexing.catalog import migrations

    scratch = tempfile.TemporaryDirectory(prefix="cliptune-")
    home = Path(scratch.name)
    try:
        migrations.copy(older.connection, home / CATALOG)
        older.close()
        migrations.migrate(home / CATALOG)
    except BaseException:
        scratch.cleanup()
        raise
    return _open(home, scratch)


def head_of(row: Any) -> Head:
    """The state in a row of HEAD; raises LibraryError when the catalog lacks the space it says it is in."""
    if row is None or row[3] is None:
        raise LibraryError("the catalog is damaged: it has no space; restore a copy of the library")
    uid, generation, space_id, *space = row
    return Head(uid, generation, space_id, Space(*space))


def version(connection: sqlite3.Connection) -> int | None:
    """The version of the catalog's tables, None where there are none."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
        return None
    row = connection.execute("SELECT schema_version FROM meta").fetchone()
    if row is not None and not isinstance(row[0], int):
        raise sqlite3.DatabaseError("malformed: its version is no number")
    return None if row is None else row[0]


def check_version(connection: sqlite3.Connection, folder: Path) -> None:
    """Raise LibraryError for a catalog that is not finished, that a later version of this program or another made."""
    check_objects(connection, folder)
    found = version(connection)
    if found is None:
        raise UnfinishedError(f"the library at {show(folder)} was never finished; index again to make it")
    if found > SCHEMA_VERSION:
        raise LibraryError(
            f"the library at {show(folder)} has format {found}, but this cliptune reads up to format "
            f"{SCHEMA_VERSION}; upgrade cliptune"
        )


def _copy(folder: Path, to: Path) -> Path:
    for name in (CATALOG, CATALOG + "-wal"):
        shutil.copyfile(folder / name, to / name)
    return to
