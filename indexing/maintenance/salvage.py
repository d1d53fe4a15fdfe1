"""A damaged catalog brought back: from the rows that can still be read, from the parts, and from the snapshot.

The damaged file is kept beside the new one. What a part holds of tracks that the catalog lost comes back from it; their
paths from the snapshot, or from files with the same content in folders that are looked through. Nothing is decoded.
"""

import itertools
import json
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from indexing.catalog import queries, schema
from indexing.catalog.engine import writing_engine
from indexing.catalog.reading import SCHEMA_VERSION, UnfinishedError, check_version
from indexing.catalog.schema import TABLES, contents, meta, modalities, parts, spaces, tracks
from indexing.disk import parts as store
from indexing.disk.durable import PARTIAL, publish, sync, translated
from indexing.disk.locations import CATALOG, has_parts, lost
from indexing.disk.lock import lock
from indexing.duplicates.groups import Versions, marks_of
from indexing.ingest.events import Event, Mended
from indexing.maintenance.relink import link_all, pathless
from indexing.snapshot import snapshot
from indexing.writing import changes
from indexing.writing.changes import plain
from recommender.text import shown
from recommender.types import Affect, Analyser, Array, Modality, Track

ASIDE = "aside"
"""Folder within a library for files that nothing could be made of: the user's to delete."""
_SAMPLE = 64  # rows coded again to see whether a part is of the model's present revision
_NEAR = 1e-3
_PASSING = ("locked", "disk I/O error", "disk is full", "unable to open")  # what another try may be spared
_CHUNK = 500  # tracks whose fingerprints are in memory at a time
_DAMAGED = "the catalog is damaged: "
_NOWHERE = -1  # no part has this id


def bring_back(folder: Path, analyser: Analyser, wait_s: float = 0.0) -> Iterator[Event]:
    """Replace a catalog that SQLite calls damaged, or that is lost, atomically; nothing happens to a sound one.

    Raises LibraryError for one of a later version.
    """
    with translated(folder, "read the library at"):
        flaw = _flaw(folder)
    if flaw is None:
        return
    with lock(folder, wait_s), translated(folder, "write to the library at"):
        yield Mended(flaw)
        if _reindexed(folder):
            yield Mended("its indexes were made anew")
            return
        fresh = folder / (PARTIAL + CATALOG)
        yield from _remade(folder, fresh, analyser)
        kept = _kept(folder)
        publish(fresh, folder / CATALOG)
        yield Mended("a new catalog is in its place" + (f", the damaged one is kept as {kept.name}" if kept else ""))


def _flaw(folder: Path) -> str | None:
    """What is wrong with the catalog, None when nothing is."""
    if lost(folder):
        return "the catalog is lost"
    try:
        with closing(sqlite3.connect(folder / CATALOG)) as link:
            check_version(link, folder)
            (line,) = link.execute("PRAGMA integrity_check(1)").fetchone()
    except UnfinishedError:
        return _DAMAGED + "it has no tables" if has_parts(folder) else None
    except sqlite3.Error as error:
        if any(passing in str(error) for passing in _PASSING):
            raise
        return _DAMAGED + shown(str(error))
    return None if line == "ok" else _DAMAGED + shown(str(line))


def _reindexed(folder: Path) -> bool:
    """Whether new indexes made the catalog whole."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(folder / CATALOG)) as link:
        link.execute("REINDEX")
        link.commit()
    return _flaw(folder) is None


def _kept(folder: Path) -> Path | None:
    """A copy of the damaged catalog, where there is one, under a name of its own; its journal is folded in, or gone."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(folder / CATALOG)) as link:
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if not (folder / CATALOG).stat().st_size:
        _without_journal(folder)
        return None
    names = (folder / f"catalog.damaged-{n}.sqlite" for n in itertools.count(1))
    kept = next(path for path in names if not path.exists())
    copied = kept.with_name(PARTIAL + kept.name)
    shutil.copyfile(folder / CATALOG, copied)
    sync(copied)
    publish(copied, kept)
    _without_journal(folder)
    return kept


def _without_journal(folder: Path) -> None:
    """Remove the old file's journal: beside the new one it would be applied to it."""
    for end in ("-wal", "-shm"):
        (folder / (CATALOG + end)).unlink(missing_ok=True)


def _remade(folder: Path, fresh: Path, analyser: Analyser) -> Iterator[Event]:
    """Write the new catalog to `fresh`."""
    for path in (fresh, *(fresh.with_name(fresh.name + end) for end in ("-wal", "-shm"))):
        path.unlink(missing_ok=True)
    engine = writing_engine(fresh)
    try:
        with engine.begin() as link:
            TABLES.create_all(link)
            found = {table.name: _read(folder / CATALOG, table) for table in TABLES.sorted_tables}
            link.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            for table in TABLES.sorted_tables:
                if found[table.name] and table not in (meta, schema.touched):
                    link.execute(sa.insert(table).prefix_with("OR IGNORE"), found[table.name])
            yield Mended(f"{len(found['tracks'])} paths and {len(found['contents'])} tracks could be read from it")
            space = _head(link, found, analyser)
            _drop_dangling(link)  # before new contents get ids: one could be that of a lost one
            yield from _from_parts(folder, link, space, analyser)
            link.execute(sa.delete(contents).where(contents.c.part == _NOWHERE))
            _drop_dangling(link)
            _group(folder, link, space)
        with closing(sqlite3.connect(fresh)) as plain_link:
            plain_link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        engine.dispose()
    sync(fresh)


