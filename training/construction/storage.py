"""Files of a data set under construction: whole or absent, with errors of one line, one writer at a time."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from recommender.errors import CliptuneError
from recommender.text import shown

LOCK = ".lock"

_CAUSES = {
    errno.ENOSPC: "the disk is full; make room and run the command again, what was measured is kept",
    errno.EDQUOT: "the disk quota is used up; make room and run the command again, what was measured is kept",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "permission denied; choose another folder",
}


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """A context that owns `folder` (made when it is not there) for writing.

    Raises
    ------
    CliptuneError: another process writes there, or the folder cannot be written (every OSError inside that
        names a file in it included).
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        with lock:
            yield
    except Timeout as error:
        raise CliptuneError(f"{shown(folder)} is being written by another process: wait for it or stop it") from error
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0, shown(error.strerror or str(error)))
        raise CliptuneError(f"cannot write the data set to {shown(folder)}: {cause}") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file durably, whole or not at all, making its folder; raises OSError."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
