"""What every rated data set offers: items, ratings, and the groups that may not cross folds."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from recommender.errors import InputError
from recommender.opening import TABLE, open_text
from recommender.types import Array


@dataclass(frozen=True)
class Ratings:
    """Rated items of one corpus, in the order of its table.

    ids: n names. groups: n group names (theme, series): a group is never split between training and test.
    affect: float64 [n, 2], mean valence and arousal on the corpus's own scale.
    paths:  n media files; empty for a corpus that comes as a table of features.
    columns, values: that table, float64 [n, f]; empty where there are media.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    affect: Array
    paths: tuple[Path, ...] = ()
    columns: tuple[str, ...] = ()
    values: Array = field(default_factory=lambda: np.empty((0, 0)))

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Iterable[int]) -> "Ratings":
        """The ratings of `rows` only, in that order."""
        index = [int(r) for r in rows]
        ids, groups = (tuple(names[r] for r in index) for names in (self.ids, self.groups))
        paths = tuple(self.paths[r] for r in index) if self.paths else ()
        values = self.values[index] if len(self.values) else self.values
        return Ratings(ids, groups, self.affect[index], paths, self.columns, values)


@dataclass(frozen=True)
class Dataset:
    """A corpus: where it lies under the data folder, its licence, whom to cite, how to load it."""

    name: str
    folder: str
    licence: str
    citation: str
    url: str
    load: Callable[[Path], Ratings]
    """From the corpus's own folder; raises InputError naming the file that is missing or damaged."""


def read_rows(table: Path, needed: Iterable[str]) -> list[dict[str, str]]:
    """The rows of a CSV table with a header; raises InputError when it or one of the columns is missing."""
    try:
        with open_text(table, TABLE) as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read ({error}); is this the data folder?") from error
    if missing := [c for c in needed if not rows or c not in rows[0]]:
        raise InputError(f"{table}: no rows or no column {missing[0]!r}")
    return rows


def numbers(table: Path, rows: list[dict[str, str]], columns: Iterable[str]) -> Array:
    """float64 [n, c] of `columns`; raises InputError naming the first cell that is not a finite number."""
    names = list(columns)
    out = np.empty((len(rows), len(names)))
    for i, row in enumerate(rows):
        for j, name in enumerate(names):
            try:
                out[i, j] = float(row[name])
            except (TypeError, ValueError):
                out[i, j] = np.nan
            if not np.isfinite(out[i, j]):
                raise InputError(f"{table}: line {i + 2}, column {name!r}: {row[name]!r} is not a number")
    return out


def load_media(folder: Path, *, item: str, group: str, affect: tuple[str, str], path: str) -> Ratings:
    """The rated media of `folder` by its ratings.csv, whose columns are named; `path` has {} for the item."""
    table = folder / "ratings.csv"
    rows = read_rows(table, (item, group, *affect))
    ids, groups = (tuple(r[column] for r in rows) for column in (item, group))
    ratings = numbers(table, rows, affect)
    return Ratings(ids, groups, ratings, present(table, (folder / path.format(name) for name in ids)))


def present(table: Path, paths: Iterable[Path]) -> tuple[Path, ...]:
    """`paths` as a tuple; raises InputError naming the first that does not exist."""
    found = tuple(paths)
    for path in found:
        if not path.is_file():
            raise InputError(f"{path}: listed in {table.name} but not there")
    return found
