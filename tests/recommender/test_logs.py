"""Logging: silent by default, a line each where it is asked for, and no line of the answer."""

import logging
import subprocess
import sys

import pytest

from recommender import logs
from recommender.errors import InputError
from running import ROOT, recommend_apart

SCRIPT = """
import recommender
print(recommender.Model.load().name)
from recommender.logs import getLogger
getLogger("indexing.somewhere").warning("the disk is odd")
getLogger("indexing.somewhere").debug("a detail")
"""


def said(monkeypatch: pytest.MonkeyPatch, level: str | None) -> list[str]:
    """What the script writes to stderr."""
    monkeypatch.delenv(logs.VARIABLE, raising=False)
    if level is not None:
        monkeypatch.setenv(logs.VARIABLE, level)
    ran = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout == ("builtin\n" if level != "loud" else "")
    return ran.stderr.splitlines()


def test_python_hears_nothing_unless_it_asks(monkeypatch):
    assert said(monkeypatch, None) == []
    assert said(monkeypatch, "warning") == ["warning: the disk is odd"]
    first, *rest = said(monkeypatch, "INFO")
    assert first.startswith("INFO recommender.model.base: model builtin revision ")
    assert rest == ["WARNING indexing.somewhere: the disk is odd"]
    assert said(monkeypatch, "debug")[-1] == "DEBUG indexing.somewhere: a detail"


def test_the_command_line_tells_of_its_work_when_asked(monkeypatch, indexed, clip_folder, home):
    monkeypatch.delenv(logs.VARIABLE, raising=False)
    ask = ("--video", clip_folder / "calm.mp4", "--library", indexed, "--format", "json")
    plain = recommend_apart(*ask)
    assert (plain.code, plain.err) == (0, "")
    monkeypatch.setenv(logs.VARIABLE, "info")
    told = recommend_apart(*ask)
    assert told.out == plain.out
    assert "windows are searched by" in told.err
    assert "candidates of 200 asked for, ranked by cosine" in told.err
    monkeypatch.setenv(logs.VARIABLE, "loud")
    wrong = recommend_apart(*ask)
    assert wrong.code == 2
    assert wrong.err == "error: CLIPTUNE_LOG=loud: no such level; there are debug, info and warning\n"


def test_a_program_listens_once(monkeypatch):
    for name in logs.PACKAGES:
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
    logs.listen("info")
    logs.listen("warning")
    assert [len(logging.getLogger(name).handlers) for name in logs.PACKAGES] == [1, 1, 1]
    for name in logs.PACKAGES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    with pytest.raises(InputError, match="no such level"):
        logs.listen("loud")
