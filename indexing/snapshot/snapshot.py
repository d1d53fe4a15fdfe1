"""The memory-mapped snapshot that queries read: derived from the store, versioned, swapped by one manifest.

`snapshots/<name>/<modality>/*.npy` is written beside the old one, synced and renamed; then `manifest.json`
is replaced. It holds all that a query searches and filters by. What the catalog got since is read from the store as a
small exact tail; only then are the catalog's questions and the store imported.
"""

import itertools
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np

from indexing.catalog.reading import Description, Head
from indexing.disk.checksums import SMALL, crcs, differing, seal, unseal
from indexing.disk.durable import PARTIAL, library_errors, new_folder, write_json
from indexing.disk.npy import NpyWriter, ascends, load_npy
from indexing.disk.runs import spans
from indexing.snapshot import facts
from indexing.snapshot.facts import Facts
from indexing.snapshot.medians import medians
from indexing.snapshot.segments import Segment
from recommender.errors import LibraryError
from recommender.logs import getLogger
from recommender.opening import load_json
from recommender.types import Affect, Array, Modality

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog
    from indexing.catalog.rows import Live

FOLDER, MANIFEST = "snapshots", "manifest.json"
# what `indexing.search.ann_files` adds to a modality's folder, the record last
RECORD, CODES = "search.json", "search-*.faiss"
REPRESENTATIVES = "representatives"  # what `indexing.search.representative_files` adds to it: a folder
_FORMAT = 3  # 2: facts of tracks, descriptions of modalities; 3: genres, licences, recordings
_CHUNK = 1 << 16  # rows copied at a time: some 20 MB at 64 dimensions
_NAME = re.compile(rf"(?:{re.escape(PARTIAL)})?[0-9]+-[0-9a-f]{{8}}")
T = TypeVar("T")
_log = getLogger(__name__)
_ROWS = ("vectors", "affect", "inputs", "bounds")  # one row per window
_TRACKS = ("ids", "parts", "offsets")
_Piece = tuple[Array, dict[str, Array]]  # which tracks or rows, and the arrays of their windows by name


@dataclass(frozen=True)
class Snapshot:
    """A published snapshot: its folder's name, the catalog state it shows, and by modality what it holds.

    `facts` are of the tracks of the segment, in its order; `crcs` are checksums by the path of a file below `home`.
    """

    name: str
    uid: str
    generation: int
    space_id: int
    descriptions: dict[Modality, Description]
    segments: dict[Modality, Segment]
    medians: dict[Modality, Array]
    facts: dict[Modality, Facts]
    crcs: dict[Modality, dict[str, int]]

    @property
    def is_whole(self) -> bool:
        """Whether all is here that filters read; of before one was declared it is not, and the catalog is asked."""
        return all(known.is_whole for known in self.facts.values())

    def shows(self, head: Head) -> bool:
        """Whether this snapshot is of exactly that state of the catalog, and whole."""
        same = (self.uid, self.generation, self.space_id) == (head.uid, head.generation, head.space_id)
        return same and self.is_whole

    def home(self, folder: Path, modality: Modality) -> Path:
        """Where the arrays of a modality are, in the library in `folder`."""
        return folder / FOLDER / self.name / modality


def load(folder: Path, most: int | None = SMALL) -> Snapshot:
    """The published snapshot, memory-mapped; raises OSError, ValueError or KeyError when unusable.

    What it holds is trusted as far as it is of the right kind, size and order, and small files (of at most `most`
    bytes; None: all) have the checksum that they were written with. One of before there were any has none.
    """
    manifest = unseal(load_json(folder / MANIFEST))
    if manifest["format"] != _FORMAT:
        raise ValueError(f"unknown snapshot format {manifest['format']}")
    name = Path(manifest["name"]).name
    state = _checked(manifest["uid"], str), _checked(manifest["generation"], int), _checked(manifest["space"], int)
    loaded = Snapshot(name, *state, {}, {}, {}, {}, {})
    for modality, held in manifest["modalities"].items():
        if modality not in get_args(Modality):
            raise ValueError(f"the manifest names the modality {modality!r}")
        home = folder / FOLDER / name / modality
        loaded.crcs[modality] = held.get("crcs", {})
        if (wrong := next(differing(home, loaded.crcs[modality], most), None)) is not None:
            raise ValueError(f"{modality}/{wrong} is not as it was written")
        segment = _load_segment(home, _checked(held["rows"], int))
        known = facts.load(home, len(segment.ids))
        described = Description(*(tuple(_checked(one, str) for one in held[key]) for key in Description._fields))
        medians_ = load_npy(home / "medians.npy", np.float32)
        width = segment.inputs.shape[1]
        if not len(described.inputs) == len(medians_) == width or not np.isfinite(medians_).all():
            raise ValueError("the snapshot's medians do not fit its columns")
        loaded.descriptions[modality] = described
        loaded.segments[modality] = replace(segment, recordings=known.recording if len(known.twins) else None)
        loaded.medians[modality] = medians_
        loaded.facts[modality] = known
    return loaded


