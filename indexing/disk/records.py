"""What people add to a library, beside what is computed: a JSON file of its folder, written whole under its own lock.

It is written while a folder is being indexed, which holds the library's lock. Whatever else is done to a library leaves
such files alone.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from indexing.disk.durable import keep_json, library_errors
from indexing.disk.lock import hold
from recommender.errors import LibraryError
from recommender.opening import is_absent, load_json
from recommender.text import show

WAIT_S = 10.0
"""Most seconds for the lock: such a file takes milliseconds to write."""
_FORMAT = 1
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Records(Generic[Kept]):
    """A kind of records, dataclasses, in the order in which they were added.

    Attributes
    ----------
    noun: what they are, "picks"; the file is `<noun>.json`, its lock `<noun>.lock`.
    read: makes one of what JSON holds of it; raises ValueError, KeyError or TypeError for anything else.
    record: what JSON holds of one.
    """

    noun: str
    read: Callable[[Any], Kept]
    record: Callable[[Any], Any] = asdict

    @property
    def file(self) -> str:
        """The name of their file."""
        return f"{self.noun}.json"

    def of(self, folder: Path) -> list[Kept]:
        """Those of the library at `folder`.

        Raises LibraryError; a damaged file is moved aside then, and the next record begins a new one.
        """
        try:
            return self._read(folder)
        except _DAMAGED:
            with self.lock(folder):
                return self._read_or_move(folder)

    @contextmanager
    def changing(self, folder: Path) -> Iterator[list[Kept]]:
        """A context with the records as a list, which is kept after it; one process at a time. Raises LibraryError."""
        with self.lock(folder):
            records = self._read_or_move(folder)
            yield records
            value = {"format": _FORMAT, self.noun: [self.record(one) for one in records]}
            with library_errors(folder, "write to the library at"):
                keep_json(folder / self.file, value)

    def lock(self, folder: Path) -> AbstractContextManager[None]:
        """A context that holds their lock; raises LibraryLocked, LibraryError."""
        busy = f"the {self.noun} of the library at {show(folder)} are being written; try again"
        return hold(folder, f"{self.noun}.lock", WAIT_S, busy=busy)

    def _read(self, folder: Path) -> list[Kept]:
        """The records; raises one of _DAMAGED for a file that holds something else."""
        path = folder / self.file
        try:
            with library_errors(path, "read"):
                value = load_json(path)
        except LibraryError as error:
            cause = error.__cause__
            if isinstance(cause, FileNotFoundError):
                return []
            if isinstance(cause, ValueError) or (isinstance(cause, OSError) and is_absent(cause)):
                raise ValueError(f"no file of {self.noun}") from error
            raise
        if value["format"] > _FORMAT:
            raise LibraryError(f"{show(path)} was written by a later version; update to that one")
        return [self.read(one) for one in value[self.noun]]

    def _read_or_move(self, folder: Path) -> list[Kept]:
        """The records; raises LibraryError for a damaged file, which is moved aside. The lock is held."""
        try:
            return self._read(folder)
        except _DAMAGED as error:
            self._move(folder, error)

    def _move(self, folder: Path, error: Exception) -> NoReturn:
        from indexing.disk.aside import set_aside

        with library_errors(folder, "write to the library at"):
            kept = set_aside(folder, folder / self.file)
        raise LibraryError(
            f"the {self.noun} in {show(folder / self.file)} are damaged; the file is kept as {show(folder / kept)}, "
            f"and new {self.noun} begin a new one: run the command again"
        ) from error
