"""The memory-mapped snapshot that queries read: derived from the store, versioned, swapped by one manifest.

`snapshots/<name>/<modality>/*.npy` is written beside the old one, synced and renamed; then `manifest.json`
is replaced. It holds all that a query reads. What the catalog got since is read from the store as a small exact tail;
only then are the catalog's questions and the store imported.
"""

import json
import os
import shutil
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing import facts
from indexing.durable import PARTIAL, publish, sync, translated, write_json
from indexing.facts import Facts
from indexing.npy import NpyWriter, load_npy
from indexing.search import Segment, spans
from indexing.state import Description, Head
from recommender.errors import LibraryError
from recommender.types import Array, Modality

if TYPE_CHECKING:
    import sqlalchemy as sa

    from indexing import store
    from indexing.catalog import Live

__all__ = ["spans"]  # for those that read what a snapshot holds

FOLDER, MANIFEST = "snapshots", "manifest.json"
RECORD, CODES = "search.json", "search-*.faiss"  # what `indexing.built` adds to a modality's folder, the record last
_FORMAT = 3  # 2: facts of tracks, descriptions of modalities; 3: genres, licences, recordings
_CHUNK = 1 << 16  # rows copied at a time: some 20 MB at 64 dimensions
_ROWS = ("vectors", "affect", "inputs", "bounds")  # one row per window
_TRACKS = ("ids", "parts", "offsets")


@dataclass(frozen=True)
class Snapshot:
    """A published snapshot: its folder's name, the catalog state it shows, and by modality what it holds.

    `facts` are of the tracks of the segment, in its order.
    """

    name: str
    uid: str
    generation: int
    space_id: int
    descriptions: dict[Modality, Description]
    segments: dict[Modality, Segment]
    medians: dict[Modality, Array]
    facts: dict[Modality, Facts]

    def shows(self, head: Head) -> bool:
        """Whether this snapshot is of exactly that state of the catalog."""
        return (self.uid, self.generation, self.space_id) == (head.uid, head.generation, head.space_id)

    def home(self, folder: Path, modality: Modality) -> Path:
        """Where the arrays of a modality are, in the library in `folder`."""
        return folder / FOLDER / self.name / modality


def load(folder: Path) -> Snapshot:
    """The published snapshot, memory-mapped; raises OSError, ValueError or KeyError when unusable."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest["format"] != _FORMAT:
        raise ValueError(f"unknown snapshot format {manifest['format']}")
    name = Path(manifest["name"]).name
    home = folder / FOLDER / name
    state = manifest["uid"], manifest["generation"], manifest["space"]
    loaded = Snapshot(name, *state, {}, {}, {}, {})
    for modality, held in manifest["modalities"].items():
        segment = _load_segment(home / modality, int(held["rows"]))
        known = facts.load(home / modality, len(segment.ids))
        loaded.descriptions[modality] = Description(tuple(held["columns"]), tuple(held["inputs"]))
        loaded.segments[modality] = replace(segment, recordings=known.recording if len(known.twins) else None)
        loaded.medians[modality] = load_npy(home / modality / "medians.npy")
        loaded.facts[modality] = known
    return loaded


def load_or_none(folder: Path) -> Snapshot | None:
    """The published snapshot, or None when there is none that can be used (the store has everything)."""
    try:
        return load(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def segments_of(
    folder: Path, link: "sa.Connection", head: Head, snapshot: Snapshot | None, modality: Modality
) -> list[Segment]:
    """The searchable segments of one modality as the catalog has it: the snapshot's, and the tail after it."""
    old = None
    if snapshot is not None and (snapshot.uid, snapshot.space_id) == (head.uid, head.space_id):
        old = snapshot.segments.get(modality)
        if old is not None and snapshot.shows(head):
            return [old]
    from indexing import catalog

    description = catalog.described(link, head.space_id)[modality]
    kept = []
    if old is None:
        tail = catalog.live(link, head.space_id, modality)
    else:
        alive, tail = _since(old, link, head.space_id, modality)
        kept = [replace(old, alive=alive)]
    if len(tail.ids) or not kept:
        kept.append(_from_store(folder, link, tail, description, head.space.dim))
    same, of = catalog.same_recording(link, head.space_id, modality)
    return [replace(segment, recordings=_replaced(segment.ids, same, of) if len(same) else None) for segment in kept]


