"""Files that people name, or send: opened at this one place, and only what is a regular file of a size that is meant.

A pipe or device could block for ever, or never end; a huge file, or a small one that says it is huge, takes all memory.
What is refused is an OSError like any other file's that cannot be opened: its `strerror` says why.
"""

import errno
import io
import json
import os
import stat
from pathlib import Path
from typing import Any, TextIO

MB = 1_000_000
LIST, TABLE, MANIFEST = 64 * MB, 4000 * MB, 64 * MB
"""Most bytes of a list of files, of a table with a row per track, and of a file of ours that describes others."""
StrPath = str | os.PathLike[str]


def open_regular(path: StrPath, most: int | None = None) -> io.BufferedReader:
    """The regular file `path`, open for reading bytes; raises OSError, also where it has more than `most` bytes."""
    check_regular(path, most)  # first: merely opening some devices changes them
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe that took its place does not block
    try:
        _check(path, os.fstat(handle), most)
        return open(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def open_text(path: StrPath, most: int, *, encoding: str = "utf-8", errors: str = "strict") -> TextIO:
    """The regular file `path`, open for reading text, its ends of lines as they are; raises OSError."""
    return io.TextIOWrapper(open_regular(path, most), encoding=encoding, errors=errors, newline="")


def check_regular(path: StrPath, most: int | None = None) -> int:
    """The size of the regular file `path` in bytes; raises OSError as `open_regular`."""
    return _check(path, Path(path).stat(), most)


def read(path: StrPath, most: int) -> bytes:
    """The bytes of `path`, no more than `most`; raises OSError as `open_regular`."""
    with open_regular(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:  # it grew, or is of a kind that does not tell its size
        raise _too_large(path, most)
    return data


def read_text(path: StrPath, most: int, *, encoding: str = "utf-8", errors: str = "strict") -> str:
    """The text of `path` with plain ends of lines; raises OSError as `read`, UnicodeDecodeError."""
    return io.TextIOWrapper(io.BytesIO(read(path, most)), encoding=encoding, errors=errors).read()


def load_json(path: StrPath, most: int = MANIFEST) -> Any:
    """What the JSON file `path` holds; raises OSError as `read`, ValueError as `parse_json`."""
    return parse_json(read_text(path, most))


def parse_json(text: str | bytes) -> Any:
    """The value in a JSON text; raises JSONDecodeError, a ValueError, also for what is nested too deep."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from error


def map_array(path: StrPath) -> Any:
    """The array in the NumPy file `path`, mapped read-only (in memory when it is empty).

    Raises OSError as `open_regular`, ValueError when damaged: also where its header asks for more than the file has.
    """
    import tokenize

    import numpy as np
    from numpy.lib import format as npy

    try:
        with open_regular(path) as file:
            header = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
            shape, _, kind = header(file)
        if 0 in shape and not kind.hasobject:
            return np.empty(shape, kind)  # cannot be mapped
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (EOFError, SyntaxError, TypeError, OverflowError, MemoryError, RecursionError, tokenize.TokenError) as error:
        raise ValueError(f"no whole array ({type(error).__name__})") from error  # a header is read as Python would be


def is_absent(error: OSError) -> bool:
    """Whether no file was there to open: nothing at all, or a folder, pipe or device in its place."""
    return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENOTSUP)


def _check(path: StrPath, info: os.stat_result, most: int | None) -> int:
    if stat.S_ISDIR(info.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", os.fspath(path))
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.ENOTSUP, "it is no regular file", os.fspath(path))
    if most is not None and info.st_size > most:
        raise _too_large(path, most)
    return info.st_size


def _too_large(path: StrPath, most: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {most / MB:,.1f} MB, the most of such a file", os.fspath(path))
