"""What contains what: a mix beside its songs, told, kept in order, never passed on."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import toy
from test_versions import Cutting, add, groups

import media_samples
from indexing import ingest
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import verify
from recommender.sample.pieces import PIECES
from recommender.sample.score import waveform


@pytest.fixture
def mixed(tmp_path):
    """Songs 1 to 3, an album rip 4 of all of them, a copy 5 of song 1 in another encoding, and a cut 6 of the rip."""
    rng = np.random.default_rng(0)
    songs = [rng.integers(1, 1 << 32, n, dtype=np.uint32) for n in (300, 250, 200)]
    rip = np.concatenate(songs)
    codes = dict(enumerate([*songs, rip, songs[0] ^ (np.arange(300) % 4 > 0).astype(np.uint32), rip[:560]], start=1))
    with Library.create(tmp_path / "l", Cutting(codes=codes).space) as library:
        for stem in codes:
            toy(tmp_path / "m" / f"{stem}.mp3", stem, 2)
        add(library, tmp_path / "m", Cutting(codes=codes))
        yield library, Cutting(codes=codes), tmp_path / "m"


def containment(library: Library) -> dict[str, tuple[str, str]]:
    """Names of what contains each track, and of what it contains; the same from a query's look-up and from a list."""

    def stems(paths):
        return "".join(Path(path).stem for path in paths)

    listed = {t.id: (stems(t.also_in), stems(t.contains)) for t in library.tracks()}
    asked = {t.id: (stems(t.also_in), stems(t.contains)) for t in library.tracks_of(library.ids("music"))}
    assert listed == asked
    return {Path(t.path).stem: listed[t.id] for t in library.tracks() if listed[t.id] != ("", "")}


SAME = {"1": {"5"}, "5": {"1"}, "4": {"6"}, "6": {"4"}}
HELD = {"1": ("46", ""), "5": ("46", ""), "2": ("46", ""), "3": ("4", ""), "4": ("", "1235"), "6": ("", "125")}


def test_a_mix_does_not_make_its_songs_one(mixed):
    library, *_ = mixed
    assert groups(library) == SAME
    assert containment(library) == HELD
    found = library.search(np.ones(8), 6, "music")
    assert len(found.ids) == 4  # three songs and the rip, each once
    assert verify(library) == []


def test_containment_follows_what_comes_and_goes(mixed):
    library, analyser, folder = mixed
    generation = library.generation
    (folder / "4.mp3").unlink()
    (folder / "1.mp3").unlink()
    list(ingest.update(library, analyser, executor="inline"))
    assert library.generation > generation
    assert containment(library) == {"5": ("6", ""), "2": ("6", ""), "6": ("", "25")}
    assert groups(library) == {}
    toy(folder / "4.mp3", 4, 2)  # in a session of its own, matched with what is there
    list(ingest.update(library, analyser, executor="inline"))
    assert containment(library)["4"] == ("", "235")
    compact(library.folder)
    library.reload()
    assert containment(library)["4"] == ("", "235")
    assert verify(library) == []


@pytest.mark.parametrize("measures", ["1", "2"])
def test_another_model_keeps_what_contains_what(mixed, measures):
    library, analyser, _ = mixed
    list(ingest.upgrade(library, replace(analyser, revision="2", measures=measures), executor="inline"))
    assert (groups(library), containment(library)) == (SAME, HELD)
    assert verify(library) == []


def test_a_library_that_was_grouped_by_other_rules_is_grouped_anew_without_decoding(mixed, monkeypatch):
    library, analyser, _ = mixed
    monkeypatch.setattr(Cutting, "analyse", None)
    with closing(sqlite3.connect(library.folder / "catalog.sqlite")) as connection:
        connection.executescript(
            "PRAGMA user_version = 0; DELETE FROM contained; DELETE FROM recordings;"
            "INSERT INTO recordings SELECT id, 4 FROM tracks; UPDATE meta SET generation = generation + 1"
        )
    library.reload()
    assert len(library.search(np.ones(8), 6, "music").ids) == 1
    list(ingest.update(library, analyser, executor="inline"))
    assert (groups(library), containment(library)) == (SAME, HELD)
    generation = library.generation
    list(ingest.update(library, analyser, executor="inline"))
    assert library.generation == generation  # once
    assert verify(library) == []


def test_what_refers_to_nothing_is_dropped_by_repair(mixed):
    library, analyser, _ = mixed
    with closing(sqlite3.connect(library.folder / "catalog.sqlite")) as connection:
        connection.executescript("INSERT INTO contained VALUES (1, 77), (78, 2); UPDATE meta SET uid = uid")
    assert verify(library) != []
    list(repair(library.folder, analyser, executor="inline"))
    library.reload()
    assert verify(library) == []
    assert containment(library) == HELD


def test_a_catalog_that_is_made_anew_knows_what_contains_what(mixed):
    library, analyser, _ = mixed
    library.close()
    (library.folder / "catalog.sqlite").unlink()
    list(repair(library.folder, analyser, executor="inline"))
    library.reload()
    assert (groups(library), containment(library)) == (SAME, HELD)


def test_songs_and_a_rip_of_them_are_all_recommended_and_tell_of_each_other(run, tmp_path, clip_folder):
    """Three generated pieces and one file that holds all of them, by the built-in model and the command line."""
    home = tmp_path / "m"
    home.mkdir()
    pieces = [waveform(piece, 20.0) for piece in PIECES[:3]]
    for number, y in enumerate(pieces):
        media_samples.sound(home / f"song{number}.ogg", y, 22050)
    media_samples.sound(home / "album rip.mp3", np.concatenate(pieces), 22050)
    run("index", "add", home, "--library", tmp_path / "l")
    asked = ("--video", clip_folder / "calm.mp4", "--library", tmp_path / "l")
    told = {Path(r["path"]).name: r for r in json.loads(run(*asked, "--format", "json").out)}
    assert set(told) == {"song0.ogg", "song1.ogg", "song2.ogg", "album rip.mp3"}
    songs = [str(home / f"song{number}.ogg") for number in range(3)]
    assert told["album rip.mp3"]["contains"] == songs
    assert all(told[Path(song).name]["also_in"] == [str(home / "album rip.mp3")] for song in songs)
    assert not any(r["versions"] for r in told.values())
    text = run(*asked).out
    assert text.count("  also in: ") == 3
    assert f"contains: {home / 'song0.ogg'} (and 2 more; --versions lists them)" in text
    assert run(*asked, "--versions").out.count("  contains: ") == 3
    listed = json.loads(run("index", "list", "--library", tmp_path / "l", "--format", "json").out)
    assert {Path(r["path"]).name: r["also_in"] for r in listed} == {name: r["also_in"] for name, r in told.items()}
    assert {Path(r["path"]).name: r["contains"] for r in listed} == {name: r["contains"] for name, r in told.items()}