def _since(old: Segment, link: "sa.Connection", space_id: int, modality: Modality) -> "tuple[Array, Live]":
    """bool [t], which tracks of the snapshot are still current, and what the catalog has beside them.

    Contents come and change in parts with ever higher numbers: where those of the snapshot's parts are as many as it
    holds, they are the same, and the catalog need not list them.
    """
    from indexing import catalog

    newest = int(old.parts.max(initial=-1))
    if catalog.up_to(link, space_id, modality, newest) == (len(old.ids), int(old.ids.sum())):
        return np.ones(len(old.ids), bool), catalog.live(link, space_id, modality, newest)
    now = catalog.live(link, space_id, modality)
    alive = _same(now, old)
    missing = ~np.isin(now.ids, old.ids[alive])
    return alive, catalog.Live(*(column[missing] for column in now))


def _replaced(ids: Array, some: Array, others: Array) -> Array:
    """`ids` with each of `some` (ascending) replaced by that of `others` in its place."""
    at = np.minimum(np.searchsorted(some, ids), len(some) - 1)
    return np.where(some[at] == ids, others[at], ids)


def medians_of(segments: list[Segment]) -> Array:
    """float32 [f]: the median of every input column over all windows of living tracks."""
    kept = [s.inputs[np.repeat(s.alive, np.diff(s.offsets))] for s in segments]
    rows = np.concatenate(kept)
    if len(rows) == 0:
        return np.zeros(rows.shape[1], np.float32)
    return np.median(rows, axis=0).astype(np.float32)


def publish_snapshot(folder: Path, link: "sa.Connection") -> None:
    """Write and publish a snapshot of the catalog's present state, then remove the old ones.

    Raises LibraryError when the disk is full or a needed part is damaged; the old snapshot stays.
    """
    from indexing import catalog

    head, old = catalog.head(link), load_or_none(folder)
    if old is not None and old.shows(head):
        return
    name = f"{head.generation:06d}-{uuid.uuid4().hex[:8]}"
    partial = folder / FOLDER / (PARTIAL + name)
    with translated(folder, "write a snapshot of the library at"):
        try:
            partial.mkdir(parents=True)
            held = {}
            for modality, description in catalog.described(link, head.space_id).items():
                segments = segments_of(folder, link, head, old, modality)
                home, source = partial / modality, _written(folder, segments, old, modality)
                home.mkdir()
                if source is None or not _linked(source, home):
                    _write(home, segments)
                rows = sum(int(np.diff(s.offsets)[s.alive].sum()) for s in segments)
                facts.save(home, facts.gathered(catalog.facts(link, head.space_id, modality)))
                held[modality] = {"rows": rows, **description._asdict()}
            sync(partial)
            publish(partial, folder / FOLDER / name)
            state = {"uid": head.uid, "generation": head.generation, "space": head.space_id}
            write_json(folder / MANIFEST, {"format": _FORMAT, "name": name, **state, "modalities": held})
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    remove_others(folder, name)


def remove_others(folder: Path, name: str | None) -> None:
    """Remove every snapshot but one; readers that have an old one mapped keep it until they close."""
    for other in (folder / FOLDER).glob("*"):
        if other.name != name:
            shutil.rmtree(other, ignore_errors=True)


def _load_segment(home: Path, rows: int) -> Segment:
    arrays = {key: load_npy(home / f"{key}.npy") for key in _ROWS + _TRACKS}
    ids, offsets = arrays["ids"], arrays["offsets"]
    if any(len(arrays[key]) != rows for key in _ROWS) or len(offsets) != len(ids) + 1 or offsets[-1] != rows:
        raise ValueError("the snapshot's arrays do not fit together")
    return Segment(alive=np.ones(len(ids), bool), **arrays)


def _same(now: "Live", old: Segment) -> Array:
    """bool [t]: the tracks of an old segment whose analysis is still the current one."""
    if len(now.ids) == 0:
        return np.zeros(len(old.ids), bool)
    at = np.minimum(np.searchsorted(now.ids, old.ids), len(now.ids) - 1)
    same: Array = (now.ids[at] == old.ids) & (now.parts[at] == old.parts)
    return same


