"""The Makefile hands over what the user typed, character by character."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RECORD = '#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word" >>calls; done\nprintf "\\n\\0" >>calls\n'

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with an awkward name that looks installed; its interpreter only records its arguments."""
    folder = tmp_path / "a clone's $HOME"
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").touch()
    python.write_text(RECORD)
    python.chmod(0o755)
    for stamp in (".python", ".installed"):
        (folder / ".venv" / stamp).touch()
    return folder


def run(clone: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")} | {"HOME": "/h o"} | env
    return subprocess.run(["make", *words], cwd=clone, env=env, capture_output=True, text=True, timeout=60)


def calls(clone: Path) -> list[list[str]]:
    """The arguments of every call of the interpreter, without the script's own name."""
    text = (clone / "calls").read_text()
    return [call.split("\0")[1:-1] for call in text.split("\n\0")[:-1]]


@pytest.mark.parametrize(
    ("video", "music", "as_video", "as_music"),
    [
        ("clip.mp4", "music", "clip.mp4", "music"),
        ("my clip.mp4", "my  music ", "my clip.mp4", "my  music "),
        ('it\'s "it" `x` \\ #1.mp4', "a;b&c|d*?[e]", 'it\'s "it" `x` \\ #1.mp4', "a;b&c|d*?[e]"),
        ("$b $(shell touch pwned) $$.mp4", "${HOME}", "$b $(shell touch pwned) $$.mp4", "${HOME}"),
        ("-rf.mp4", "--help", "-rf.mp4", "--help"),
        ("~/clip 1.mp4", "~", "/h o/clip 1.mp4", "/h o"),
        ("a~/b.mp4", "~b", "a~/b.mp4", "~b"),
        ("émile ♥.mp4", "naïve", "émile ♥.mp4", "naïve"),
    ],
)
def test_paths_arrive_as_typed(video: str, music: str, as_video: str, as_music: str, clone: Path) -> None:
    wanted = [["--format", "table", f"--video={as_video}", f"--music={as_music}"]]
    done = run(clone, "recommend", f"VIDEO={video}", f"MUSIC={music}")
    assert done.returncode == 0, done.stderr
    assert calls(clone) == wanted
    (clone / "calls").unlink()
    assert run(clone, "recommend", VIDEO=video, MUSIC=music).returncode == 0
    assert calls(clone) == wanted
    assert not (clone / "pwned").exists()


def test_the_sample_stands_in_for_what_is_not_given(clone: Path) -> None:
    done = run(clone, "recommend", VIDEO="", MUSIC="")
    assert done.stdout == ""
    assert calls(clone) == [
        ["sample", ".sample"],
        ["--format", "table", "--video=.sample/clips", "--music=.sample/music"],
    ]
    (clone / "calls").unlink()
    done = run(clone, "recommend", VIDEO="clip.mp4", MUSIC="")
    assert "No MUSIC given: using the sample tracks." in done.stderr
    assert calls(clone)[-1] == ["--format", "table", "--video=clip.mp4", "--music=.sample/music"]


def test_a_failing_command_fails_make(clone: Path) -> None:
    (clone / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    assert run(clone, "recommend", "VIDEO=a", "MUSIC=b").returncode == 2


@pytest.mark.parametrize(("python", "said"), [("no such python", "No 'no such python' here"), ("false", "is older")])
def test_an_unfit_interpreter_is_one_clear_line(python: str, said: str, clone: Path) -> None:
    (clone / ".venv" / ".python").unlink()
    done = run(clone, "recommend", f"PYTHON={python}")
    assert done.returncode == 2
    assert said in done.stderr
    assert "3.11 or newer" in done.stderr
    assert not (clone / "calls").exists()


def test_make_alone_explains_itself(clone: Path) -> None:
    done = run(clone)
    assert "make recommend VIDEO=clip.mp4 MUSIC=~/Music" in done.stdout
    assert "make test" in done.stdout
    assert "make quick" in done.stdout
    assert "make lowest" in done.stdout


def test_lowest_runs_files_that_are_there_with_its_own_interpreter(clone: Path) -> None:
    python = clone / ".venv-lowest" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(RECORD)
    python.chmod(0o755)
    (clone / "tests").mkdir()
    (clone / "tests" / "lowest.py").touch()
    (clone / ".venv-lowest" / ".installed").touch()
    assert run(clone, "lowest").returncode == 0
    (tests,) = calls(clone)
    assert tests[:2] == ["pytest", "-q"]
    assert "tests/indexing/test_migrations.py" in tests
    assert [name for name in tests[2:] if not (ROOT / name).exists()] == []


def test_quick_runs_files_that_are_there(clone: Path) -> None:
    (clone / ".venv" / ".installed-quick").touch()
    assert run(clone, "quick").returncode == 0
    lint, tests = calls(clone)
    assert lint == ["ruff", "check", "."]
    assert tests[:4] == ["pytest", "-q", "-n", "2"]
    files = tests[4:]
    assert len(files) > 10
    assert [name for name in files if not (ROOT / name).is_file()] == []
