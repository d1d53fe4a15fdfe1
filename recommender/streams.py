"""The three streams of the command: open whatever the caller closed, and able to print any name."""

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_ERRORS = "escape-what-cannot-be-printed"


class UndeliveredError(OSError):
    """What was printed does not reach the reader of stdout."""


@contextmanager
def _delivery() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UndeliveredError(error.errno, error.strerror) from error


class _Result(io.TextIOWrapper):
    """A stdout whose errors say that they are its own."""

    def write(self, text: str, /) -> int:
        with _delivery():
            return super().write(text)

    def flush(self) -> None:
        with _delivery():
            super().flush()


def open_streams() -> None:
    """Make stdin, stdout and stderr usable; what is written to a closed stdout is an OSError.

    No file that is opened later may take the place of one that is closed: what is printed would be written into it.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest number that is free
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if type(sys.stdout) is io.TextIOWrapper:
        encoding, lines, through = sys.stdout.encoding, sys.stdout.line_buffering, sys.stdout.write_through
        sys.stdout = _Result(sys.stdout.detach(), encoding, line_buffering=lines, write_through=through)
    codecs.register_error(_ERRORS, _escape)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_ERRORS)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """A character that the stream's encoding lacks as an escape, and a byte of a name that is no text as that byte."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("ascii", "backslashreplace").decode("ascii"), error.start + 1
