"""What queries show of tracks, read in bulk: plain tuples of the driver, of a million tracks at a time."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from recommender.conditions import TAGS
from recommender.types import Affect, Array, Modality

COLUMNS = ("id", "duration_s", "facts", *Affect._fields, "path", "title", "artist", *TAGS, "recording")
"""What a row has, in order: facts as JSON; path in bytes, None where a track has none."""
_OF = {name: f"t.{name}" for name in ("id", "duration_s", "facts", *Affect._fields)} | {
    "year": "nullif(f.year, 0)",  # 0: none is stated
    "recording": "r.recording",
}
_ROWS = (
    f"SELECT {', '.join(_OF.get(name, f'f.{name}') for name in COLUMNS)} "  # noqa: S608 (names of our own)
    "FROM tracks t LEFT JOIN files f ON t.id = f.track LEFT JOIN recordings r ON t.id = r.track "
    "WHERE t.space = ? AND t.modality = ? {} ORDER BY t.id, f.path"
)
_ASKED = 10_000  # tracks asked about at a time


def rows(
    connection: sqlite3.Connection, space: int, modality: Modality, *, ids: Array | None = None
) -> Iterator[tuple[Any, ...]]:
    """A row per path, or one without a path, of the tracks of a modality, or of `ids` int64 ascending alone.

    By ascending id and path.
    """
    if ids is None:
        yield from connection.execute(_ROWS.format(""), (space, modality))
        return
    for at in range(0, len(ids), _ASKED):
        some = ", ".join(map(str, ids[at : at + _ASKED].tolist()))
        yield from connection.execute(_ROWS.format(f"AND t.id IN ({some})"), (space, modality))
