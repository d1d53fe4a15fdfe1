"""SQLAlchemy engines over SQLite files: what every process that writes a catalog sets."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import cast

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from indexing.catalog.trust import distrust


def engine_of(connect: Callable[[], sqlite3.Connection]) -> sa.Engine:
    """An engine without a pool over the connections that `connect` makes."""
    return sa.create_engine("sqlite://", creator=connect, poolclass=NullPool)


def writing_engine(path: Path) -> sa.Engine:
    """An engine for the file at `path` in WAL mode with full syncs; a transaction locks out other writers at once."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
        distrust(connection)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    engine = engine_of(connect)

    # The driver runs in autocommit and SQLAlchemy sends BEGIN: otherwise a SELECT starts no transaction
    # and two reads could see two states.
    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def driver_of(connection: sa.Connection) -> sqlite3.Connection:
    """The sqlite3 connection below one of SQLAlchemy's."""
    return cast("sqlite3.Connection", connection.connection.dbapi_connection)