def _checked(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise ValueError(f"the manifest says {value!r} where it should name a {kind.__name__}")
    return value


def load_or_none(folder: Path) -> Snapshot | None:
    """The published snapshot, or None when there is none that can be used (the store has everything)."""
    try:
        return load(folder)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.info("%s: no usable snapshot (%s)", folder, error)
        return None


def segments_of(folder: Path, catalog: "Catalog", snapshot: Snapshot | None, *, modality: Modality) -> list[Segment]:
    """The searchable segments of one modality as the catalog has it: the snapshot's, and the tail after it."""
    head, old = catalog.head(), None
    if snapshot is not None and (snapshot.uid, snapshot.space_id) == (head.uid, head.space_id):
        old = snapshot.segments.get(modality)
        if old is not None and snapshot.shows(head):
            return [old]
    description = catalog.descriptions()[modality]
    alive, tail = _divide(catalog, old, modality)
    kept = [] if old is None else [replace(old, alive=alive)]
    if len(tail.ids) or not kept:
        kept.append(_from_store(folder, catalog, tail, description, dim=head.space.dim))
    same, of = catalog.same_recording(modality)
    return [replace(segment, recordings=_replace(segment.ids, same, of) if len(same) else None) for segment in kept]


def _divide(catalog: "Catalog", old: Segment | None, modality: Modality) -> "tuple[Array, Live]":
    """bool [t], which tracks of a segment of the snapshot are still current, and what the catalog has beside them.

    Tracks come and change in parts with ever higher numbers: where those of the snapshot's parts are as many as it
    holds, they are the same, and the catalog need not list them.
    """
    if old is None:
        return np.zeros(0, bool), catalog.live(modality)
    newest = int(old.parts.max(initial=-1))
    if catalog.up_to(modality, newest) == (len(old.ids), int(old.ids.sum())):
        return np.ones(len(old.ids), bool), catalog.live(modality, newest)
    now = catalog.live(modality)
    alive = still_in(now, old)
    missing = ~np.isin(now.ids, old.ids[alive])
    return alive, type(now)(*(column[missing] for column in now))


def _replace(ids: Array, some: Array, others: Array) -> Array:
    """`ids` with each of `some` (ascending) replaced by that of `others` in its place."""
    at = np.minimum(np.searchsorted(some, ids), len(some) - 1)
    return np.where(some[at] == ids, others[at], ids)


def medians_of(segments: list[Segment]) -> Array:
    """float32 [f]: the median of every input column over all windows of living tracks."""
    living = [spans(s.offsets[:-1][s.alive], np.diff(s.offsets)[s.alive]) for s in segments]

    def blocks() -> Iterator[Array]:
        for segment, rows in zip(segments, living, strict=True):
            yield from (segment.inputs[rows[at : at + _CHUNK]] for at in range(0, len(rows), _CHUNK))

    return medians(blocks, sum(map(len, living)), segments[0].inputs.shape[1])


def publish_snapshot(folder: Path, catalog: "Catalog") -> None:
    """Write and publish a snapshot of the catalog's present state, then remove the old ones.

    Raises LibraryError when the disk is full or a needed part is damaged; the old snapshot stays.
    """
    head, old = catalog.head(), load_or_none(folder)
    if old is not None and old.shows(head):
        return
    searched, name = catalog.beside(head.space_id), f"{head.generation:06d}-{uuid.uuid4().hex[:8]}"
    with library_errors(folder, "write a snapshot of the library at"):
        held = {}
        with new_folder(folder / FOLDER / name) as partial:
            for modality, description in searched.descriptions().items():
                home = partial / modality
                home.mkdir()
                rows = _put(folder, home, searched, old, modality=modality)
                facts.save(home, facts.gather(searched.facts(modality)))
                held[modality] = {"rows": rows, **description._asdict(), "crcs": _crcs(home, old, modality)}
        state = {"uid": head.uid, "generation": head.generation, "space": head.space_id}
        write_json(folder / MANIFEST, seal({"format": _FORMAT, "name": name, **state, "modalities": held}))
    remove_others(folder, name)


def remove_others(folder: Path, name: str | None) -> None:
    """Remove every snapshot but one; readers that have an old one mapped keep it until they close."""
    for other in (folder / FOLDER).glob("*"):
        if other.name != name and _NAME.fullmatch(other.name):
            shutil.rmtree(other, ignore_errors=True)


def _crcs(home: Path, old: Snapshot | None, modality: Modality) -> dict[str, int]:
    """The checksums of a modality's arrays; of linked ones as they were written."""
    before = {} if old is None else old.crcs.get(modality, {})
    return crcs(home, {name: before[name] for name in before if (home / name).stat().st_nlink > 1})


def _load_segment(home: Path, rows: int) -> Segment:
    kinds: dict[str, Any] = {"vectors": np.float32, "affect": np.float32, "inputs": np.float32, "bounds": np.float64}
    arrays: dict[str, Any] = {key: load_npy(home / f"{key}.npy", kinds[key], -1) for key in _ROWS}
    arrays |= {key: load_npy(home / f"{key}.npy", np.int64) for key in _TRACKS}
    ids, parts, offsets = (arrays[key] for key in _TRACKS)
    fit = all(len(arrays[key]) == rows for key in _ROWS) and len(offsets) == len(ids) + 1 == len(parts) + 1
    fit = fit and arrays["affect"].shape[1] in (0, len(Affect._fields)) and arrays["bounds"].shape[1] == 2
    ordered = fit and ascends(offsets) and offsets[-1] == rows and (ids[:1] > 0).all() and (np.diff(ids) > 0).all()
    if not ordered or (parts < 0).any():
        raise ValueError("the snapshot's arrays do not fit together")
    return Segment(alive=np.ones(len(ids), bool), home=home, **arrays)


def still_in(now: "Live", old: Segment) -> Array:
    """bool [t]: the tracks of an old segment whose analysis is still the current one."""
    if len(now.ids) == 0:
        return np.zeros(len(old.ids), bool)
    at = np.minimum(np.searchsorted(now.ids, old.ids), len(now.ids) - 1)
    return np.logical_and(now.ids[at] == old.ids, now.parts[at] == old.parts)


def _from_store(folder: Path, catalog: "Catalog", tail: "Live", description: Description, *, dim: int) -> Segment:
    """A segment in memory with the windows of `tail`, read from its parts."""
    offsets = _offsets(tail.windows)
    arrays = _nothing(len(description.inputs), dim)
    for mine, columns in pieces(folder, catalog, tail, inputs=description.inputs):
        target = spans(offsets[:-1][mine], tail.windows[mine])
        for key, values in columns.items():
            if len(arrays[key]) == 0:
                arrays[key] = np.empty((offsets[-1], values.shape[1]), values.dtype)
            arrays[key][target] = values
    return Segment(tail.ids, tail.parts, offsets, np.ones(len(tail.ids), bool), **arrays)


def pieces(folder: Path, catalog: "Catalog", wanted: "Live", *, inputs: Sequence[str]) -> Iterator[_Piece]:
    """Per part: which of the tracks `wanted` are in it, and their windows in order, by the name of the array.

    No more than one part is in memory. Raises LibraryError for a damaged one.
    """
    from indexing.disk import parts

    infos = catalog.parts()
    for part in np.unique(wanted.parts):
        mine = np.flatnonzero(wanted.parts == part)
        rows = parts.read_part(folder, infos[int(part)], inputs)
        source = spans(wanted.first_rows[mine], wanted.windows[mine])
        if len(source) and source.max() >= len(rows):
            name = infos[int(part)].name
            raise LibraryError(f"part {name} is shorter than the catalog says; run `recommend index verify`")
        columns = {"vectors": rows.vectors, "affect": rows.affect, "inputs": rows.features, "bounds": rows.bounds}
        yield mine, {key: values[source] for key, values in columns.items()}


def _nothing(inputs: int, dim: int) -> dict[str, Any]:
    """The arrays of no windows."""
    widths = {"vectors": dim, "affect": 0, "inputs": inputs}
    return {key: np.empty((0, n), np.float32) for key, n in widths.items()} | {"bounds": np.empty((0, 2))}


def _offsets(counts: Array) -> Array:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _put(folder: Path, home: Path, catalog: "Catalog", old: Snapshot | None, *, modality: Modality) -> int:
    """Fill `home` with the arrays of a modality as the catalog has it; how many windows there are.

    Where the old snapshot has them all (only facts changed, or another modality), its files are linked.
    """
    head, before = catalog.head(), None
    if old is not None and (old.uid, old.space_id) == (head.uid, head.space_id):
        before = old.segments.get(modality)
    alive, tail = _divide(catalog, before, modality)
    whole = before is not None and alive.all() and not len(tail.ids)
    if old is not None and before is not None and whole and _link(old.home(folder, modality), home):
        return len(before.vectors)
    segments = [] if before is None else [replace(before, alive=alive)]
    description = catalog.descriptions()[modality]
    fresh = pieces(folder, catalog, tail, inputs=description.inputs)
    return _write(home, segments, tail, fresh, _nothing(len(description.inputs), head.space.dim))


def _link(source: Path, home: Path) -> bool:
    """Whether the arrays in `source`, and a search index built for them, could be linked into `home`.

    No file of a snapshot is ever written again.
    """
    arrays = [source / f"{key}.npy" for key in (*_ROWS, *_TRACKS, "medians")]
    represented = sorted((source / REPRESENTATIVES).glob("*"))
    try:
        if represented:
            (home / REPRESENTATIVES).mkdir()
        for path in [*arrays, *source.glob(CODES), *source.glob(RECORD), *represented]:
            os.link(path, home / path.relative_to(source))
    except OSError:  # a file system without hard links
        shutil.rmtree(home)
        home.mkdir()
        return False
    return True


def _write(home: Path, kept: list[Segment], tail: "Live", fresh: Iterator[_Piece], none: dict[str, Array]) -> int:
    """Write the living tracks of the segments, and those of `tail`, as one, by ascending id; how many windows.

    `fresh` gives the windows of the tail part by part, as `pieces` does; `none` are the arrays where there are none.
    """
    ids = np.concatenate([*(s.ids[s.alive] for s in kept), tail.ids])
    parts = np.concatenate([*(s.parts[s.alive] for s in kept), tail.parts])
    counts = np.concatenate([*(np.diff(s.offsets)[s.alive] for s in kept), tail.windows])
    order = np.argsort(ids)
    offsets = _offsets(counts[order])
    starts = np.empty(len(ids), np.int64)
    starts[order] = offsets[:-1]
    begun = len(ids) - len(tail.ids)
    later = ((spans(starts[begun:][mine], tail.windows[mine]), columns) for mine, columns in fresh)
    _write_rows(home, itertools.chain(_copy(kept, starts), later), int(offsets[-1]), none)
    for key, values in {"ids": ids[order], "parts": parts[order], "offsets": offsets}.items():
        NpyWriter.save(home / f"{key}.npy", values)
    whole = _load_segment(home, int(offsets[-1]))
    NpyWriter.save(home / "medians.npy", medians_of([whole]))
    return int(offsets[-1])


def _copy(kept: list[Segment], starts: Array) -> Iterator[_Piece]:
    """Windows of the living tracks of segments, some at a time, with the rows to write them to: from `starts` on."""
    done = 0
    for segment in kept:
        lengths = np.diff(segment.offsets)[segment.alive]
        source = spans(segment.offsets[:-1][segment.alive], lengths)
        target = spans(starts[done : done + len(lengths)], lengths)
        for at in range(0, len(source), _CHUNK):
            some = source[at : at + _CHUNK]
            yield target[at : at + _CHUNK], {key: getattr(segment, key)[some] for key in _ROWS}
        done += len(lengths)


def _write_rows(home: Path, pieces: Iterator[_Piece], total: int, none: dict[str, Array]) -> None:
    """Write the arrays per window from pieces of them; at least one piece unless `total` is 0."""
    first = next(pieces, (np.empty(0, np.int64), none))
    with ExitStack() as files:
        outs: dict[str, NpyWriter] = {}
        for key, like in first[1].items():
            outs[key] = files.enter_context(NpyWriter(home / f"{key}.npy", like.dtype, (total, like.shape[1])))
        for target, columns in itertools.chain([first], pieces):
            for key, values in columns.items():
                outs[key].put(target, values)
