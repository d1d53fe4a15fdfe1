"""Imported tracks put into the catalog by the hundred thousand: staged in a temporary table, then in few statements."""

import itertools
import os
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from recommender.conditions import TAGS
from recommender.errors import InputError
from recommender.text import show
from recommender.types import Modality

Scope = tuple[int, Modality]  # the space, and what of it
_SQL_ROWS = 50_000
_SAME = "tracks.hash = incoming.hash AND tracks.space = ? AND tracks.modality = ?"


def put(connection: sa.Connection, scope: Scope, rows: Iterable[tuple[Any, ...]]) -> tuple[int, list[int]]:
    """Insert tracks with their paths, those that are known replaced under their id; how many these are, and the parts
    that lost tracks to them.

    rows: (hash, part, first row, windows, duration in s, facts as JSON, path in bytes, title, artist, then TAGS).
    Raises InputError where two ids have the same path.
    """
    left = _stage(connection, scope, rows)
    _refuse_taken_paths(connection, scope)
    _insert(connection, scope)
    return int(connection.exec_driver_sql("SELECT count(*) FROM incoming WHERE known").scalar() or 0), left


def _stage(connection: sa.Connection, scope: Scope, rows: Iterable[tuple[Any, ...]]) -> list[int]:
    """Load the rows into a temporary table; the parts that lose tracks to them."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS temp.incoming")
    connection.exec_driver_sql(
        "CREATE TEMP TABLE incoming (hash BLOB PRIMARY KEY, part, first_row, windows, duration_s, facts, "
        f"path BLOB, title, artist, {', '.join(TAGS)}, known)"
    )
    rows = iter(rows)
    while chunk := list(itertools.islice(rows, _SQL_ROWS)):
        connection.exec_driver_sql(f"INSERT INTO incoming VALUES ({'?, ' * len(chunk[0])}0)", chunk)  # noqa: S608
    connection.exec_driver_sql(f"UPDATE incoming SET known = EXISTS (SELECT 1 FROM tracks WHERE {_SAME})", scope)  # noqa: S608
    lost = connection.exec_driver_sql(f"SELECT DISTINCT tracks.part FROM tracks JOIN incoming ON {_SAME}", scope)  # noqa: S608
    return [row[0] for row in lost]


def _insert(connection: sa.Connection, scope: Scope) -> None:
    """Move the staged rows into the catalog: new tracks inserted, known ones replaced under their id."""
    connection.exec_driver_sql(
        "INSERT INTO tracks (space, modality, hash, size, part, first_row, windows, duration_s, facts) "
        "SELECT ?, ?, hash, 0, part, first_row, windows, duration_s, facts FROM incoming ORDER BY rowid "
        "ON CONFLICT (hash, modality, space) DO UPDATE SET part = excluded.part, first_row = excluded.first_row, "
        "windows = excluded.windows, duration_s = excluded.duration_s, facts = excluded.facts",
        scope,
    )
    connection.exec_driver_sql(
        "DELETE FROM files WHERE track IN (SELECT id FROM tracks WHERE space = ? AND modality = ? "
        "AND hash IN (SELECT hash FROM incoming WHERE known))",
        scope,
    )
    connection.exec_driver_sql(
        f"INSERT INTO files (space, modality, path, size, mtime_ns, track, title, artist, {', '.join(TAGS)}) "  # noqa: S608
        f"SELECT t.space, t.modality, i.path, 0, 0, t.id, i.title, i.artist, i.{', i.'.join(TAGS)} FROM incoming i "
        "JOIN tracks t ON t.hash = i.hash AND t.space = ? AND t.modality = ? ORDER BY t.id",
        scope,
    )


def _refuse_taken_paths(connection: sa.Connection, scope: Scope) -> None:
    taken = connection.exec_driver_sql(
        "SELECT path FROM incoming GROUP BY path HAVING count(*) > 1 UNION ALL "
        "SELECT f.path FROM files f JOIN tracks t ON t.id = f.track JOIN incoming i ON i.path = f.path "
        "WHERE t.hash <> i.hash AND f.space = ? AND f.modality = ? "
        "AND t.hash NOT IN (SELECT hash FROM incoming) LIMIT 1",
        scope,
    ).first()
    if taken is not None:
        raise InputError(f"two ids have the same path: {show(os.fsdecode(taken[0]))}; every track needs its own")
