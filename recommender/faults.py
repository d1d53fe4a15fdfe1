"""Faults of the machine (memory, a disk, a permission), told apart from flaws of a file by the error they raise."""

import errno
import mmap
import os

from recommender.errors import CliptuneError, PassingError
from recommender.text import show

MEMORY = "not enough memory; close other programs, or use fewer workers"
_THREADS = "no more threads or processes can be started; close other programs, or use fewer workers"
_NO_FILES = "too many open files; close other programs, or raise the limit (ulimit -n)"
_REFUSED = "permission denied; make the file readable for this user"
_FULL = "the disk is full; make room"
_WORDS = {
    errno.ENOMEM: MEMORY,
    errno.EAGAIN: _THREADS,
    errno.EACCES: _REFUSED,
    errno.EPERM: _REFUSED,
    errno.EMFILE: _NO_FILES,
    errno.ENFILE: _NO_FILES,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}
# What the system says of a path, or of a seek that the bytes of a file asked for; and `opening` of what it refuses.
_OF_THE_FILE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP}
_OF_THE_FILE |= {errno.ENOTSUP, errno.EFBIG}
# How libraries in C++ word what has no exception of its own.
_SAID = {
    "insufficient memory": MEMORY,
    "bad_alloc": MEMORY,
    "out of memory": MEMORY,
    "not enough memory": MEMORY,
    "allocate memory": MEMORY,
    "failed to map segment": MEMORY,
    "start new thread": _THREADS,
}
_SPARE_BYTES = 1 << 30  # more than any sound file needs at once; reserved, not touched


def machine_fault(error: BaseException) -> str | None:
    """What is wrong with the machine and what to do, in words for a line; None where the error does not tell of it."""
    if isinstance(error, PassingError):
        return str(error)
    if isinstance(error, CliptuneError):
        return None
    decoder = type(error).__module__.partition(".")[0] == "av"  # FFmpeg reads nothing itself: its EIO is a short file
    if isinstance(error, MemoryError):
        return MEMORY if not decoder or _is_memory_short() else None
    if isinstance(error, OSError):
        return None if decoder else _of_the_system(error)
    text = str(error).lower()
    said = next((words for part, words in _SAID.items() if part in text), None)
    if isinstance(error, ImportError):
        return said or f"a part of the program cannot be loaded ({show(str(error))}); install it again"
    foreign = type(error).__module__.partition(".")[0] in ("cv2", "torch")
    return said if foreign or isinstance(error, RuntimeError | SystemError) else None


def for_now(path: str | os.PathLike[str], error: BaseException) -> PassingError | None:
    """The one-line error for `path` where `error` is a fault of the machine, None where it is not."""
    fault = machine_fault(error)
    return None if fault is None else PassingError(f"cannot read '{show(path)}': {fault}")


def _of_the_system(error: OSError) -> str | None:
    if error.errno is None or error.errno in _OF_THE_FILE:
        return None
    said = f"{(error.strerror or os.strerror(error.errno)).lower()}; check the disk and the path"
    return _WORDS.get(error.errno, said)


def _is_memory_short() -> bool:
    """Whether memory is short, where a decoder got none: a damaged file may ask for more than any machine has."""
    try:
        mmap.mmap(-1, _SPARE_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, ValueError, MemoryError):
        return True
    return False
