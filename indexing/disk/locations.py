"""Where libraries live: a bare name is a folder under the user's data folder, all else is a path."""

import os
from pathlib import Path

from indexing.disk.durable import library_errors
from recommender.errors import Argument, InputError, LibraryError, LibraryNotFound
from recommender.home import data_home
from recommender.text import show

CATALOG = "catalog.sqlite"
PARTS = "parts"  # the folder of what was computed: all that cannot be made again without the files
BACKUP = "catalog.before.sqlite"  # the catalog as it was, while it is brought to a newer version


def libraries_home() -> Path:
    """The folder of named libraries: $CLIPTUNE_HOME/libraries, or the platform's user data folder."""
    return data_home() / "libraries"


def library_path(name_or_path: str | Path) -> Path:
    """The absolute folder of a library.

    A bare name is a named library, unless a folder of that name here holds a library: so a folder that
    happens to be called `default` never hides the default library. A Path, or anything with a
    separator, is a path. Raises InputError for an empty name.
    """
    text = os.fspath(name_or_path)
    if not text.strip():
        raise InputError("the library's name is empty; give a name such as 'default' or a folder")
    separators = {os.sep, os.altsep or os.sep, "/"}
    bare = isinstance(name_or_path, str) and not any(s in text for s in separators) and not text.startswith((".", "~"))
    if bare and not (Path(text) / CATALOG).is_file():
        return libraries_home() / text
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH100, PTH111


def library_names() -> list[str]:
    """Names of the libraries in the user's data folder, sorted."""
    try:
        return sorted(f.parent.name for f in libraries_home().glob(f"*/{CATALOG}"))
    except OSError:
        return []


def is_lost(folder: Path) -> bool:
    """Whether a folder holds the parts of a library, but no catalog, or an empty file in its place."""
    catalog = folder / CATALOG
    return not (catalog.is_file() and catalog.stat().st_size) and has_parts(folder)


def has_parts(folder: Path) -> bool:
    """Whether anything was computed for the library in a folder."""
    return any((folder / PARTS).glob("*.parquet"))


def no_catalog_error(folder: Path) -> LibraryError:
    """The error that says what to do about a lost catalog."""
    return LibraryError(
        f"the library at {show(folder)} has lost its catalog ({CATALOG}), its parts are there; put the file back, or "
        "bring back what the parts hold: ",
        Argument("library", show(folder), "index repair"),
    )


def existing(name_or_path: str | Path) -> Path:
    """The folder of a library that is there; raises LibraryNotFound with what exists and how to make one."""
    folder = library_path(name_or_path)
    with library_errors(folder, "open the library at"):
        if is_lost(folder):
            raise no_catalog_error(folder)
        if (folder / CATALOG).is_file():
            return folder
    names = ", ".join(library_names()) or "none yet"
    raise LibraryNotFound(
        f"no library at {show(folder)} (named libraries: {names}); make one with: ",
        Argument("library", show(name_or_path), "index add FOLDER"),
    )
