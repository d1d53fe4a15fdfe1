"""What workers of a cluster are asked in tests; imports little, as their processes do."""

import os
import time
from dataclasses import dataclass


def parent(shared, item):
    """The worker of the cluster that hosts this process."""
    time.sleep(0.02)
    return os.getppid()


@dataclass(frozen=True)
class Outcome:
    """A result, as an analysis that may have failed by a fault of the machine."""

    reason: str
    machine: bool


def sees_nothing(shared, item):
    """Fails wherever the first one was worked on (`shared`: a file that tells where), or on all machines (None)."""
    here = str(os.getppid())
    if shared is not None and not shared.exists():
        shared.write_text(here)
    time.sleep(0.05)
    return Outcome(here, machine=shared is None or shared.read_text() == here)
