"""The catalog's tables and how its SQLite file is opened: by one writer, by readers, from read-only folders."""

import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from indexing.locations import CATALOG
from recommender.errors import LibraryError
from recommender.text import shown

SCHEMA_VERSION = 1

TABLES = sa.MetaData()

meta = sa.Table(
    "meta",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),  # ties snapshots to this catalog
    sa.Column("space", sa.Integer, nullable=False),  # the space that is searched
    sa.Column("generation", sa.Integer, nullable=False),  # grows with every change of the contents
)
spaces = sa.Table(
    "spaces",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("revision", sa.Text, nullable=False),
    sa.Column("dim", sa.Integer, nullable=False),
    sa.UniqueConstraint("model", "revision", "dim"),
    sqlite_autoincrement=True,
)
modalities = sa.Table(
    "modalities",
    TABLES,
    sa.Column("space", sa.Integer, primary_key=True),
    sa.Column("modality", sa.Text, primary_key=True),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("inputs", sa.JSON, nullable=False),
)
parts = sa.Table(
    "parts",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("space", sa.Integer, nullable=False),
    sa.Column("modality", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("checksum", sa.Text, nullable=False),
    sqlite_autoincrement=True,  # ids are never reused: (content, part) tells a stale snapshot row
)
contents = sa.Table(
    "contents",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("space", sa.Integer, nullable=False),
    sa.Column("modality", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("part", sa.Integer, sa.ForeignKey("parts.id"), nullable=False, index=True),
    sa.Column("first_row", sa.Integer, nullable=False),  # of its windows within the part
    sa.Column("windows", sa.Integer, nullable=False),
    sa.Column("duration_s", sa.Float),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("valence", sa.Float),
    sa.Column("arousal", sa.Float),
    sa.Column("valence_sd", sa.Float),
    sa.Column("arousal_sd", sa.Float),
    sa.UniqueConstraint("hash", "modality", "space"),
    sqlite_autoincrement=True,
)
tracks = sa.Table(
    "tracks",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("space", sa.Integer, nullable=False),
    sa.Column("modality", sa.Text, nullable=False),
    sa.Column("path", sa.LargeBinary, nullable=False),  # os.fsencode: any name survives
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("content", sa.Integer, sa.ForeignKey("contents.id"), nullable=False, index=True),
    sa.Column("title", sa.Text),
    sa.Column("artist", sa.Text),
    sa.Column("album", sa.Text),
    sa.UniqueConstraint("path", "modality", "space"),
)
failures = sa.Table(
    "failures",
    TABLES,
    sa.Column("space", sa.Integer, primary_key=True),
    sa.Column("modality", sa.Text, primary_key=True),
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("hash", sa.LargeBinary),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)
roots = sa.Table(
    "roots",
    TABLES,
    sa.Column("path", sa.LargeBinary, primary_key=True),
    sa.Column("modality", sa.Text, primary_key=True),
    sa.Column("folder", sa.Boolean, nullable=False),
    sa.Column("mount", sa.LargeBinary, nullable=False),  # tells an unplugged disk from an emptied folder
)


class Database:
    """An open catalog file: `connection` inside a transaction for readers, begun per change by the writer."""

    def __init__(self, engine: sa.Engine, scratch: tempfile.TemporaryDirectory[str] | None = None) -> None:
        self.connection = engine.connect()
        self._engine = engine
        self._scratch = scratch

    def close(self) -> None:
        """End the transaction and let go of the file."""
        self.connection.close()
        self._engine.dispose()
        if self._scratch is not None:
            self._scratch.cleanup()


def create(folder: Path, model: str, revision: str, dim: int) -> None:
    """Make an empty catalog, in one transaction; one that is there, or that another process makes now, stays."""
    folder.mkdir(parents=True, exist_ok=True)
    database = _writer(folder)
    try:
        with database.connection.begin():
            if _version(database.connection) is not None:
                return
            TABLES.create_all(database.connection)
            add = sa.insert(spaces).values(model=model, revision=revision, dim=dim)
            space = database.connection.execute(add).inserted_primary_key
            row = {"schema_version": SCHEMA_VERSION, "space": space[0] if space else 1, "generation": 0}
            database.connection.execute(sa.insert(meta).values(id=1, uid=uuid.uuid4().hex, **row))
    finally:
        database.close()


def is_made(folder: Path) -> bool:
    """Whether a catalog is there and whole; another process may be making it at this moment."""
    path = folder / CATALOG
    if not path.is_file() or not path.stat().st_size:
        return False
    try:
        open_reader(folder).close()
    except UnfinishedError:
        return False
    except (LibraryError, sa.exc.SQLAlchemyError):
        return True  # there, and in a state that opening it will explain
    return True


class UnfinishedError(LibraryError):
    """A catalog without its tables: its maker was killed, or is not done yet."""


def open_writer(folder: Path) -> Database:
    """The catalog for writing, in WAL mode with full syncs; raises LibraryError for an unknown version."""
    database = _writer(folder)
    try:
        with database.connection.begin():
            _check_version(database.connection, folder)
    except BaseException:
        database.close()
        raise
    return database


def _writer(folder: Path) -> Database:
    def connect() -> sqlite3.Connection:
        link = sqlite3.connect(folder / CATALOG, isolation_level=None, timeout=30, check_same_thread=False)
        link.execute("PRAGMA journal_mode=WAL")
        link.execute("PRAGMA synchronous=FULL")
        link.execute("PRAGMA foreign_keys=ON")
        return link

    return Database(_engine(connect, "BEGIN IMMEDIATE"))


def open_reader(folder: Path) -> Database:
    """The catalog for reading: one snapshot of it for as long as it is open, whatever a writer does.

    In a folder that cannot be written SQLite's WAL cannot be used: the file is opened as immutable, or,
    when a killed writer left a journal there, a private copy of both is.
    """
    scratch = None
    options = "mode=ro"
    if not os.access(folder, os.W_OK):
        options = "mode=ro&immutable=1"
        if _journal(folder):
            scratch = tempfile.TemporaryDirectory(prefix="cliptune-")
            folder, options = _copied(folder, Path(scratch.name)), "mode=rw"
    uri = f"file:{quote(os.fsencode(folder / CATALOG))}?{options}"

    def connect() -> sqlite3.Connection:
        link = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30, check_same_thread=False)
        link.execute("PRAGMA query_only=ON")
        return link

    database = Database(_engine(connect, "BEGIN"), scratch)
    try:
        _check_version(database.connection, folder)
    except BaseException:
        database.close()
        raise
    return database


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> sa.Engine:
    # The driver runs in autocommit and SQLAlchemy sends BEGIN: otherwise a SELECT starts no transaction
    # and two reads could see two states.
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @sa.event.listens_for(engine, "begin")
    def _begin(link: sa.Connection) -> None:
        link.exec_driver_sql(begin)

    return engine


def _journal(folder: Path) -> bool:
    wal = folder / (CATALOG + "-wal")
    return wal.is_file() and wal.stat().st_size > 0


def _copied(folder: Path, to: Path) -> Path:
    for name in (CATALOG, CATALOG + "-wal"):
        shutil.copyfile(folder / name, to / name)
    return to


def _version(connection: sa.Connection) -> int | None:
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'meta'").first() is None:
        return None
    row: Any = connection.execute(sa.select(meta.c.schema_version)).first()
    return None if row is None else int(row[0])


def _check_version(connection: sa.Connection, folder: Path) -> None:
    version = _version(connection)
    if version is None:
        raise UnfinishedError(f"the library at {shown(folder)} was never finished; index again to make it")
    if version > SCHEMA_VERSION:
        raise LibraryError(
            f"the library at {shown(folder)} has format {version}, but this cliptune reads up to format "
            f"{SCHEMA_VERSION}; upgrade cliptune"
        )
