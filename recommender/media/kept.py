"""What a file is found to be is found once, until the file changes, and what is heard of it decoded once."""

from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache, wraps
from itertools import chain
from pathlib import Path
from typing import TypeVar

from recommender.media.damage import StrPath
from recommender.types import Array

State = tuple[int, int, int, int] | None
_FILES = 16  # of which it is known: those of one clip and of some tracks under it
_Found = TypeVar("_Found")


def state_of(path: StrPath) -> State:
    """What tells that a file is another than before; None of one that is not there, as who opens it says."""
    try:
        state = Path(path).stat()
    except (OSError, ValueError):
        return None
    return state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_size


def keep(look: Callable[[StrPath], _Found]) -> Callable[[StrPath], _Found]:
    """A function of a file that looks once for as long as it stays the same, of the latest files; errors are not kept.

    What it finds is shared, and may not be changed.
    """

    @lru_cache(_FILES)
    def known(path: StrPath, _state: State) -> _Found:
        return look(path)

    @wraps(look)
    def seen(path: StrPath) -> _Found:
        return known(path, state_of(path))  # type: ignore[arg-type]  # every path is hashable

    return seen


class Shelf:
    """Sounds that are used again, as blocks [2, n] with their places: the latest ones, of `most` samples together."""

    def __init__(self, most: int) -> None:
        self._most, self._kept = most, dict[Hashable, list[tuple[int, Array]]]()

    def play(self, key: Hashable, blocks: Iterator[tuple[int, Array]]) -> Iterator[tuple[int, Array]]:
        """What was kept as `key`, else `blocks`, which are kept where they end within half of `most`."""
        if (known := self._kept.pop(key, None)) is not None:
            self._kept[key] = known
            return iter(known)
        held, left = list[tuple[int, Array]](), self._most // 2
        for block in blocks:
            block[1].setflags(write=False)
            held.append(block)
            left -= block[1].shape[1]
            if left < 0:
                return chain(held, blocks)
        self._kept[key] = held
        while sum(y.shape[1] for each in self._kept.values() for _, y in each) > self._most:
            del self._kept[next(iter(self._kept))]
        return iter(held)
