"""Representatives on disk: a folder beside the arrays of a modality's snapshot, whole or absent, checked before use.

`snapshots/<name>/<modality>/representatives/` holds what was measured (`measured.json`), the vectors, and where these
are many the codes for them, as `indexing.search.ann_files` keeps codes. Where representatives do not serve, it holds
why. It goes with its snapshot.
"""

import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from indexing.disk.checksums import SMALL, crc, seal, unseal
from indexing.disk.durable import PARTIAL, new_folder, write_json
from indexing.disk.npy import NpyWriter, load_npy
from indexing.search import ann_files
from indexing.search.ann_files import BUILD
from indexing.search.ann_tuning import FAISS_PQ_ROWS, Settings, draw_queries
from indexing.search.backends import AUTO, WindowIndex, open_index
from indexing.search.backends.faiss_flat import load_faiss
from indexing.search.clusters import PER_TRACK, represent_in_turn, starts_of
from indexing.search.representatives import DEPTH, Reached, RepresentativeIndex, choose, depths
from indexing.snapshot.segments import Segment
from indexing.snapshot.snapshot import RECORD as CODES_RECORD
from indexing.snapshot.snapshot import REPRESENTATIVES
from recommender.errors import BackendError, CliptuneError, LibraryError
from recommender.opening import load_json
from recommender.types import Array

RECORD, VECTORS = "measured.json", "vectors.array"
AUTO_ROWS = FAISS_PQ_ROWS
"""Windows from which they are tried unasked: below, scoring all takes at most 15 ms."""
CODED = 1 << 18
"""Representatives from which codes for them pay."""
QUERIES = 200  # to measure with, at most
_FORMAT = 1
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, CliptuneError)


@dataclass(frozen=True)
class Represented:
    """What was built for a segment, and whether it serves.

    Attributes
    ----------
    rows, dim, tracks: of the segment. count: of representatives.
    why:     they do not serve, None where they do.
    reached: what was measured, None where it was not.
    cpu_s:   spent on building and measuring. checksum: of the vectors' file.
    beside_ms: CPU time of a query by codes of windows, None where these were not built to compare.
    """

    rows: int
    dim: int
    tracks: int
    settings: Settings
    count: int
    why: str | None
    reached: Reached | None
    size_bytes: int
    cpu_s: float
    checksum: int | None = None
    beside_ms: float | None = None

    kind = REPRESENTATIVES

    def __str__(self) -> str:
        if self.why is not None or self.reached is None:
            return f"{self.rows:,} windows are searched, without representatives: {self.why}"
        found = f"{self.reached.recall_at_10:.4f} of the best 10, {self.reached.recall_at_200:.4f} of the best {DEPTH}"
        size = f"{self.count:,} representatives of {self.tracks:,} tracks in {self.size_bytes / 1e6:.0f} MB"
        return f"{size}, {self.reached.rows:,} looked at: {found}"


def tries(rows: int, tracks: int, settings: Settings) -> bool:
    """Whether representatives are made and measured for so many windows: where they are asked for, or may pay."""
    may_pay = settings.recall < 1 and rows >= max(AUTO_ROWS, 2 * PER_TRACK * tracks)
    return settings.backend == REPRESENTATIVES or (settings.backend == AUTO and may_pay)


def build_representatives(home: Path, segment: Segment, settings: Settings) -> Represented:
    """Representatives of a segment in its folder, or the note why they do not serve, unless that is there."""
    before = find_kept(home, segment, settings)
    if before is not None:
        return before
    start_s = time.process_time()
    shutil.rmtree(home / (PARTIAL + REPRESENTATIVES), ignore_errors=True)
    with new_folder(home / REPRESENTATIVES) as partial:
        made = _make(partial, segment, settings)
        made = replace(made, cpu_s=time.process_time() - start_s)
        _write(partial, made)
        remove_representatives(home)
    return made


def keep(home: Path, made: Represented) -> Represented:
    """What is said of representatives in a folder, changed; without these where they no longer serve."""
    if made.why is None:
        _write(home / REPRESENTATIVES, made)
        return made
    with new_folder(home / REPRESENTATIVES) as partial:
        _write(partial, made)
        remove_representatives(home)
    return made


def _write(folder: Path, made: Represented) -> None:
    write_json(folder / RECORD, seal({"format": _FORMAT, **asdict(made)}))


def _make(folder: Path, segment: Segment, settings: Settings) -> Represented:
    """Vectors and codes in a folder; nothing where they do not serve."""
    rows, dim = segment.vectors.shape
    starts = starts_of(segment.offsets)
    count, tracks = int(starts[-1]), len(segment.ids)
    size = 4 * count * dim
    made = Represented(rows, dim, tracks, settings, count, _unfit(tracks, size, settings), None, 0, 0.0)
    if made.why is not None:
        return made
    path = folder / VECTORS
    with NpyWriter(path, np.float32, (count, dim)) as out:
        for places, means in represent_in_turn(segment.vectors, segment.offsets):
            out.put(places, means)
    vectors = load_npy(path, np.float32, dim)
    coded = count >= CODED and has_faiss()
    ann_files.build_codes(folder, vectors, replace(settings, backend="faiss_pq" if coded else "exact"))
    every = replace(segment, recordings=None, alive=np.ones(tracks, bool))
    index = RepresentativeIndex(every, vectors, starts, _index(folder, vectors), 0, 0)
    reached = choose(index, draw_queries(segment.vectors)[:QUERIES], settings.recall)
    if reached.finds(settings.recall) or reached.is_as_good(settings.recall):
        return replace(made, reached=reached, size_bytes=path.stat().st_size, checksum=crc(path))
    for other in folder.iterdir():
        other.unlink()
    found = f"{reached.recall_at_10:.3f} of the best 10 tracks and {reached.recall_at_200:.3f} of the best {DEPTH}"
    lost = f"the last of these scores {reached.lost_at_200:.5f} less"
    return replace(made, reached=reached, why=f"{reached.rows:,} of them find {found}; {lost}")


