"""What a catalog may hold, so that one that somebody sent runs nothing of theirs."""

import sqlite3
from pathlib import Path

from recommender.errors import LibraryError
from recommender.text import show

_WATCHED = ("contents", "files", "tracks")
TRIGGERS_EVER = {f"{table}_{event}" for table in _WATCHED for event in ("insert", "delete", "update")}
"""Names of the triggers that a catalog of any version may have."""
_DEFENSIVE = 1010  # SQLITE_DBCONFIG_DEFENSIVE: no statement may write to the file's own pages


def distrust(connection: sqlite3.Connection) -> None:
    """Let a connection believe nothing of what a file says that somebody sent."""
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    if hasattr(connection, "setconfig"):  # from Python 3.12 on
        connection.setconfig(_DEFENSIVE, True)


def check_objects(connection: sqlite3.Connection, folder: Path) -> None:
    """Raise LibraryError where something stands for a table, or runs on a change of one, that no catalog has."""
    for kind, name, virtual in connection.execute(
        "SELECT type, name, rootpage = 0 FROM sqlite_master WHERE type <> 'index'"
    ):
        if kind == "view" or (kind == "table" and virtual) or (kind == "trigger" and name not in TRIGGERS_EVER):
            kind = "virtual table" if kind == "table" else kind
            raise LibraryError(
                f"the catalog of the library at {show(folder)} holds a {kind} '{show(name)}' that cliptune never made: "
                "it is not opened; restore a copy of the library"
            )
