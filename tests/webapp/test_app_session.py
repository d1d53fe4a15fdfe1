"""The folder of a run: nobody else's, gone with it, however it ended."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from recommender.errors import InputError
from running import ROOT
from webapp.session import open_session


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "webapp"


def test_a_session_is_private_and_ends_whole(home, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kept").touch()
    with suppress(KeyError), open_session() as session:
        assert session.parent == home
        assert [oct(path.stat().st_mode & 0o777) for path in (session, home)] == ["0o700", "0o700"]
        (session / "clips").mkdir()
        (session / "clips" / "a.mp4").write_bytes(b"x")
        (session / "link").symlink_to(tmp_path / "other")
        raise KeyError
    assert [path.name for path in home.iterdir()] in ([], ["sessions.lock"])
    assert (tmp_path / "other" / "kept").exists()


def test_what_a_killed_run_left_goes_and_what_one_at_work_has_stays(home, tmp_path):
    code = (
        "import sys, time\nfrom webapp.session import open_session\n"
        "with open_session() as s:\n    (s / 'clip').touch(); print(s, flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        theirs = home / Path(other.stdout.readline().strip()).name
        assert (theirs / "clip").exists()
        with open_session() as session:
            assert session != theirs
            assert (theirs / "clip").exists()
        other.send_signal(signal.SIGKILL)
    time.sleep(0.05)
    assert (theirs / "clip").exists()
    (home / "exports").mkdir()
    (home / "session-link").symlink_to(tmp_path)
    with open_session() as session:
        assert {path.name for path in home.iterdir()} - {"sessions.lock"} == {
            "exports",
            session.name,
            f"{session.name}.lock",
        }
    assert tmp_path.exists()


def test_a_data_folder_that_cannot_be_written_is_told_in_a_line(home):
    home.parent.write_text("a file")
    with pytest.raises(InputError, match="cannot keep clips in .*webapp: .*CLIPTUNE_HOME"), open_session():
        pass