def _unfit(tracks: int, size_bytes: int, settings: Settings) -> str | None:
    """Why representatives need not be tried."""
    if settings.recall >= 1:
        return "the recall is set to 1"
    if tracks < 2 * DEPTH:
        return f"{tracks} tracks are too few"
    if size_bytes > settings.memory_bytes:
        return f"they would take {size_bytes / 2**20:,.0f} MB, more than the memory that is set"
    return None


def has_faiss() -> bool:
    """Whether there can be codes: without FAISS all representatives are compared."""
    try:
        return load_faiss() is not None
    except BackendError:
        return False


def _index(folder: Path, vectors: Array) -> WindowIndex:
    """What searches representatives: codes where there are some, else all of them."""
    if ann_files.has_codes(folder) and has_faiss():
        return ann_files.open_built(folder, vectors)[0]
    return open_index(vectors, "exact")


def open_representatives(home: Path, segment: Segment) -> RepresentativeIndex:
    """The index over a segment by what was built in its folder.

    Raises BackendError where nothing was built or it does not serve, LibraryError where it is damaged.
    """
    folder = home / REPRESENTATIVES
    if not folder.exists():
        raise BackendError(f"nothing is built yet: {BUILD}")
    made = _whole(home, segment)
    if made is None:
        raise LibraryError(f"what was built is damaged: {BUILD}")
    if made.why is not None or made.reached is None:
        raise BackendError(made.why or "they were not measured")
    starts, reached = starts_of(segment.offsets), made.reached
    vectors = load_npy(folder / VECTORS, np.float32, made.dim)
    index, facts = _index(folder, vectors), describe(made, reached)
    return RepresentativeIndex(segment, vectors, starts, index, reached.rows, reached.near_rows, facts=facts)


def describe(made: Represented, reached: Reached) -> dict[str, Any]:
    """What searches by representatives, JSON-ready: measured recall and time of a query, and what it takes."""
    counts = {"vectors": made.rows, "representatives": made.count}
    cost = {"size_bytes": made.size_bytes, "built_cpu_s": round(made.cpu_s, 1)}
    return {"kind": REPRESENTATIVES, "backend": REPRESENTATIVES} | counts | asdict(reached) | cost


def has_representatives(home: Path) -> bool:
    """Whether something is there: representatives, a note that they do not serve, or what is left of either."""
    return (home / REPRESENTATIVES).exists()


def find_kept(home: Path, segment: Segment, settings: Settings) -> Represented | None:
    """What is built there already for this segment and these settings, whatever backend was set then.

    Not the note that they do not serve of a version that tried fewer.
    """
    made = _whole(home, segment)
    if made is None or replace(made.settings, backend=settings.backend) != settings:
        return None
    if made.why is not None and made.beside_ms is None and made.reached is not None:
        return made if made.reached.rows >= depths(made.count)[-1][-1] else None
    return made


def is_damaged(home: Path, segment: Segment) -> bool:
    """Whether what was built in a folder, if anything, is not as it was written; raises OSError."""
    if not has_representatives(home):
        return False
    made = _whole(home, segment)
    if made is None or made.why is not None:
        return made is None
    path = home / REPRESENTATIVES / VECTORS
    return crc(path) != made.checksum or ann_files.is_damaged(path.parent, load_npy(path, np.float32, made.dim))


def remove_representatives(home: Path) -> None:
    """Nothing of them in a folder but what a killed build began; who has a file mapped keeps it."""
    shutil.rmtree(home / REPRESENTATIVES, ignore_errors=True)


def _whole(home: Path, segment: Segment) -> Represented | None:
    """What was built for a segment, None where it is not there, damaged or of another."""
    folder = home / REPRESENTATIVES
    try:
        made = _load(folder)
        if made.why is None:
            count = int(starts_of(segment.offsets)[-1])
            whole = len(load_npy(folder / VECTORS, np.float32, made.dim)) == count == made.count
            whole = whole and (folder / CODES_RECORD).exists()
            if not whole or (made.size_bytes <= SMALL and crc(folder / VECTORS) != made.checksum):
                return None
    except _UNUSABLE:
        return None
    return made if (made.rows, made.dim, made.tracks) == (*segment.vectors.shape, len(segment.ids)) else None


def _load(folder: Path) -> Represented:
    """What a record says; raises one of several errors when unusable."""
    held = unseal(load_json(folder / RECORD))
    if held.pop("format") != _FORMAT:
        raise ValueError("unknown format of representatives")
    held["settings"] = Settings(**held["settings"])
    reached = held["reached"]
    held["reached"] = None if reached is None else Reached(**{**reached, "errors": tuple(reached["errors"])})
    return Represented(**held)
