"""What the packages do on the way, through `logging`: silent until the environment or a program asks for it.

CLIPTUNE_LOG (debug, info or warning) writes lines of that level and above to stderr, also from worker processes. The
command line asks for warnings where nothing else is set.
"""

import logging
import os
import sys
from logging import getLogger
from typing import TextIO

from recommender.errors import InputError
from recommender.text import printable

__all__ = ["PACKAGES", "VARIABLE", "getLogger", "listen"]

PACKAGES = ("recommender", "indexing", "training")
VARIABLE = "CLIPTUNE_LOG"


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what `sys.stderr` is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _Printable(logging.Formatter):
    """Messages that names in them cannot make steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def listen(level: str) -> None:
    """Write what is told of `level` and above to stderr, a line each; raises InputError for an unknown level."""
    number = logging.getLevelNamesMapping().get(level.strip().upper())
    if number is None:
        raise InputError(f"{VARIABLE}={level}: no such level; there are debug, info and warning")
    handler = _Stderr()
    plain = "warning: %(message)s" if number >= logging.WARNING else "%(levelname)s %(name)s: %(message)s"
    handler.setFormatter(_Printable(plain))
    for name in PACKAGES:
        logger = getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(number)


if level := os.environ.get(VARIABLE):
    listen(level)
else:
    for _name in PACKAGES:
        getLogger(_name).addHandler(logging.NullHandler())  # else Python prints warnings where nobody listens
