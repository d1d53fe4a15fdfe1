"""The table beside imported vectors: an id per row, and what is known of the track."""

import csv
import itertools
import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
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
_ROWS = 1 << 14  # rows in memory as text: some 20 MB, however long the table


@dataclass(frozen=True)
class Ids:
    """The rows of an id table, grouped by id.

    Attributes
    ----------
    names:  the g distinct ids, in order of first appearance.
    group:  int32 [n], which of them each row belongs to.
    bounds: float64 [n, 2], start and end in seconds (0 and the duration, or 0, where not given).
    table:  of the columns that were given, the g values in the first row of each id; NaN for no number.
    folder: relative paths start here.
    """

    names: list[str]
    group: Array
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
        grouped = _Grouped(["id"], None)
        for at in range(0, len(ids), _ROWS):
            grouped.take({"id": ids[at : at + _ROWS]})
        return grouped.ids("")

    def group_by_id(self) -> tuple[Array, Array]:
        """Row numbers sorted by id [n] (rows of an id by start time), and where each id begins [g + 1]."""
        counts = np.bincount(self.group, minlength=self.groups)
        steps, times = np.diff(self.group), np.diff(self.bounds[:, 0])
        if ((steps > 0) | ((steps == 0) & (times >= 0))).all():  # as most tables are
            order = np.arange(len(self))
        else:
            order = np.lexsort((np.arange(len(self)), self.bounds[:, 0], self.group))
        return order, np.concatenate([[0], np.cumsum(counts)])

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
        return self.table[name].tolist()

    def _texts(self, name: str) -> list[str | None] | None:
        if name not in self.table:
            return None
        return [text.encode("utf-8", "backslashreplace").decode() or None for text in self.table[name]]

    def _paths(self) -> Iterator[bytes]:
        """The path of each id, absolute unless it is an address; the id itself where none is given."""
        paths: Iterable[str] = self.table.get("path") or itertools.repeat("", self.groups)
        for name, path in zip(self.names, paths, strict=True):
            if path and "://" not in path:
                yield os.fsencode(os.path.normpath(os.path.join(self.folder, path)))  # noqa: PTH118
                continue
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
            grouped, lines = _Grouped(header, path), _lines(rows, len(header), path)
            while some := list(itertools.islice(lines, _ROWS)):
                grouped.take(dict(zip(header, zip(*some, strict=True), strict=True)))
    except FileNotFoundError as error:
        raise InputError(f"no such file: {show(path)}") from error
    except (OSError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{show(path)} cannot be read as CSV: {show(why)}") from error
    return grouped.ids(os.path.dirname(os.path.abspath(path)))  # noqa: PTH100, PTH120


def _lines(rows: Any, fields: int, path: Path) -> Iterator[list[str]]:
    """The rows of a table of so many columns that are not empty."""
    for row in rows:
        if row and len(row) != fields:
            raise InputError(f"{show(path)}, line {rows.line_num}: {len(row)} fields instead of {fields}")
        if row:
            yield row


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


class _Grouped:
    """A table while it is read: of every row its id and times, all else of the first row of each id."""

    def __init__(self, columns: Sequence[str], path: Path | None) -> None:
        self._path, self._rows = path, 0
        self._numbers: dict[str, int] = {}  # of ids as they are compared
        self._spelt: dict[str, int] = {}  # of ids as they are written
        self._groups: list[Array] = []
        self._bounds: list[Array] = []
        self._timed = not {"start_s", "end_s", "duration_s"}.isdisjoint(columns)
        self._keys: dict[str, str] = {}
        self._first: dict[str, Any] = {name: array("d") if name in _NUMBERS else [] for name in columns}

    def take(self, columns: dict[str, Sequence[str]]) -> None:
        """Take some rows; raises InputError naming the first bad one, counted from 0."""
        values: dict[str, Any] = dict(columns)
        values |= {name: self._floats(values[name], name) for name in _NUMBERS if name in values}
        if "key" in values:
            values["key"] = self._named(values["key"])
        before = len(self._numbers)
        group = np.array([self._number(name) for name in values["id"]], np.int32)
        if (empty := self._numbers.get("")) is not None and (group == empty).any():
            row = self._rows + int(np.flatnonzero(group == empty)[0])
            raise InputError(f"{show(self._path or 'the vectors')}: row {row} (counted from 0) has an empty id")
        self._bounds += [self._times(values, len(group))] if self._timed else []
        new, first = np.unique(group, return_index=True)
        for name, kept in self._first.items():
            kept.extend(values[name][row] for row in first[new >= before].tolist())
        self._groups.append(group)
        self._rows += len(group)

    def ids(self, folder: str) -> Ids:
        """All that was read."""
        group = np.concatenate([np.empty(0, np.int32), *self._groups])
        none = np.broadcast_to(np.zeros((1, 2)), (len(group), 2))
        bounds = np.concatenate(self._bounds) if self._bounds else none
        table = {name: np.array(kept) if name in _NUMBERS else kept for name, kept in self._first.items()}
        return Ids(list(self._numbers), group, bounds, table, folder)

    def _number(self, name: str) -> int:
        """The number of an id, which is the same in every normal form."""
        found = self._spelt.get(name)
        if found is None:
            found = self._spelt[name] = self._numbers.setdefault(fold_path(name), len(self._numbers))
        return found

    def _times(self, values: dict[str, Any], count: int) -> Array:
        zero = np.zeros(count)
        start = np.nan_to_num(values.get("start_s", zero))
        end = values.get("end_s", np.full(count, np.nan))
        end = np.where(np.isnan(end), np.nan_to_num(values.get("duration_s", zero)), end)
        bad = np.flatnonzero(end < start)
        if "end_s" in values and len(bad):
            row = self._rows + int(bad[0])
            raise InputError(f"{show(self._path or '')}: row {row} (counted from 0) ends before it starts")
        return np.stack([start, np.maximum(end, start)], axis=1)

    def _floats(self, texts: Sequence[str], name: str) -> Array:
        out = np.full(len(texts), np.nan)
        for row, text in enumerate(texts):
            if text.strip():
                try:
                    out[row] = float(text)
                except ValueError:
                    stated = tempo(text) if name == "bpm" else None
                    out[row] = np.inf if stated is None else stated
                if not np.isfinite(out[row]) or out[row] < 0:
                    raise InputError(
                        f"{show(self._path or '')}: row {self._rows + row} (counted from 0): {name} is "
                        f"{show(text[:80])!r}, not a number >= 0"
                    )
        return out

    def _named(self, texts: Sequence[str]) -> list[str]:
        """Names of keys as the analysis writes them."""
        for row, text in enumerate(texts):
            if text not in self._keys:
                try:
                    self._keys[text] = key_name(text) if text.strip() else ""
                except InputError as error:
                    where = f"{show(self._path or '')}: row {self._rows + row} (counted from 0)"
                    raise InputError(f"{where}: key is {error}") from None
        return [self._keys[text] for text in texts]


def _facts(bpm: float, key: str | None) -> str:
    if key is None and bpm != bpm:  # the common case of a million rows
        return "{}"
    return json.dumps({"bpm": None if np.isnan(bpm) else bpm, "key": key})
