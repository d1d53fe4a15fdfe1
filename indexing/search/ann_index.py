"""Search indexes beside the snapshots they belong to: built while queries go on, swapped in whole, checked before use.

`snapshots/<name>/<modality>/search.json` says what was built and measured and names the file of codes beside it; both
go with their snapshot. Where there is none, or one that does not fit, queries search exactly. What a library's search
may cost and must reach is kept in `search.json` of its own folder.
"""

import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from indexing.disk.durable import PARTIAL, publish, sync, translated, write_json
from indexing.search.ann_tuning import Measured, Settings, groups_for, tuned
from indexing.search.backends import WindowIndex, chosen
from indexing.search.backends import faiss_pq as codes_of
from indexing.search.backends.faiss_pq import Layout
from indexing.snapshot import snapshot
from indexing.snapshot.snapshot import CODES, RECORD, Snapshot
from recommender.errors import Argument, CliptuneError, LibraryError, LibraryLocked
from recommender.text import shown
from recommender.types import Array, Modality

SETTINGS, LOCK = "search.json", "build.lock"
_FORMAT = 1
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, CliptuneError)


@dataclass(frozen=True)
class Built:
    """What was built for a matrix of vectors.

    Attributes
    ----------
    file:       the codes' file name, None where exact search was found to serve better.
    size_bytes: of that file.
    cpu_s:      spent on building and measuring.
    """

    rows: int
    dim: int
    settings: Settings
    file: str | None
    size_bytes: int
    layout: Layout | None
    measured: Measured | None
    cpu_s: float

    def __str__(self) -> str:
        if self.measured is None:
            return f"exact search of {self.rows:,} windows"
        found = f"{self.measured.recall_at_10:.4f} of the best 10, {self.measured.recall_at_100:.4f} of the best 100"
        return f"{self.kind} of {self.rows:,} windows in {self.size_bytes / 1e6:.0f} MB finds {found}"

    @property
    def kind(self) -> str:
        """`exact`, `scan` of all codes, or `lists` of them."""
        if self.layout is None:
            return "exact"
        return "lists" if self.layout.lists else "scan"


