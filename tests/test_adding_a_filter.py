"""The page that adds a filter: its changes, made to a copy of the program, filter a library by how sure beats are."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import media_samples
from pieces import SR_HZ, chords
from running import ROOT
from tutorials import Program, change_copy, changes, commands, files_of, scripts

PAGE = ROOT / "docs" / "adding_a_filter.md"
PIECES = {"dawn": ((0, 4, 7), 1.5), "noon": ((0, 3, 7), 1.5), "late": ((0, 4, 7), 0.25), "loose": None}


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Program:
    """The program with the changes made."""
    return change_copy(PAGE, tmp_path_factory.mktemp("changed"))


@pytest.fixture(scope="module")
def beaten(home, tmp_path_factory) -> Path:
    """The library `beaten`, made by the program as it is, and where its music and a clip are."""
    from indexing import Library, ingest
    from recommender import Model

    folder = tmp_path_factory.mktemp("beaten")
    (folder / "music").mkdir()
    for seed, (name, piece) in enumerate(PIECES.items()):
        y = chords(*piece, 12, seed) if piece else np.full(12 * SR_HZ, 1e-3, np.float32)  # the last has nothing to tap
        media_samples.sound(folder / "music" / f"{name}.mp3", y, SR_HZ)
    media_samples.clip(folder / "clip.mp4")
    model = Model.load()
    with Library.create("beaten", model.space) as library:
        list(ingest.add(library, [folder / "music"], model, workers=1))
    return folder


@pytest.fixture(scope="module")
def sure(beaten) -> dict[str, float | None]:
    """How sure the beats of each piece are, as the catalog has it."""
    from indexing import Library
    from indexing.catalog.shown import COLUMNS

    with Library.open("beaten") as library, library.catalog() as catalog:
        rows = {
            Path(row[COLUMNS.index("path")].decode()).stem: json.loads(row[COLUMNS.index("facts")])["beat_confidence"]
            for row in catalog.facts("music")
        }
    assert rows["loose"] is None  # what is unknown meets no condition
    assert any((value or 0) >= 0.95 for value in rows.values())
    assert rows.keys() == PIECES.keys()
    return rows


@pytest.fixture
def ask(changed, beaten):
    """`ask("recommend", ...)`: what the changed program prints."""
    return partial(changed.ask, cwd=beaten)


def test_it_takes_few_lines_in_few_files():
    assert files_of(PAGE) == ["recommender/conditions.py", "recommender/types.py"]
    assert sum(after.count("\n") - before.count("\n") for _, before, after in changes(PAGE)) == 3


def test_the_command_filters_by_beats(ask, run, sure):
    (command,) = commands(PAGE)
    assert run(*command[1:]).code == 2  # the program as it is has no such option
    wanted = {name for name, value in sure.items() if (value or 0) >= 0.95}
    assert {row["title"] for row in json.loads(ask(*command))} == wanted
    assert "Only tracks whose beat is this sure" in ask("recommend", "--help")
    told = ask("recommend", "--video", "clip.mp4", "--library", "beaten", "--beat-confidence", "2-", code=1)
    assert told == "error: no track meets all conditions; of 4 tracks, --beat-confidence 2- leaves 0\n"


def test_python_filters_by_beats_before_and_after_the_snapshot_knows_it(ask, home, sure):
    (script,) = scripts(PAGE)
    expected = sorted(f"{name} {value}" for name, value in sure.items() if (value or 0) >= 0.95)
    assert sorted(ask("python", "-c", script).splitlines()) == expected
    ask("recommend", "index", "repair", "--library", "beaten")
    (facts,) = (home / "libraries" / "beaten").glob("snapshots/*/music/facts")
    assert (facts / "beat_confidence.npy").exists()
    assert sorted(ask("python", "-c", script).splitlines()) == expected
