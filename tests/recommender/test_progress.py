"""Progress on a stream that is no terminal: a line now and then, with rate and time left."""

import pytest

from recommender.outputs import progress as module
from recommender.outputs.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_line_every_ten_seconds_with_rate_and_eta(clock, capsys):
    with Progress("analysing") as progress:
        progress.expect(100)
        for _ in range(30):
            clock[0] += 0.5
            progress.step()
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["analysing: 20/100, 2.0/s, 40 s left"]


def test_stages_with_changing_names_keep_one_clock(clock, capsys):
    with Progress("benchmark") as progress:
        for done in range(5):
            progress.stage(f"trial {done}", done, 5)
            clock[0] += 20
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "trial 4: 4/5, 0.1/s, 20 s left"


def test_stages_that_are_done_soon_are_not_shown(clock, capsys, monkeypatch):
    expected = []
    monkeypatch.setattr(Progress, "expect", lambda self, total: expected.append(clock[0]))
    with Progress("measuring", 2.0) as progress:
        for done in range(30):
            progress.stage("measuring", done, 30)
            clock[0] += 0.1
    assert expected[0] == pytest.approx(2.0)


def test_a_new_stage_starts_its_own_clock(clock, capsys):
    with Progress("training") as progress:
        progress.stage("render", 10, 10)
        clock[0] += 100
        progress.stage("measure", 1, 50)
        clock[0] += 10
        progress.stage("measure", 5, 50)
    assert capsys.readouterr().err.splitlines()[-1] == "measure: 5/50, 0.5/s, 90 s left".replace("90 s", "2 min")
