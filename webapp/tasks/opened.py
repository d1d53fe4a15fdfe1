"""What a worker keeps between two tasks: open libraries, what asks them, and what was computed lately."""

import atexit
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from indexing.library import Library
    from recommender.engine import Recommender
    from recommender.model import Model
    from recommender.types import Space

Key = TypeVar("Key", bound=Hashable)
Made = TypeVar("Made")
_LIBRARIES, _ENGINES = 4, 8
_State = tuple[tuple[str, int, int, int], ...]
_libraries: "OrderedDict[str, tuple[_State, Library]]" = OrderedDict()
_models: "dict[Space, Model]" = {}
_engines: "OrderedDict[tuple[str, _State, str | None, bool, bool], Recommender]" = OrderedDict()


@atexit.register
def close() -> None:
    """Let go of all libraries, while there is still what they need for it."""
    _engines.clear()
    while _libraries:
        _libraries.popitem()[1][1].close()


def library(folder: str) -> "Library":
    """The library in a folder, in its newest state."""
    from indexing.library import Library

    state = _state(folder)
    known = _libraries.pop(folder, None)
    if known is None:
        opened = Library.open(Path(folder))
    else:
        before, opened = known
        if before != state:
            opened.reload()
    _libraries[folder] = state, opened
    if len(_libraries) > _LIBRARIES:
        _libraries.popitem(last=False)[1][1].close()
    return opened


def engine(folder: str, ranker: str | None, calibrate: bool, *, taste: bool = True) -> "Recommender":
    """What asks a library, with its model, and by its owner's taste unless that is left out; kept as long as the
    library stays as it is."""
    from indexing.edits.taste_file import taste_of
    from recommender.engine import Recommender

    opened = library(folder)

    def make() -> "Recommender":
        liked = taste_of(opened, calibrate=calibrate) if taste else None
        made = Recommender(opened, _models.get(opened.space), ranker, calibrate, taste=liked)
        if not calibrate:
            _models[opened.space] = made.model
        return made

    return keep_latest(_engines, (folder, _libraries[folder][0], ranker, calibrate, taste), make, most=_ENGINES)


def keep_latest(known: "OrderedDict[Key, Made]", key: "Key", make: "Callable[[], Made]", *, most: int) -> "Made":
    """What is `known` by a key, made where it is not; of more than `most` those go that were not asked for longest."""
    if key not in known:
        known[key] = make()
        while len(known) > most:
            known.popitem(last=False)
    known.move_to_end(key)
    return known[key]


def _state(folder: str) -> _State:
    """Changes whenever anything is written to a library."""
    from indexing.disk.locations import CATALOG
    from indexing.edits.taste_file import FILE
    from indexing.snapshot.snapshot import MANIFEST

    found = []
    for name in (CATALOG, f"{CATALOG}-wal", MANIFEST, FILE):
        with suppress(OSError):
            stat = (Path(folder) / name).stat()
            found.append((name, stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
