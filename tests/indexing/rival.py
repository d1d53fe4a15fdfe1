"""Adds a folder to a library: another process than the tests. Usage: rival.py LIBRARY MUSIC."""

import sys

from fakes import FakeAnalyser

from indexing import ingest
from indexing.library import Library


def main(library: str, music: str) -> None:
    """Add, to the end."""
    analyser = FakeAnalyser()
    list(ingest.add(Library.open_or_create(library, analyser.space), [music], analyser, executor="inline"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
