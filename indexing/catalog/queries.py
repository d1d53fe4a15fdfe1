"""Questions to the catalog: what is in the library, under which space, in which part of the store."""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Self

import numpy as np
import sqlalchemy as sa

from indexing.catalog import shown
from indexing.catalog.engine import driver_of, engine_of
from indexing.catalog.reading import HEAD, Description, Head, Reading, head_of, open_reading
from indexing.catalog.rows import Failure, Held, Known, KnownFailure, KnownFile, Live, Root, Stored
from indexing.catalog.schema import (
    GROUPING,
    contained,
    failures,
    files,
    modalities,
    parts,
    recordings,
    roots,
    touched,
    tracks,
)
from indexing.catalog.tracks import filter_values, leading, leading_paths, track_of
from indexing.disk.files import Stamp
from indexing.disk.parts import Part
from recommender.conditions import TAGS
from recommender.types import Affect, Array, Modality, Track

DANGLING: Mapping[str, Any] = {
    "recordings": recordings.c.track.not_in(sa.select(tracks.c.id)),
    "contained": sa.or_(*(contained.c[end].not_in(sa.select(tracks.c.id)) for end in ("track", "whole"))),
    "tracks": tracks.c.part.not_in(sa.select(parts.c.id)),
    "files": files.c.track.not_in(sa.select(tracks.c.id)),
}
"""By the name of a table, which of its rows refer to nothing."""