def _drop_dangling(link: sa.Connection) -> None:
    """Drop what refers to contents that are not there."""
    there = sa.select(contents.c.id)
    for table in (tracks, schema.recordings):
        link.execute(sa.delete(table).where(table.c.content.not_in(there)))


def _group(folder: Path, link: sa.Connection, space: int) -> None:
    """Group versions of one recording by the fingerprints that the parts hold: groups may be among what is lost."""
    c, known = contents.c, Versions(folder, space)
    query = sa.select(c.id, c.part, c.first_row).where(c.space == space, c.modality == "music")
    rows = link.execute(query.order_by(c.part, c.first_row)).all()
    for at in range(0, len(rows), _CHUNK):
        known.take(link, list(marks_of(link, folder, rows[at : at + _CHUNK])))


def _read(path: Path, table: sa.Table) -> list[dict[str, Any]]:
    """The rows of a table that can be read: from its first to the damage, and from its last back to it."""
    rows: dict[int, dict[str, Any]] = {}
    for order in ("ASC", "DESC"):
        with suppress(sqlite3.Error, ValueError), closing(sqlite3.connect(path)) as link:
            query = sa.select(sa.literal_column("rowid").label("_row"), table).order_by(sa.text(f"_row {order}"))
            engine = sa.create_engine("sqlite://", creator=lambda link=link: link, poolclass=sa.pool.StaticPool)
            with suppress(sa.exc.SQLAlchemyError), engine.connect() as reading:
                for row in reading.execution_options(stream_results=True, max_row_buffer=1).execute(query).mappings():
                    rows[row["_row"]] = {name: row[name] for name in table.c.keys()}  # noqa: SIM118
    return [rows[key] for key in sorted(rows)]


def _head(link: sa.Connection, found: dict[str, list[dict[str, Any]]], analyser: Analyser) -> int:
    """Give the catalog its head, under a new identity: no snapshot of the old one counts; the space searched."""
    used = [row["space"] for row in found["meta"]] or [row["space"] for row in found["contents"]]
    space = max(set(used), key=used.count) if used else 1
    add = sa.insert(spaces).prefix_with("OR IGNORE")
    link.execute(add.values(id=space, **analyser.space._asdict()))
    row = {"schema_version": SCHEMA_VERSION, "space": space, "generation": 1}
    link.execute(sa.insert(meta).values(id=1, uid=uuid.uuid4().hex, **row))
    return space


class _Loose(NamedTuple):
    """Contents of a part that no catalog knows, with where they begin in it and the row that describes each."""

    name: str
    hash: bytes
    first_row: int
    windows: int
    duration_s: float
    affect: tuple[float | None, ...]
    vector: bytes


def _from_parts(folder: Path, link: sa.Connection, space: int, analyser: Analyser) -> Iterator[Event]:
    """Bring back the tracks that parts hold and the catalog lost."""
    known = {info.name: key for key, info in queries.known_parts(link).items()}
    remembered, back = _remembered(folder), 0
    unplaced = contents.c.part.not_in(sa.select(parts.c.id))  # a new part must not pass for the one they were in
    link.execute(sa.update(contents).where(unplaced).values(part=_NOWHERE))
    for path in sorted((folder / store.FOLDER).glob("*.parquet"), key=_age):
        modality = _modality(folder, link, path, space, analyser)
        if modality is None:
            if path.name not in known:
                yield Mended(f"nothing could be made of {path.name}; it is kept in the folder '{_set_aside(path)}'")
            continue
        rows = store.read_part(folder, _as_found(path), ())
        if path.name not in known:
            part = store.Part(path.name, len(rows), path.stat().st_size, store.checksum(path))
            known[path.name] = changes.add_part(link, space, modality, part)
        for loose in _loose(path.name, rows):
            back += _put(link, space, modality, known[path.name], loose, remembered.get(loose.vector))
    _paths_again(folder, link, space)
    if back:
        yield Mended(f"{back} tracks came back from the parts")


def _age(path: Path) -> tuple[int, str]:
    """A key that sorts younger files first: they hold the later analysis of a track that two of them hold."""
    return -path.stat().st_mtime_ns, path.name


def _as_found(path: Path) -> store.Part:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return store.Part(path.name, file.metadata.num_rows, 0, "")


def _modality(folder: Path, link: sa.Connection, path: Path, space: int, analyser: Analyser) -> Modality | None:
    """What a part is of, where it is whole and of the space; None otherwise."""
    owner = sa.select(parts.c.modality).where(parts.c.name == path.name, parts.c.space == space)
    try:
        info = _as_found(path)
        if (recorded := link.execute(owner).scalar()) is not None:
            store.read_part(folder, info, ())
            _describe(link, space, recorded, _columns(path), analyser)
            return recorded
        for modality in ("music", "video"):
            if _fits(folder, info, modality, analyser):
                _describe(link, space, modality, _columns(path), analyser)
                return modality
    except (store.DamagedPartError, OSError, ValueError, KeyError):
        return None
    return None


