"""What an executor reports where a function could not."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Crash:
    """The process that worked on an item died."""

    reason: str
