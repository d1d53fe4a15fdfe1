"""The catalog's tables and triggers, and how an empty one is made."""

import sqlite3
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from indexing.catalog.engine import driver_of, writing_engine
from indexing.catalog.reading import SCHEMA_VERSION, UnfinishedError, open_reading, version
from indexing.disk.locations import CATALOG, has_parts, is_lost, no_catalog_error
from recommender.atomic import ensure_folder
from recommender.conditions import TAGS
from recommender.errors import LibraryError

GROUPING = 1
"""Changes when tracks are grouped in another way; in the file as SQLite's `user_version`, 0 of before that was told."""
TABLES = sa.MetaData()


def _table(name: str, *items: sa.UniqueConstraint | list[sa.Column[Any]], numbered: bool = False) -> sa.Table:
    """A table of columns and constraints in this order; the ids of one that is `numbered` are never reused."""
    each = [one for item in items for one in (item if isinstance(item, list) else [item])]
    return sa.Table(name, TABLES, *each, sqlite_autoincrement=numbered)


def _columns(kind: Any, *names: str, nullable: bool = False, **more: Any) -> list[sa.Column[Any]]:
    """Columns of one type."""
    return [sa.Column(name, kind, nullable=nullable, **more) for name in names]


_whole, _text, _bytes, _json = (partial(_columns, kind) for kind in (sa.Integer, sa.Text, sa.LargeBinary, sa.JSON))
meta = _table(
    "meta",
    _whole("id", primary_key=True),
    _whole("schema_version"),
    _text("uid"),  # ties snapshots to this catalog
    _whole("space"),  # the space that is searched
    _whole("generation"),  # grows with every change of what is searched or shown
)
spaces = _table(
    "spaces",
    _whole("id", primary_key=True),
    _text("model", "revision"),
    _whole("dim"),
    sa.UniqueConstraint("model", "revision", "dim"),
    numbered=True,
)
modalities = _table(
    "modalities",
    _whole("space", primary_key=True),
    _text("modality", primary_key=True),
    _json("columns", "inputs"),
)
parts = _table(
    "parts",
    _whole("id", primary_key=True),
    _whole("space"),
    _text("modality"),
    _text("name", unique=True),
    _whole("rows", "bytes"),
    _text("checksum"),
    numbered=True,  # (track, part) tells a stale snapshot row
)
tracks = _table(
    "tracks",
    _whole("id", primary_key=True),
    _whole("space"),
    _text("modality"),
    _bytes("hash"),
    _whole("size"),
    [sa.Column("part", sa.Integer, sa.ForeignKey("parts.id"), nullable=False, index=True)],
    _whole("first_row", "windows"),  # of its windows within the part
    _columns(sa.Float, "duration_s", nullable=True),
    _json("facts"),
    _columns(sa.Float, "valence", "arousal", "valence_sd", "arousal_sd", nullable=True),
    sa.UniqueConstraint("hash", "modality", "space"),
    numbered=True,
)
files = _table(
    "files",
    _whole("id", primary_key=True),
    _whole("space"),
    _text("modality"),
    _bytes("path"),  # os.fsencode: any name survives
    _whole("size", "mtime_ns"),
    [sa.Column("track", sa.Integer, sa.ForeignKey("tracks.id"), nullable=False, index=True)],
    _text("title", "artist", "album", "genre", "licence", "album_artist", nullable=True),
    _whole("year", nullable=True),  # 0: none is stated; NULL: nobody looked
    _whole("ctime_ns", "inode", nullable=True),  # as the size and the time, they tell that a file changed
    sa.UniqueConstraint("path", "modality", "space"),
)
recordings = _table(
    "recordings",
    [sa.Column("track", sa.Integer, sa.ForeignKey("tracks.id"), primary_key=True)],
    _whole("recording", index=True),  # the track that leads its near-duplicates
)
contained = _table(
    "contained",
    [sa.Column("track", sa.Integer, sa.ForeignKey("tracks.id"), primary_key=True)],
    [sa.Column("whole", sa.Integer, sa.ForeignKey("tracks.id"), primary_key=True, index=True)],  # a mix or medley
)
touched = _table(
    "touched",
    _whole("track", primary_key=True),  # 0: all that there were
    _whole("generation"),  # of the last change that a snapshot shows; by triggers
)
failures = _table(
    "failures",
    _whole("space", primary_key=True),
    _text("modality", primary_key=True),
    _bytes("path", primary_key=True),
    _whole("size", "mtime_ns"),
    _bytes("hash", nullable=True),
    _text("reason", "at"),
    _whole("ctime_ns", "inode", nullable=True),
)
roots = _table(
    "roots",
    _bytes("path", primary_key=True),
    _text("modality", primary_key=True),
    _columns(sa.Boolean, "folder"),
    _bytes("mount"),  # tells an unplugged disk from an emptied folder
)


