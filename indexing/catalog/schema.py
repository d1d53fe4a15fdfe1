"""The catalog's tables and triggers, and how an empty one is made."""

import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from indexing.catalog.engine import driver_of, writing_engine
from indexing.catalog.reading import SCHEMA_VERSION, UnfinishedError, open_reading, version
from indexing.disk.locations import CATALOG, has_parts, is_lost, no_catalog_error
from recommender.conditions import TAGS
from recommender.errors import LibraryError

TABLES = sa.MetaData()

meta = sa.Table(
    "meta",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("uid", sa.Text, nullable=False),  # ties snapshots to this catalog
    sa.Column("space", sa.Integer, nullable=False),  # the space that is searched
    sa.Column("generation", sa.Integer, nullable=False),  # grows with every change of what is searched or shown
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
    sqlite_autoincrement=True,  # ids are never reused: (track, part) tells a stale snapshot row
)
tracks = sa.Table(
    "tracks",
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
files = sa.Table(
    "files",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("space", sa.Integer, nullable=False),
    sa.Column("modality", sa.Text, nullable=False),
    sa.Column("path", sa.LargeBinary, nullable=False),  # os.fsencode: any name survives
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("track", sa.Integer, sa.ForeignKey("tracks.id"), nullable=False, index=True),
    sa.Column("title", sa.Text),
    sa.Column("artist", sa.Text),
    sa.Column("album", sa.Text),
    sa.Column("genre", sa.Text),
    sa.Column("licence", sa.Text),
    sa.UniqueConstraint("path", "modality", "space"),
)
recordings = sa.Table(
    "recordings",
    TABLES,
    sa.Column("track", sa.Integer, sa.ForeignKey("tracks.id"), primary_key=True),
    sa.Column("recording", sa.Integer, nullable=False, index=True),  # the track that leads its near-duplicates
)
touched = sa.Table(
    "touched",
    TABLES,
    sa.Column("track", sa.Integer, primary_key=True),  # 0: all that there were
    sa.Column("generation", sa.Integer, nullable=False),  # of the last change that a snapshot shows; by triggers
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
    folder.mkdir(parents=True, exist_ok=True)
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
    for name, statement in TRIGGERS.items():
        if there.get(name) != statement:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
            connection.execute(statement)