def _from_store(folder: Path, link: "sa.Connection", tail: "Live", description: Description, dim: int) -> Segment:
    """A segment in memory with the windows of `tail`, read from its parts."""
    from indexing import catalog, store

    offsets = np.concatenate([[0], np.cumsum(tail.windows)]).astype(np.int64)
    n = int(offsets[-1])
    infos = catalog.known_parts(link)
    arrays: dict[str, Array] = {}
    for part in np.unique(tail.parts):
        mine = tail.parts == part
        rows = store.read_part(folder, infos[int(part)], description.inputs)
        source, target = spans(tail.first_rows[mine], tail.windows[mine]), spans(offsets[:-1][mine], tail.windows[mine])
        if len(source) and source.max() >= len(rows):
            raise LibraryError(
                f"part {infos[int(part)].name} is shorter than the catalog says; run `recommend index verify`"
            )
        for key, values in _columns(rows).items():
            arrays.setdefault(key, np.empty((n, values.shape[1]), values.dtype))[target] = values[source]
    empty = store.Rows(*(np.empty((0, w), np.float32) for w in (16, 1, 2, len(description.inputs), 0, dim)))
    return Segment(tail.ids, tail.parts, offsets, np.ones(len(tail.ids), bool), **(arrays or _columns(empty)))


def _columns(rows: "store.Rows") -> dict[str, Array]:
    return {"vectors": rows.vectors, "affect": rows.affect, "inputs": rows.features, "bounds": rows.bounds}


def _written(folder: Path, segments: list[Segment], old: Snapshot | None, modality: Modality) -> Path | None:
    """Where the old snapshot holds the segments as they are (only facts changed, or another modality), or None."""
    held = old.segments.get(modality) if old is not None else None
    if (
        old is None
        or held is None
        or len(segments) > 1
        or segments[0].ids is not held.ids
        or not segments[0].alive.all()
    ):
        return None
    return folder / FOLDER / old.name / modality


def _linked(source: Path, home: Path) -> bool:
    """Whether the arrays in `source`, and a search index built for them, could be linked into `home`.

    No file of a snapshot is ever written again.
    """
    arrays = [source / f"{key}.npy" for key in (*_ROWS, *_TRACKS, "medians")]
    try:
        for path in [*arrays, *source.glob(CODES), *source.glob(RECORD)]:
            os.link(path, home / path.name)
    except OSError:  # a file system without hard links
        for made in home.iterdir():
            made.unlink()
        return False
    sync(home)
    return True


def _write(home: Path, segments: list[Segment]) -> None:
    """Write the living tracks of the segments as one, by ascending id."""
    ids = np.concatenate([s.ids[s.alive] for s in segments])
    parts = np.concatenate([s.parts[s.alive] for s in segments])
    counts = np.concatenate([np.diff(s.offsets)[s.alive] for s in segments])
    order = np.argsort(ids)
    offsets = np.concatenate([[0], np.cumsum(counts[order])]).astype(np.int64)
    starts = np.empty(len(ids), np.int64)
    starts[order] = offsets[:-1]
    total = int(offsets[-1])
    for key in _ROWS:
        _write_rows(home / f"{key}.npy", segments, key, starts, total)
    for key, values in {"ids": ids[order], "parts": parts[order], "offsets": offsets}.items():
        NpyWriter.save(home / f"{key}.npy", values)
    NpyWriter.save(home / "medians.npy", medians_of(segments))
    sync(home)


def _write_rows(path: Path, segments: list[Segment], key: str, starts: Array, total: int) -> None:
    """Copy one per-window array of all segments, track by track to its row `starts`."""
    like: Any = getattr(segments[0], key)
    with NpyWriter(path, like.dtype, (total, like.shape[1])) as out:
        done = 0
        for segment in segments:
            count = int(segment.alive.sum())
            lengths = np.diff(segment.offsets)[segment.alive]
            source = spans(segment.offsets[:-1][segment.alive], lengths)
            target = spans(starts[done : done + count], lengths)
            for at in range(0, len(source), _CHUNK):
                chunk = slice(at, at + _CHUNK)
                out.put(target[chunk], getattr(segment, key)[source[chunk]])
            done += count
