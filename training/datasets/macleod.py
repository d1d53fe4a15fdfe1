"""Music by Kevin MacLeod, described by himself: which side of neutral his words put a track on."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from recommender.types import Array
from training.datasets.source import Dataset, Ratings, present, read_rows

TABLE = "labels.csv"
SIDES: Mapping[str, tuple[int, int]] = {
    "Bright": (+1, 0),
    "Uplifting": (+1, 0),
    "Humorous": (+1, 0),
    "Bouncy": (+1, +1),
    "Dark": (-1, 0),
    "Eerie": (-1, 0),
    "Unnerving": (-1, 0),
    "Suspenseful": (-1, 0),
    "Somber": (-1, -1),
    "Driving": (0, +1),
    "Aggressive": (0, +1),
    "Action": (0, +1),
    "Intense": (0, +1),
    "Calming": (0, -1),
    "Relaxed": (0, -1),
    "Mystical": (0, -1),
}
"""Word -> side of valence and of arousal, 0: says nothing. His others (Grooving, Epic, Mysterious) say neither."""
BIG_GENRE = 4  # tracks; smaller genres make one group


def load(folder: Path) -> Ratings:
    """The tracks of `folder`, grouped by genre; affect is `side` of their words."""
    table = folder / TABLE
    rows = read_rows(table, ("file", "feel", "genre"))
    genres = [r["genre"] for r in rows]
    ids, affect = tuple(r["file"] for r in rows), np.array([side(words(r["feel"])) for r in rows])
    groups = tuple(g if genres.count(g) >= BIG_GENRE else "other" for g in genres)
    return Ratings(ids, groups, affect, present(table, (folder / name for name in ids)))


def feels(folder: Path) -> tuple[frozenset[str], ...]:
    """The words of each track, in the order of `load`."""
    return tuple(words(r["feel"]) for r in read_rows(folder / TABLE, ("feel",)))


def words(cell: str) -> frozenset[str]:
    """The words of a cell of the table."""
    return frozenset(filter(None, cell.split("|")))


def side(described: Iterable[str]) -> Array:
    """Valence and arousal that words put a track at, float64 [2] in [-1, 1]: the mean of their sides, NaN where none
    says anything."""
    said = np.array([SIDES[word] for word in described if word in SIDES], float).reshape(-1, 2)
    counted = (said != 0).sum(axis=0)
    return np.where(counted > 0, said.sum(axis=0) / np.maximum(counted, 1), np.nan)


MACLEOD = Dataset(
    name="macleod",
    folder="macleod",
    licence="CC BY 4.0",
    citation="Music by Kevin MacLeod (incompetech.com), with the feel words of his catalogue.",
    url="https://incompetech.com",
    load=load,
)
