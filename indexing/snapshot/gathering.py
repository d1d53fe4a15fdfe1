"""Facts gathered from the catalog for a snapshot: by columns, some thousand tracks at a time."""

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from indexing.catalog.shown import COLUMNS
from indexing.snapshot.facts import UNKNOWN, Facts, Named, Texts
from recommender.conditions import NAMES, RANGES, READ
from recommender.types import Affect, Array

_ROWS = 1 << 14  # rows looked at together: some 20 MB


def gather(rows: Iterable[Sequence[Any]]) -> Facts:
    """The facts in rows of `Catalog.facts`: a row per path (or one without a path), by id and path."""
    held, rows = _Gathered(), iter(rows)
    while some := list(itertools.islice(rows, _ROWS)):
        held.take(dict(zip(COLUMNS, zip(*some, strict=True), strict=True)))
    return held.facts()


class _Gathered:
    """Columns while they grow."""

    def __init__(self) -> None:
        self._last = 0  # the track of the last row; ids begin with 1
        self._paths = 0
        self._numbers: dict[str, list[Array]] = {name: [] for name in (*(one.name for one in RANGES), *Affect._fields)}
        self._codes = {one.name: _Codes() for one in NAMES}
        self._recording: list[Array] = []
        self._first: list[Array] = []
        self._texts = {name: _Growing() for name in ("paths", "titles", "artists")}

    def take(self, columns: dict[str, Sequence[Any]]) -> None:
        """Take some rows; copies are equal byte for byte, so of a track's the first says all but path and names."""
        ids = np.array(columns["id"], np.int64)
        lead = np.flatnonzero(np.diff(ids, prepend=self._last))
        self._last = int(ids[-1])
        there = np.array([path is not None for path in columns["path"]])
        self._first.append(self._paths + np.cumsum(there)[lead] - there[lead])
        self._paths += int(there.sum())
        self._take_tracks(columns, lead.tolist())
        rows = np.flatnonzero(there).tolist()
        self._texts["paths"].extend([columns["path"][i] for i in rows])
        for name, texts in {"title": columns["title"], "artist": columns["artist"]}.items():
            self._texts[f"{name}s"].extend([(texts[i] or "").encode() for i in rows])

    def _take_tracks(self, columns: dict[str, Sequence[Any]], lead: Sequence[int]) -> None:
        """Take what is said once a track, from the first of its rows."""
        measured = parse([columns["facts"][i] for i in lead])
        values = {one.name: [facts.get(one.name) for facts in measured] for one in READ if one.kept == "facts"}
        stated = (*(one.name for one in READ if one.kept != "facts"), *Affect._fields, "recording", "id")
        values |= {name: [columns[name][i] for i in lead] for name in stated}
        for name, several in self._numbers.items():
            several.append(np.array(values[name], np.float64))  # None is NaN
        for name, codes in self._codes.items():
            codes.extend(values[name])
        pairs = zip(values["recording"], values["id"], strict=True)
        self._recording.append(np.array([own if of is None else of for of, own in pairs], np.int64))

    def facts(self) -> Facts:
        """All that was taken."""
        numbers = {name: _join(several, np.float64) for name, several in self._numbers.items()}
        affect = np.stack([numbers.pop(name) for name in Affect._fields], axis=1)
        recordings = _join(self._recording, np.int64)
        _, which, counts = np.unique(recordings, return_inverse=True, return_counts=True)
        return Facts(
            numbers=numbers,
            named={name: codes.done() for name, codes in self._codes.items()},
            affect=np.ascontiguousarray(affect),
            recording=recordings,
            twins=np.flatnonzero(counts[which] > 1),
            first=_join([*self._first, np.array([self._paths])], np.int64),
            **{name: texts.done() for name, texts in self._texts.items()},
        )


def parse(texts: Sequence[str]) -> list[dict[str, Any]]:
    """The JSON objects in some texts, parsed as one; raises as `json.loads`."""
    found: list[dict[str, Any]] = json.loads(f"[{','.join(texts)}]")
    return found if len(found) == len(texts) else list(map(json.loads, texts))


class _Codes:
    """Names that recur, as numbers by their first place, while they are gathered."""

    def __init__(self) -> None:
        self._codes, self._names = list[Array](), dict[str, int]()

    def extend(self, names: Sequence[Any]) -> None:
        number = self._names.setdefault
        codes = [UNKNOWN if name in (None, "") else number(str(name), len(self._names)) for name in names]
        self._codes.append(np.array(codes, np.int32))

    def done(self) -> Named:
        texts = _Growing()
        texts.extend([name.encode() for name in self._names])
        return Named(_join(self._codes, np.int32), texts.done())


class _Growing:
    """Texts while they are gathered."""

    def __init__(self) -> None:
        self._blob, self._lengths = bytearray(), list[Array]()

    def extend(self, texts: Sequence[bytes]) -> None:
        self._blob += b"".join(texts)
        self._lengths.append(np.fromiter(map(len, texts), np.int64, len(texts)))

    def done(self) -> Texts:
        offsets = np.concatenate([[0], np.cumsum(_join(self._lengths, np.int64))])
        return Texts(np.frombuffer(self._blob, np.uint8), offsets.astype(np.int64))


def _join(pieces: Sequence[Array], kind: Any) -> Array:
    return np.concatenate([np.empty(0, kind), *pieces]).astype(kind)