class Catalog:
    """An open catalog, asked about one of its spaces: the one that is searched, where no other is named.

    A reader's stays in the state it was opened in, whatever a writer does.
    """

    def __init__(self, engine: sa.Engine, reading: Reading | None = None, space_id: int | None = None) -> None:
        self._engine, self._reading, self._space_id = engine, reading, space_id
        self._connection = engine.connect()
        self._execute = self._connection.execute

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The catalog of a library; raises LibraryError for an unknown version. See `reading.open_reading`."""
        return cls.of(open_reading(folder))

    @classmethod
    def of(cls, reading: Reading, space_id: int | None = None) -> Self:
        """A catalog that is being read already, in the same transaction; closing it closes both."""
        return cls(engine_of(lambda: reading.connection), reading, space_id)

    def close(self) -> None:
        """End the transaction and let go of the file."""
        self._connection.close()
        self._engine.dispose()
        if self._reading is not None:
            self._reading.close()

    def beside(self, space_id: int) -> Self:
        """The same catalog, asked about another space."""
        other = copy(self)
        other._space_id = space_id
        return other

    @property
    def space_id(self) -> int:
        """The space that is asked about."""
        if self._space_id is None:
            self._space_id = self.head().space_id
        return self._space_id

    def head(self) -> Head:
        """The catalog's state."""
        return head_of(self._connection.exec_driver_sql(HEAD).first())

    def descriptions(self) -> dict[Modality, Description]:
        """The modalities that the space holds, with their columns, in alphabetical order."""
        query = sa.select(modalities).where(modalities.c.space == self.space_id).order_by(modalities.c.modality)
        return {r.modality: Description(tuple(r.columns), tuple(r.inputs)) for r in self._execute(query)}

    def live(self, modality: Modality, since: int = -1) -> Live:
        """Where every track of a modality is stored; with `since` of those alone that have changed since that state."""
        c = tracks.c
        query = sa.select(c.id, c.part, c.first_row, c.windows).where(*self._of(tracks, modality)).order_by(c.id)
        rows = self._execute(_only_touched(query, since))
        return Live(*np.fromiter((value for row in rows for value in row), np.int64).reshape(-1, 4).T)

    def ids_since(self, since: int) -> Array | None:
        """int64 [m], ascending: the tracks, some of them gone, that changed since the catalog was in that state.

        None where that cannot be told: it is of before changes were noted, or of another copy of the catalog.
        """
        unknown = sa.select(touched.c.generation).where(touched.c.track == 0)
        if (self._execute(unknown).scalar() or 0) > since or self.head().generation < since:
            return None
        query = sa.select(touched.c.track).where(touched.c.generation > since).order_by(touched.c.track)
        return np.fromiter(self._execute(query).scalars(), np.int64)

    def totals(self, modality: Modality) -> tuple[int, ...]:
        """How many tracks of a modality there are, and the sums of their ids, of their parts and of their windows."""
        c = tracks.c
        sums = (sa.func.coalesce(sa.func.sum(column), 0) for column in (c.id, c.part, c.windows))
        return tuple(self._execute(sa.select(sa.func.count(), *sums).where(*self._of(tracks, modality))).one())

    def windows_after(self, part: int) -> tuple[int, int]:
        """How many windows of the space are in parts with a higher number than `part`, and in all."""
        c = tracks.c
        counts = sa.func.sum(sa.case((c.part > part, c.windows), else_=0)), sa.func.sum(c.windows)
        after, total = self._execute(sa.select(*counts).where(c.space == self.space_id)).one()
        return int(after or 0), int(total or 0)

    def parts(self) -> dict[int, Part]:
        """All parts of the store, by id."""
        return {row.id: _part(row) for row in self._execute(sa.select(parts).order_by(parts.c.id))}

    def parts_with_tracks(self) -> list[Held]:
        """All parts with what they hold, by id, those of every space."""
        placed: dict[int, list[Any]] = {}
        for row in self.placements():
            placed.setdefault(row.part, []).append(row)
        return [held._replace(placed=placed.get(held.id, [])) for held in self._parts()]

    def parts_in_turn(self) -> Iterator[Held]:
        """As `parts_with_tracks`, with the tracks of one part in memory at a time."""
        return (held._replace(placed=self.placements(part=held.id)) for held in self._parts())

    def _parts(self) -> list[Held]:
        rows = self._execute(sa.select(parts).order_by(parts.c.id))
        return [Held(row.id, row.space, row.modality, _part(row), ()) for row in rows]

    def placements(self, *, part: int | None = None, modality: Modality | None = None) -> Sequence[Any]:
        """Tracks (id, part, first_row, windows, hash, size) by part and row: of a part, of a modality of the space,
        or all that there are."""
        c = tracks.c
        query = sa.select(c.id, c.part, c.first_row, c.windows, c.hash, c.size).order_by(c.part, c.first_row)
        query = query if part is None else query.where(c.part == part)
        return self._execute(query.where(*self._of(tracks, modality)) if modality else query).all()

    def changes(self, modality: Modality, since: int) -> Array:
        """int64 [t], ascending: the tracks of a modality that changed since the catalog was in that state; all of
        them where that cannot be told."""
        moved = -1 if self.ids_since(since) is None else since
        query = sa.select(tracks.c.id).where(*self._of(tracks, modality)).order_by(tracks.c.id)
        return np.fromiter(self._execute(_only_touched(query, moved)).scalars(), np.int64)

    def facts(self, modality: Modality, ids: Array | None = None) -> Iterator[tuple[Any, ...]]:
        """What queries show of every track of a modality, or of `ids` int64 ascending: rows as in `shown.rows`."""
        return shown.rows(driver_of(self._connection), self.space_id, modality, ids=ids)

    def same_recording(self, modality: Modality) -> tuple[Array, Array]:
        """The tracks of a modality that have near-duplicates, int64 [m] ascending, and the recording of each."""
        query = sa.select(recordings).join(tracks).where(*self._of(tracks, modality)).order_by(recordings.c.track)
        rows = self._execute(query)
        found, of = np.fromiter((value for row in rows for value in row), np.int64).reshape(-1, 2).T
        return found, of

    def follows_rules(self) -> bool:
        """Whether all is grouped by the rules of today."""
        return bool(self._connection.exec_driver_sql("PRAGMA user_version").scalar_one() == GROUPING)

    def spaces_of_music(self) -> list[int]:
        """The spaces that hold music."""
        query = sa.select(tracks.c.space).where(tracks.c.modality == "music").distinct().order_by(tracks.c.space)
        return list(self._execute(query).scalars())

    def suspects(self, longest_s: float) -> set[int]:
        """The tracks of the space that are grouped, and longer ones than that."""
        grouped = sa.select(recordings.c.track)
        query = sa.select(tracks.c.id).where(*self._of(tracks, "music"))
        return set(self._execute(query.where(tracks.c.id.in_(grouped) | (tracks.c.duration_s > longest_s))).scalars())

    def track(self, track_id: int) -> Track | None:
        """One item with all its paths; the first path, in sorted order, that is still on disk leads."""
        rows = self._execute(self._join().where(tracks.c.id == track_id)).all()
        if not rows:
            return None
        paths = [r.path for r in rows]
        leader = leading(paths)
        return _track(rows[leader], [p for i, p in enumerate(paths) if i != leader], self._versions(track_id))

    def _versions(self, track_id: int) -> list[bytes]:
        """A path of every other track of the same recording."""
        r, f = recordings.c, files.c
        mine = sa.select(r.recording).where(r.track == track_id).scalar_subquery()
        query = sa.select(r.track, f.path).join_from(recordings, files, r.track == f.track)
        query = query.where(r.recording == mine, r.track != track_id).order_by(r.track, f.path)
        found = itertools.groupby(self._execute(query).all(), key=lambda row: row.track)
        return leading_paths([row.path for row in several] for _, several in found)

    def page(self, modality: Modality, after: str, size: int) -> list[Track]:
        """The next paths of a modality, one Track each, in order: copies come each with their own path."""
        query = self._join().where(files.c.modality == modality, files.c.path > os.fsencode(after)).limit(size)
        return [_track(row) for row in self._execute(query)]

    def place(self, track_id: int) -> tuple[Part, int] | None:
        """The part that a track is in, and its first row there; None for an unknown track."""
        query = sa.select(parts, tracks.c.first_row).join_from(tracks, parts)
        row = self._execute(query.where(tracks.c.id == track_id, tracks.c.space == self.space_id)).first()
        return None if row is None else (_part(row), row.first_row)

    def track_at(self, modality: Modality, path: str) -> int | None:
        """The id of the track in a file by its absolute path, None where there is none."""
        query = sa.select(files.c.track).where(*self._of(files, modality), files.c.path == os.fsencode(path))
        found = self._execute(query).scalar()
        return None if found is None else int(found)

    def hash_of(self, track_id: int) -> bytes | None:
        """The content hash of a track, None where there is no such track."""
        return self._execute(sa.select(tracks.c.hash).where(tracks.c.id == track_id)).scalar()

    def track_now(self, modality: Modality, digest: bytes, path: str) -> int | None:
        """The id of a track that was known by the hash of its content (b"" where that is not known) and its path: by
        content, whatever the file is called now, else by path."""
        same = self.track_with(modality, digest) if digest else None
        return self.track_at(modality, path) if same is None else same

    def track_with(self, modality: Modality, digest: bytes) -> int | None:
        """The id of the track of a modality with that content hash, None where there is none."""
        query = sa.select(tracks.c.id).where(*self._of(tracks, modality), tracks.c.hash == digest)
        found = self._execute(query).scalar()
        return None if found is None else int(found)

    def paths_in(self, part: int) -> list[str]:
        """The paths of the tracks in a part, in order."""
        query = sa.select(files.c.path).join_from(files, tracks).where(tracks.c.part == part)
        return [os.fsdecode(path) for path in self._execute(query.order_by(files.c.path)).scalars()]

    def tracks_in(self, parts: Sequence[int]) -> list[Stored]:
        """The tracks in some parts, by id."""
        c, paths = tracks.c, dict[int, list[str]]()
        mine = sa.select(files.c.track, files.c.path).join_from(files, tracks).where(c.part.in_(parts))
        for row in self._execute(mine.order_by(files.c.path)):
            paths.setdefault(row.track, []).append(os.fsdecode(row.path))
        query = sa.select(c.id, c.part, c.hash, c.size, c.modality).where(c.part.in_(parts)).order_by(c.id)
        return [Stored(*row, paths.get(row.id, [])) for row in self._execute(query).all()]

    def known(self, modality: Modality) -> Known:
        """What the catalog knows of a modality."""
        out = Known()
        query = sa.select(files.c.path, *_stamp(files), tracks.c.hash, files.c.year).join_from(files, tracks)
        query = query.where(*self._of(files, modality)).order_by(files.c.path)
        for row in self._execute(query):
            path = os.fsdecode(row.path)
            out.files[path] = KnownFile(Stamp(*row[1:5]), row.hash, row.year is not None)
            out.paths.setdefault(row.hash, []).append(path)
            out.sizes.add(row.size)
        f = failures.c
        failed = sa.select(f.path, *_stamp(failures), f.hash, f.reason).where(*self._of(failures, modality))
        for one in self._execute(failed):
            out.failed[os.fsdecode(one.path)] = KnownFailure(Stamp(*one[1:5]), one.hash, one.reason)
        out.roots = [root for root in self.roots() if root.modality == modality]
        return out

    def content_at(self, modality: Modality, path: str) -> bytes | None:
        """The hash of what was analysed at a path, None where nothing was."""
        query = sa.select(tracks.c.hash).join_from(files, tracks)
        found = self._execute(query.where(*self._of(files, modality), files.c.path == os.fsencode(path))).scalar()
        return None if found is None else bytes(found)

    def hashes(self, modality: Modality) -> set[bytes]:
        """The content hashes that the space holds of a modality."""
        return set(self._execute(sa.select(tracks.c.hash).where(*self._of(tracks, modality))).scalars())

    def pathless(self, modality: Modality) -> dict[bytes, int]:
        """Tracks without a path by their hash."""
        query = sa.select(tracks.c.hash, tracks.c.id).where(*self._of(tracks, modality), PATHLESS)
        return {row.hash: row.id for row in self._execute(query)}

    def lacking(self, space: int | None) -> Sequence[Any]:
        """Whole rows of tracks, by part and row, whose content another space (None: no space) does not hold."""
        c, other = tracks.c, tracks.alias()
        query = sa.select(tracks).where(c.space == self.space_id).order_by(c.part, c.first_row)
        if space is not None:
            same = (other.c.hash == c.hash) & (other.c.modality == c.modality) & (other.c.space == space)
            query = query.where(~sa.exists().where(same))
        return self._execute(query).all()

    def failures(self) -> list[Failure]:
        """Remembered failures by modality and path."""
        f = failures.c
        query = sa.select(f.path, f.modality, f.reason, f.at).where(f.space == self.space_id)
        rows = self._execute(query.order_by(f.modality, f.path))
        return [Failure(os.fsdecode(r.path), r.modality, r.reason, r.at) for r in rows]

    def roots(self) -> list[Root]:
        """Folders and files that were added, by modality and path."""
        rows = self._execute(sa.select(roots).order_by(roots.c.modality, roots.c.path))
        return [Root(os.fsdecode(r.path), r.modality, r.folder, os.fsdecode(r.mount)) for r in rows]

    def counts(self, modality: Modality) -> dict[str, int]:
        """Number of tracks (distinct contents), paths, windows and failures of a modality."""

        def one(what: Any, table: sa.Table) -> int:
            query = sa.select(what).select_from(table).where(*self._of(table, modality))
            return int(self._execute(query).scalar() or 0)

        return {
            "tracks": one(sa.func.count(), tracks),
            "paths": one(sa.func.count(), files),
            "windows": one(sa.func.sum(tracks.c.windows), tracks),
            "failures": one(sa.func.count(), failures),
        }

    def count_dangling(self, table: str) -> int:
        """How many rows of a table of DANGLING refer to nothing."""
        return int(self._execute(sa.select(sa.func.count()).where(DANGLING[table])).scalar_one())

    def count_pathless(self) -> int:
        """How many tracks, of whichever space, have no path."""
        return int(self._execute(sa.select(sa.func.count()).select_from(tracks).where(PATHLESS)).scalar_one())

    def flaws(self) -> Iterator[str]:
        """What SQLite itself finds wrong with the file, and rows that refer to nothing; a line each."""
        for (line,) in self._connection.exec_driver_sql("PRAGMA integrity_check").all():
            if line != "ok":
                yield str(line)
        for row in self._connection.exec_driver_sql("PRAGMA foreign_key_check").all():
            yield f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there"

    def free_bytes(self) -> int:
        """How much of the file is free pages."""
        names = ("freelist_count", "page_size")
        pages, size = (self._connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names)
        return int(pages * size)

    def _of(self, table: sa.Table, modality: Modality) -> tuple[Any, Any]:
        """The condition that a row is of the space, and of a modality."""
        return table.c.space == self.space_id, table.c.modality == modality

    def _join(self) -> sa.Select[Any]:
        query = sa.select(*_SHOWN).join_from(files, tracks)
        return query.where(files.c.space == self.space_id, tracks.c.space == self.space_id).order_by(files.c.path)


