"""Every error a user can meet; each message says what failed, on which path or value, and what to do."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Argument(NamedTuple):
    """What a message tells its reader to give.

    Attributes
    ----------
    name: of the argument. value: what to give, where the message says so. command: what takes it, as "index build".
    """

    name: str
    value: Any = None
    command: str | None = None

    def __str__(self) -> str:
        given = self.name if self.value is None else f"{self.name}={self.value}"
        return f"`{given}`" if self.command is None else f"`recommend {self.command}` with `{given}`"


class CliptuneError(Exception):
    """Root of all expected errors: one line to show to the user, made of text and of `Argument`s.

    `str` names arguments as Python does; a command line words them as its options.
    """

    def __str__(self) -> str:
        return self.word(str)

    def word(self, say: Callable[[Argument], str]) -> str:
        """The line with every argument as `say` words it."""
        return "".join(say(part) if isinstance(part, Argument) else str(part) for part in self.args)


class MediaError(CliptuneError):
    """A media file cannot be decoded, or holds no usable audio or picture."""


class PassingError(MediaError):
    """A media file cannot be read now, for a fault of the machine (memory, a disk, a permission): try it again."""


class LibraryError(CliptuneError):
    """A library is missing or damaged, or cannot be written."""


class LibraryNotFound(LibraryError):
    """No library at the given name or path."""


class LibraryLocked(LibraryError):
    """Another process is writing to the library."""


class SpaceMismatch(LibraryError):
    """The query's model is not the one the library was indexed with: their embedding spaces differ."""


class ModelError(CliptuneError):
    """A model folder is missing, damaged or does not fit."""


class BackendError(CliptuneError):
    """No usable vector search (FAISS) is installed."""


class FitError(CliptuneError):
    """A track's music cannot be cut to the length asked for, or not without its being heard."""


class InputError(CliptuneError):
    """An argument or an input table makes no sense."""


class StillError(InputError):
    """A film is needed, and a still was given."""
