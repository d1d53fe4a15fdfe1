"""The table beside imported vectors: an id per row, and what is known of the track."""

import csv
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recommender.charsets import unicode_form
from recommender.conditions import TAGS
from recommender.errors import InputError
from recommender.names import key_name, tempo
from recommender.opening import TABLE, open_regular, open_text
from recommender.text import fold_path, show
from recommender.types import Array

COLUMNS = ("id", "path", "title", "artist", "duration_s", "start_s", "end_s", "bpm", "key", *TAGS)
_NUMBERS = ("duration_s", "start_s", "end_s", "bpm", "year")


@dataclass(frozen=True)
class Ids:
    """The rows of an id table, grouped by id.

    Attributes
    ----------
    names:  the g distinct ids, in order of first appearance.
    group:  int64 [n], which of them each row belongs to.
    first:  int64 [g], the first row of each.
    bounds: float64 [n, 2], start and end in seconds (0 and the duration, or 0, where not given).
    table:  the columns that were given, n values each; numbers as float64 with NaN where empty.
    folder: relative paths start here.
    """

    names: list[str]
    group: Array
    first: Array
    bounds: Array
    table: dict[str, Any]
    folder: str = ""

    def __len__(self) -> int:
        return len(self.group)

    @property
    def groups(self) -> int:
        """Number of distinct ids."""
        return len(self.names)

    @classmethod
    def plain(cls, ids: Sequence[str]) -> "Ids":
        """Ids without a table."""
        return _group({"id": list(ids)}, "")

    def group_by_id(self) -> tuple[Array, Array]:
        """Row numbers sorted by id [n] (rows of an id by start time), and where each id begins [g + 1]."""
        order = np.lexsort((np.arange(len(self)), self.bounds[:, 0], self.group))
        starts = np.searchsorted(self.group[order], np.arange(self.groups + 1))
        return order, starts.astype(np.int64)

    def details(self) -> tuple[list[Any], ...]:
        """Per id: duration in s, facts as JSON, path in bytes, title, artist, then TAGS."""
        durations = [None if np.isnan(d) else d for d in self._numbers("duration_s")]
        empty: list[str | None] = [None] * self.groups
        keys, bpms = self._texts("key") or empty, self._numbers("bpm")
        facts = [_facts(bpm, key) for bpm, key in zip(bpms, keys, strict=True)]
        titles, *others = (self._texts(name) or empty for name in ("title", "artist", *TAGS[:-1]))
        years = [None if year != year else int(year) for year in self._numbers("year")]
        titles = [t or n.encode("utf-8", "backslashreplace").decode() for t, n in zip(titles, self.names, strict=True)]
        return durations, facts, list(self._paths()), titles, *others, years

    def _numbers(self, name: str) -> list[float]:
        if name not in self.table:
            return [float("nan")] * self.groups
        return self.table[name][self.first].tolist()

    def _texts(self, name: str) -> list[str | None] | None:
        if name not in self.table:
            return None
        column = self.table[name]
        return [column[row].encode("utf-8", "backslashreplace").decode() or None for row in self.first.tolist()]

    def _paths(self) -> Iterator[bytes]:
        """The path of each id, absolute unless it is an address; the id itself where none is given."""
        paths = self.table.get("path")
        for name, row in zip(self.names, self.first.tolist(), strict=True):
            path = paths[row] if paths is not None else ""
            if path and "://" not in path:
                path = os.path.normpath(os.path.join(self.folder, path))  # noqa: PTH118
            yield os.fsencode(path or name)


def read_ids(path: Path) -> Ids:
    """The table in a CSV file with a header, in UTF-8 or UTF-16; raises InputError naming the first bad line."""
    try:
        with open_regular(path, TABLE) as file:
            encoding = unicode_form(file.read(1 << 10)) or "utf-8-sig"
        errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
        with open_text(path, TABLE, encoding=encoding, errors=errors) as file:
            rows = csv.reader(file, strict=True)
            header = _header(next(rows, []), path)
            columns: list[list[str]] = [[] for _ in header]
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise InputError(f"{show(path)}, line {rows.line_num}: {len(row)} fields instead of {len(header)}")
                for column, value in zip(columns, row, strict=True):
                    column.append(value)
    except FileNotFoundError as error:
        raise InputError(f"no such file: {show(path)}") from error
    except (OSError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{show(path)} cannot be read as CSV: {show(why)}") from error
    table: dict[str, Any] = dict(zip(header, columns, strict=True))
    for name in _NUMBERS:
        if name in table:
            table[name] = _floats(table[name], name, path)
    if "key" in table:
        table["key"] = _keys(table["key"], path)
    return _group(table, os.path.dirname(os.path.abspath(path)), path)  # noqa: PTH100, PTH120


def _header(names: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in names]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{show(path)}: the column {show(name[:80])!r} comes twice in the header")
        if name not in COLUMNS:
            raise InputError(f"{show(path)}: unknown column {show(name[:80])!r}; known are: {', '.join(COLUMNS)}")
    if "id" not in names:
        raise InputError(f"{show(path)}: the header has no column 'id'")
    return names


def _floats(values: list[str], name: str, path: Path) -> Array:
    out = np.full(len(values), np.nan)
    for row, text in enumerate(values):
        if text.strip():
            try:
                out[row] = float(text)
            except ValueError:
                stated = tempo(text) if name == "bpm" else None
                out[row] = np.inf if stated is None else stated
            if not np.isfinite(out[row]) or out[row] < 0:
                raise InputError(
                    f"{show(path)}: row {row} (counted from 0): {name} is {show(text[:80])!r}, not a number >= 0"
                )
    return out


def _keys(values: list[str], path: Path) -> list[str]:
    """Names of keys as the analysis writes them; raises InputError naming the first row whose key is none."""
    names: dict[str, str] = {}
    for row, text in enumerate(values):
        if text not in names:
            try:
                names[text] = key_name(text) if text.strip() else ""
            except InputError as error:
                raise InputError(f"{show(path)}: row {row} (counted from 0): key is {error}") from None
    return [names[text] for text in values]


def _group(table: dict[str, Any], folder: str, path: Path | None = None) -> Ids:
    places: dict[str, int] = {}
    ids = [fold_path(name) for name in table["id"]]  # an id is the same in every normal form
    group = np.fromiter((places.setdefault(name, len(places)) for name in ids), np.int64, len(ids))
    if "" in places:
        row = table["id"].index("")
        raise InputError(f"{show(path or 'the vectors')}: row {row} (counted from 0) has an empty id")
    first = np.unique(group, return_index=True)[1]
    zero = np.zeros(len(group))
    start = np.nan_to_num(table.get("start_s", zero))
    end = table.get("end_s", np.full(len(group), np.nan))
    durations = table.get("duration_s", zero)
    end = np.where(np.isnan(end), np.nan_to_num(durations), end)
    bad = np.flatnonzero(end < start)
    if "end_s" in table and len(bad):
        raise InputError(f"{show(path or '')}: row {bad[0]} (counted from 0) ends before it starts")
    return Ids(list(places), group, first, np.stack([start, np.maximum(end, start)], axis=1), table, folder)


def _facts(bpm: float, key: str | None) -> str:
    if key is None and bpm != bpm:  # the common case of a million rows
        return "{}"
    return json.dumps({"bpm": None if np.isnan(bpm) else bpm, "key": key})
