"""Catalogs as earlier versions made them: dumps under tests/data, and today's rows in yesterday's tables."""

import sqlite3
from contextlib import closing
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"
RELEASED = tuple(sorted(int(path.stem.partition("_v")[2]) for path in DATA.glob("catalog_v*.sql")))

_SINCE_4 = {
    "contents": "tracks",
    "tracks": "files",
    "content": "track",
}  # what tables and columns have been called since


def dumped(version: int, path: Path) -> Path:
    """A catalog that the program of that version made, with its rows, as a new file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / f"catalog_v{version}.sql").read_text("utf-8"))
        connection.execute("PRAGMA journal_mode=WAL")
    return path


def made_older(catalog: Path, version: int) -> None:
    """Bring a catalog back to a version: its own rows, as far as that version had the tables and columns."""
    old = dumped(version, catalog.with_name("older.sqlite"))
    today = _SINCE_4 if version < 4 else {}
    with closing(sqlite3.connect(old)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:  # they would count the rows as changes
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("ATTACH ? AS now", (str(catalog),))
        for (table,) in connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            names = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
            columns, theirs = (
                ", ".join(f'"{name}"' for name in some) for some in (names, [today.get(n, n) for n in names])
            )
            connection.execute(f"DELETE FROM main.{table}")  # noqa: S608
            copied = f"SELECT {theirs} FROM now.{today.get(table, table)}"  # noqa: S608
            connection.execute(f"INSERT INTO main.{table} ({columns}) {copied}")
        for old_name, name in today.items():
            connection.execute("UPDATE main.sqlite_sequence SET name = ? WHERE name = ?", (old_name, name))
        connection.execute("UPDATE main.meta SET schema_version = ?", (version,))
        for _, statement in triggers:
            connection.execute(statement)
        connection.commit()
    for name in (catalog.name, f"{catalog.name}-wal", f"{catalog.name}-shm"):
        catalog.with_name(name).unlink(missing_ok=True)
    old.rename(catalog)


def tables_of(catalog: Path) -> dict[tuple[str, str], str]:
    """What `sqlite_master` says, by type and name, triggers left out; white space made one."""
    with closing(sqlite3.connect(catalog)) as connection:
        query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'trigger'"
        return {(row[0], row[1]): _plain(row[2]) for row in connection.execute(query)}


def _plain(statement: str) -> str:
    words = statement.replace("(", " ( ").replace(")", " ) ").replace(",", " , ").replace('"', "")
    return " ".join(words.split())
