"""What goes wrong with media files: what is counted and passed over, and how it is told."""

import os
from dataclasses import dataclass

import av

from recommender.errors import MediaError
from recommender.faults import machine_fault
from recommender.text import show

StrPath = str | os.PathLike[str]
# PyAV's errors; what the operating system raises while a file is read; what PyAV lets through for odd streams.
DECODE_ERRORS = (av.FFmpegError, OSError, ValueError, RuntimeError)


_LEAST_S, _LEAST_SHARE = 0.5, 0.02  # padding, priming and the last frame of one stream beside another are no loss


@dataclass
class Damage:
    """What could not be decoded: `packets` skipped, `frames` delivered with visible damage.

    `read_s` of `declared_s`: seconds that could be read of those that the file says to hold, where a part is lost.
    """

    packets: int = 0
    frames: int = 0
    read_s: float | None = None
    declared_s: float | None = None

    @staticmethod
    def is_loss(read_s: float, declared_s: float) -> bool:
        """Whether so much less than declared is more than padding."""
        return declared_s - read_s > max(_LEAST_S, _LEAST_SHARE * declared_s)

    def facts(self) -> dict[str, int | float]:
        """As facts of an item, JSON-ready."""
        told = {"read_s": self.read_s, "declared_s": self.declared_s}
        return {"damaged_packets": self.packets, **{k: round(v, 3) for k, v in told.items() if v is not None}}

    def skip(self, error: BaseException) -> None:
        """Count a packet passed over for `error`; raises that again where it is no flaw of the file."""
        if machine_fault(error):
            raise error
        self.packets += 1


def cannot_read(path: StrPath, reason: str) -> MediaError:
    """The one-line error for `path`; `reason` ends with what to do."""
    return MediaError(f"cannot read '{show(path)}': {reason}")
