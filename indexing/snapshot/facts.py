"""What is known of each track beside its windows, as memory-mapped columns of the snapshot.

Numbers are one .npy per fact, so that a filter reads only what it asks for, over any number of tracks; texts are one
blob and offsets into it, so that opening costs nothing and showing a track reads its own bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexing.catalog.tracks import leading, track_of
from indexing.disk.npy import NpyWriter, ascends, load_npy, within
from indexing.disk.runs import spans
from recommender.conditions import READ, OneOf, Within
from recommender.types import Affect, Array, Modality, Track

FOLDER = "facts"
UNKNOWN = -1
"""The code of a track of which no name is known."""


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
    twins:     int64 [m], ascending: the places of tracks that have near-duplicates. Both are of these tracks alone:
               where there are several segments, `indexing.snapshot.known.Known` has them of all.
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

    def track(self, at: int, track_id: int, modality: Modality, **more: Any) -> Track | None:
        """The track in place `at`; None when it has no path. `more`: `versions` and `stated` as in `track_of`."""
        names = self.paths_of(at)
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
            **more,
        )

    def paths_of(self, at: int) -> list[bytes]:
        """The paths of the track in place `at`, in order."""
        return [self.paths[row] for row in range(int(self.first[at]), int(self.first[at + 1]))]


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
    codes = all(within(codes, UNKNOWN, len(names)) for codes, names in facts.named.values())
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


def spread(some: Facts, places: Array, ids: Array) -> Facts:
    """The facts of tracks `ids` int64 [t], of which only those in these places, ascending, are known."""
    if len(places) == len(ids):
        return some
    columns: dict[str, Array] = {name: np.full(len(ids), np.nan) for name in some.numbers}
    codes = {name: np.full(len(ids), UNKNOWN, np.int32) for name in some.named}
    affect, recording, counts = np.full((len(ids), len(Affect._fields)), np.nan), ids.copy(), np.zeros_like(ids)
    for name, values in some.numbers.items():
        columns[name][places] = values
    for name, named in some.named.items():
        codes[name][places] = named.codes
    affect[places], recording[places], counts[places] = some.affect, some.recording, np.diff(some.first)
    return replace(
        some,
        numbers=columns,
        named={name: named._replace(codes=codes[name]) for name, named in some.named.items()},
        affect=affect,
        recording=recording,
        twins=places[some.twins],
        first=np.concatenate([[0], np.cumsum(counts)]),
    )


def take(texts: Texts, rows: Array) -> Texts:
    """Those of some rows, int64 [m]."""
    lengths = np.diff(texts.offsets)[rows]
    return Texts(texts.blob[spans(texts.offsets[rows], lengths)], np.concatenate([[0], np.cumsum(lengths)]))


def differing(mine: Facts, places: Array, theirs: Facts) -> Iterator[str]:
    """What of the tracks in these places, int64 ascending, is not as `theirs` has it, which is of these alone."""
    pairs: dict[str, tuple[Array, Array]] = {
        name: (mine.numbers[name][places], theirs.numbers[name]) for name in theirs.numbers
    }
    pairs |= {"affect": (mine.affect[places], theirs.affect)}
    counts = np.diff(mine.first)[places]
    pairs |= {"first": (counts, np.diff(theirs.first))}
    for name, named in theirs.named.items():
        pairs[name] = _renumber(mine.named[name], named.names)[places], named.codes
    for name in ("paths", "titles", "artists"):
        here, there = take(getattr(mine, name), spans(mine.first[places], counts)), getattr(theirs, name)
        pairs |= {name: (here.blob, there.blob), f"{name}.offsets": (here.offsets, there.offsets)}
    for name, (some, others) in pairs.items():  # what is unknown (NaN) equals itself
        if not np.array_equal(some, others, equal_nan=others.dtype.kind == "f"):
            yield name


def _renumber(named: Named, names: Texts) -> Array:
    """int64 [t]: the codes in the numbers of other names; -2 where these lack one."""
    there = {names[i]: i for i in range(len(names))}
    return np.array([*(there.get(named.names[i], -2) for i in range(len(named.names))), UNKNOWN])[named.codes]


def _load_texts(folder: Path, name: str) -> Texts:
    texts = Texts(load_npy(folder / f"{name}.npy", np.uint8), load_npy(folder / f"{name}.offsets.npy", np.int64))
    if not ascends(texts.offsets) or texts.offsets[-1] != len(texts.blob):
        raise ValueError(f"the snapshot's {name} do not fit together")
    return texts
