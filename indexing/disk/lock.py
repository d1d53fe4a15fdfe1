"""The write lock of a library: one process at a time, let go of however that process ends."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from indexing.disk.durable import library_errors
from recommender.errors import LibraryError, LibraryLocked
from recommender.opening import load_json
from recommender.text import show

LOCK, OWNER = "write.lock", "writer.json"


@contextmanager
def lock(folder: Path, wait_s: float = 0.0) -> Iterator[None]:
    """A context that holds the library's write lock; raises LibraryLocked when another process has it.

    Waits up to `wait_s` seconds (negative: forever). The lock falls with the process, however it ends.
    """
    handle = FileLock(folder / LOCK, thread_local=False)  # an iterator may be finished by another thread
    with library_errors(folder, "write to the library at"):
        try:
            handle.acquire(timeout=wait_s)
        except Timeout as error:
            raise LibraryLocked(f"the library at {show(folder)} is being written{_owner(folder)}") from error
        except NotImplementedError as error:
            raise LibraryError(f"the file system of {show(folder)} has no file locks; use a local folder") from error
    try:
        with library_errors(folder, "write to the library at"):
            note = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
            if (folder / OWNER).exists() and not (folder / OWNER).is_file():
                (folder / OWNER).unlink()  # a pipe in its place would wait for a reader
            (folder / OWNER).write_text(json.dumps(note), encoding="utf-8")
        yield
    finally:
        try:
            with suppress(OSError):  # only a note: the next writer removes it
                (folder / OWNER).unlink(missing_ok=True)
        finally:
            handle.release()


@contextmanager
def hold(folder: Path, name: str, wait_s: float, *, busy: str) -> Iterator[None]:
    """A context that alone holds the lock file `name` of a library; raises LibraryLocked, which says `busy`, and
    LibraryError, also for what the disk refuses inside."""
    with library_errors(folder, "write to the library at"):
        try:
            with FileLock(folder / name, timeout=wait_s, thread_local=False):
                yield
        except Timeout as error:
            raise LibraryLocked(busy) from error
        except NotImplementedError as error:
            raise LibraryError(f"the file system of {show(folder)} has no file locks; use a local folder") from error


def _owner(folder: Path) -> str:
    try:
        note = load_json(folder / OWNER)
        return f" by process {int(note['pid'])} on {note['host']} since {note['since']}; wait for it or stop it"
    except (OSError, ValueError, KeyError, TypeError):
        return " by another process; wait for it or stop it"


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
