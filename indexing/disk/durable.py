"""A library's files: whole or absent, as `recommender.atomic` writes them, with storage errors in one clear line."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from recommender.atomic import PARTIAL, new_folder, publish, sync, write
from recommender.errors import CliptuneError, LibraryError
from recommender.text import show

__all__ = ["PARTIAL", "keep_json", "library_errors", "new_folder", "publish", "sync", "tree_bytes", "write_json"]

_ATTEMPTS = 5


@contextmanager
def library_errors(path: Path, doing: str) -> Iterator[None]:
    """A context in which OSError, errors of SQLite and Arrow, and damaged JSON become a LibraryError of one line."""
    try:
        yield
    except CliptuneError:
        raise
    except Exception as error:
        cause = _cause(error, path)
        if cause is None:
            raise
        raise LibraryError(f"cannot {doing} {show(path)}: {cause}") from error


def _cause(error: Exception, path: Path) -> str | None:
    """What went wrong in plain words, or None for an error that does not come from storage."""
    home = type(error).__module__.partition(".")[0]
    if not isinstance(error, OSError | EOFError) and home not in ("sqlite3", "sqlalchemy", "pyarrow", "json"):
        return None
    code = error.errno if isinstance(error, OSError) else None
    text = str(getattr(error, "orig", None) or error)
    if code in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text or "disk is full" in text:
        return "the disk is full; nothing was lost, make room and run the command again"
    if "readonly database" in text and os.access(path, os.W_OK):
        text = "malformed"  # its header says so: the folder does not
    if code == errno.EROFS or "readonly database" in text or "Read-only file system" in text:
        return "the folder is read-only; copy the library to a folder you may write to"
    if code in (errno.EACCES, errno.EPERM):
        return "permission denied"
    if "malformed" in text or "not a database" in text or home == "json":
        return "the file is damaged; `recommend index repair` brings back what can be"
    return show(str(error.strerror if isinstance(error, OSError) and error.strerror else text))


def write_json(path: Path, value: Any) -> None:
    """Replace the JSON file at `path` atomically, in a folder that is there."""
    write(path, json.dumps(value, indent=1) + "\n", make_folder=False)


def keep_json(path: Path, value: Any) -> None:
    """As `write_json`, without the library's lock: again where a writer, as it begins, removed what was unfinished."""
    for _ in range(_ATTEMPTS):
        with suppress(FileNotFoundError):
            return write_json(path, value)
    return write_json(path, value)


def tree_bytes(folder: Path) -> int:
    """Size of all files below `folder` in bytes; files that vanish meanwhile count nothing."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(base, name)).st_size  # noqa: PTH118 (a Path each is slow)
    return total
