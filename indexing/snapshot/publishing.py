"""A snapshot written and published: what is new becomes a segment, what is there stays as it is.

Small segments are merged into the new one, so that each is at least RATIO times as large as all smaller ones together:
of n windows there are log n segments, and each window is written again log n times at most, however often something is
added. [the logarithmic method of Bentley and Saxe, 1980]
"""

import itertools
import operator
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.catalog.reading import Head
from indexing.disk.checksums import crcs, seal
from indexing.disk.durable import library_errors, new_folder, sync, write_json
from indexing.disk.npy import NpyWriter
from indexing.disk.runs import spans
from indexing.snapshot import facts, snapshot
from indexing.snapshot.current import Current, Piece, compare, empty, offsets_of, pieces
from indexing.snapshot.gathering import gather
from indexing.snapshot.medians import BANDED, band_of, medians_of
from indexing.snapshot.segments import Segment
from indexing.snapshot.snapshot import (
    CHANGES,
    CODES,
    FOLDER,
    MANIFEST,
    PER_TRACK,
    PER_WINDOW,
    RECORD,
    REPRESENTATIVES,
    Snapshot,
)
from recommender.types import Array, Modality

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog
    from indexing.catalog.rows import Live

SMALL_ROWS = 200_000
"""Windows up to which everything is one segment: 0.3 s to write."""
RATIO = 2
_DEAD = 0.5  # of a segment's windows, from which on it is written again without them
_MOVED = 8  # of a segment's tracks one in so many: with more of other facts than it was written with all are gathered
_BLOCK = 1 << 16  # rows copied at a time: some 20 MB at 64 dimensions


def publish_snapshot(folder: Path, catalog: "Catalog", *, whole: bool = False) -> None:
    """Write and publish a snapshot of the catalog's present state, then remove what no snapshot needs.

    `whole`: as one segment a modality. Raises LibraryError when the disk is full or a needed part is damaged; the old
    snapshot stays.
    """
    head, old = catalog.head(), snapshot.load_or_none(folder)
    divided = old is not None and any(len(s) > 1 or not s[0].alive.all() for s in old.segments.values())
    if old is not None and old.shows(head) and not (whole and divided):
        return
    searched, name, made = catalog.beside(head.space_id), _name(head), list[_Modality]()
    with library_errors(folder, "write a snapshot of the library at"):
        try:
            with new_folder(folder / FOLDER / name) as partial:
                for modality in searched.descriptions():
                    home = partial / modality
                    home.mkdir()
                    made.append(_Modality(folder, searched, old, modality=modality, home=home))
                    made[-1].write(whole)
        except BaseException:
            for one in made:
                one.undo()
            raise
        write_json(folder / MANIFEST, seal(_manifest(head, name, made)))
    snapshot.remove_others(folder, {folder / FOLDER / name / one.modality for one in made}.union(*map(_homes, made)))


def _name(head: Head) -> str:
    return f"{head.generation:06d}-{uuid.uuid4().hex[:8]}"


def _manifest(head: Head, name: str, made: "Sequence[_Modality]") -> dict[str, Any]:
    state = {"uid": head.uid, "generation": head.generation, "space": head.space_id}
    format_ = snapshot.SEVERAL if any("older" in one.told for one in made) else snapshot.ONE
    return {"format": format_, "name": name, **state, "modalities": {one.modality: one.told for one in made}}


def _homes(made: "_Modality") -> set[Path]:
    return {made.folder / FOLDER / one["name"] / made.modality for one in made.older}


