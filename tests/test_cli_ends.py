"""However a command ends, it ends in one line: closed and narrow streams, no home, Ctrl-C, and what nobody expected."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cli
from indexing.library import Library
from recommender import failing, home, streams
from recommender.errors import InputError
from recommender.faults import MEMORY
from recommender.model import Model
from recommender.opening import parse_json
from running import ROOT

NAME = "é 音 %s \x1b[31m.wav"
COMMAND = f"'{sys.executable}' '{ROOT / 'cli.py'}'"


def shell(line: str, cwd: Path | None = None, **variables: str | None) -> subprocess.CompletedProcess[bytes]:
    """A line for bash, `recommend` in it being this program; variables that are None are unset."""
    kept = {name: value for name, value in os.environ.items() if name not in variables}
    given = {name: value for name, value in variables.items() if value is not None}
    line = line.replace("recommend ", f"{COMMAND} ")
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, check=False, cwd=cwd, env=kept | given, timeout=120
    )


@pytest.fixture(scope="module")
def named(home, music_folder, tmp_path_factory):
    """A library with one track whose name has letters of several scripts and a control character."""
    folder = tmp_path_factory.mktemp("named")
    shutil.copy(music_folder / "slow minor.wav", folder / NAME)
    added = shell(f"recommend index add '{folder}' --library '{folder / 'library'}'")
    assert added.returncode == 0, added.stderr
    return folder / "library"


@pytest.mark.parametrize("buffered", [None, "1"])
@pytest.mark.parametrize("command", ["index list --library '{}'", "--help", "--version", "index verify --library '{}'"])
@pytest.mark.parametrize(("to", "reason"), [(">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")])
def test_a_result_that_nobody_gets_is_one_line(named, command, to, reason, buffered):
    ran = shell(f"recommend {command.format(named)} {to}", PYTHONUNBUFFERED=buffered)
    assert ran.returncode == 1
    assert ran.stderr.decode().splitlines()[-1] == f"error: cannot write the result: {reason}"
    assert b"Traceback" not in ran.stderr


def test_a_reader_that_leaves_early_wants_no_word(named):
    reader, writer = os.pipe()
    os.close(reader)  # it has left before anything is printed
    line = f"{COMMAND} index list --library '{named}'"
    ran = subprocess.run(["bash", "-c", line], stdout=writer, stderr=subprocess.PIPE, check=False, timeout=120)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (1, b"")


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_other_streams_may_be_closed(named, closed):
    ran = shell(f"recommend index list --library '{named}' --format json {closed}")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert len(json.loads(ran.stdout)) == 1


def test_no_file_takes_the_place_of_a_closed_stream(named, tmp_path, music_folder):
    ran = shell(f"recommend index add '{music_folder}' --library '{tmp_path / 'l'}' <&- >&- 2>&-")
    assert ran.returncode == 0
    assert shell(f"recommend index verify --library '{tmp_path / 'l'}'").stdout == b"whole\n"


def test_words_that_reach_nobody_are_given_up():
    for buffered in (None, "1"):
        assert shell("recommend index list --library none-such 2>/dev/full", PYTHONUNBUFFERED=buffered).returncode == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("shape", ["table", "json", "csv"])
def test_any_name_prints_in_any_encoding(named, encoding, shape):
    ran = shell(f"recommend index list --library '{named}' --format {shape}", PYTHONIOENCODING=encoding)
    assert (ran.returncode, ran.stderr) == (0, b"")
    text = ran.stdout.decode(encoding)
    if shape == "json":
        assert Path(json.loads(text)[0]["path"]).name == NAME
    else:
        letters = {"ascii": "\\xe9 \\u97f3", "utf-8": "é 音"}.get(encoding, "é \\u97f3")
        assert letters in text


def test_a_locale_without_letters_prints_them_as_escapes(named):
    narrow = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ran = shell(f"recommend index list --library '{named}'", **narrow)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"\\x1b" in ran.stdout
    wrong = shell("recommend index list --library 'né'", **narrow)
    assert (wrong.returncode, wrong.stderr.count(b"\n")) == (1, 1)
    assert b"Traceback" not in wrong.stderr


def test_bytes_of_names_stay_bytes():
    assert os.fsdecode(b"a\xff").encode("ascii", _registered()) == b"a\xff"
    assert "ÿ音".encode("latin-1", _registered()) == b"\xff\\u97f3"


def _registered() -> str:
    streams.open_streams()
    return streams._ERRORS


def test_without_a_home_a_line_says_what_to_set(monkeypatch):
    monkeypatch.delenv("CLIPTUNE_HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as where there is no HOME and the user has no entry
    with pytest.raises(InputError, match="no home folder is known; set CLIPTUNE_HOME to a folder"):
        home.data_home()


def test_a_home_that_cannot_be_written_is_one_line(music_folder):
    ran = shell(f"recommend index add '{music_folder}'", CLIPTUNE_HOME=None, XDG_DATA_HOME=None, HOME="/proc")
    assert ran.returncode == 1
    assert ran.stderr.startswith(b"error: cannot make a library at /proc/.local/share/cliptune/libraries/default: ")
    assert ran.stderr.count(b"\n") == 1


def test_in_a_folder_that_is_gone_whole_paths_work_and_others_are_one_line(named, tmp_path, clip_folder):
    gone = "mkdir gone && cd gone && rmdir ../gone && recommend"
    for command in (f"index list --library '{named}'", f"--video '{clip_folder / 'calm.mp4'}' --library '{named}'"):
        ran = shell(f"{gone} {command}", tmp_path)
        assert (ran.returncode, ran.stderr) == (0, b"")
    for command in ("index list --library ./x", f"index update --reanalyse --library '{named}'"):
        ran = shell(f"{gone} {command}", tmp_path)
        assert ran.returncode == 1
        assert ran.stderr.decode().splitlines()[-1] == "error: the current folder is gone; change to one that is there"


@pytest.mark.parametrize("after_s", [0.15, 0.3, 0.5, 0.8, 1.2])
def test_an_interrupt_while_modules_are_imported_is_silent(named, clip_folder, after_s):
    command = [sys.executable, str(ROOT / "cli.py"), "--video", str(clip_folder), "--library", str(named)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT, 0)
    assert [line for line in errors.splitlines() if b"still pictures" not in line] == []  # a fast one has answered


def test_importing_and_running_the_command_leaves_what_an_interrupt_does_as_it_was(run):
    before = signal.getsignal(signal.SIGINT)  # ignored in what a shell runs in the background
    run("--version")
    assert signal.getsignal(signal.SIGINT) is before
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import cli; cli._on_interrupt(signal.SIG_DFL); "
    )
    code += "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def broken(monkeypatch, error):
    """Make every command that loads a model or opens a library fail by `error`."""

    def load(*_):
        raise error

    monkeypatch.setattr(Model, "load", load)
    monkeypatch.setattr(Library, "open", load)


@pytest.mark.parametrize(
    "error", [KeyError("x\x1b[31m\n"), RecursionError("maximum recursion depth"), ZeroDivisionError()]
)
def test_what_nobody_expected_is_one_line_and_a_report(run, monkeypatch, tmp_path, error):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "data"))
    broken(monkeypatch, error)
    ran = run("index", "update", "--library", "x")
    (report,) = (tmp_path / "data" / "reports").iterdir()
    (line,) = ran.err.splitlines()
    assert ran.code == 1
    assert line.startswith(f"error: unexpected {type(error).__name__}")
    assert line.endswith(f"; the full report is in {report}; please send it")
    assert line.isprintable()
    told = report.read_text()
    assert "'index', 'update'" in told
    assert f"{type(error).__name__}" in told
    assert "in load" in told


def test_a_report_that_cannot_be_kept_in_the_data_folder_is_kept_elsewhere(run, monkeypatch, tmp_path):
    monkeypatch.setenv("CLIPTUNE_HOME", "/proc/none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    broken(monkeypatch, KeyError("x"))
    assert f"the full report is in {tmp_path / 'cliptune' / 'reports'}" in run("index", "update", "--library", "x").err
    monkeypatch.setattr(failing, "_temporary", lambda: Path("/proc/none"))
    assert run("index", "update", "--library", "x").err == (
        "error: unexpected KeyError: 'x'; no report of it could be written: set CLIPTUNE_HOME to a folder that can be, "
        "and run it again\n"
    )


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), MEMORY),
        (ImportError("libx.so: failed to map segment from shared object"), MEMORY),
        (PermissionError(13, "Permission denied", "/a\nb"), r"cannot use /a\nb: permission denied; make the file"),
        (FileNotFoundError(2, "No such file or directory", "/x"), "cannot use /x: no such file or directory"),
        (OSError(5, "Input/output error"), "input/output error; check the disk and the path"),
    ],
)
def test_what_the_machine_fails_at_is_told_as_that(run, monkeypatch, error, line):
    broken(monkeypatch, error)
    ran = run("index", "update", "--library", "x")
    assert ran.code == 1
    assert ran.err.startswith(f"error: {line}")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("megabytes", [200, 350, 500, 700])
def test_short_memory_is_one_line_and_costs_no_track(named, megabytes):
    """A library in C may end the process itself; Python's part never shows a traceback, and all is there afterwards."""
    ran = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "index", "update", "--reanalyse", "--library", str(named)],
        capture_output=True,
        check=False,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes * 10**6, -1)),
    )
    lines = ran.stderr.decode().splitlines()
    assert ran.returncode < 0 or (ran.returncode, lines[-1][:7]) == (1, "error: ") or "failed" in ran.stderr.decode()
    assert "cli.py" not in ran.stderr.decode()
    whole = shell(f"recommend index repair --library '{named}'; recommend index verify --library '{named}'")
    assert whole.stdout.splitlines()[-1] == b"whole"
    assert len(json.loads(shell(f"recommend index list --library '{named}' --format json").stdout)) == 1


def test_json_that_is_nested_too_deeply_is_damage():
    with pytest.raises(json.JSONDecodeError, match="nested too deeply"):
        parse_json("[" * 100_000)
    assert parse_json("[1]") == [1]


def test_the_command_line_itself_imports_nothing_heavy():
    code = "import sys, cli; print(sorted({'typer', 'rich', 'json', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
    assert callable(cli.main)
