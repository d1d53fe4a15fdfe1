"""Questions to the catalog: what is in the library, under which space, in which part of the store."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from indexing.schema import contents, failures, meta, modalities, parts, roots, spaces, tracks
from indexing.store import Part
from recommender.types import Affect, Array, Modality, Space, Track


@dataclass(frozen=True)
class Head:
    """The state of the catalog: which catalog, which space is searched, how often contents changed."""

    uid: str
    generation: int
    space_id: int
    space: Space


class Description(NamedTuple):
    """Feature columns of a modality, and those of them that the encoder reads."""

    columns: tuple[str, ...]
    inputs: tuple[str, ...]


class Live(NamedTuple):
    """The contents of one modality by ascending id, int64 [t] each: where their windows are stored."""

    ids: Array
    parts: Array
    first_rows: Array
    windows: Array


class Failure(NamedTuple):
    """A file that could not be analysed, as remembered."""

    path: str
    modality: Modality
    reason: str
    at: str


class Root(NamedTuple):
    """A folder (or file) that was added, and the mount point it was on."""

    path: str
    modality: Modality
    folder: bool
    mount: str


def head(link: sa.Connection) -> Head:
    """The catalog's state."""
    row = link.execute(sa.select(meta.c.uid, meta.c.generation, meta.c.space)).one()
    return Head(row.uid, row.generation, row.space, space_of(link, row.space))


def space_of(link: sa.Connection, space_id: int) -> Space:
    """The space with that id."""
    row = link.execute(sa.select(spaces).where(spaces.c.id == space_id)).one()
    return Space(row.model, row.revision, row.dim)


def described(link: sa.Connection, space_id: int) -> dict[Modality, Description]:
    """The modalities that a space holds, with their columns, in alphabetical order."""
    query = sa.select(modalities).where(modalities.c.space == space_id).order_by(modalities.c.modality)
    return {r.modality: Description(tuple(r.columns), tuple(r.inputs)) for r in link.execute(query)}


def live(link: sa.Connection, space_id: int, modality: Modality) -> Live:
    """Where every content of a modality is stored."""
    c = contents.c
    query = sa.select(c.id, c.part, c.first_row, c.windows)
    query = query.where(c.space == space_id, c.modality == modality).order_by(c.id)
    flat = np.fromiter((value for row in link.execute(query) for value in row), np.int64)
    return Live(*flat.reshape(-1, 4).T)


def known_parts(link: sa.Connection) -> dict[int, Part]:
    """All parts of the store, by id."""
    return {
        r.id: Part(r.name, r.rows, r.bytes, r.checksum) for r in link.execute(sa.select(parts).order_by(parts.c.id))
    }


def track(link: sa.Connection, space_id: int, track_id: int) -> Track | None:
    """One item with all its paths; the first path, in sorted order, that is still on disk leads."""
    rows = link.execute(_joined(space_id).where(contents.c.id == track_id)).all()
    if not rows:
        return None
    paths = [os.fsdecode(r.path) for r in rows]
    leader = next((i for i, path in enumerate(paths) if os.path.lexists(path)), 0)
    return _track(rows[leader], tuple(p for i, p in enumerate(paths) if i != leader))


def page(link: sa.Connection, space_id: int, modality: Modality, after: str, size: int) -> list[Track]:
    """The next paths of a modality, one Track each, in order: copies come each with their own path."""
    query = _joined(space_id).where(tracks.c.modality == modality, tracks.c.path > os.fsencode(after)).limit(size)
    return [_track(row, ()) for row in link.execute(query)]


def all_failures(link: sa.Connection, space_id: int) -> list[Failure]:
    """Remembered failures by modality and path."""
    f = failures.c
    query = sa.select(f.path, f.modality, f.reason, f.at).where(f.space == space_id).order_by(f.modality, f.path)
    return [Failure(os.fsdecode(r.path), r.modality, r.reason, r.at) for r in link.execute(query)]


def all_roots(link: sa.Connection) -> list[Root]:
    """Folders and files that were added, by modality and path."""
    query = sa.select(roots).order_by(roots.c.modality, roots.c.path)
    return [Root(os.fsdecode(r.path), r.modality, r.folder, os.fsdecode(r.mount)) for r in link.execute(query)]


def counts(link: sa.Connection, space_id: int, modality: Modality) -> dict[str, int]:
    """Number of tracks (distinct contents), paths, windows and failures of a modality."""

    def one(query: Any, table: sa.Table) -> int:
        where = query.where(table.c.space == space_id, table.c.modality == modality)
        return int(link.execute(where).scalar() or 0)

    return {
        "tracks": one(sa.select(sa.func.count()).select_from(contents), contents),
        "paths": one(sa.select(sa.func.count()).select_from(tracks), tracks),
        "windows": one(sa.select(sa.func.sum(contents.c.windows)), contents),
        "failures": one(sa.select(sa.func.count()).select_from(failures), failures),
    }


def _joined(space_id: int) -> sa.Select[Any]:
    c, t = contents.c, tracks.c
    columns = (c.id, c.duration_s, c.facts, c.valence, c.arousal, c.valence_sd, c.arousal_sd)
    query = sa.select(*columns, t.path, t.modality, t.title, t.artist).join_from(tracks, contents)
    return query.where(t.space == space_id, c.space == space_id).order_by(t.path)


def _track(row: Any, copies: tuple[str, ...]) -> Track:
    affect = None
    if row.valence is not None:
        affect = Affect(row.valence, row.arousal, row.valence_sd, row.arousal_sd)
    bpm, key = row.facts.get("bpm"), row.facts.get("key")
    return Track(
        id=row.id,
        path=os.fsdecode(row.path),
        modality=row.modality,
        title=row.title or Path(row.path.decode("utf-8", "replace")).stem,
        artist=row.artist,
        duration_s=row.duration_s,
        bpm=None if bpm is None else float(bpm),
        key=None if key is None else str(key),
        affect=affect,
        copies=copies,
    )
