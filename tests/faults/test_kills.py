"""Kills, failing steps and a crowd: bounded runs of the two commands, and proof that they find what is wrong."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def program(*words: str) -> "subprocess.CompletedProcess[str]":
    """A fresh interpreter: it forks, which a process with threads should not."""
    command = [sys.executable, *words]
    memory = {"TMPDIR": "/dev/shm"} if os.access("/dev/shm", os.W_OK) else {}  # noqa: S108 (a kill leaves what is written)
    environment = {**os.environ, **memory}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def test_whatever_is_killed_goes_on_to_the_same_end(tmp_path):
    """A few of the faults of every operation; all of them, and hundreds of instants, are for the long run."""
    report = tmp_path / "report.md"
    words = ("--sample", "2", "--rounds", "1", "--instants", "4", "--seed", "20261121", "--out", str(report))
    done = program("-m", "tests.faults.kills", *words)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 findings" in done.stdout
    assert "## Kills by write point" in report.read_text()


def test_readers_and_two_writers_live_with_each_other_and_with_kills():
    done = program("-m", "tests.faults.crowd", "--seconds", "5", "--seed", "20261121")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith(" killed, 0 findings")


CARELESS = """
import os, sys
from tests.faults import kills
from tests.faults.operations import OPERATIONS, Operation, _filled

def rewrite(world, folder):
    part = min((folder / "parts").iterdir())
    data = part.read_bytes()
    part.unlink()
    os.mkdir(folder / "between")
    os.rmdir(folder / "between")
    part.write_bytes(data)
    return []

OPERATIONS.clear()
OPERATIONS["rewrite"] = Operation(_filled, rewrite)
sys.exit(kills.main(["--rounds", "1", "--kills", "1", "--instants", "0", "--error-rounds", "0"]))
"""


def test_an_operation_that_loses_something_is_found_out():
    done = program("-c", CARELESS)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "rewrite, seed 1: kill at step 2, elsewhere: mkdir: part: " in done.stdout
    assert "kill at step 1" not in done.stdout  # before the part is gone nothing is wrong
