"""A damaged catalog: what is wrong with it, what can be read of it, and the new one that takes its place."""

import itertools
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from indexing.catalog.engine import writing_engine
from indexing.catalog.queries import DANGLING
from indexing.catalog.reading import SCHEMA_VERSION, UnfinishedError, check_version, version
from indexing.catalog.schema import (
    TABLES,
    contained,
    files,
    meta,
    modalities,
    parts,
    recordings,
    spaces,
    touched,
    tracks,
)
from indexing.catalog.writer import CatalogWriter
from indexing.disk.durable import sync
from indexing.disk.locations import CATALOG, has_parts, is_lost
from recommender.atomic import new_file
from recommender.text import show
from recommender.types import Modality, Space

_PASSING = ("locked", "disk I/O error", "disk is full", "unable to open")  # what another try may be spared
_DAMAGED = "the catalog is damaged: "
_MAGIC = b"SQLite format 3\0"
_NOWHERE = -1  # no part has this id
_BEFORE_4 = {"tracks": "contents", "files": "tracks", "track": "content"}  # what tables and columns were called


def flaw_of(folder: Path) -> str | None:
    """What is wrong with the catalog, None when nothing is; raises LibraryError for one of a later version."""
    if is_lost(folder):
        return "the catalog is lost"
    try:
        if not _is_writable(folder / CATALOG):
            return _DAMAGED + "its header says that it cannot be written"
        with closing(sqlite3.connect(folder / CATALOG)) as connection:
            check_version(connection, folder)
            (line,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except UnfinishedError:
        return _DAMAGED + "it has no tables" if has_parts(folder) else None
    except sqlite3.Error as error:
        if any(passing in str(error) for passing in _PASSING):
            raise
        return _DAMAGED + show(str(error))
    return None if line == "ok" else _DAMAGED + show(str(line))


def find_elsewhere(folder: Path) -> Path | None:
    """A sound catalog under another name in a library in whose catalog's place is something else altogether."""
    if _is_database(folder / CATALOG):
        return None
    named = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("catalog"))
    for path in named:
        with suppress(OSError):  # of one that cannot be read now a part says so
            if _is_database(path) and _is_sound(path):
                return path
    return None


