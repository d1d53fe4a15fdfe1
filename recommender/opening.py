"""Files that people name: opened at this one place, and only what is a regular file of a size that is meant.

A pipe or device could block for ever, or never end; a huge file, or a small one that says it is huge, takes all memory.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from recommender.errors import InputError
from recommender.text import show

MB = 1_000_000
StrPath = str | os.PathLike[str]


def open_regular(path: StrPath, most: int | None = None) -> BinaryIO:
    """The regular file `path`, open for reading bytes.

    Raises OSError when it cannot be opened; InputError when it is no regular file, or has more than `most` bytes.
    """
    check_regular(path, most)  # first: merely opening some devices changes them
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe that took its place does not block
    try:
        _check(path, os.fstat(file), most)
        return open(file, "rb")
    except BaseException:
        os.close(file)
        raise


def check_regular(path: StrPath, most: int | None = None) -> int:
    """The size of the regular file `path` in bytes; errors as of `open_regular`."""
    return _check(path, Path(path).stat(), most)


def read(path: StrPath, most: int) -> bytes:
    """The bytes of `path`, no more than `most`; errors as of `open_regular`."""
    with open_regular(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:  # it grew, or is of a kind that does not tell its size
        raise _too_large(path, most)
    return data


def _check(path: StrPath, info: os.stat_result, most: int | None) -> int:
    if stat.S_ISDIR(info.st_mode):
        raise InputError(f"{show(path)} is a folder; give a file")
    if not stat.S_ISREG(info.st_mode):
        raise InputError(f"{show(path)} is no regular file; give a file on disk")
    if most is not None and info.st_size > most:
        raise _too_large(path, most)
    return info.st_size


def _too_large(path: StrPath, most: int) -> InputError:
    return InputError(f"{show(path)} is larger than the {most / MB:,.1f} MB that such a file may have")
