"""Building what the search of a library needs, while queries go on; swapped in whole, also in the background."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import Any

from indexing.disk.durable import library_errors
from indexing.search.ann_files import Built, load_settings
from indexing.search.backends.registry import builder
from indexing.search.representative_files import Represented
from indexing.snapshot import snapshot
from indexing.snapshot.snapshot import Snapshot
from recommender.errors import LibraryError, LibraryLocked
from recommender.text import show
from recommender.types import Modality

LOCK = "build.lock"


def build(folder: Path, wait_s: float = 0.0) -> dict[Modality, Built | Represented]:
    """Build what the published snapshot lacks, and what of it is for the largest segment of each modality.

    Every segment has what its size asks for; what is there already as asked for is kept.

    Queries and writers go on meanwhile; where a writer publishes another snapshot, that one is built. Raises
    LibraryLocked when another process builds for longer than `wait_s` (negative: waits forever), and LibraryError.
    """
    with _lock(folder, wait_s):
        while True:
            settings, published = load_settings(folder), snapshot.load_or_none(folder)
            if published is None:
                return {}
            try:
                with library_errors(folder, "build a search index for the library at"):
                    build_one = partial(builder(settings.backend).build, settings=settings)
                    made = {m: list(starmap(build_one, published.homes(m))) for m in published.segments}
            except LibraryError:
                newest = snapshot.load_or_none(folder)
                if newest is not None and newest.name == published.name:
                    raise
                continue
            newest = snapshot.load_or_none(folder)
            if newest is None or newest.name == published.name:
                return {modality: several[0] for modality, several in made.items()}


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


def _lacking(folder: Path, published: Snapshot) -> bool:
    try:
        settings = load_settings(folder)
    except LibraryError:
        return False
    asked = builder(settings.backend)
    return any(asked.lacks(home, segment, settings) for home, segment in published.homes())


@contextmanager
def _lock(folder: Path, wait_s: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    handle = FileLock(folder / LOCK)
    with library_errors(folder, "build a search index for the library at"):
        try:
            handle.acquire(timeout=wait_s)
        except Timeout as error:
            raise LibraryLocked(f"a search index is being built for the library at {show(folder)}") from error
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