@dataclass
class _Modality:
    """A modality of the snapshot that is written: its newest segment into `home`, and which older ones stay.

    told, older: what the manifest says of the newest segment, and of the others.
    """

    folder: Path
    catalog: "Catalog"
    old: Snapshot | None
    modality: Modality = field(kw_only=True)
    home: Path = field(kw_only=True)
    told: dict[str, Any] = field(default_factory=dict, init=False)
    older: list[dict[str, Any]] = field(default_factory=list, init=False)
    moved: list[Array] = field(default_factory=list, init=False)  # tracks with other facts than their segment has
    fresh: list[Path] = field(default_factory=list, init=False)  # folders of segments beside `home`

    def write(self, whole: bool) -> None:
        """Write all that is new; the files are synced."""
        now = compare(self.catalog, self.old, self.modality)
        description = self.catalog.descriptions()[self.modality]
        merged, kept = _plan(now, whole)
        if merged or len(now.tail.ids) or not kept:
            source, newest, is_known = None, self._write_newest(now.tail, merged, description.inputs), True
        else:
            source = newest = kept.pop()
            is_known = self._carry(newest, self.home, now.changed, always=newest.living <= SMALL_ROWS)
        self.older = [self._keep(segment, now.changed) for segment in kept]
        self._put_medians([*kept, newest], unchanged=source is not None and self._is_as_before(now))
        if kept or not is_known or not newest.alive.all():
            self._put_changes([*kept, newest])
            self.told = {"older": self.older}
        self.told |= {"rows": len(newest.vectors), **description._asdict(), "crcs": self._crcs(self.home, source)}

    def undo(self) -> None:
        """Remove what was written beside `home`."""
        for path in self.fresh:
            shutil.rmtree(path, ignore_errors=True)

    def _write_newest(self, tail: "Live", merged: Sequence[Segment], inputs: Sequence[str]) -> Segment:
        none = empty(len(inputs), self.catalog.head().space.dim)
        fresh = pieces(self.folder, self.catalog, tail, inputs=inputs)
        newest = write_segment(self.home, merged, tail, fresh=fresh, none=none)
        facts.save(self.home, gather(self.catalog.facts(self.modality, newest.ids)))
        return newest

    def _keep(self, segment: Segment, changed: Array | None) -> dict[str, Any]:
        """What the manifest says of an older segment, which is carried elsewhere where its facts lag far behind."""
        home = segment.home
        if home is None or self._lags(segment, changed):
            name = _name(self.catalog.head())
            with new_folder(self.folder / FOLDER / name) as partial:
                home = partial / self.modality
                home.mkdir()
                self._carry(segment, home, changed, always=True)
                sums = self._crcs(home, segment)
            self.fresh.append(self.folder / FOLDER / name)
            return {"name": name, "rows": len(segment.vectors), "crcs": sums}
        self._note_moved(segment, changed)
        return {"name": home.parent.name, "rows": len(segment.vectors), "crcs": self._before(home)}

    def _carry(self, segment: Segment, home: Path, changed: Array | None, *, always: bool) -> bool:
        """A segment as it is put into another folder, its files linked; whether its facts are as the catalog has them:
        where they lag, and `always`, they are gathered anew."""
        anew = always or self._lags(segment, changed)
        if segment.home is not None:
            carry_files(segment.home, home, with_facts=not anew)
        if anew:
            found = gather(self.catalog.facts(self.modality, segment.ids[segment.alive]))
            facts.save(home, facts.spread(found, np.flatnonzero(segment.alive), segment.ids))
        else:
            self._note_moved(segment, changed)
        return anew

    def _lags(self, segment: Segment, changed: Array | None) -> bool:
        """Whether facts of a segment lack a filter's, or many have changed."""
        known = self._known(segment)
        return not known.is_whole or len(self._moved(segment, changed)) * _MOVED > len(segment.ids)

    def _moved(self, segment: Segment, changed: Array | None) -> Array:
        """int64, ascending: the living tracks of a segment whose facts are not those that it was written with."""
        if changed is None or self.old is None:
            return segment.ids[segment.alive]
        places, _ = segment.places(np.union1d(changed, self.old.facts[self.modality].later.ids))
        return segment.ids[places[segment.alive[places]]]

    def _note_moved(self, segment: Segment, changed: Array | None) -> None:
        moved = self._moved(segment, changed)
        self.moved += [moved] if len(moved) else []

    def _known(self, segment: Segment) -> facts.Facts:
        held = [] if self.old is None else [self.old.facts[self.modality]]
        pairs = (pair for known in held for pair in zip(known.segments, known.facts, strict=True))
        return next(facts_ for one, facts_ in pairs if one.home == segment.home)

    def _is_as_before(self, now: Current) -> bool:
        before = [] if self.old is None else self.old.segments.get(self.modality, [])
        return len(before) == len(now.segments) and all(map(operator.is_, before, now.segments))

    def _put_medians(self, segments: Sequence[Segment], *, unchanged: bool) -> None:
        path = self.home / "medians.npy"
        if unchanged and self.old is not None:
            with suppress(OSError):
                os.link(self.old.home(self.folder, self.modality) / path.name, path)
                return
        NpyWriter.save(path, medians_of(segments))

    def _put_changes(self, segments: Sequence[Segment]) -> None:
        """What has changed in segments since they were written."""
        home = self.home / CHANGES
        home.mkdir()
        ids = np.sort(np.concatenate([np.empty(0, np.int64), *self.moved]))
        facts.save(home, gather(self.catalog.facts(self.modality, ids)))
        dropped = np.flatnonzero(~np.concatenate([segment.alive for segment in segments]))
        same = np.stack(self.catalog.same_recording(self.modality), axis=1)
        for name, values in {"ids": ids, "dropped": dropped, "same": same}.items():
            NpyWriter.save(home / f"{name}.npy", values)

    def _before(self, home: Path | None) -> dict[str, int]:
        return {} if self.old is None or home is None else self.old.crcs.get(home, {})

    def _crcs(self, home: Path, source: Segment | None) -> dict[str, int]:
        """The checksums of a segment's arrays; of linked ones as they were written."""
        before = self._before(None if source is None else source.home)
        return crcs(home, {name: before[name] for name in before if is_linked(home / name)})


