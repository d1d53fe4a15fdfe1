"""The page that adds a filter: its changes, made to a copy of the program, filter a library by album."""

import json
from functools import partial
from pathlib import Path

import pytest

import media_samples
from pieces import SR_HZ, chords
from running import ROOT
from tutorials import Program, change_copy, changes, commands, files_of, scripts

PAGE = ROOT / "docs" / "adding_a_filter.md"
ALBUMS = {"dawn": "First Light", "noon": "First  light", "late": "Night Drive", "loose": ""}


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Program:
    """The program with the changes made."""
    return change_copy(PAGE, tmp_path_factory.mktemp("changed"))


@pytest.fixture(scope="module")
def tagged(home, tmp_path_factory) -> Path:
    """The library `tagged`, made by the program as it is, and where its music and a clip are."""
    from indexing import Library, ingest
    from recommender import Model

    folder = tmp_path_factory.mktemp("tagged")
    (folder / "music").mkdir()
    pieces = (((0, 4, 7), 1.5), ((0, 3, 7), 1.5), ((0, 4, 7), 0.25), ((0, 1, 6), 0.2))
    for seed, ((name, album), (semitones, beat_s)) in enumerate(zip(ALBUMS.items(), pieces, strict=True)):
        path = folder / "music" / f"{name}.mp3"
        media_samples.sound(path, chords(semitones, beat_s, 12, seed), SR_HZ, **({"album": album} if album else {}))
    media_samples.clip(folder / "clip.mp4")
    model = Model.load()
    with Library.create("tagged", model.space) as library:
        list(ingest.add(library, [folder / "music"], model, workers=1))
    return folder


@pytest.fixture
def ask(changed, tagged):
    """`ask("recommend", ...)`: what the changed program prints."""
    return partial(changed.ask, cwd=tagged)


def test_it_takes_few_lines_in_few_files():
    assert files_of(PAGE) == ["recommender/conditions.py", "recommender/types.py"]
    assert sum(after.count("\n") - before.count("\n") for _, before, after in changes(PAGE)) == 3


def test_the_command_filters_by_album(ask, run):
    (command,) = commands(PAGE)
    assert run(*command[1:]).code == 2  # the program as it is has no such option
    rows = json.loads(ask(*command))
    assert {(row["title"], row["album"]) for row in rows} == {("dawn", "First Light"), ("noon", "First light")}
    assert len(json.loads(ask(*command, "--album", "NIGHT DRIVE"))) == 3
    assert "Only from this album" in ask("recommend", "--help")
    told = ask("recommend", "--video", "clip.mp4", "--library", "tagged", "--album", "Dusk", code=1)
    assert told == "error: no track meets all conditions; of 4 tracks, --album Dusk leaves 0\n"


def test_python_filters_by_album_before_and_after_the_snapshot_knows_it(ask, home):
    (script,) = scripts(PAGE)
    expected = ["dawn from First Light", "late from Night Drive", "noon from First light"]
    assert sorted(ask("python", "-c", script).splitlines()) == expected
    ask("recommend", "index", "repair", "--library", "tagged")
    (facts,) = (home / "libraries" / "tagged").glob("snapshots/*/music/facts")
    assert (facts / "album_names.npy").exists()
    assert sorted(ask("python", "-c", script).splitlines()) == expected
    listed = json.loads(ask("recommend", "index", "list", "--library", "tagged", "--format", "json"))
    assert {row["title"]: row["album"] for row in listed} == {
        "dawn": "First Light",
        "noon": "First light",
        "late": "Night Drive",
        "loose": None,
    }
