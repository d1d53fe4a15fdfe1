"""A data set under construction: one writer at a time, with errors of one line."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from recommender.errors import CliptuneError
from recommender.text import show

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

    Raises CliptuneError when another process writes there, or the folder cannot be written (every OSError inside that
    names a file in it included).
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise CliptuneError(f"{show(folder)} is being written by another process: wait for it or stop it") from error
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0, show(error.strerror or str(error)))
        raise CliptuneError(f"cannot write the data set to {show(folder)}: {cause}") from error
