"""Running the command as a user does, in this process (quick) or in one of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

import cli
from recommender.console import word_as_options
from recommender.errors import CliptuneError

ROOT = Path(__file__).resolve().parents[1]


class Ran(NamedTuple):
    """Exit code and what was printed."""

    code: int
    out: str
    err: str


def recommend(capsys: pytest.CaptureFixture, *args: object) -> Ran:
    """`recommend ARGS` in this process."""
    before, sys.argv = sys.argv, ["recommend", *map(str, args)]
    capsys.readouterr()
    try:
        cli.main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv = before
    return Ran(code, *capsys.readouterr())


@contextmanager
def refused(kind: type[CliptuneError], match: str) -> Iterator[None]:
    """A context that must end with an error whose line matches, as the command line words it."""
    with pytest.raises(kind) as caught:
        yield
    assert re.search(match, word_as_options(caught.value)), word_as_options(caught.value)


def recommend_apart(*args: object, cwd: Path | None = None) -> Ran:
    """`recommend ARGS` in a process of its own; output read as a terminal with UTF-8 would get it."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *[os.fspath(a) if isinstance(a, os.PathLike) else str(a) for a in args]],
        capture_output=True,
        cwd=cwd,
        check=False,
        timeout=120,
    )
    return Ran(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))