def _fits(folder: Path, info: store.Part, modality: Modality, analyser: Analyser) -> bool:
    """Whether a part holds what the analyser computes today of its features."""
    if store.source_of(folder, info) != analyser.source(modality):
        return False
    rows = store.read_part(folder, info, analyser.measured(modality))
    sample = rows.features[:_SAMPLE]
    if not sample.shape[1] or rows.vectors.shape[1] != analyser.space.dim:
        return False
    coded = analyser.code(modality, sample, np.zeros(len(sample), bool)).vectors
    return bool((np.einsum("nd,nd->n", coded, rows.vectors[:_SAMPLE]) > 1 - _NEAR).all())


def _columns(path: Path) -> list[str]:
    """The names of the features in a part."""
    import pyarrow.parquet as pq

    return list(json.loads(pq.read_schema(path).metadata[b"cliptune"])["columns"])


def _describe(link: sa.Connection, space: int, modality: Modality, columns: list[str], analyser: Analyser) -> None:
    """Record the columns of a modality where the catalog lost them."""
    inputs = list(analyser.inputs(modality)) if columns else []
    row = {"columns": columns, "inputs": inputs}
    link.execute(sa.insert(modalities).prefix_with("OR IGNORE").values(space=space, modality=modality, **row))


def _set_aside(path: Path) -> str:
    home = path.parent.parent / ASIDE
    home.mkdir(exist_ok=True)
    path.replace(home / path.name)
    return ASIDE


def _loose(name: str, rows: store.Rows) -> Iterator[_Loose]:
    """The tracks in a part: each runs from its window 0, after the row that describes it where there is one."""
    starts = np.flatnonzero(rows.window == 0)
    ends = np.append(starts[1:], len(rows))
    for at, end in zip(starts.tolist(), ends.tolist(), strict=True):
        lead = at > 0 and bool(rows.window[at - 1] == store.ITEM)
        end -= int(end < len(rows) and rows.window[end - 1] == store.ITEM)
        affect = _affect(rows.affect[at - 1]) if lead else (None,) * len(Affect._fields)
        duration_s = float(rows.bounds[at - 1 if lead else end - 1, 1])
        yield _Loose(name, rows.hashes[at].tobytes(), at, end - at, duration_s, affect, rows.vectors[at].tobytes())


def _affect(row: Array) -> tuple[float | None, ...]:
    return tuple(row.tolist()) or (None,) * len(Affect._fields)


def _remembered(folder: Path) -> dict[bytes, Track]:
    """Tracks as the snapshot shows them, by the bytes of their first vector."""
    published, found = snapshot.load_or_none(folder), dict[bytes, Track]()
    for modality, facts in published.facts.items() if published is not None else ():
        segment = published.segments[modality] if published is not None else None
        for at, key in enumerate(segment.ids.tolist() if segment is not None else ()):
            track = facts.track(at, key, modality)
            if track is not None and segment is not None:
                found[segment.vectors[segment.offsets[at]].tobytes()] = track
    return found


def _put(link: sa.Connection, space: int, modality: Modality, part: int, loose: _Loose, track: Track | None) -> int:
    """Add a content that the catalog lost, with the paths that the snapshot has for it; how many were added."""
    facts = {} if track is None else {"bpm": track.bpm, "key": track.key}
    values = {
        "size": 0,
        "part": part,
        "first_row": loose.first_row,
        "windows": loose.windows,
        "duration_s": loose.duration_s,
        "facts": {name: plain(value) for name, value in facts.items() if value is not None},
        **dict(zip(Affect._fields, loose.affect, strict=True)),
    }
    same = sa.select(contents.c.id, contents.c.part).filter_by(hash=loose.hash, space=space, modality=modality)
    if (there := link.execute(same).first()) is not None:
        if there.part == _NOWHERE:
            place = {name: values[name] for name in ("part", "first_row", "windows")}
            link.execute(sa.update(contents).where(contents.c.id == there.id).values(place))
        return int(there.part == _NOWHERE)
    link.execute(sa.insert(contents).values(hash=loose.hash, space=space, modality=modality, **values))
    content = link.execute(same).scalar_one()
    if track is not None:
        link_all(link, space, content, track, loose.hash)
    return 1


def _paths_again(folder: Path, link: sa.Connection, space: int) -> None:
    """Give contents that kept their rows but lost their paths those that the snapshot has for them."""
    published = snapshot.load_or_none(folder)
    for modality, facts in published.facts.items() if published is not None else ():
        segment = published.segments[modality] if published is not None else None
        for digest, content in pathless(link, space, modality).items():
            at = segment.place(content) if segment is not None else None
            track = facts.track(at, content, modality) if at is not None else None
            if track is not None:
                link_all(link, space, content, track, digest)
