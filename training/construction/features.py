"""Features of labelled media: measured once per content, kept in a cache, so that a stopped build continues."""

import io
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from indexing.disk.content_hash import content_hash
from indexing.executors import Crash, open_executor
from recommender import atomic
from recommender.errors import CliptuneError, InputError
from recommender.extractors import Extractor
from recommender.text import show
from recommender.types import Array
from training.construction.extractors import Pair
from training.construction.table import Row

Progress = Callable[[int, int], None]
"""Called with how many files are done and how many there are."""


@dataclass(frozen=True)
class Rejected:
    """A row whose file cannot be used, and why."""

    line: int
    path: str
    reason: str


@dataclass(frozen=True)
class Measured:
    """Features float32 [d_v], [d_m] by segment id, the rows that have none, and how many were measured anew."""

    video: Mapping[str, Array]
    music: Mapping[str, Array]
    rejected: tuple[Rejected, ...]
    computed: int


@dataclass(frozen=True)
class Vectors:
    """Features float32 [d] of one modality by file, why other files have none, and which were measured anew."""

    found: Mapping[str, Array]
    failed: Mapping[str, str]
    computed: frozenset[str]


def measure(rows: Sequence[Row], pair: Pair, cache: Path, *, workers: int, on_progress: Progress) -> Measured:
    """The features of every row's file, from `cache` where its content was measured before.

    Raises InputError when two rows have the same content, which could land on both sides of a split; and OSError when
    the cache cannot be written; what is in it stays.
    """
    digests, rejected = _digests(rows)
    files = {str(row.file): digests[row.id] for row in rows if row.id in digests}
    total = 2 * len(files)
    video = vectors(files, pair.video, cache, workers=workers, on_progress=lambda done, _: on_progress(done, total))
    # A file without a picture is rejected whatever it sounds like.
    heard = {file: digest for file, digest in files.items() if file in video.found}
    passed = total - len(heard)
    music = vectors(
        heard, pair.music, cache, workers=workers, on_progress=lambda done, _: on_progress(passed + done, total)
    )
    failed = {**video.failed, **music.failed}
    rejected += [Rejected(row.line, row.path, failed[str(row.file)]) for row in rows if str(row.file) in failed]
    usable = [row for row in rows if str(row.file) in music.found]
    seen, sound = ({row.id: side.found[str(row.file)] for row in usable} for side in (video, music))
    anew = sum(str(row.file) in video.computed | music.computed for row in usable)
    return Measured(seen, sound, tuple(sorted(rejected, key=lambda r: r.line)), anew)


def vectors(
    files: Mapping[str, bytes], extractor: Extractor, cache: Path, *, workers: int, on_progress: Progress
) -> Vectors:
    """Features of `files`, given with the fingerprints of their content.

    What was measured before comes from `cache`, where a stopped run goes on. Raises OSError when that cannot be
    written, and ModelError when a network is absent.
    """
    store = store_of(extractor, cache)
    found = {file: vector for file, digest in files.items() if (vector := store.get(digest)) is not None}
    todo = [file for file in files if file not in found]
    if todo:
        extractor.require()
    kept, failed = set(found), {}
    on_progress(len(found), len(files))
    runner = open_executor("inline" if workers == 1 else "processes", workers)
    with closing(cast(Generator[tuple[str, Any]], runner.run(vector_of, extractor, todo))) as results:
        for file, result in results:
            if isinstance(result, np.ndarray):
                store.put(files[file], result)
                found[file] = result
            else:
                died = f"{show(file)}: its decoder died ({result.reason})" if isinstance(result, Crash) else None
                failed[file] = died or str(result)
            on_progress(len(found) + len(failed), len(files))
    return Vectors(found, failed, frozenset(set(found) - kept))


def vector_of(extractor: Extractor, file: str) -> Array | str:
    """Features float32 [d] of a file; or why there are none."""
    try:
        (found,) = extractor.each([Path(file)])
        if isinstance(found, Exception):
            raise found
    except CliptuneError as error:
        return str(error)
    except OSError as error:
        return f"cannot read {show(file)}: {error.strerror or error}"
    return found.item if np.isfinite(found.item).all() else f"{show(file)}: features are not finite"


def content_hashes(files: Mapping[str, Path]) -> tuple[dict[str, bytes], dict[str, str]]:
    """The content of each file by the name it goes by, and why others cannot be read."""
    digests, failed = {}, {}
    for name, file in files.items():
        try:
            digests[name] = content_hash(file)
        except OSError as error:
            failed[name] = f"cannot read {show(name)}: {error.strerror or error}"
    return digests, failed


def _digests(rows: Sequence[Row]) -> tuple[dict[str, bytes], list[Rejected]]:
    """The content of each row's file by id, and the rows whose file cannot be read."""
    rows = sorted(rows, key=lambda r: r.line)
    contents, failed = content_hashes({str(row.file): row.file for row in rows})
    digests: dict[str, bytes] = {}
    first: dict[bytes, Row] = {}
    rejected = [Rejected(row.line, row.path, failed[str(row.file)]) for row in rows if str(row.file) in failed]
    for row in rows:
        if str(row.file) in failed:
            continue
        digest = contents[str(row.file)]
        same = first.setdefault(digest, row)
        if same is not row:
            copies = f"{show(same.path)}, {show(row.path)}"
            raise InputError(f"lines {same.line} and {row.line} are copies of one file: {copies}")
        digests[row.id] = digest
    return digests, rejected


def store_of(extractor: Extractor, cache: Path) -> "VectorStore":
    """Where vectors of that extractor are kept."""
    return VectorStore(cache / f"{extractor.label}-{extractor.revision}", len(extractor.columns))


def npy_bytes(values: Array) -> bytes:
    """A NumPy file of `values`."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


class VectorStore:
    """Vectors float32 [width] by content, a file each; a damaged file counts as absent."""

    def __init__(self, folder: Path, width: int) -> None:
        self.folder, self.width = folder, width

    def get(self, digest: bytes) -> Array | None:
        try:
            vector = np.load(self._path(digest), allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        whole = vector.dtype == np.float32 and vector.shape == (self.width,) and np.isfinite(vector).all()
        return np.asarray(vector) if whole else None

    def put(self, digest: bytes, vector: Array) -> None:
        atomic.write(self._path(digest), npy_bytes(vector))

    def _path(self, digest: bytes) -> Path:
        return self.folder / f"{digest.hex()}.npy"
