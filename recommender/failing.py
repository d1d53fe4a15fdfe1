"""The last word of a command that failed: one line, and for what nobody expected a report in the data folder."""

import errno
import os
import platform
import sys
import tempfile
import time
import traceback
from pathlib import Path

from recommender.atomic import write
from recommender.errors import CliptuneError, InputError
from recommender.faults import machine_fault
from recommender.home import data_home
from recommender.streams import UndeliveredError
from recommender.text import show

REPORTS = "reports"
"""Folder within the data folder for reports of what nobody expected."""
_FAILED, _USAGE = 1, 2
_LONGEST = 300  # characters of an error's own words


def line_and_code(error: Exception) -> tuple[str, int]:
    """The line about an error that ended a command, empty where its reader left early, and the exit code."""
    if isinstance(error, CliptuneError):
        return f"error: {show(_worded(error))}", _USAGE if isinstance(error, InputError) else _FAILED
    if isinstance(error, UndeliveredError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left of it is given up
        left_early = error.errno == errno.EPIPE
        return "" if left_early else f"error: cannot write the result: {error.strerror}", _FAILED
    return f"error: {_found(error) or _unexpected(error)}", _FAILED


def _worded(error: CliptuneError) -> str:
    try:
        from recommender.console import word_as_options
    except ImportError:  # memory is short
        return str(error)
    return word_as_options(error)


def _found(error: Exception) -> str | None:
    """What the machine fails at, where it does."""
    if isinstance(error, FileNotFoundError) and error.filename is None and _is_nowhere():
        return "the current folder is gone; change to one that is there"
    fault = machine_fault(error)
    if isinstance(error, OSError) and error.filename is not None:
        name = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else str(error.filename)
        return f"cannot use {show(name)}: {fault or (error.strerror or str(error)).lower()}"
    return fault


def _is_nowhere() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        return True
    return False


def _unexpected(error: Exception) -> str:
    said = show(str(error))
    said = said if len(said) <= _LONGEST else said[:_LONGEST] + "..."
    line = f"unexpected {type(error).__name__}: {said}" if said else f"unexpected {type(error).__name__}"
    report = keep_report(error)
    if report is None:
        return f"{line}; no report of it could be written: set CLIPTUNE_HOME to a folder that can be, and run it again"
    return f"{line}; the full report is in {show(report)}; please send it"


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / "cliptune"


def keep_report(error: Exception) -> Path | None:
    """A file with all that is known of an error, in the data folder or else among temporary files; None for none."""
    told = "".join(traceback.format_exception(error))
    about = f"{sys.argv!a}\nPython {sys.version} on {platform.platform()}\n\n{told}"
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for home in (data_home, _temporary):
        try:
            report = home() / REPORTS / name
            write(report, about.encode("utf-8", "backslashreplace"))
        except (OSError, CliptuneError):
            continue
        return report
    return None
