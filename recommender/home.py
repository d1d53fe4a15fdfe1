"""The user's data folder, and what is said when a file in it cannot be read or written."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recommender.errors import Argument, CliptuneError, InputError, ModelError
from recommender.text import show

HOME_VARIABLE = "CLIPTUNE_HOME"


def data_home() -> Path:
    """$CLIPTUNE_HOME, or the platform's user data folder; it need not exist. Raises InputError where none is known."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(os.path.abspath(os.path.expanduser(home)))  # noqa: PTH100, PTH111 (no symlinks resolved)
    from platformdirs import user_data_path

    with suppress(RuntimeError):  # which releases of before did not raise
        if (found := user_data_path("cliptune")).is_absolute():
            return found
    raise InputError(f"no home folder is known; set {HOME_VARIABLE} to a folder for this program's data")


@contextmanager
def model_errors(path: Path, doing: str = "write") -> Iterator[None]:
    """A context in which an OSError becomes a ModelError of one line about `path`."""
    try:
        yield
    except CliptuneError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        advice = "; check the folder and free space" if doing == "write" else ""
        raise ModelError(f"cannot {doing} {show(path)}: {reason}{advice}") from error


def refuse_existing(paths: Iterable[Path], overwrite: bool, *, in_folder: bool = False) -> None:
    """Raise InputError for a file that is there, unless it may be replaced.

    `in_folder`: whether the files are named here, and only their folder by whoever asks.
    """
    there = None if overwrite else next((path for path in paths if path.exists()), None)
    if there is not None:
        yes = Argument("overwrite")
        advice = ("give ", yes, " or another folder") if in_folder else ("give another name, or ", yes)
        raise InputError(f"{show(there)} is there already; ", *advice)
