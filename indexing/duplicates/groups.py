"""Which tracks are versions of one recording: fingerprints of what comes, matched with those of what is there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.disk import parts
from indexing.disk.parts import Part
from recommender.types import Array

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog
    from indexing.catalog.writer import CatalogWriter
    from indexing.duplicates.fingerprint_index import Kept
    from indexing.duplicates.matching import Recordings
    from recommender.extractors.audio.acoustic import Fingerprint

_CHUNK = 500  # fingerprints added at a time
_LONG_S = 1200.0  # longer tracks were not matched with what they contain, before that was a relation of its own


def regroup(folder: Path, catalog: "CatalogWriter") -> None:
    """Group every space anew that was grouped by other rules; in a transaction."""
    if catalog.follows_rules():
        return
    for space in catalog.spaces_of_music():
        known, there = Versions(folder, space), catalog.beside(space)
        known.regroup(there)
        known.save(there)
    catalog.follow_rules()


class Versions:
    """The fingerprints of a space while it is written: as `fingerprint_index` keeps them, completed from the store.

    A library that was never looked at costs 0.2 ms (CPU) per track and a file to open per part, once; one that was, a
    question to the catalog. 12 kB of disk per track of 4 minutes.
    """

    def __init__(self, folder: Path, space: int) -> None:
        self._folder, self._space = folder, space
        self._kept: Kept | None = None
        self._changed = False

    def take(self, catalog: "CatalogWriter", new: Sequence[tuple[int, bytes]]) -> None:
        """Group tracks that were just put into the catalog, by their fingerprints, with what they are versions of."""
        found = dict(_readable(new))
        if not found:
            return
        index = self._load_kept(catalog).recordings
        fresh = [(track, fingerprint) for track, fingerprint in found.items() if track not in index]
        index.add(fresh)
        self._changed |= bool(fresh)
        _relate(catalog, index, found.items())

    def regroup(self, catalog: "CatalogWriter") -> None:
        """Group anew what was grouped by other rules, without decoding: of tracks that were, or are too long to have
        been."""
        index = self._load_kept(catalog).recordings
        suspects = list(index.fingerprints(catalog.suspects(_LONG_S)))
        catalog.ungroup()
        _relate(catalog, index, suspects)

    def forget(self) -> None:
        """Drop what is in memory: the transaction that it was part of came to nothing."""
        self._kept, self._changed = None, False

    def save(self, catalog: "Catalog") -> None:
        """Keep what was learnt for the next writer; a disk that is full or read-only costs only its time."""
        if self._kept is None or not self._changed:
            return
        from indexing.duplicates import fingerprint_index

        known = {*self._kept.seen[:, 0].tolist(), *self._kept.recordings.ids}
        seen = np.array(
            [[row.id, _short(row.hash)] for row in catalog.placements(modality="music") if row.id in known], np.int64
        )
        kept = fingerprint_index.Kept(self._kept.recordings, seen.reshape(-1, 2))
        try:
            fingerprint_index.save(self._folder, catalog.head().uid, self._space, kept=kept)
        except OSError:
            return
        self._kept, self._changed = kept, False

    def _load_kept(self, catalog: "Catalog") -> "Kept":
        """What was kept, completed by what the store has more; all from the store where most of it is gone."""
        if self._kept is None:
            from indexing.duplicates import fingerprint_index

            there = {row.id: row for row in catalog.placements(modality="music")}
            kept = fingerprint_index.load(self._folder, catalog.head().uid, self._space)
            alive = sum(track in there for track in kept.seen[:, 0].tolist())
            if 2 * alive < len(kept.seen) or not _equal(kept.seen, there):
                kept = fingerprint_index.nothing()
            seen = set(kept.seen[:, 0].tolist())
            missing = [row for track, row in there.items() if track not in seen]
            self._complete(catalog.parts(), kept.recordings, missing)
            self._changed = bool(missing)
            pairs = [[track, _short(row.hash)] for track, row in there.items()]
            self._kept = fingerprint_index.Kept(kept.recordings, np.array(pairs, np.int64).reshape(-1, 2))
        return self._kept

    def _complete(self, infos: Mapping[int, Part], index: "Recordings", missing: Sequence[Any]) -> None:
        """Add the fingerprints that the store has of some tracks; large pieces go to the disk at once."""
        from indexing.duplicates import fingerprint_index

        found = _readable(fingerprints_of(self._folder, infos, missing))
        while several := list(islice(found, _CHUNK)):
            index.add((track, fingerprint) for track, fingerprint in several if track not in index)
            with suppress(OSError):  # the next writer makes it again
                fingerprint_index.spill(self._folder, index)


def fingerprints_of(folder: Path, infos: Mapping[int, Part], wanted: Sequence[Any]) -> Iterator[tuple[int, bytes]]:
    """Id and fingerprint of those of the tracks `wanted` (rows of `Catalog.placements`) that have one.

    Parts that are damaged are left out.
    """
    for part, several in groupby(wanted, key=lambda row: row.part):
        try:
            found = parts.read_blobs(folder, infos[part], "mark")
        except parts.DamagedPartError:
            continue
        yield from ((row.id, found[row.first_row - 1]) for row in several if row.first_row - 1 in found)


def _relate(catalog: "CatalogWriter", index: "Recordings", found: "Iterable[tuple[int, Fingerprint]]") -> None:
    """Group tracks with those that they are versions of, and note what they are contained in, or contain."""
    matches = [(a, match) for a, fingerprint in found for match in index.matches(fingerprint) if match.track != a]
    catalog.group([(a, match.track) for a, match in matches if match.same])
    pairs = [(a, match.track) if match.inside else (match.track, a) for a, match in matches if not match.same]
    catalog.contain(pairs)


def _short(digest: bytes) -> int:
    """The first eight bytes of a content hash."""
    return int.from_bytes(digest[:8], "little", signed=True)


def _equal(seen: Array, there: Mapping[int, Any]) -> bool:
    """Whether ids mean the same tracks as before: a catalog restored from a copy gives them anew."""
    return all(_short(there[track].hash) == short for track, short in seen.tolist() if track in there)


def _readable(fingerprints: Iterable[tuple[int, bytes]]) -> "Iterator[tuple[int, Fingerprint]]":
    """Fingerprints that this version of the program can compare."""
    from recommender.errors import InputError
    from recommender.extractors.audio.acoustic import from_bytes

    for track, fingerprint in fingerprints:
        try:
            yield track, from_bytes(fingerprint)
        except InputError:  # of another revision
            continue
