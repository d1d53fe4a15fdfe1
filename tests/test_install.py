"""Installed as people install it, without extras: everything below a million windows works without FAISS."""

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
UNREACHABLE = re.compile(r"NewConnectionError|Temporary failure in name resolution")
LONGEST_S = 300
"""Of any step: installing takes half a minute where packages are near."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of a virtual environment in which nothing but `pip install .` was done."""
    with tempfile.TemporaryDirectory(prefix="cliptune-plain-") as place:
        python = Path(place) / "bin" / "python"
        venv.create(place, with_pip=True)
        done = _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT))
        if done.returncode and UNREACHABLE.search(done.stderr):
            pytest.skip("no package index can be reached from here")
        assert done.returncode == 0, done.stderr
        yield python


@pytest.fixture
def command(plain: Path, tmp_path: Path):
    """`command("doctor")`: `recommend doctor` of that environment, with a user data folder of its own."""
    # -I: not the checkout's own modules.
    run = "import sys, cli; sys.argv[0] = 'recommend'; cli.main()"
    return lambda *args: _run(plain, "-I", "-c", run, *map(str, args), CLIPTUNE_HOME=str(tmp_path))


def _run(*argv: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([*argv], env=kept | env, capture_output=True, text=True, timeout=LONGEST_S, check=False)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the environment's interpreter lies elsewhere there")
def test_without_extras_folders_are_indexed_and_searched(command, plain, music_folder, clip_folder) -> None:
    assert _run(plain, "-I", "-c", "import faiss").returncode != 0

    found = command("doctor", "--format", "json")
    assert found.returncode == 0, found.stdout + found.stderr
    told = json.loads(found.stdout)
    assert told["problems"] == []
    assert told["facts"]["faiss package"].startswith("none")
    assert "cliptune[cpu]" in told["facts"]["faiss package"]

    added = command("index", "add", music_folder)
    assert added.returncode == 0, added.stderr
    answer = command("--video", clip_folder / "calm.mp4", "--format", "json", "--top", "2")
    assert answer.returncode == 0, answer.stderr
    assert len(json.loads(answer.stdout)) == 2
    assert command("index", "verify").returncode == 0

    assert command("index", "build").returncode == 0  # so few windows need no index
