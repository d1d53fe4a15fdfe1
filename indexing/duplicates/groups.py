"""Which tracks are versions of one recording, kept in the catalog: matched when they come, regrouped when they go.

A track that leaves does not part those that stay: two excerpts of it are of one recording as before.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import groupby, islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from indexing.catalog import queries
from indexing.catalog.schema import contents, recordings, tracks
from indexing.disk import parts
from recommender.types import Array

if TYPE_CHECKING:
    from indexing.duplicates import fingerprint_index as marks
    from indexing.duplicates.matching import Recordings
    from recommender.extractors.audio.acoustic import Fingerprint

Pair = tuple[int, int]
_CHUNK = 500  # recordings regrouped, or fingerprints added, at a time


class Versions:
    """The fingerprints of a space while it is written: as `fingerprint_index` keeps them, completed from the store.

    A library that was never looked at costs 0.2 ms (CPU) per track and a file to open per part, once; one that was, a
    question to the catalog. 12 kB of disk per track of 4 minutes.
    """

    def __init__(self, folder: Path, space: int) -> None:
        self._folder, self._space = folder, space
        self._kept: marks.Kept | None = None
        self._changed = False

    def take(self, link: sa.Connection, new: Sequence[tuple[int, bytes]]) -> None:
        """Group contents that were just put into the catalog, by their fingerprints, with what they are versions of."""
        found = dict(_readable(new))
        if not found:
            return
        index = self._loaded(link).recordings
        fresh = [(content, mark) for content, mark in found.items() if content not in index]
        index.add(fresh)
        self._changed |= bool(fresh)
        group(link, [(a, match.track) for a, mark in found.items() for match in index.matches(mark)])

    def forget(self) -> None:
        """Drop what is in memory: the transaction that it was part of came to nothing."""
        self._kept, self._changed = None, False

    def save(self, link: sa.Connection) -> None:
        """Keep what was learnt for the next writer; a disk that is full or read-only costs only its time."""
        if self._kept is None or not self._changed:
            return
        from indexing.duplicates import fingerprint_index as marks

        known = {*self._kept.seen[:, 0].tolist(), *self._kept.recordings.ids}
        seen = np.array([[row.id, _short(row.hash)] for row in self._contents(link) if row.id in known], np.int64)
        kept = marks.Kept(self._kept.recordings, seen.reshape(-1, 2))
        try:
            marks.save(self._folder, queries.head(link).uid, self._space, kept)
        except OSError:
            return
        self._kept, self._changed = kept, False

    def _loaded(self, link: sa.Connection) -> "marks.Kept":
        """What was kept, completed by what the store has more; all from the store where most of it is gone."""
        if self._kept is None:
            from indexing.duplicates import fingerprint_index as marks

            there = {row.id: row for row in self._contents(link)}
            kept = marks.load(self._folder, queries.head(link).uid, self._space)
            alive = sum(content in there for content in kept.seen[:, 0].tolist())
            if 2 * alive < len(kept.seen) or not _equal(kept.seen, there):
                kept = marks.nothing()
            seen = set(kept.seen[:, 0].tolist())
            missing = [row for content, row in there.items() if content not in seen]
            self._complete(link, kept.recordings, missing)
            self._changed = bool(missing)
            pairs = [[content, _short(row.hash)] for content, row in there.items()]
            self._kept = marks.Kept(kept.recordings, np.array(pairs, np.int64).reshape(-1, 2))
        return self._kept

    def _complete(self, link: sa.Connection, index: "Recordings", missing: Sequence[Any]) -> None:
        """Add the fingerprints that the store has of some contents; large pieces go to the disk at once."""
        from indexing.duplicates import fingerprint_index as marks

        found = _readable(marks_of(link, self._folder, missing))
        while several := list(islice(found, _CHUNK)):
            index.add((content, mark) for content, mark in several if content not in index)
            with suppress(OSError):  # the next writer makes it again
                marks.spill(self._folder, index)

    def _contents(self, link: sa.Connection) -> Sequence[Any]:
        c = contents.c
        query = sa.select(c.id, c.part, c.first_row, c.hash).where(c.space == self._space, c.modality == "music")
        return link.execute(query.order_by(c.part, c.first_row)).all()


def marks_of(link: sa.Connection, folder: Path, wanted: Sequence[Any]) -> Iterator[tuple[int, bytes]]:
    """Content and fingerprint of those of the contents `wanted` (rows, by part) that have one.

    Parts that are damaged are left out.
    """
    infos = queries.known_parts(link)
    for part, several in groupby(wanted, key=lambda row: row.part):
        try:
            found = parts.read_marks(folder, infos[part])
        except parts.DamagedPartError:
            continue
        yield from ((row.id, found[row.first_row - 1]) for row in several if row.first_row - 1 in found)


def _short(digest: bytes) -> int:
    """The first eight bytes of a content hash."""
    return int.from_bytes(digest[:8], "little", signed=True)


def _equal(seen: Array, there: Mapping[int, Any]) -> bool:
    """Whether ids mean the same contents as before: a catalog restored from a copy gives them anew."""
    return all(_short(there[content].hash) == short for content, short in seen.tolist() if content in there)


def group(link: sa.Connection, pairs: Iterable[Pair]) -> None:
    """Make contents that are versions of each other one recording, with all that either was grouped with before."""
    pairs = [(a, b) for a, b in pairs if a != b]
    if not pairs:
        return
    from indexing.duplicates.matching import groups

    r = recordings.c
    wanted = {content for pair in pairs for content in pair}
    leaders = sa.select(r.recording).where(r.content.in_(wanted))
    before = link.execute(sa.select(r.content, r.recording).where(r.recording.in_(leaders))).all()
    linked = [(row.content, row.recording) for row in before]
    wanted |= {content for pair in linked for content in pair}
    query = sa.select(contents.c.id, contents.c.duration_s, sa.func.min(tracks.c.path).label("path"))
    query = query.join_from(contents, tracks).where(contents.c.id.in_(wanted)).group_by(contents.c.id)
    there = {row.id: row for row in link.execute(query)}  # what was removed since is remembered by `Versions` alone
    known = [pair for pair in (*pairs, *linked) if pair[0] in there and pair[1] in there]
    durations = {content: row.duration_s or 0.0 for content, row in there.items()}
    paths = {content: os.fsdecode(row.path) for content, row in there.items()}
    rows = [
        {"content": content, "recording": found[0]} for found in groups(known, durations, paths) for content in found
    ]
    if rows:
        link.execute(sa.delete(recordings).where(r.content.in_([row["content"] for row in rows])))
        link.execute(sa.insert(recordings), rows)


def drop(link: sa.Connection, content: int) -> None:
    """Take a content out of its recording; who is left alone is a recording of its own."""
    r = recordings.c
    leader = link.execute(sa.select(r.recording).where(r.content == content)).scalar()
    if leader is None:
        return
    link.execute(sa.delete(recordings).where(r.content == content))
    rest = list(link.execute(sa.select(r.content).where(r.recording == leader).order_by(r.content)).scalars())
    if len(rest) < 2:
        link.execute(sa.delete(recordings).where(r.recording == leader))
    elif leader == content:
        link.execute(sa.update(recordings).where(r.recording == leader).values(recording=rest[0]))
        group(link, pairwise(rest))


def copy(link: sa.Connection, old: int, new: int) -> None:
    """Group the contents of the space `new` as the same files are grouped in `old`."""
    before, after = contents.alias(), contents.alias()
    same = (after.c.hash == before.c.hash) & (after.c.modality == before.c.modality) & (after.c.space == new)
    joined = recordings.join(before, before.c.id == recordings.c.content).join(after, same)
    query = sa.select(recordings.c.recording, after.c.id).select_from(joined).where(before.c.space == old)
    members: dict[int, list[int]] = {}
    for row in link.execute(query.order_by(after.c.id)):
        members.setdefault(row.recording, []).append(row.id)
    several = list(members.values())
    for at in range(0, len(several), _CHUNK):  # SQLite takes 32,766 values in a statement
        group(link, [pair for contents_of in several[at : at + _CHUNK] for pair in pairwise(contents_of)])


def _readable(marks: Iterable[tuple[int, bytes]]) -> "Iterator[tuple[int, Fingerprint]]":
    """Fingerprints that this version of the program can compare."""
    from recommender.errors import InputError
    from recommender.extractors.audio.acoustic import from_bytes

    for content, mark in marks:
        try:
            yield content, from_bytes(mark)
        except InputError:  # of another revision
            continue