def _is_database(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except (FileNotFoundError, IsADirectoryError):
        return False


def _is_writable(path: Path) -> bool:
    """Whether SQLite writes the versions in the header of a database (section 1.3.3 of its file format)."""
    with open(path, "rb") as file:
        versions = file.read(20)[len(_MAGIC) + 2 :]
    return not _is_database(path) or all(version in (1, 2) for version in versions)


def _is_sound(path: Path) -> bool:
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        return version(connection) is not None and connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
    return False


def reindex(folder: Path) -> bool:
    """Whether new indexes made the catalog whole."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(folder / CATALOG)) as connection:
        connection.execute("REINDEX")
        connection.commit()
    return flaw_of(folder) is None


def keep_damaged(folder: Path) -> Path | None:
    """A copy of the damaged catalog, where there is one, under a name of its own; its journal is folded in, or gone."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(folder / CATALOG)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if not (folder / CATALOG).stat().st_size:
        _drop_journal(folder)
        return None
    names = (folder / f"catalog.damaged-{n}.sqlite" for n in itertools.count(1))
    kept = next(path for path in names if not path.exists())
    with new_file(kept, make_folder=False) as copied:
        shutil.copyfile(folder / CATALOG, copied)
    _drop_journal(folder)
    return kept


def _drop_journal(folder: Path) -> None:
    """Remove the old file's journal: beside the new one it would be applied to it."""
    for end in ("-wal", "-shm"):
        (folder / (CATALOG + end)).unlink(missing_ok=True)
    sync(folder)


class Remade(CatalogWriter):
    """A catalog that is made anew, in the one transaction of `remaking`."""

    def take_rows(self, old: Path, space: Space) -> tuple[int, int]:
        """Take what can be read of a damaged catalog; how many paths and how many tracks there were.

        The head is new, with a new identity: no snapshot of the old one counts. `space` is that of the present model,
        for a space whose name is lost.
        """
        found = {table.name: _read(old, table) for table in TABLES.sorted_tables}
        self._connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        for table in TABLES.sorted_tables:
            if found[table.name] and table not in (meta, touched):
                self._execute(sa.insert(table).prefix_with("OR IGNORE"), found[table.name])
        used = [row["space"] for row in found["meta"]] or [row["space"] for row in found["tracks"]]
        self._space_id = max(set(used), key=used.count) if used else 1
        add = sa.insert(spaces).prefix_with("OR IGNORE")
        self._execute(add.values(id=self._space_id, **space._asdict()))
        row = {"schema_version": SCHEMA_VERSION, "space": self._space_id, "generation": 1}
        self._execute(sa.insert(meta).values(id=1, uid=uuid.uuid4().hex, **row))
        self._drop_trackless()  # before new tracks get ids: one could be that of a lost one
        return len(found["files"]), len(found["tracks"])

    def loosen(self) -> None:
        """Take tracks out of parts that are not known: a new part must not pass for the one they were in."""
        self._execute(sa.update(tracks).where(DANGLING["tracks"]).values(part=_NOWHERE))

    def modality_of(self, name: str) -> Modality | None:
        """What a part of the space is recorded to hold; None for one that is not known."""
        owner = sa.select(parts.c.modality).where(parts.c.name == name, parts.c.space == self.space_id)
        return self._execute(owner).scalar()

    def describe(self, modality: Modality, columns: Sequence[str], inputs: Sequence[str]) -> None:
        """Record the columns of a modality where they are lost."""
        row = {"modality": modality, "columns": list(columns), "inputs": list(inputs)}
        self._execute(sa.insert(modalities).prefix_with("OR IGNORE").values(space=self.space_id, **row))

    def put_back(self, modality: Modality, digest: bytes, values: dict[str, Any]) -> tuple[int, bool] | None:
        """Add a track that was lost, or place it again; its id, and whether it was lost. None where it is in place."""
        key = {"hash": digest, "space": self.space_id, "modality": modality}
        same = sa.select(tracks.c.id, tracks.c.part).filter_by(**key)
        there = self._execute(same).first()
        if there is None:
            self._execute(sa.insert(tracks).values(**key, **values))
            return self._execute(same).scalar_one(), True
        if there.part != _NOWHERE:
            return None
        place = {name: values[name] for name in ("part", "first_row", "windows")}
        self._execute(sa.update(tracks).where(tracks.c.id == there.id).values(place))
        return there.id, False

    def drop_unplaced(self) -> None:
        """Drop the tracks that no part holds."""
        self._execute(sa.delete(tracks).where(tracks.c.part == _NOWHERE))
        self._drop_trackless()

    def _drop_trackless(self) -> None:
        """Drop what refers to tracks that are not there."""
        for table in (files, recordings, contained):
            self.drop_dangling(table.name)


@contextmanager
def remaking(fresh: Path) -> Iterator[Remade]:
    """A context with a new catalog in the file `fresh`, which is whole and synced after it."""
    for path in (fresh, *(fresh.with_name(fresh.name + end) for end in ("-wal", "-shm"))):
        path.unlink(missing_ok=True)
    catalog = Remade(writing_engine(fresh))
    try:
        with catalog.transaction():
            TABLES.create_all(catalog._connection)
            yield catalog
        with closing(sqlite3.connect(fresh)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        catalog.close()
    sync(fresh)


def _read(path: Path, table: sa.Table) -> list[dict[str, Any]]:
    """The rows of a table that can be read: from its first to the damage, and from its last back to it.

    Of a catalog of an earlier version, as far as that had the table and its columns.
    """
    rows: dict[int, dict[str, Any]] = {}
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error, ValueError), closing(sqlite3.connect(path)) as connection:
            name, columns = _as_found(connection, table)
            query = sa.select(sa.literal_column("rowid").label("_row"), *columns).order_by(sa.text(f"_row {order}"))
            engine = sa.create_engine("sqlite://", creator=lambda c=connection: c, poolclass=sa.pool.StaticPool)
            with suppress(sa.exc.SQLAlchemyError), engine.connect() as reading:
                some = reading.execution_options(stream_results=True, max_row_buffer=1)
                for row in some.execute(query.select_from(sa.table(name))).mappings():
                    rows[row["_row"]] = {column.name: row[column.name] for column in columns}
    return [rows[key] for key in sorted(rows)]


def _as_found(connection: sqlite3.Connection, table: sa.Table) -> tuple[str, list[Any]]:
    """What a table is called in a catalog, and those of its columns that it has there, by their names of today."""
    old = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'contents'").fetchone()
    names = {name: _BEFORE_4.get(name, name) if old else name for name in (table.name, *table.c.keys())}
    there = {row[1] for row in connection.execute(f"PRAGMA table_info({names[table.name]})")}
    columns = [sa.column(names[c.name], c.type).label(c.name) for c in table.c if names[c.name] in there]
    return names[table.name], columns