def load_settings(folder: Path) -> Settings:
    """The library's settings, the defaults where none were given; raises LibraryError for a damaged file."""
    try:
        with translated(folder, "read the search settings of"):
            return Settings(**json.loads((folder / SETTINGS).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise LibraryError(
            f"{shown(folder / SETTINGS)} is damaged; run ", Argument("recall", 0.999, "index build")
        ) from error
    except LibraryError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return Settings()
        raise


def save_settings(folder: Path, settings: Settings) -> None:
    """Keep settings with the library."""
    with translated(folder, "write to the library at"):
        write_json(folder / SETTINGS, asdict(settings))


def build(folder: Path, wait_s: float = 0.0) -> dict[Modality, Built]:
    """Build what the published snapshot lacks, by modality; what is there already as asked for is kept.

    Queries and writers go on meanwhile; where a writer publishes another snapshot, that one is built. Raises
    LibraryLocked when another process builds for longer than `wait_s` (negative: waits forever), and LibraryError.
    """
    with _lock(folder, wait_s):
        while True:
            settings, published = load_settings(folder), snapshot.load_or_none(folder)
            if published is None:
                return {}
            try:
                with translated(folder, "build a search index for the library at"):
                    made = {
                        m: _ensured(published.home(folder, m), s.vectors, settings)
                        for m, s in published.segments.items()
                    }
            except LibraryError:
                if (folder / snapshot.FOLDER / published.name).exists():
                    raise
                continue
            newest = snapshot.load_or_none(folder)
            if newest is None or newest.name == published.name:
                return made


def start(folder: Path) -> bool:
    """Whether a process was started that builds what the published snapshot lacks; it outlives this one."""
    published = snapshot.load_or_none(folder)
    if published is None or not _lacking(folder, published):
        return False
    import subprocess

    command = [sys.executable, "-P", "-m", "indexing.search.ann_index", str(folder)]
    quiet: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    _started.append(subprocess.Popen(command, start_new_session=True, **quiet))  # noqa: S603 (our own interpreter)
    return True


_started: list[Any] = []  # held so that what has ended is collected when the next one starts


def open_built(home: Path, vectors: Array) -> WindowIndex | None:
    """The index in a snapshot's folder over its vectors, None when there is none that can be used."""
    try:
        built = load_built(home)
        if built.layout is None or built.file is None or (built.rows, built.dim) != vectors.shape:
            return None
        if (home / built.file).stat().st_size != built.size_bytes:
            return None
        return codes_of.load(home / built.file, vectors, built.layout)
    except _UNUSABLE:
        return None


def load_built(home: Path) -> Built:
    """What was built in a snapshot's folder; raises one of several errors when unusable."""
    held = json.loads((home / RECORD).read_text(encoding="utf-8"))
    if held.pop("format") != _FORMAT:
        raise ValueError("unknown format of a search index")
    settings = Settings(**held.pop("settings"))
    layout, measured = held.pop("layout"), held.pop("measured")
    file = held.pop("file")
    return Built(
        settings=settings,
        layout=None if layout is None else Layout(**layout),
        measured=None if measured is None else Measured(**measured),
        file=None if file is None else Path(file).name,
        **held,
    )


def described(home: Path | None, rows: int) -> dict[str, Any]:
    """What searches that many rows, JSON-ready: kind, memory of its codes, measured recall and time of a query."""
    try:
        built = load_built(home) if home is not None else None
    except _UNUSABLE:
        built = None
    if built is None or built.measured is None or built.layout is None or built.rows != rows:
        return {"kind": "exact", "backend": chosen(rows), "vectors": rows}
    return {
        "kind": built.kind,
        "vectors": rows,
        **{name: round(value, 4) for name, value in asdict(built.measured).items()},
        **asdict(built.layout),
        "size_bytes": built.size_bytes,
        "built_cpu_s": round(built.cpu_s, 1),
    }


def files(home: Path) -> list[str]:
    """Names of the files of a usable index in a snapshot's folder: what a snapshot of the same vectors may link."""
    try:
        built = load_built(home)
    except _UNUSABLE:
        return []
    return [RECORD] if built.file is None else [built.file, RECORD]


def _lacking(folder: Path, published: Snapshot) -> bool:
    try:
        settings = load_settings(folder)
    except LibraryError:
        return False
    shapes = {m: s.vectors.shape for m, s in published.segments.items()}
    large = (m for m, (rows, dim) in shapes.items() if groups_for(rows, dim, settings) is not None)
    return any(_kept(published.home(folder, m), published.segments[m].vectors, settings) is None for m in large)


def _kept(home: Path, vectors: Array, settings: Settings) -> Built | None:
    """What is built there already for these vectors and settings."""
    try:
        built = load_built(home)
        whole = built.file is None or (home / built.file).stat().st_size == built.size_bytes
    except _UNUSABLE:
        return None
    return built if whole and (built.rows, built.dim, built.settings) == (*vectors.shape, settings) else None


def _ensured(home: Path, vectors: Array, settings: Settings) -> Built:
    kept = _kept(home, vectors, settings)
    if kept is not None:
        return kept
    _clear(home)
    start_s = time.process_time()
    found = tuned(vectors, settings)
    name, size = None, 0
    if found is not None:
        name = f"search-{uuid.uuid4().hex[:8]}.faiss"
        size = _written(found[0], home, name)
    layout, measured = (None, None) if found is None else found[1:]
    rows, dim = vectors.shape
    built = Built(rows, dim, settings, name, size, layout, measured, time.process_time() - start_s)
    write_json(home / RECORD, {"format": _FORMAT, **asdict(built)})
    _clear(home)
    return built


def _written(codes: Any, home: Path, name: str) -> int:
    """Bytes of the codes, written under their name once they are whole and on disk."""
    partial = home / (PARTIAL + name)
    try:
        try:
            codes_of.save(codes, partial)
        except RuntimeError as error:  # what FAISS makes of a full disk
            raise OSError(f"the search index could not be written ({str(error).splitlines()[-1][:80]})") from error
        sync(partial)
        publish(partial, home / name)
    finally:
        partial.unlink(missing_ok=True)
    return (home / name).stat().st_size


def _clear(home: Path) -> None:
    """Remove what a killed build left and what was replaced; who has a file mapped keeps it."""
    used = files(home)
    for path in [*home.glob(f"{PARTIAL}search*"), *home.glob(CODES)]:
        if path.name not in used:
            path.unlink(missing_ok=True)


@contextmanager
def _lock(folder: Path, wait_s: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    handle = FileLock(folder / LOCK)
    with translated(folder, "build a search index for the library at"):
        try:
            handle.acquire(timeout=wait_s)
        except Timeout as error:
            raise LibraryLocked(f"a search index is being built for the library at {shown(folder)}") from error
    try:
        yield
    finally:
        handle.release()


def main(folder: Path) -> int:
    """Build in the background, giving way to everything else; 1 when it failed (queries then search exactly)."""
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        build(folder)
    except LibraryError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
