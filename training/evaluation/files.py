"""Text files read and written as a whole, with errors of one line."""

from pathlib import Path

from recommender import opening
from recommender.atomic import write
from recommender.errors import InputError
from recommender.text import show


def read_text(path: Path) -> str:
    """The text of a UTF-8 file; raises InputError naming the path when it cannot be read."""
    try:
        return opening.read_text(path, opening.TABLE, encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{show(path)}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise InputError(f"cannot read {show(path)}: {error.strerror or error}") from error


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file, whole or not at all, making its folder; raises InputError naming the path."""
    try:
        write(path, text, shared=True)
    except OSError as error:
        raise InputError(f"cannot write {show(path)}: {error.strerror or error}") from error
