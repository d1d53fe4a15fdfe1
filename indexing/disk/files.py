"""Files of the user's: as they were found, their paths, and what is said of one that cannot be used."""

import os
from dataclasses import dataclass
from pathlib import Path

from recommender.text import show


@dataclass(frozen=True)
class File:
    """A file as it was found: absolute path, size in bytes, modification time."""

    path: str
    size: int
    mtime_ns: int


def absolute(path: str | Path) -> str:
    """`path` made absolute, with ~ expanded; symbolic links stay as the user wrote them."""
    return os.path.abspath(os.path.expanduser(os.fspath(path)))  # noqa: PTH100, PTH111


def trouble(path: str, why: str) -> str:
    """The one line that says why a file cannot be used."""
    return f"cannot read '{show(path)}': {why}"


def below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or inside it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def is_gone(path: str) -> bool:
    """Whether nothing is at `path` any more (not merely out of reach)."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
