"""The user's data folder, and files in it that are whole or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recommender.errors import CliptuneError, ModelError
from recommender.text import shown

HOME_VARIABLE = "CLIPTUNE_HOME"
PARTIAL = ".partial-"
"""Prefix of everything that is not finished; the next writer of a library removes what was left."""


def data_home() -> Path:
    """$CLIPTUNE_HOME, or the platform's user data folder; it need not exist."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(os.path.abspath(Path(home).expanduser()))  # noqa: PTH100 (no symlinks resolved)
    from platformdirs import user_data_path

    return user_data_path("cliptune")


@contextmanager
def stored(path: Path, doing: str = "write") -> Iterator[None]:
    """A context in which an OSError becomes a ModelError of one line about `path`."""
    try:
        yield
    except CliptuneError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        advice = "; check the folder and free space" if doing == "write" else ""
        raise ModelError(f"cannot {doing} {shown(path)}: {reason}{advice}") from error


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`: synced and renamed into place at the end, removed if anything fails."""
    partial = path.with_name(PARTIAL + path.name)
    with stored(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            sync(partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        sync(path.parent)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk (folders only where the system can)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
