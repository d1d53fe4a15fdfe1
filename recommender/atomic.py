"""Files and folders that are whole or absent: filled beside their place, synced, renamed into it.

A writer killed at any instant leaves what was there before, or all of what it wrote; beside it at most something with
the prefix PARTIAL. Everything that the program keeps is written here; errors are OSErrors, worded by who calls.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARTIAL = ".partial-"
"""Prefix of everything that is not finished; the next writer of a library removes what was left."""


@contextmanager
def new_file(final: Path, *, shared: bool = False, make_folder: bool = True) -> Iterator[Path]:
    """A context with a path to write, which becomes the file `final`, synced; after an error nothing is left.

    Without `make_folder` a folder that is gone stays so: of a library, that is a fault and none to be covered up.
    `shared` where several processes may write `final` at once: each then has a path of its own (otherwise the next
    writer takes over what a killed one left).
    """
    partial = final.with_name(f"{PARTIAL}{os.getpid()}-{final.name}" if shared else PARTIAL + final.name)
    if make_folder:
        ensure_folder(final.parent)
    try:
        yield partial
        sync(partial)
        publish(partial, final)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(final: Path) -> Iterator[Path]:
    """A context with an empty folder to fill with synced files, which becomes `final`; after an error nothing is left.

    The names in it are synced, those in folders within it too.
    """
    partial = final.with_name(PARTIAL + final.name)
    try:
        ensure_folder(final.parent)
        partial.mkdir()
        yield partial
        for path in (partial, *partial.rglob("*/")):
            sync(path)
        publish(partial, final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def write(final: Path, content: str | bytes, *, shared: bool = False, make_folder: bool = True) -> None:
    """Make or replace a file, text as UTF-8 with line ends as given; the rest as for `new_file`."""
    with new_file(final, shared=shared, make_folder=make_folder) as partial:
        partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def ensure_folder(path: Path, *, parents: bool = True) -> None:
    """Make a folder, and with `parents` those above it, unless they are there, so that they survive a power cut."""
    if not path.is_dir():
        if parents:
            ensure_folder(path.parent)
        path.mkdir(exist_ok=True)
        with suppress(PermissionError):  # one may write into a folder that one may not read
            sync(path.parent)


def publish(partial: Path, final: Path) -> None:
    """Rename a finished, synced file or folder into place so that it survives a power cut."""
    partial.replace(final)
    sync(final.parent)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk (folders only where the system can)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
