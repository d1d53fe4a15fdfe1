"""Adds a folder to a library and is killed (SIGKILL) right before its K-th step that touches the disk.

Usage: killed_add.py LIBRARY MUSIC K. Steps are syncs, renames, commits and removals of files.
"""

import os
import signal
import sqlite3
import sys

from fakes import FakeAnalyser

import indexing.pipeline
from indexing import ingest
from indexing.library import Library


def main(library: str, music: str, last: int) -> None:
    """Patch every step to count, then add."""
    count = 0

    def counted(step):
        def run(*args, **kwargs):
            nonlocal count
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*args, **kwargs)

        return run

    for name in ("fsync", "replace", "rename", "unlink", "rmdir"):
        setattr(os, name, counted(getattr(os, name)))

    class Connection(sqlite3.Connection):
        def commit(self) -> None:
            counted(super().commit)()

    real = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: real(*args, factory=Connection, **kwargs)
    indexing.pipeline._BATCH_FILES = 2
    opened = Library.open_or_create(library, FakeAnalyser().space)
    for event in ingest.add(opened, [music], FakeAnalyser(), executor="inline"):
        print(type(event).__name__, event, flush=True)
    print("steps", count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
