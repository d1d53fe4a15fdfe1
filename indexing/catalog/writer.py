"""Changes of the catalog, each inside one transaction of the library's one writer."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa

from indexing.catalog import grouping, imported, schema
from indexing.catalog.changes import Analysed, Change, Linked, Refused, Tagged, plain, storable
from indexing.catalog.engine import driver_of, writing_engine
from indexing.catalog.queries import DANGLING, PATHLESS, Catalog
from indexing.catalog.reading import SCHEMA_VERSION, check_version, version
from indexing.catalog.rows import Root
from indexing.catalog.schema import (
    GROUPING,
    contained,
    failures,
    files,
    meta,
    modalities,
    parts,
    recordings,
    roots,
    spaces,
    touched,
    tracks,
)
from indexing.disk.files import File, Stamp, below
from indexing.disk.locations import CATALOG
from indexing.disk.parts import Part
from recommender.tags import TEXT_TAGS
from recommender.types import Affect, Modality, Space

_TAGS = TEXT_TAGS
_PATHS = ("path", "modality", *Stamp._fields, *_TAGS)
_FAILURES = ("path", "modality", *Stamp._fields, "hash", "reason", "at")


class CatalogWriter(Catalog):
    """The catalog while the library's write lock is held; all but `close` and `shrink` inside a `transaction`.

    Changes that may leave parts without a track return the names of those that are no longer referred to.
    """

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The catalog of a library, brought to this version, in WAL mode with full syncs.

        Raises LibraryError for one of a later version.
        """
        catalog = cls(writing_engine(folder / CATALOG))
        try:
            with catalog.transaction():
                connection = driver_of(catalog._connection)
                check_version(connection, folder)
                if current := version(connection) == SCHEMA_VERSION:
                    schema.put_triggers(connection)
        except BaseException:
            catalog.close()
            raise
        if current:
            return catalog
        catalog.close()
        from indexing.catalog import migrations

        migrations.bring_up(folder)
        return cls.open(folder)

    def transaction(self) -> AbstractContextManager[Any]:
        """A context whose changes are committed at its end, all or none of them."""
        return self._connection.begin()

    def shrink(self) -> None:
        """Rewrite the file without its free pages, where it has any; outside of a transaction."""
        connection = driver_of(self._connection)
        if connection.execute("PRAGMA freelist_count").fetchone()[0]:
            connection.execute("VACUUM")

    def apply(
        self, modality: Modality, batch: Sequence[Change], *, part: Part | None, at: str
    ) -> tuple[list[str], list[tuple[int, bytes]]]:
        """Apply a batch; the parts that became useless, and the acoustic fingerprints of tracks that were analysed.

        `part` holds the analysed items in order, each as its item row and then its windows; `at` is the time that
        failures are remembered with.
        """
        todo = _Batch(self._execute, {"space": self.space_id, "modality": modality})
        part_id = None if part is None else self.add_part(modality, part)
        row = 0
        for change in batch:
            if isinstance(change, Analysed):
                todo.put_analysis(change, part_id, row + 1)
                row += 1 + len(change.analysis.vectors)
            elif isinstance(change, Linked):
                todo.relink(change)
            elif isinstance(change, Refused):
                todo.put_failure(change, at)
            elif isinstance(change, Tagged):
                todo.put_tags(change)
            else:
                todo.drop(change.path)
                todo.forget_failure(change.path)
        dead, dropped = self._collect(todo.left_tracks, todo.left_parts)
        if part is not None or dropped:
            self.bump()
        return dead, todo.fingerprints

    def bump(self) -> None:
        """Note that tracks of the space changed: where it is the searched one, the snapshot is now behind."""
        self._execute(sa.update(meta).where(meta.c.space == self.space_id).values(generation=meta.c.generation + 1))

    def add_part(self, modality: Modality, part: Part) -> int:
        """Record a written part; its id."""
        return _key(self._execute(sa.insert(parts).values(space=self.space_id, modality=modality, **vars(part))))

    def add_description(self, modality: Modality, columns: Sequence[str], inputs: Sequence[str]) -> None:
        """Record the columns of a modality."""
        row = {"space": self.space_id, "modality": modality, "columns": list(columns), "inputs": list(inputs)}
        self._execute(sa.insert(modalities).values(row))
        self.bump()

    def add_root(self, root: Root) -> None:
        """Remember a folder or file that was added, or that it is on another disk now."""
        key = {"path": os.fsencode(root.path), "modality": root.modality}
        self._execute(sa.delete(roots).filter_by(**key))
        self._execute(sa.insert(roots).values(folder=root.folder, mount=os.fsencode(root.mount), **key))

    def drop_roots(self, under: str) -> None:
        """Forget the roots at or below a path."""
        for row in self._execute(sa.select(roots.c.path)).all():
            if below(os.fsdecode(row.path), under):
                self._execute(sa.delete(roots).where(roots.c.path == row.path))

    def add_path(self, modality: Modality, track_id: int, file: File, *, tags: Mapping[str, str | None]) -> None:
        """Give a track a path, unless another track is there now."""
        known = {name: value for name, value in _stored(tags).items() if value is not None}
        row = {"path": os.fsencode(file.path), **file.stamp._asdict(), "track": track_id, **known}
        c = tracks.c
        self._execute(sa.update(tracks).where(c.id == track_id, c.size == 0).values(size=file.size))
        self._execute(sa.insert(files).prefix_with("OR IGNORE").values(space=self.space_id, modality=modality, **row))

    def see(self, modality: Modality, seen: Iterable[File]) -> None:
        """Note what tells from now on that these files change: their content is what it was."""
        rows = [{"seen_path": os.fsencode(file.path), **file.stamp._asdict()} for file in seen]
        for table in (files, failures) if rows else ():
            here = sa.update(table).where(*self._of(table, modality), table.c.path == sa.bindparam("seen_path"))
            self._execute(here.values({name: sa.bindparam(name) for name in Stamp._fields}), rows)

    def group(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Make tracks that are versions of each other one recording, with all that either was grouped with before."""
        grouping.group(self._connection, pairs)

    def contain(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Note of each (track, whole) that the first is contained in the second."""
        grouping.contain(self._connection, pairs)

    def ungroup(self) -> None:
        """Forget all that was grouped in the space, to group it anew."""
        grouping.clear(self._connection, self.space_id)
        self.bump()

    def follow_rules(self) -> None:
        """Note that all is grouped by the rules of today."""
        self._connection.exec_driver_sql(f"PRAGMA user_version = {GROUPING}")

    def import_tracks(self, modality: Modality, rows: Iterable[tuple[Any, ...]]) -> tuple[int, list[str]]:
        """Add tracks with their paths, replacing those whose hash is known under their id; how many these are, and
        the parts that became useless. `rows` as `imported.put` takes them. Raises InputError for a path of two."""
        replaced, left = imported.put(self._connection, (self.space_id, modality), rows)
        self.bump()
        return replaced, self._collect((), left)[0]

    def stage(self, space: Space) -> int:
        """Turn to a space to be filled beside the searched one; other unfinished spaces are dropped. Its id."""
        values = space._asdict()
        known = self._execute(sa.select(spaces.c.id).filter_by(**values)).first()
        self._space_id = known.id if known else _key(self._execute(sa.insert(spaces).values(**values)))
        current = self._execute(sa.select(meta.c.space)).scalar_one()
        self._drop_spaces(keep=(self.space_id, current))
        return self.space_id

    def adopt(self) -> list[str]:
        """Make the staged space the searched one and drop the old."""
        self._execute(sa.update(meta).values(space=self.space_id))
        self.bump()
        return self._drop_spaces(keep=(self.space_id,))

    def copy_tracks(
        self, rows: Sequence[Any], part: Part, *, first: Sequence[int], affects: Sequence[Sequence[float]]
    ) -> tuple[list[str], list[str]]:
        """Put tracks of one part of another space (rows of `lacking`) into this one, with their paths and tags.

        `part` has their windows from the rows `first` on; `affects` are numbers as in `Affect`, or nothing. A path that
        has newer content in the space already keeps that. Returns the parts that became useless, and the paths.
        """
        new, values = self.add_part(rows[0].modality, part), []
        for row, at, affect in zip(rows, first, affects, strict=True):
            known = {key: value for key, value in row._mapping.items() if key != "id"}
            scores = dict(zip(Affect._fields, affect, strict=True)) if affect else dict.fromkeys(Affect._fields)
            values.append(known | scores | {"space": self.space_id, "part": new, "first_row": at})
        self._execute(sa.insert(tracks), values)
        before = tracks.alias()
        query = sa.select(*(files.c[name] for name in _PATHS), sa.literal(self.space_id), tracks.c.id)
        query = query.select_from(files.join(before, before.c.id == files.c.track))
        query = query.join(tracks, (tracks.c.hash == before.c.hash) & (tracks.c.part == new))
        query = query.where(before.c.part == rows[0].part)
        self._execute(sa.insert(files).prefix_with("OR IGNORE").from_select([*_PATHS, "space", "track"], query))
        mine = self._execute(sa.select(tracks.c.id).where(tracks.c.part == new)).scalars().all()
        dead, _ = self._collect(mine, ())
        self.bump()
        return dead, self.paths_in(new)

    def copy_recordings(self, space: int) -> None:
        """Group the tracks of the space as the same files are grouped in another one."""
        grouping.copy(self._connection, space, self.space_id)
        self.bump()

    def copy_failures(self, space: int, modality: Modality) -> None:
        """Remember what could not be measured in another space, of the same source."""
        f = failures.c
        query = sa.select(*(f[name] for name in _FAILURES), sa.literal(self.space_id))
        query = query.where(f.space == space, f.modality == modality)
        self._execute(sa.insert(failures).prefix_with("OR IGNORE").from_select([*_FAILURES, "space"], query))

    def merge_parts(self, old: Sequence[int], modality: Modality, part: Part, *, first: Mapping[int, int]) -> list[str]:
        """Refer to one part, in which tracks begin at the rows `first`, in place of those that held them.

        They are not noted as changed: whoever has their windows and facts elsewhere, as a server, has them still.
        """
        moving = sa.select(tracks.c.id).where(tracks.c.part.in_(old))
        notes = [row._asdict() for row in self._execute(sa.select(touched).where(touched.c.track.in_(moving)))]
        new = self.add_part(modality, part)
        here = sa.update(tracks).where(tracks.c.id == sa.bindparam("track"))
        moved = [{"track": track, "row": row} for track, row in first.items()]
        self._execute(here.values(part=new, first_row=sa.bindparam("row")), moved)
        arrived = sa.select(tracks.c.id).where(tracks.c.part == new)
        self._execute(sa.delete(touched).where(touched.c.track.in_(arrived)))
        if notes:
            self._execute(sa.insert(touched), notes)
        names = self._execute(sa.select(parts.c.name).where(parts.c.id.in_(old)).order_by(parts.c.id))
        dead = list(names.scalars())
        self._execute(sa.delete(parts).where(parts.c.id.in_(old)))
        return dead

    def place_again(self, places: Mapping[int, tuple[bytes, Sequence[int]]], rows: Mapping[int, int]) -> None:
        """Correct of tracks their hash, part, first row and number of windows, and of parts their number of rows."""
        for track, (digest, (part, first_row, windows)) in places.items():
            row = {"hash": digest, "part": part, "first_row": first_row, "windows": windows}
            self._execute(sa.update(tracks).where(tracks.c.id == track).values(row))
        for part, count in rows.items():
            self._execute(sa.update(parts).where(parts.c.id == part, parts.c.rows != count).values(rows=count))

    def drop_unused(self) -> list[str]:
        """Drop tracks without a path and parts without a track."""
        unused = self._execute(sa.select(tracks.c.id).where(PATHLESS)).scalars().all()
        return self._collect(unused, self._execute(sa.select(parts.c.id)).scalars().all())[0]

    def drop_empty(self, some: Iterable[int]) -> list[str]:
        """Drop those of some parts that hold no track any more."""
        return self._collect((), some)[0]

    def drop_dangling(self, table: str) -> None:
        """Drop the rows of a table of DANGLING that refer to nothing; of tracks, what refers to them, too."""
        if table == tracks.name:
            gone = sa.select(tracks.c.id).where(DANGLING[table])
            for column in (files.c.track, recordings.c.track, contained.c.track, contained.c.whole):
                self._execute(sa.delete(column.table).where(column.in_(gone)))
        self._execute(sa.delete(files.metadata.tables[table]).where(DANGLING[table]))

    def _collect(self, left: Iterable[int], touched: Iterable[int]) -> tuple[list[str], bool]:
        """Delete tracks without a path, then parts without a track.

        `left` are tracks that lost a path, `touched` parts that lost a track. Returns the names of the deleted parts
        and whether any track was deleted.
        """
        affected, dropped, ask = set(touched), False, self._execute
        for track in sorted(left):
            if ask(sa.select(files.c.id).where(files.c.track == track).limit(1)).first() is None:
                row = ask(sa.select(tracks.c.part).where(tracks.c.id == track)).first()
                grouping.drop(self._connection, track)
                ask(sa.delete(tracks).where(tracks.c.id == track))
                affected |= {row[0]} if row else set()
                dropped = True
        dead = []
        for part in sorted(affected):
            if ask(sa.select(tracks.c.id).where(tracks.c.part == part).limit(1)).first() is None:
                dead += list(ask(sa.select(parts.c.name).where(parts.c.id == part)).scalars())
                ask(sa.delete(parts).where(parts.c.id == part))
        return dead, dropped

    def _drop_spaces(self, keep: tuple[int, ...]) -> list[str]:
        ask = self._execute
        dead = list(ask(sa.select(parts.c.name).where(parts.c.space.not_in(keep))).scalars())
        gone = sa.select(tracks.c.id).where(tracks.c.space.not_in(keep))
        for column in (recordings.c.track, contained.c.track, contained.c.whole):
            ask(sa.delete(column.table).where(column.in_(gone)))
        for table in (files, tracks, parts, failures, modalities):
            ask(sa.delete(table).where(table.c.space.not_in(keep)))
        ask(sa.delete(spaces).where(spaces.c.id.not_in(keep)))
        return dead


@dataclass
class _Batch:
    """The statements of one batch, and what may have become unused by them."""

    execute: Callable[[Any], Any]
    scope: Mapping[str, Any]
    left_tracks: set[int] = field(default_factory=set)  # that lost a path
    left_parts: set[int] = field(default_factory=set)  # that lost a track
    fingerprints: list[tuple[int, bytes]] = field(default_factory=list)  # acoustic fingerprints of what was analysed

    def put_analysis(self, change: Analysed, part_id: int | None, first_row: int) -> None:
        """Insert a track, or replace it (its id stays), and point the path at it."""
        analysis = change.analysis
        affect = analysis.item_affect.tolist() or [None] * len(Affect._fields)
        values = dict(zip(Affect._fields, affect, strict=True))
        values |= {"size": change.file.size, "part": part_id, "first_row": first_row, "windows": len(analysis.vectors)}
        values["duration_s"] = float(analysis.features.duration_s)
        values["facts"] = {k: plain(v) for k, v in analysis.features.facts.items()}
        known = self._track(change.hash)
        if known is None:
            track = _key(self.execute(sa.insert(tracks).values(hash=change.hash, **self.scope, **values)))
        else:
            track = known.id
            self.execute(sa.update(tracks).where(tracks.c.id == track).values(values))
            self.left_parts.add(known.part)
        self.put_file(change.file, track, analysis.tags)
        if analysis.features.fingerprint is not None:
            self.fingerprints.append((track, analysis.features.fingerprint))

    def put_file(self, file: File, track: int, tags: Any) -> None:
        """Point a path at a track."""
        self.forget_failure(file.path)
        values: dict[str, Any] = {**file.stamp._asdict(), "track": track}
        values |= _stored(tags)
        before = self._file(file.path)
        if before is None:
            self.execute(sa.insert(files).values(path=os.fsencode(file.path), **self.scope, **values))
        else:
            self.execute(sa.update(files).where(files.c.id == before.id).values(values))
            self.left_tracks |= {before.track} - {track}

    def relink(self, change: Linked) -> None:
        """Point a path at a known track, with the tags of another path of it."""
        track = self._track(change.hash)
        if track is None:
            return
        like = self.execute(sa.select(files).where(files.c.track == track.id).order_by(files.c.path)).first()
        self.put_file(change.file, track.id, {key: getattr(like, key, None) for key in _TAGS})
        if change.was is not None:
            self.drop(change.was)

    def put_tags(self, change: Tagged) -> None:
        """Give a path the tags of its file; one that has none any more keeps what is known of it."""
        values = _stored(change.tags) if change.tags else {"year": 0}
        here = files.c.path == os.fsencode(change.path), *(files.c[name] == of for name, of in self.scope.items())
        self.execute(sa.update(files).where(*here).values(values))

    def drop(self, path: str) -> None:
        """Forget a path."""
        before = self._file(path)
        if before is not None:
            self.execute(sa.delete(files).where(files.c.id == before.id))
            self.left_tracks.add(before.track)

    def put_failure(self, change: Refused, at: str) -> None:
        """Remember a failure, replacing an earlier one; what the path held before goes, unless it is kept."""
        if not change.keep:
            self.drop(change.file.path)
        self.forget_failure(change.file.path)
        file = {"path": os.fsencode(change.file.path), **change.file.stamp._asdict()}
        row = {**file, "hash": change.hash, "reason": storable(change.reason), "at": at}
        self.execute(sa.insert(failures).values(**row, **self.scope))

    def forget_failure(self, path: str) -> None:
        """Forget a remembered failure."""
        self.execute(sa.delete(failures).filter_by(path=os.fsencode(path), **self.scope))

    def _track(self, digest: bytes) -> Any:
        return self.execute(sa.select(tracks.c.id, tracks.c.part).filter_by(hash=digest, **self.scope)).first()

    def _file(self, path: str) -> Any:
        key = {"path": os.fsencode(path), **self.scope}
        return self.execute(sa.select(files.c.id, files.c.track).filter_by(**key)).first()


def _stored(tags: Mapping[str, Any]) -> dict[str, Any]:
    """Tags as the catalog keeps them: 0 for no year, None for any other that is lacking."""
    year = tags.get("year", 0)
    texts = {key: storable(tags[key]) if tags.get(key) else None for key in _TAGS}
    return texts | {"year": None if year is None else int(year)}


def _key(result: Any) -> int:
    return int(result.inserted_primary_key[0])
