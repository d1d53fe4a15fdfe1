"""Kills, power cuts, failing steps and a crowd: bounded runs of the commands, and proof that they find faults."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import disk

CUTS = pytest.mark.skipif(disk.why_not() is not None, reason=disk.why_not() or "")
ROOT = Path(__file__).resolve().parents[2]


def program(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """A fresh interpreter: it forks, which a process with threads should not."""
    command = [sys.executable, *words]
    memory = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}  # noqa: S108 (a kill leaves what is written)
    environment = {**os.environ, **memory, **more}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@CUTS
def test_whatever_is_killed_goes_on_to_the_same_end(tmp_path):
    """A few of the faults of every operation; hundreds of them are for the long run."""
    report = tmp_path / "report.md"
    words = ("--steps", "1", "--instants", "0", "--errors", "1", "--kills", "1", "--seed", "20261121")
    done = program("-m", "tests.faults.kills", *words, "--out", str(report))
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 findings" in done.stdout
    assert "## Kills by step" in report.read_text()


def test_readers_and_two_writers_live_with_each_other_and_with_kills():
    done = program("-m", "tests.faults.crowd", "--seconds", "5", "--seed", "20261121")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith(" killed, 0 findings")


CARELESS = """
import sys
from tests.faults import disk, kills
from tests.faults.operations import OPERATIONS, Operation, _filled

def rewrite(world, folder):
    part = min((folder / "parts").iterdir())
    data = part.read_bytes()
    part.unlink()
    (folder / "between").mkdir()
    (folder / "between").rmdir()
    part.write_bytes(data)
    return []

OPERATIONS.clear()
OPERATIONS["rewrite"] = Operation(_filled, rewrite)
words = ["--steps", "9", "--kills", "1", "--instants", "0", "--errors", "0"]
sys.exit(kills.main(words) if disk.is_watched() else disk.watched("careless", []))
"""


@CUTS
def test_an_operation_that_loses_something_is_found_out(tmp_path):
    (tmp_path / "careless.py").write_text(CARELESS)
    done = program("-m", "careless", PYTHONPATH=os.pathsep.join((str(tmp_path), str(ROOT))))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "rewrite, seed 1: kill at step 2, mkdir library/between" in done.stdout
    assert ": part: " in done.stdout
    assert "kill at step 1" not in done.stdout  # before the part is gone nothing is wrong


@CUTS
def test_a_power_cut_leaves_what_was_synced_and_nothing_else_for_sure(tmp_path):
    """The shim and the model of a disk, in a process of their own: what a disk may show of each file after the end."""
    (tmp_path / "written.py").write_text(WRITTEN)
    done = program("-m", "written", str(tmp_path / "disk"), PYTHONPATH=os.pathsep.join((str(tmp_path), str(ROOT))))
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(done.stdout)
    assert shown["safe"] == ["old and new"]  # synced, and so is the folder it is in
    assert set(shown["appended"]) >= {"old", "old, new", "old\0\0\0\0\0"}
    assert all(text is None or text.startswith("old") for text in shown["appended"])
    assert set(shown["emptied"]) >= {"old", "", "new"}  # the old went with the truncation, or not
    assert set(shown["unnamed"]) == {None, "all"}  # it was synced, its name was not
    assert set(shown["renamed"]) == {"first", "second"}
    assert set(shown["removed"]) == {None, "gone"}


WRITTEN = """
import json, os, sys
from pathlib import Path
import numpy as np
from tests.faults import disk
from tests.faults.children import child

root = Path(sys.argv[1])
if not disk.is_watched():
    sys.exit(disk.watched("written", sys.argv[1:]))

def sync(path):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)

def more():
    disk_.watch()
    (root / "safe").write_text("old and new")
    sync(root / "safe")
    sync(root)
    with open(root / "appended", "a") as file:
        file.write(", new")
    (root / "emptied").write_text("new")
    (root / "unnamed").write_text("all")
    sync(root / "unnamed")
    (root / "second").rename(root / "renamed")
    (root / "removed").unlink()

shown = {}
for seed in range(60):
    for path in root.glob("*"):
        path.unlink()
    root.mkdir(exist_ok=True)
    texts = {"appended": "old", "emptied": "old", "renamed": "first", "second": "second", "removed": "gone"}
    for name, text in texts.items():
        (root / name).write_text(text)
    disk_ = disk.Disk(root, root.with_name("beside"))
    disk_.prepare()
    assert child(more).failed is None
    disk_.cut(np.random.default_rng(seed))
    for name in ("safe", "appended", "emptied", "unnamed", "renamed", "removed"):
        text = (root / name).read_text() if (root / name).exists() else None
        shown.setdefault(name, [])
        shown[name] += [text] if text not in shown[name] else []
print(json.dumps(shown))
"""


@CUTS
def test_faults_that_are_planted_are_noticed():
    """A few of them; the command without `--only` plants all."""
    names = ("no fsync of folders", "salvage is off")
    done = program("-m", "tests.faults.planted", *(word for name in names for word in ("--only", name)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"{len(names)} of {len(names)} noticed\n")
