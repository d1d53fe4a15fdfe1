"""Files of the user's: as they were found, their paths, and what is said of one that cannot be used."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from recommender.text import show


class Stamp(NamedTuple):
    """What tells that a file changed without reading it; None where a library of before kept nothing.

    A program may set the size and `mtime_ns` to what they were; then `ctime_ns`, or the `inode`, still differs.
    """

    size: int
    mtime_ns: int
    ctime_ns: int | None = None
    inode: int | None = None

    def fits(self, other: "Stamp") -> bool:
        """Whether nothing known tells the two apart."""
        return all(a == b or a is None or b is None for a, b in zip(self, other, strict=True))


@dataclass(frozen=True)
class File:
    """A file as it was found: absolute path, and the values of its `stamp`."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int | None = None
    inode: int | None = None

    @property
    def stamp(self) -> Stamp:
        """What tells that it changed."""
        return Stamp(self.size, self.mtime_ns, self.ctime_ns, self.inode)


def file_of(path: str, status: os.stat_result) -> File:
    """The file at an absolute path that has this status."""
    times = status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    return File(path, status.st_size, *map(_signed, times))


def _signed(value: int) -> int:
    """A number as the 64 bits that SQLite keeps: times beyond the year 2262, and high inodes, wrap around."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


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