PATHLESS = tracks.c.id.not_in(sa.select(files.c.track))
_SHOWN = (
    *(tracks.c[name] for name in ("id", "modality", "duration_s", "facts", *Affect._fields)),
    *(files.c[name] for name in ("path", "title", "artist", *TAGS) if name != "year"),
    sa.func.nullif(files.c.year, 0).label("year"),  # 0: none is stated
)


def _stamp(table: sa.Table) -> tuple[Any, ...]:
    return tuple(table.c[name] for name in Stamp._fields)


def _part(row: Any) -> Part:
    return Part(row.name, row.rows, row.bytes, row.checksum)


def _only_touched(query: sa.Select[Any], since: int) -> sa.Select[Any]:
    """The query for those of its tracks alone that have changed since a state; -1: for all."""
    some = sa.select(touched.c.track).where(touched.c.generation > since)
    return query if since < 0 else query.where(tracks.c.id.in_(some))


def _track(row: Any, copies: Sequence[bytes] = (), versions: Sequence[bytes] = ()) -> Track:
    affect = tuple(getattr(row, name) for name in Affect._fields)
    return track_of(
        row.id,
        row.modality,
        row.path,
        title=row.title,
        artist=row.artist,
        known=filter_values(row),
        affect=None if row.valence is None else Affect(*affect),
        copies=copies,
        versions=versions,
        stated=row.facts,
    )
