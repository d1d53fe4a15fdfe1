"""The page that adds a filter: its changes, made to a copy of the program, filter a library by album."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import media_samples
from pieces import SR_HZ, chords
from running import ROOT
from test_docs import blocks

PAGE = ROOT / "docs" / "adding_a_filter.md"
ALBUMS = {"dawn": "First Light", "noon": "First  light", "late": "Night Drive", "loose": ""}


def changes() -> list[tuple[str, str, str]]:
    """Of every change of the page: the file, its lines before and after."""
    found = []
    for block in blocks(PAGE, "diff"):
        file, *lines = block.splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line[0] in signs) for signs in (" -", " +"))
        found.append((file.strip(), before, after))
    return found


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Path:
    """The program with the changes made."""
    copy = tmp_path_factory.mktemp("changed")
    shutil.copy(ROOT / "cli.py", copy)
    for package in ("recommender", "indexing", "training"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, copy / package, ignore=ignored, copy_function=os.symlink)
    for file, before, after in changes():
        source = (copy / file).read_text(encoding="utf-8")
        assert source.count(before) == 1, f"{file} has changed: {before}"
        (copy / file).unlink()  # the link, not what it leads to
        (copy / file).write_text(source.replace(before, after), encoding="utf-8")
    return copy


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
    """`ask("cli.py", ...)`: the output of the changed program's Python, and its exit code."""

    def run(*args: object, code: int = 0) -> str:
        asked = [sys.executable, *map(str, args)]
        env = os.environ | {"PYTHONPATH": str(changed)}
        ran = subprocess.run(asked, cwd=tagged, env=env, capture_output=True, text=True, check=False, timeout=120)
        assert ran.returncode == code, ran.stderr
        return ran.stdout if code == 0 else ran.stderr

    return run


def test_it_takes_few_lines_in_few_files():
    assert len({file for file, _, _ in changes()}) == 2
    assert sum(after.count("\n") - before.count("\n") for _, before, after in changes()) == 3


def test_the_command_filters_by_album(changed, tagged, ask, run):
    (line,) = blocks(PAGE, "console")
    command = ["--video", "clip.mp4", "--library", "tagged", "--album", "first light", "--format", "json"]
    assert line.split('"')[1] == "first light"
    assert line.replace('"', "").split() == ["recommend", *" ".join(command).split()]
    cli = changed / "cli.py"
    assert run(*command).code == 2  # the program as it is has no such option
    rows = json.loads(ask(cli, *command))
    assert {(row["title"], row["album"]) for row in rows} == {("dawn", "First Light"), ("noon", "First light")}
    assert len(json.loads(ask(cli, *command, "--album", "NIGHT DRIVE"))) == 3
    assert "Only from this album" in ask(cli, "--help")
    told = ask(cli, "--video", "clip.mp4", "--library", "tagged", "--album", "Dusk", code=1)
    assert told == "error: no track meets all conditions; of 4 tracks, --album Dusk leaves 0\n"


def test_python_filters_by_album_before_and_after_the_snapshot_knows_it(changed, tagged, ask, home):
    (script,) = blocks(PAGE, "python")
    expected = ["dawn from First Light", "late from Night Drive", "noon from First light"]
    assert sorted(ask("-c", script).splitlines()) == expected
    ask(changed / "cli.py", "index", "repair", "--library", "tagged")
    (facts,) = (home / "libraries" / "tagged").glob("snapshots/*/music/facts")
    assert (facts / "album_names.npy").exists()
    assert sorted(ask("-c", script).splitlines()) == expected
    listed = json.loads(ask(changed / "cli.py", "index", "list", "--library", "tagged", "--format", "json"))
    assert {row["title"]: row["album"] for row in listed} == {
        "dawn": "First Light",
        "noon": "First light",
        "late": "Night Drive",
        "loose": None,
    }
