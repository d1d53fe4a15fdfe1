"""Changes of the catalog, each inside one transaction of the writer."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from indexing.catalog.queries import Root
from indexing.catalog.schema import contents, failures, meta, modalities, parts, recordings, roots, spaces, tracks
from indexing.disk.files import File, below
from indexing.disk.parts import Part
from indexing.duplicates import groups
from recommender.types import Affect, Analysis, Modality, Space


@dataclass(frozen=True)
class Analysed:
    """A file with new or replaced content."""

    file: File
    hash: bytes
    analysis: Analysis


@dataclass(frozen=True)
class Linked:
    """A file whose content is known: a copy, a touched file, or (with `was`) one renamed from there."""

    file: File
    hash: bytes
    was: str | None = None


@dataclass(frozen=True)
class Refused:
    """A file that could not be analysed; remembered with its reason."""

    file: File
    hash: bytes | None
    reason: str


@dataclass(frozen=True)
class Gone:
    """A path that leaves the library."""

    path: str


Change = Analysed | Linked | Refused | Gone
_TAGS = ("title", "artist", "album", "genre", "licence")


def apply(
    link: sa.Connection,
    space: int,
    modality: Modality,
    batch: Sequence[Change],
    part: Part | None,
    at: str,
    known: groups.Versions | None = None,
) -> list[str]:
    """Apply a batch; the names of parts that nothing refers to any more, for removal after the commit.

    `part` holds the analysed items in order, each as its item row and then its windows. `known` are the fingerprints
    of the space: what was analysed is grouped with other versions of it.
    """
    todo = _Batch(link, space, modality)
    part_id = None if part is None else add_part(link, space, modality, part)
    row = 0
    for change in batch:
        if isinstance(change, Analysed):
            todo.put_analysis(change, part_id, row + 1)
            row += 1 + len(change.analysis.vectors)
        elif isinstance(change, Linked):
            todo.relink(change)
        elif isinstance(change, Refused):
            todo.put_failure(change, at)
        else:
            todo.drop(change.path)
            todo.forget_failure(change.path)
    dead, dropped = collect(link, todo.left_contents, todo.left_parts)
    if known is not None:
        known.take(link, todo.marks)
    if part is not None or dropped:
        bump(link, space)
    return dead


class _Batch:
    """The statements of one batch, and what may have become unused by them."""

    def __init__(self, link: sa.Connection, space: int, modality: Modality) -> None:
        self.link, self.scope = link, {"space": space, "modality": modality}
        self.left_contents: set[int] = set()  # contents that lost a path
        self.left_parts: set[int] = set()  # parts that lost a content
        self.marks: list[tuple[int, bytes]] = []  # acoustic fingerprints of analysed contents

    def put_analysis(self, change: Analysed, part_id: int | None, first_row: int) -> None:
        """Insert a content, or replace it (its id stays), and point the path at it."""
        analysis = change.analysis
        affect = analysis.item_affect.tolist() or [None] * len(Affect._fields)
        values = {
            "size": change.file.size,
            "part": part_id,
            "first_row": first_row,
            "windows": len(analysis.vectors),
            "duration_s": float(analysis.features.duration_s),
            "facts": {k: plain(v) for k, v in analysis.features.facts.items()},
            **dict(zip(Affect._fields, affect, strict=True)),
        }
        known = self._content(change.hash)
        if known is None:
            content = _key(self.link.execute(sa.insert(contents).values(hash=change.hash, **self.scope, **values)))
        else:
            content = known.id
            self.link.execute(sa.update(contents).where(contents.c.id == content).values(values))
            self.left_parts.add(known.part)
        self.put_track(change.file, content, analysis.tags)
        if analysis.features.mark is not None:
            self.marks.append((content, analysis.features.mark))

    def put_track(self, file: File, content: int, tags: Any) -> None:
        """Point a path at a content."""
        self.forget_failure(file.path)
        values: dict[str, Any] = {"size": file.size, "mtime_ns": file.mtime_ns, "content": content}
        values |= {key: storable(tags[key]) if tags.get(key) else None for key in _TAGS}
        before = self._track(file.path)
        if before is None:
            self.link.execute(sa.insert(tracks).values(path=os.fsencode(file.path), **self.scope, **values))
            return
        self.link.execute(sa.update(tracks).where(tracks.c.id == before.id).values(values))
        self.left_contents |= {before.content} - {content}

    def relink(self, change: Linked) -> None:
        """Point a path at known content, with the tags of another path of it."""
        content = self._content(change.hash)
        if content is None:
            return
        same = sa.select(tracks).where(tracks.c.content == content.id).order_by(tracks.c.path)
        like = self.link.execute(same).first()
        self.put_track(change.file, content.id, {key: getattr(like, key, None) for key in _TAGS})
        if change.was is not None:
            self.drop(change.was)

    def drop(self, path: str) -> None:
        """Forget a path."""
        before = self._track(path)
        if before is not None:
            self.link.execute(sa.delete(tracks).where(tracks.c.id == before.id))
            self.left_contents.add(before.content)

    def put_failure(self, change: Refused, at: str) -> None:
        """Remember a failure, replacing an earlier one; what the path held before is no longer true."""
        self.drop(change.file.path)
        self.forget_failure(change.file.path)
        file = {"path": os.fsencode(change.file.path), "size": change.file.size, "mtime_ns": change.file.mtime_ns}
        row = {**file, "hash": change.hash, "reason": storable(change.reason), "at": at}
        self.link.execute(sa.insert(failures).values(**row, **self.scope))

    def forget_failure(self, path: str) -> None:
        """Forget a remembered failure."""
        self.link.execute(self._scoped(sa.delete(failures), failures).where(failures.c.path == os.fsencode(path)))

    def _content(self, digest: bytes) -> Any:
        query = sa.select(contents.c.id, contents.c.part).where(contents.c.hash == digest)
        return self.link.execute(self._scoped(query, contents)).first()

    def _track(self, path: str) -> Any:
        query = sa.select(tracks.c.id, tracks.c.content).where(tracks.c.path == os.fsencode(path))
        return self.link.execute(self._scoped(query, tracks)).first()

    def _scoped(self, statement: Any, table: sa.Table) -> Any:
        return statement.where(table.c.space == self.scope["space"], table.c.modality == self.scope["modality"])


def collect(link: sa.Connection, left: Iterable[int], touched: Iterable[int]) -> tuple[list[str], bool]:
    """Delete contents without a path, then parts without a content.

    `left` are contents that lost a path, `touched` parts that lost a content. Returns the names of the deleted
    parts and whether any content was deleted.
    """
    affected, dropped = set(touched), False
    for content in sorted(left):
        if link.execute(sa.select(tracks.c.id).where(tracks.c.content == content).limit(1)).first() is None:
            row = link.execute(sa.select(contents.c.part).where(contents.c.id == content)).first()
            groups.drop(link, content)
            link.execute(sa.delete(contents).where(contents.c.id == content))
            affected |= {row[0]} if row else set()
            dropped = True
    dead = []
    for part in sorted(affected):
        if link.execute(sa.select(contents.c.id).where(contents.c.part == part).limit(1)).first() is None:
            dead += list(link.execute(sa.select(parts.c.name).where(parts.c.id == part)).scalars())
            link.execute(sa.delete(parts).where(parts.c.id == part))
    return dead, dropped


def add_part(link: sa.Connection, space: int, modality: Modality, part: Part) -> int:
    """Record a written part; its id."""
    values = {"name": part.name, "rows": part.rows, "bytes": part.bytes, "checksum": part.checksum}
    return _key(link.execute(sa.insert(parts).values(space=space, modality=modality, **values)))


def add_description(
    link: sa.Connection, space: int, modality: Modality, columns: Sequence[str], inputs: Sequence[str]
) -> None:
    """Record the columns of a modality."""
    row = {"space": space, "modality": modality, "columns": list(columns), "inputs": list(inputs)}
    link.execute(sa.insert(modalities).values(row))
    bump(link, space)


def bump(link: sa.Connection, space: int) -> None:
    """Note that contents of a space changed: where it is the searched one, the snapshot is now behind."""
    link.execute(sa.update(meta).where(meta.c.space == space).values(generation=meta.c.generation + 1))


def add_root(link: sa.Connection, root: Root) -> list[str]:
    """Remember a folder or file that was added, or that it is on another disk now; no parts become unused."""
    key = {"path": os.fsencode(root.path), "modality": root.modality}
    link.execute(sa.delete(roots).filter_by(**key))
    link.execute(sa.insert(roots).values(folder=root.folder, mount=os.fsencode(root.mount), **key))
    return []


def drop_roots(link: sa.Connection, under: str) -> list[str]:
    """Forget the roots at or below a path."""
    for row in link.execute(sa.select(roots.c.path)).all():
        if below(os.fsdecode(row.path), under):
            link.execute(sa.delete(roots).where(roots.c.path == row.path))
    return []


def stage(link: sa.Connection, space: Space) -> int:
    """The id of a space to be filled beside the searched one; other unfinished spaces are dropped."""
    values = space._asdict()
    known = link.execute(sa.select(spaces.c.id).filter_by(**values)).first()
    space_id = known.id if known else _key(link.execute(sa.insert(spaces).values(**values)))
    current = link.execute(sa.select(meta.c.space)).scalar_one()
    _drop_spaces(link, keep=(space_id, current))
    return int(space_id)


def adopt(link: sa.Connection, space_id: int) -> list[str]:
    """Make a staged space the searched one and drop the old; the names of the old parts."""
    link.execute(sa.update(meta).values(space=space_id))
    bump(link, space_id)
    return _drop_spaces(link, keep=(space_id,))


def _drop_spaces(link: sa.Connection, keep: tuple[int, ...]) -> list[str]:
    dead = list(link.execute(sa.select(parts.c.name).where(parts.c.space.not_in(keep))).scalars())
    gone = sa.select(contents.c.id).where(contents.c.space.not_in(keep))
    link.execute(sa.delete(recordings).where(recordings.c.content.in_(gone)))
    for table in (tracks, contents, parts, failures, modalities):
        link.execute(sa.delete(table).where(table.c.space.not_in(keep)))
    link.execute(sa.delete(spaces).where(spaces.c.id.not_in(keep)))
    return dead


def storable(text: str) -> str:
    """`text` as SQLite can hold it: lone surrogates replaced."""
    return text.encode("utf-8", "backslashreplace").decode()


def plain(value: Any) -> str | int | float | bool | None:
    """A fact as JSON holds it: NumPy scalars as Python's, text storable."""
    value = value.item() if hasattr(value, "item") else value
    return storable(value) if isinstance(value, str) else value


def _key(result: Any) -> int:
    return int(result.inserted_primary_key[0])
