"""The private library of a music folder (`recommend --music FOLDER`)."""

import hashlib
from collections.abc import Generator
from pathlib import Path
from typing import Unpack

from indexing import ingest
from indexing.disk.files import absolute
from indexing.disk.locations import library_path
from indexing.ingest.events import Event
from indexing.ingest.run import Choices
from indexing.library import Library
from recommender.errors import InputError, SpaceMismatch
from recommender.model import Model
from recommender.text import show

WAIT_S = 600.0
"""Two queries of one folder at once: the second waits for the first to index it, then finds all done."""


def folder_library(folder: Path) -> Path:
    """Where the private library of `folder` lives: in the user data folder, since music may be read-only."""
    whole = Path(absolute(folder)).resolve()
    digest = hashlib.sha256(str(whole).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return library_path(f"folder-{digest}")


def refresh(folder: Path, analyser: Model, **given: Unpack[Choices]) -> tuple[Library, Generator[Event]]:
    """The library of `folder` and the events that bring it up to date: new, changed and vanished files.

    A library made by another model revision is analysed again: it is a cache of this folder, not a collection.
    """
    where = Path(absolute(folder))
    if not where.exists():
        raise InputError(f"no such folder: {show(where)}")
    place = folder_library(where)
    try:
        library = Library.open_or_create(place, analyser.space)
        stale = False
    except SpaceMismatch:
        library, stale = Library.open(place), True
    choices: Choices = {**given, "wait_s": WAIT_S, "reanalyse": stale}
    if not library.roots():
        return library, ingest.add(library, [where], analyser, modality="music", **choices)
    return library, ingest.update(library, analyser, **choices)
