"""Features of labelled media: measured once per content, kept in a cache, so that a stopped build continues."""

import io
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from indexing.executors import Crash, open_executor
from indexing.fingerprint import fingerprint
from recommender.errors import CliptuneError, InputError
from recommender.text import shown
from recommender.types import Array
from training.construction.encoders import encoder_named
from training.construction.storage import write_bytes
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


def measure(rows: Sequence[Row], encoder: str, cache: Path, workers: int, on_progress: Progress) -> Measured:
    """The features of every row's file, from `cache` where its content was measured before.

    Raises
    ------
    InputError: an unknown encoder, or two rows have the same content: it could land on both sides of a split.
    OSError: the cache cannot be written; what is in it stays.
    """
    kit = encoder_named(encoder)
    both = len(kit.video.columns) + len(kit.music.columns)
    store = VectorStore(cache / f"{encoder}-{kit.video.revision}-{kit.music.revision}", both)
    digests, rejected = _digests(rows)
    found = {row.id: vector for row in rows if row.id in digests and (vector := store.get(digests[row.id])) is not None}
    todo = {str(row.file): row for row in rows if row.id in digests and row.id not in found}
    done = len(rows) - len(todo)
    on_progress(done, len(rows))
    runner = open_executor("inline" if workers == 1 else "processes", workers)
    with closing(cast(Generator[tuple[str, Any]], runner.run(vector_of, encoder, todo))) as results:
        for name, result in results:
            row = todo[name]
            if isinstance(result, np.ndarray):
                store.put(digests[row.id], result)
                found[row.id] = result
            else:
                reason = f"its decoder died ({result.reason})" if isinstance(result, Crash) else str(result)
                rejected.append(Rejected(row.line, row.path, reason))
            done += 1
            on_progress(done, len(rows))
    width = len(kit.video.columns)
    return Measured(
        video={name: vector[:width] for name, vector in found.items()},
        music={name: vector[width:] for name, vector in found.items()},
        rejected=tuple(sorted(rejected, key=lambda r: r.line)),
        computed=sum(row.id in found for row in todo.values()),
    )


def vector_of(encoder: str, file: str) -> Array | str:
    """Video features, then music features of a file, float32 [d_v + d_m]; or why there are none."""
    kit = encoder_named(encoder)
    try:
        vector = np.concatenate([kit.video.extract(Path(file)), kit.music.extract(Path(file))]).astype(np.float32)
    except CliptuneError as error:
        return str(error)
    except OSError as error:
        return f"cannot read {shown(file)}: {error.strerror or error}"
    return vector if np.isfinite(vector).all() else f"{shown(file)}: features are not finite"


def _digests(rows: Sequence[Row]) -> tuple[dict[str, bytes], list[Rejected]]:
    """The content of each row's file by id, and the rows whose file cannot be read."""
    digests: dict[str, bytes] = {}
    first: dict[bytes, Row] = {}
    rejected = []
    for row in sorted(rows, key=lambda r: r.line):
        try:
            digest = fingerprint(row.file)
        except OSError as error:
            rejected.append(Rejected(row.line, row.path, f"cannot read {shown(row.file)}: {error.strerror or error}"))
            continue
        same = first.setdefault(digest, row)
        if same is not row:
            raise InputError(
                f"lines {same.line} and {row.line} are copies of one file: {shown(same.path)}, {shown(row.path)}"
            )
        digests[row.id] = digest
    return digests, rejected


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
        buffer = io.BytesIO()
        np.save(buffer, vector, allow_pickle=False)
        write_bytes(self._path(digest), buffer.getvalue())

    def _path(self, digest: bytes) -> Path:
        return self.folder / f"{digest.hex()}.npy"
