"""Questions to the catalog: what is in the library, under which space, in which part of the store."""

import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from indexing.catalog.reading import HEAD, Description, Head, head_of
from indexing.catalog.schema import contents, failures, modalities, parts, recordings, roots, touched, tracks
from indexing.catalog.tracks import leading, ordered, track_of
from indexing.disk.parts import Part
from recommender.types import Affect, Array, Modality, Track

__all__ = ["Description", "Head"]


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
    return head_of(link.exec_driver_sql(HEAD).first())


def described(link: sa.Connection, space_id: int) -> dict[Modality, Description]:
    """The modalities that a space holds, with their columns, in alphabetical order."""
    query = sa.select(modalities).where(modalities.c.space == space_id).order_by(modalities.c.modality)
    return {r.modality: Description(tuple(r.columns), tuple(r.inputs)) for r in link.execute(query)}


def live(link: sa.Connection, space_id: int, modality: Modality, after: int = -1) -> Live:
    """Where every content of a modality is stored that is in a part with a higher number than `after`."""
    c = contents.c
    query = sa.select(c.id, c.part, c.first_row, c.windows)
    query = query.where(c.space == space_id, c.modality == modality, c.part > after).order_by(c.id)
    flat = np.fromiter((value for row in link.execute(query) for value in row), np.int64)
    return Live(*flat.reshape(-1, 4).T)


def up_to(link: sa.Connection, space_id: int, modality: Modality, part: int) -> tuple[int, int]:
    """How many contents of a modality are in parts up to that number, and the sum of their ids."""
    c = contents.c
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(c.id), 0))
    query = query.where(c.space == space_id, c.modality == modality, c.part <= part)
    count, ids = link.execute(query).one()
    return int(count), int(ids)


def windows_after(link: sa.Connection, space_id: int, part: int) -> tuple[int, int]:
    """How many windows of a space are in parts with a higher number than `part`, and in all."""
    c = contents.c
    counts = sa.func.sum(sa.case((c.part > part, c.windows), else_=0)), sa.func.sum(c.windows)
    after, total = link.execute(sa.select(*counts).where(c.space == space_id)).one()
    return int(after or 0), int(total or 0)


def known_parts(link: sa.Connection) -> dict[int, Part]:
    """All parts of the store, by id."""
    return {
        r.id: Part(r.name, r.rows, r.bytes, r.checksum) for r in link.execute(sa.select(parts).order_by(parts.c.id))
    }


def changed(link: sa.Connection, space_id: int, modality: Modality, generation: int) -> tuple[Array, Iterator[Any]]:
    """The contents of a modality that changed since the catalog was in that state, int64 [t] ascending, and rows of
    `facts` of them.

    Of all of them where that was before changes were noted.
    """
    unknown = sa.select(touched.c.generation).where(touched.c.content == 0)
    since = -1 if (link.execute(unknown).scalar() or 0) > generation else generation
    c = contents.c
    query = sa.select(c.id).where(c.space == space_id, c.modality == modality).order_by(c.id)
    ids = np.fromiter(link.execute(_touched(query, since)).scalars(), np.int64)
    return ids, facts(link, space_id, modality, since)


def _touched(query: sa.Select[Any], since: int) -> sa.Select[Any]:
    """The query for those of its contents alone that have changed since a state; -1: for all."""
    some = sa.select(touched.c.content).where(touched.c.generation > since)
    return query if since < 0 else query.where(contents.c.id.in_(some))


def facts(link: sa.Connection, space_id: int, modality: Modality, since: int = -1) -> Iterator[Any]:
    """What queries show of every content of a modality: a row per path (one without a path where it has none),
    by ascending id and path; columns as in `facts.gathered`. With `since` of those alone that have changed since."""
    c, t = contents.c, tracks.c
    joined = contents.outerjoin(tracks, c.id == t.content).outerjoin(recordings, c.id == recordings.c.content)
    query = sa.select(*_SHOWN, recordings.c.recording).select_from(joined)
    query = query.where(c.space == space_id, c.modality == modality).order_by(c.id, t.path)
    yield from link.execute(_touched(query, since))


def same_recording(link: sa.Connection, space_id: int, modality: Modality) -> tuple[Array, Array]:
    """The contents of a modality that have near-duplicates, int64 [m] ascending, and the recording of each."""
    query = sa.select(recordings).join(contents).order_by(recordings.c.content)
    query = query.where(contents.c.space == space_id, contents.c.modality == modality)
    flat = np.fromiter((value for row in link.execute(query) for value in row), np.int64)
    found, of = flat.reshape(-1, 2).T
    return found, of


def track(link: sa.Connection, space_id: int, track_id: int) -> Track | None:
    """One item with all its paths; the first path, in sorted order, that is still on disk leads."""
    rows = link.execute(_joined(space_id).where(contents.c.id == track_id)).all()
    if not rows:
        return None
    paths = [r.path for r in rows]
    leader = leading(paths)
    return _track(rows[leader], [p for i, p in enumerate(paths) if i != leader], _versions(link, track_id))


def _versions(link: sa.Connection, track_id: int) -> list[bytes]:
    """A path of every other track of the same recording."""
    r, t = recordings.c, tracks.c
    mine = sa.select(r.recording).where(r.content == track_id).scalar_subquery()
    query = sa.select(r.content, t.path).join_from(recordings, tracks, r.content == t.content)
    query = query.where(r.recording == mine, r.content != track_id).order_by(r.content, t.path)
    found = itertools.groupby(link.execute(query).all(), key=lambda row: row.content)
    return ordered([row.path for row in several] for _, several in found)


def page(link: sa.Connection, space_id: int, modality: Modality, after: str, size: int) -> list[Track]:
    """The next paths of a modality, one Track each, in order: copies come each with their own path."""
    query = _joined(space_id).where(tracks.c.modality == modality, tracks.c.path > os.fsencode(after)).limit(size)
    return [_track(row) for row in link.execute(query)]


def paths_in(link: sa.Connection, part: int) -> list[str]:
    """The paths of the contents in a part, in order."""
    query = sa.select(tracks.c.path).join_from(tracks, contents).where(contents.c.part == part)
    return [os.fsdecode(path) for path in link.execute(query.order_by(tracks.c.path)).scalars()]


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


_SHOWN = (
    *(contents.c[name] for name in ("id", "modality", "duration_s", "facts", *Affect._fields)),
    *(tracks.c[name] for name in ("path", "title", "artist", "genre", "licence")),
)


def _joined(space_id: int) -> sa.Select[Any]:
    query = sa.select(*_SHOWN).join_from(tracks, contents)
    return query.where(tracks.c.space == space_id, contents.c.space == space_id).order_by(tracks.c.path)


def _track(row: Any, copies: Sequence[bytes] = (), versions: Sequence[bytes] = ()) -> Track:
    bpm, key = row.facts.get("bpm"), row.facts.get("key")
    affect = tuple(getattr(row, name) for name in Affect._fields)
    return track_of(
        row.id,
        row.modality,
        row.path,
        row.title,
        row.artist,
        duration_s=row.duration_s,
        bpm=None if bpm is None else float(bpm),
        key=None if key is None else str(key),
        affect=None if row.valence is None else Affect(*affect),
        copies=copies,
        genre=row.genre,
        licence=row.licence,
        versions=versions,
        stated=row.facts,
    )
