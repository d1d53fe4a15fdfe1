"""What is known of each track beside its windows, as memory-mapped columns of the snapshot.

Numbers are one .npy per fact, so that a filter reads only what it asks for, over any number of tracks; texts are one
blob and offsets into it, so that opening costs nothing and showing a track reads its own bytes.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexing.catalog.tracks import filter_values, leading, leading_paths, track_of
from indexing.disk.npy import NpyWriter, ascends, load_npy, within
from recommender.conditions import NAMES, RANGES, READ, OneOf, Within
from recommender.types import Affect, Array, Modality, Track

FOLDER = "facts"
_UNKNOWN = -1  # the name of a track of which none is known


@dataclass(frozen=True)
class Texts:
    """Texts in bytes: number i is `blob[offsets[i] : offsets[i + 1]]`.

    Attributes
    ----------
    blob:    uint8 [b].
    offsets: int64 [n + 1], ascending from 0 to b.
    """

    blob: Array
    offsets: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> bytes:
        return self.blob[self.offsets[i] : self.offsets[i + 1]].tobytes()


class Named(NamedTuple):
    """Names that recur: `codes` int32 [t], each a number of `names`, those that occur; -1 where unknown."""

    codes: Array
    names: Texts

    def of(self, at: int) -> str | None:
        """The name in a place; None where it is unknown."""
        code = int(self.codes[at])
        return self.names[code].decode("utf-8", "replace") if 0 <= code < len(self.names) else None


@dataclass(frozen=True)
class Facts:
    """Facts of the tracks of a segment, in its order (ascending ids).

    Attributes
    ----------
    numbers, named: by name what filters read (`recommender.conditions`); numbers float64 [t], NaN where unknown.
    affect:    float64 [t, 4], an `Affect` of the whole item; NaN where there is none.
    recording: int64 [t], what recording it is of: its own id, or that of the near-duplicate that leads.
    twins:     int64 [m], ascending: the places of tracks that have near-duplicates.
    first:     int64 [t + 1], the paths of track i are first[i] to first[i + 1].
    paths, titles, artists: of every path, those of a track by path; a title or artist may be empty.
    """

    numbers: Mapping[str, Array]
    named: Mapping[str, Named]
    affect: Array
    recording: Array
    twins: Array
    first: Array
    paths: Texts
    titles: Texts
    artists: Texts

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def is_whole(self) -> bool:
        """Whether all is here that filters read."""
        return {one.name for one in READ} == {*self.numbers, *self.named}

    def track(
        self, at: int, track_id: int, modality: Modality, *, stated: Mapping[str, Any] | None = None
    ) -> Track | None:
        """The track in place `at`; None when it has no path. `stated` as in `track_of`."""
        names = self._paths(at)
        if not names:
            return None
        leader = leading(names)
        row = int(self.first[at]) + leader
        numbers = {name: None if np.isnan(column[at]) else float(column[at]) for name, column in self.numbers.items()}
        return track_of(
            track_id,
            modality,
            names[leader],
            title=self.titles[row].decode("utf-8", "replace"),
            artist=self.artists[row].decode("utf-8", "replace"),
            known=numbers | {name: values.of(at) for name, values in self.named.items()},
            affect=None if np.isnan(self.affect[at, 0]) else Affect(*self.affect[at].tolist()),
            copies=[name for i, name in enumerate(names) if i != leader],
            versions=self._versions(at),
            stated=stated,
        )

    def _paths(self, at: int) -> list[bytes]:
        return [self.paths[row] for row in range(int(self.first[at]), int(self.first[at + 1]))]

    def _versions(self, at: int) -> list[bytes]:
        """A path of every other track of the same recording."""
        same = self.twins[self.recording[self.twins] == self.recording[at]]
        return leading_paths(self._paths(int(place)) for place in same if place != at)


@dataclass(frozen=True)
class Later:
    """Facts of some tracks that a snapshot does not have, or not as they are now: those of `ids` int64, ascending."""

    ids: Array
    facts: Facts


def load(home: Path, tracks: int) -> Facts:
    """The mapped facts of `tracks` tracks below `home`; raises OSError or ValueError when unusable.

    What was written before a filter was declared lacks what that reads: see `Facts.is_whole`.
    """
    folder = home / FOLDER
    kept: dict[str, Any] = {
        name: load_npy(folder / f"{name}.npy", np.int64) for name in ("recording", "twins", "first")
    }
    kept |= {name: _load_texts(folder, name) for name in ("paths", "titles", "artists")}
    there = [one for one in READ if (folder / f"{one.name}.npy").exists()]
    numbers = {one.name: load_npy(folder / f"{one.name}.npy", np.float64) for one in there if isinstance(one, Within)}
    codes = {one.name: load_npy(folder / f"{one.name}.npy", np.int32) for one in there if isinstance(one, OneOf)}
    named = {name: Named(values, _load_texts(folder, f"{name}_names")) for name, values in codes.items()}
    affect = load_npy(folder / "affect.npy", np.float64, len(Affect._fields))
    facts = Facts(numbers, named, affect=affect, **kept)
    if not _fit_together(facts, tracks):
        raise ValueError("the snapshot's facts do not fit together")
    return facts


def _fit_together(facts: Facts, tracks: int) -> bool:
    """Whether facts are of so many tracks, and every number is one that may stand where it does."""
    each = (*facts.numbers.values(), *(named.codes for named in facts.named.values()), facts.affect, facts.recording)
    if not all(len(values) == tracks for values in each) or len(facts) != tracks:
        return False
    numbers = all(not np.isinf(values).any() for values in (*facts.numbers.values(), facts.affect))
    codes = all(within(codes, _UNKNOWN, len(names)) for codes, names in facts.named.values())
    places = within(facts.twins, 0, tracks) and bool((np.diff(facts.twins) > 0).all())
    counts = {int(facts.first[-1]), len(facts.paths), len(facts.titles), len(facts.artists)}
    paths = ascends(facts.first) and len(counts) == 1
    return numbers and codes and places and paths and bool((facts.recording > 0).all())


def save(home: Path, facts: Facts) -> None:
    """Write facts below `home`; the files are synced."""
    (home / FOLDER).mkdir()
    for name, values in arrays(facts).items():
        NpyWriter.save(home / FOLDER / f"{name}.npy", values)


def arrays(facts: Facts) -> dict[str, Array]:
    """All arrays by the name of their file: texts as a blob and its offsets, names as codes and texts."""
    kept = {name: value for name, value in vars(facts).items() if name not in ("numbers", "named")}
    kept |= {**facts.numbers, **{name: values.codes for name, values in facts.named.items()}}
    texts = {name: kept.pop(name) for name in ("paths", "titles", "artists")}
    texts |= {f"{name}_names": values.names for name, values in facts.named.items()}
    for name, several in texts.items():
        kept |= {name: several.blob, f"{name}.offsets": several.offsets}
    return kept


def gather(rows: Iterable[Any]) -> Facts:
    """The facts in rows of `Catalog.facts`: a row per path (or one without a path), by id and path."""
    first, numbers, recording = array("q"), array("d"), array("q")
    paths, titles, artists = _Growing(), _Growing(), _Growing()
    ranges, codes, nan = [one.name for one in RANGES], {one.name: _Codes() for one in NAMES}, float("nan")
    last = None
    for row in rows:
        if row.id != last:
            last = row.id
            first.append(len(paths))
            known = filter_values(row)  # copies are equal byte for byte: so are their tags
            stated = *(known[name] for name in ranges), row.valence, row.arousal, row.valence_sd, row.arousal_sd
            numbers.extend(nan if value is None else value for value in stated)
            recording.append(row.id if row.recording is None else row.recording)
            for name, kept in codes.items():
                kept.add(known[name])
        if row.path is not None:
            paths.add(row.path)
            titles.add((row.title or "").encode())
            artists.add((row.artist or "").encode())
    first.append(len(paths))
    columns = np.array(numbers, np.float64).reshape(-1, len(ranges) + len(Affect._fields)).T
    recordings = np.array(recording, np.int64)
    _, which, counts = np.unique(recordings, return_inverse=True, return_counts=True)
    return Facts(
        numbers={name: np.ascontiguousarray(column) for name, column in zip(ranges, columns, strict=False)},
        named={name: kept.done() for name, kept in codes.items()},
        affect=np.ascontiguousarray(columns[len(ranges) :].T),
        recording=recordings,
        twins=np.flatnonzero(counts[which] > 1),
        first=np.array(first, np.int64),
        paths=paths.done(),
        titles=titles.done(),
        artists=artists.done(),
    )


class _Codes:
    """Names that recur, as numbers, while they are gathered."""

    def __init__(self) -> None:
        self.codes, self.names = array("i"), dict[str, int]()

    def add(self, name: Any) -> None:
        self.codes.append(_UNKNOWN if name in (None, "") else self.names.setdefault(str(name), len(self.names)))

    def done(self) -> Named:
        return Named(np.array(self.codes, np.int32), _Growing(name.encode() for name in self.names).done())


class _Growing:
    """Texts while they are gathered."""

    def __init__(self, texts: Iterable[bytes] = ()) -> None:
        self._blob, self._offsets = bytearray(), array("q", [0])
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def add(self, text: bytes) -> None:
        self._blob += text
        self._offsets.append(len(self._blob))

    def done(self) -> Texts:
        return Texts(np.frombuffer(self._blob, np.uint8), np.array(self._offsets, np.int64))


def _load_texts(folder: Path, name: str) -> Texts:
    texts = Texts(load_npy(folder / f"{name}.npy", np.uint8), load_npy(folder / f"{name}.offsets.npy", np.int64))
    if not ascends(texts.offsets) or texts.offsets[-1] != len(texts.blob):
        raise ValueError(f"the snapshot's {name} do not fit together")
    return texts