_READ_BY_QUERIES = {
    tracks: ("part", "first_row", "windows", "duration_s", "facts", "valence", "arousal", "valence_sd", "arousal_sd"),
    files: ("path", "track", "title", "artist", *TAGS),
}
_TRACK = {tracks: "id", files: "track"}
_NOTE = (  # an upsert: a plain OR REPLACE would give way to the OR IGNORE of the statement that fires the trigger
    "INSERT INTO touched SELECT {0}.{1}, generation FROM meta WHERE space = {0}.space "
    "ON CONFLICT (track) DO UPDATE SET generation = excluded.generation"
)


def _triggers() -> Iterator[tuple[str, str]]:
    """What makes `generation` grow with every change of what a snapshot holds, whoever makes the change.

    A snapshot counts as current while `generation` stays; a touched file (its time) changes nothing that it shows.
    `touched` keeps which tracks have changed since: what a filter reads of them must not come from the snapshot.
    """
    for table, names in _READ_BY_QUERIES.items():
        old, new = (", ".join(f"{side}.{name}" for name in names) for side in ("OLD", "NEW"))
        for event, side in (("INSERT", "NEW"), ("DELETE", "OLD"), (f"UPDATE OF {', '.join(names)}", "NEW")):
            when = f"WHEN ({old}) IS NOT ({new}) " if event.startswith("UPDATE") else ""
            name = f"{table.name}_{event.split()[0].lower()}"
            bump = f"UPDATE meta SET generation = generation + 1 WHERE space = {side}.space"  # noqa: S608
            notes = [_NOTE.format(s, _TRACK[table]) for s in (("NEW", "OLD") if when else (side,))]
            does = "; ".join([bump, *notes])
            yield name, f"CREATE TRIGGER {name} AFTER {event} ON {table.name} {when}BEGIN {does}; END"


TRIGGERS = dict(_triggers())
"""Statements by the name of the trigger."""


def create(folder: Path, model: str, revision: str, *, dim: int) -> None:
    """Make an empty catalog, in one transaction; one that is there, or that another process makes now, stays.

    Raises LibraryError where parts are there without one: a writer of an empty catalog would remove them.
    """
    if is_lost(folder):
        raise no_catalog_error(folder)
    ensure_folder(folder)
    engine = writing_engine(folder / CATALOG)
    try:
        with engine.begin() as connection:
            if version(driver_of(connection)) is not None:
                return
            if has_parts(folder):
                raise no_catalog_error(folder)
            TABLES.create_all(connection)
            add = sa.insert(spaces).values(model=model, revision=revision, dim=dim)
            space = connection.execute(add).inserted_primary_key
            row = {"schema_version": SCHEMA_VERSION, "space": space[0] if space else 1, "generation": 0}
            connection.execute(sa.insert(meta).values(id=1, uid=uuid.uuid4().hex, **row))
            connection.exec_driver_sql(f"PRAGMA user_version = {GROUPING}")
    finally:
        engine.dispose()


def is_made(folder: Path) -> bool:
    """Whether a catalog is there and whole; another process may be making it at this moment."""
    path = folder / CATALOG
    if not path.is_file() or not path.stat().st_size:
        return False
    try:
        open_reading(folder).close()
    except UnfinishedError:
        return False
    except (LibraryError, sqlite3.Error):
        return True  # there, and in a state that opening it will explain
    return True


def put_triggers(connection: sqlite3.Connection) -> None:
    """Make the catalog's triggers those of TRIGGERS, writing nothing where they are."""
    there = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())
    for name in there.keys() - TRIGGERS.keys():  # of a name from before: whatever it does, it has no business here
        connection.execute(f"DROP TRIGGER {name}")
    for name, statement in TRIGGERS.items():
        if there.get(name) != statement:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            connection.execute(statement)
