"""The log of scorings: one line each, whole under concurrent writers, readable after a crash."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import InputError
from training.evaluation.log import append, entries, record

ROOT = Path(__file__).resolve().parents[2]
FIELDS: dict[str, Any] = {
    "system": "emomv",
    "protocol": "clean",
    "seed": 3,
    "dataset": "emomv-c",
    "revision": "abc",
    "part": "validation",
    "reason": "benchmark",
}


def test_a_scoring_is_one_json_line(tmp_path: Path) -> None:
    log = tmp_path / "new" / "log.jsonl"
    before = datetime.now(UTC)
    scoring = record(log, **FIELDS)
    text = log.read_text()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert json.loads(text) == {"time": scoring.time, **FIELDS}
    assert abs((datetime.fromisoformat(scoring.time) - before).total_seconds()) < 5
    assert entries(log) == ((scoring,), ())


def test_lines_are_only_ever_added(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    first = record(log, **FIELDS)
    start = log.read_bytes()
    second = record(log, **{**FIELDS, "reason": "line\nbreak \udce9 é"})
    assert log.read_bytes().startswith(start)
    assert log.read_bytes().count(b"\n") == 2
    assert entries(log).scorings == (first, second)


def test_a_line_cut_short_stays_alone(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    first = record(log, **FIELDS)
    with log.open("a") as file:
        file.write('{"time": "20')
    second = record(log, **FIELDS)
    with log.open("a") as file:
        file.write('[1]\n{"time": "x"}\n\n')
    assert entries(log) == ((first, second), (2, 4, 5))


def test_writers_in_several_processes_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from training.evaluation.log import append\n"
        "for i in range(40): append(Path(sys.argv[1]), {'writer': sys.argv[2], 'i': i, 'text': 'x' * 5000})"
    )
    log = tmp_path / "log.jsonl"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(log), name], cwd=ROOT)  # fixed code, no shell
        for name in "abc"
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for name in "abc":
        assert [line["i"] for line in lines if line["writer"] == name] == list(range(40))


def test_no_log_yet_and_bad_input(tmp_path: Path) -> None:
    assert entries(tmp_path / "none") == ((), ())
    with pytest.raises(InputError, match="unknown protocol 'open'"):
        record(tmp_path / "log", **{**FIELDS, "protocol": "open"})
    with pytest.raises(InputError, match="needs a reason"):
        record(tmp_path / "log", **{**FIELDS, "reason": " "})
    assert not (tmp_path / "log").exists()
    with pytest.raises(InputError, match=r"cannot write the log .*: Is a directory"):
        append(tmp_path, {})
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the log"):
        append(tmp_path / "file" / "log", {})
