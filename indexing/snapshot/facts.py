"""What is known of each track beside its windows, as memory-mapped columns of the snapshot.

Numbers are one .npy per fact, so that a filter reads only what it asks for, over any number of tracks; texts are one
blob and offsets into it, so that opening costs nothing and showing a track reads its own bytes.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.catalog.tracks import leading, ordered, track_of
from indexing.disk.durable import sync
from indexing.disk.npy import NpyWriter, load_npy
from recommender.types import Affect, Array, Modality, Track

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog

FOLDER = "facts"
_TEXTS = ("paths", "titles", "artists", "key_names", "genre_names", "licence_names")
_NUMBERS = ("duration_s", "bpm", "key", "genre", "licence", "affect", "recording")  # one per track
_UNKNOWN = -1  # the key (genre, licence) of a track of which none is known


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


@dataclass(frozen=True)
class Facts:
    """Facts of the tracks of a segment, in its order (ascending ids).

    Attributes
    ----------
    duration_s, bpm: float64 [t], NaN where unknown.
    key, genre, licence: int32 [t], a number of `key_names` and so on, -1 where unknown.
    affect:    float64 [t, 4], an `Affect` of the whole item; NaN where there is none.
    recording: int64 [t], what recording it is of: its own id, or that of the near-duplicate that leads.
    twins:     int64 [m], ascending: the places of tracks that have near-duplicates.
    first:     int64 [t + 1], the paths of track i are first[i] to first[i + 1].
    paths, titles, artists: of every path, those of a track by path; a title or artist may be empty.
    key_names, genre_names, licence_names: those that occur.
    """

    duration_s: Array
    bpm: Array
    key: Array
    genre: Array
    licence: Array
    affect: Array
    recording: Array
    twins: Array
    first: Array
    paths: Texts
    titles: Texts
    artists: Texts
    key_names: Texts
    genre_names: Texts
    licence_names: Texts

    def __len__(self) -> int:
        return len(self.first) - 1

    def track(
        self, at: int, track_id: int, modality: Modality, stated: Mapping[str, Any] | None = None
    ) -> Track | None:
        """The track in place `at`; None when it has no path. `stated` as in `track_of`."""
        names = self._paths(at)
        if not names:
            return None
        leader = leading(names)
        row = int(self.first[at]) + leader
        return track_of(
            track_id,
            modality,
            names[leader],
            self.titles[row].decode("utf-8", "replace"),
            self.artists[row].decode("utf-8", "replace"),
            duration_s=_known(self.duration_s[at]),
            bpm=_known(self.bpm[at]),
            key=name_of(self.key_names, int(self.key[at])),
            affect=None if np.isnan(self.affect[at, 0]) else Affect(*self.affect[at].tolist()),
            copies=[name for i, name in enumerate(names) if i != leader],
            genre=name_of(self.genre_names, int(self.genre[at])),
            licence=name_of(self.licence_names, int(self.licence[at])),
            versions=self._versions(at),
            stated=stated,
        )

    def _paths(self, at: int) -> list[bytes]:
        return [self.paths[row] for row in range(int(self.first[at]), int(self.first[at + 1]))]

    def _versions(self, at: int) -> list[bytes]:
        """A path of every other track of the same recording."""
        same = self.twins[self.recording[self.twins] == self.recording[at]]
        return ordered(self._paths(int(place)) for place in same if place != at)


@dataclass(frozen=True)
class Later:
    """Facts of some tracks that a snapshot does not have, or not as they are now: those of `ids` int64, ascending."""

    ids: Array
    facts: Facts


def name_of(names: Texts, code: int) -> str | None:
    """The name of a code; None for that of what is unknown."""
    return names[code].decode("utf-8", "replace") if 0 <= code < len(names) else None


def load(home: Path, tracks: int) -> Facts:
    """The mapped facts of `tracks` tracks below `home`; raises OSError or ValueError when unusable."""
    numbers: dict[str, Any] = {name: load_npy(home / FOLDER / f"{name}.npy") for name in (*_NUMBERS, "twins", "first")}
    texts: dict[str, Any] = {name: _load_texts(home / FOLDER, name) for name in _TEXTS}
    facts = Facts(**numbers, **texts)
    whole = all(len(numbers[name]) == tracks for name in _NUMBERS) and facts.affect.shape[1:] == (4,)
    whole = whole and len(facts) == tracks and facts.twins.max(initial=-1) < tracks
    if not whole or not facts.first[-1] == len(facts.paths) == len(facts.titles) == len(facts.artists):
        raise ValueError("the snapshot's facts do not fit together")
    return facts


def save(home: Path, facts: Facts) -> None:
    """Write facts below `home`, synced."""
    (home / FOLDER).mkdir()
    for name, value in vars(facts).items():
        if isinstance(value, Texts):
            NpyWriter.save(home / FOLDER / f"{name}.npy", value.blob)
            NpyWriter.save(home / FOLDER / f"{name}.offsets.npy", value.offsets)
        else:
            NpyWriter.save(home / FOLDER / f"{name}.npy", value)
    sync(home / FOLDER)


def gathered(rows: Iterable[Any]) -> Facts:
    """The facts in rows of `Catalog.facts`: a row per path (or one without a path), by id and path."""
    first, numbers, recording = array("q"), array("d"), array("q")
    paths, titles, artists = _Growing(), _Growing(), _Growing()
    codes = {name: _Codes() for name in ("key", "genre", "licence")}
    last = None
    for row in rows:
        if row.id != last:
            last = row.id
            first.append(len(paths))
            known = (row.duration_s, row.facts.get("bpm"), row.valence, row.arousal, row.valence_sd, row.arousal_sd)
            numbers.extend(float("nan") if value is None else value for value in known)
            recording.append(row.id if row.recording is None else row.recording)
            # Copies are equal byte for byte: so are their tags.
            for name, value in (("key", row.facts.get("key")), ("genre", row.genre), ("licence", row.licence)):
                codes[name].add(value)
        if row.path is not None:
            paths.add(row.path)
            titles.add((row.title or "").encode())
            artists.add((row.artist or "").encode())
    first.append(len(paths))
    duration_s, bpm, *affect = np.array(numbers, np.float64).reshape(-1, 6).T
    recordings = np.array(recording, np.int64)
    named: dict[str, Any] = {name: np.array(kept.codes, np.int32) for name, kept in codes.items()}
    named |= {f"{name}_names": _Growing(text.encode() for text in kept.names).done() for name, kept in codes.items()}
    return Facts(
        duration_s=np.ascontiguousarray(duration_s),
        bpm=np.ascontiguousarray(bpm),
        affect=np.stack(affect, axis=1),
        recording=recordings,
        twins=_twins(recordings),
        first=np.array(first, np.int64),
        paths=paths.done(),
        titles=titles.done(),
        artists=artists.done(),
        **named,
    )


def later(catalog: "Catalog", modality: Modality, generation: int) -> Later:
    """What is known of the tracks of a modality that have changed since the catalog was in that state."""
    ids, rows = catalog.changed(modality, generation)
    return Later(ids, gathered(rows))


def _twins(recordings: Array) -> Array:
    """Places of equal recordings, int64 [m], ascending."""
    _, which, counts = np.unique(recordings, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[which] > 1)


class _Codes:
    """Names that recur, as numbers, while they are gathered."""

    def __init__(self) -> None:
        self.codes, self.names = array("i"), dict[str, int]()

    def add(self, name: Any) -> None:
        self.codes.append(_UNKNOWN if name in (None, "") else self.names.setdefault(str(name), len(self.names)))


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
    texts = Texts(load_npy(folder / f"{name}.npy"), load_npy(folder / f"{name}.offsets.npy"))
    if texts.offsets[0] != 0 or texts.offsets[-1] != len(texts.blob):
        raise ValueError(f"the snapshot's {name} do not fit together")
    return texts


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
