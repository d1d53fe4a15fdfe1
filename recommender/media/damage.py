"""What goes wrong with media files: what is counted and passed over, and how it is told."""

import os
from dataclasses import dataclass

import av

from recommender.errors import MediaError, PassingError
from recommender.faults import machine_fault
from recommender.text import show

StrPath = str | os.PathLike[str]
# PyAV's errors; what the operating system raises while a file is read; what PyAV lets through for odd streams.
DECODE_ERRORS = (av.FFmpegError, OSError, ValueError, RuntimeError)


@dataclass
class Damage:
    """Counts of what could not be decoded: `packets` skipped, `frames` delivered with visible damage."""

    packets: int = 0
    frames: int = 0

    def skip(self, error: BaseException) -> None:
        """Count a packet passed over for `error`; raises that again where it is no flaw of the file."""
        if machine_fault(error):
            raise error
        self.packets += 1


def cannot_read(path: StrPath, reason: str) -> MediaError:
    """The one-line error for `path`; `reason` ends with what to do."""
    return MediaError(f"cannot read '{show(path)}': {reason}")


def for_now(path: StrPath, error: BaseException) -> MediaError | None:
    """The one-line error for `path` where `error` is a fault of the machine, None where it is not."""
    fault = machine_fault(error)
    return None if fault is None else PassingError(f"cannot read '{show(path)}': {fault}")