def is_linked(path: Path) -> bool:
    """Whether a file is there, and under another name as well."""
    return path.exists() and path.stat().st_nlink > 1


def _plan(now: Current, whole: bool) -> tuple[list[Segment], list[Segment]]:
    """The segments that are written again as one, with what is new, and those that stay; each largest first."""
    segments = sorted(now.segments, key=lambda segment: segment.living, reverse=True)
    if whole and (len(segments) > 1 or not all(s.alive.all() for s in segments)):
        return segments, []
    merged = [s for s in segments if not s.alive.all() and s.living <= max(SMALL_ROWS, _DEAD * len(s.vectors))]
    kept = [s for s in segments if not any(s is one for one in merged)]
    new = int(now.tail.windows.sum()) + sum(s.living for s in merged)
    while (new or merged) and kept and kept[-1].living < max(RATIO * new, SMALL_ROWS - new):
        merged.append(kept.pop())
        new += merged[-1].living
    return merged, kept


def carry_files(source: Path, home: Path, *, with_facts: bool) -> None:
    """Put the arrays of the segment in `source`, and what was built to search it, into `home`: linked, or copied where
    that cannot be. No file of a snapshot is ever written again."""
    arrays = [source / f"{key}.npy" for key in (*PER_WINDOW, *PER_TRACK)]
    folders = [REPRESENTATIVES, *([facts.FOLDER] if with_facts else [])]
    below = [path for name in folders for path in sorted((source / name).glob("*"))]
    for path in [*arrays, *source.glob("band.npy"), *source.glob(CODES), *source.glob(RECORD), *below]:
        to = home / path.relative_to(source)
        to.parent.mkdir(exist_ok=True)
        try:
            os.link(path, to)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, to)
            sync(to)


def write_segment(
    home: Path, kept: Sequence[Segment], tail: "Live", *, fresh: Iterator[Piece], none: dict[str, Array]
) -> Segment:
    """Write the living tracks of the segments, and those of `tail`, as one, by ascending id.

    `fresh` gives the windows of the tail part by part, as `pieces` does; `none` are the arrays where there are none.
    """
    ids = np.concatenate([*(s.ids[s.alive] for s in kept), tail.ids])
    parts = np.concatenate([*(s.parts[s.alive] for s in kept), tail.parts])
    counts = np.concatenate([*(np.diff(s.offsets)[s.alive] for s in kept), tail.windows])
    order = np.argsort(ids)
    offsets = offsets_of(counts[order])
    starts = np.empty(len(ids), np.int64)
    starts[order] = offsets[:-1]
    begun = len(ids) - len(tail.ids)
    later = ((spans(starts[begun:][mine], tail.windows[mine]), columns) for mine, columns in fresh)
    _write_rows(home, itertools.chain(_copy(kept, starts), later), int(offsets[-1]), none)
    for key, values in {"ids": ids[order], "parts": parts[order], "offsets": offsets}.items():
        NpyWriter.save(home / f"{key}.npy", values)
    written = snapshot.load_segment(home, int(offsets[-1]))
    if len(written.inputs) > BANDED and written.inputs.size:
        NpyWriter.save(home / "band.npy", band_of(written.inputs))
        written = snapshot.load_segment(home, len(written.inputs))
    return written


def _copy(kept: Sequence[Segment], starts: Array) -> Iterator[Piece]:
    """Windows of the living tracks of segments, some at a time, with the rows to write them to: from `starts` on."""
    done = 0
    for segment in kept:
        living = np.flatnonzero(segment.alive)
        counts = np.diff(segment.offsets)[living]
        ends = np.cumsum(counts)
        blocks = np.searchsorted(ends, np.arange(_BLOCK, ends.max(initial=0), _BLOCK))
        for some in np.split(np.arange(len(living)), blocks):
            rows = spans(segment.offsets[living[some]], counts[some])
            yield spans(starts[done + some], counts[some]), {key: getattr(segment, key)[rows] for key in PER_WINDOW}
        done += len(living)


def _write_rows(home: Path, pieces: Iterator[Piece], total: int, none: dict[str, Array]) -> None:
    """Write the arrays per window from pieces of them; at least one piece unless `total` is 0."""
    first = next(pieces, (np.empty(0, np.int64), none))
    with ExitStack() as files:
        outs: dict[str, NpyWriter] = {}
        for key, like in first[1].items():
            outs[key] = files.enter_context(NpyWriter(home / f"{key}.npy", like.dtype, (total, like.shape[1])))
        for target, columns in itertools.chain([first], pieces):
            for key, values in columns.items():
                outs[key].put(target, values)
