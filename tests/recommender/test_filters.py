"""Conditions as people write them."""

import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from recommender.conditions import FILTERS, READ, TAGS, filter_of
from recommender.console import word_as_options
from recommender.errors import InputError
from recommender.filters import meets, show_matching_copy, unmet
from recommender.lists import absolute, paths_in
from recommender.names import key_name
from recommender.types import Filter, Range, Track
from toy import ToyLibrary


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("90-130", 90, 130), ("90.5-", 90.5, math.inf), ("-130", -math.inf, 130), ("120", 120, 120), (" 1 - 2 ", 1, 2)],
)
def test_ranges(text, low, high):
    assert filter_of({"bpm": text}) == Filter(bpm=Range(low, high))


@pytest.mark.parametrize("text", ["", "-", "fast", "90 130", "90--130", "1-2-3", "nan", "1:30-2:00"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InputError, match="`bpm` .*such as 90-130"):
        filter_of({"bpm": text})


def test_a_range_that_ends_below_its_start_is_refused():
    with pytest.raises(InputError, match="`bpm` 130-90: the range ends below its start"):
        filter_of({"bpm": "130-90"})


@pytest.mark.parametrize(
    ("text", "low", "high"), [("2:30-4:00", 150, 240), ("90-", 90, math.inf), ("-1:00:00", -math.inf, 3600)]
)
def test_durations(text, low, high):
    assert filter_of({"duration": text}) == Filter(duration_s=Range(low, high))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Am", "A minor"),
        ("a minor", "A minor"),
        ("A min", "A minor"),
        ("Eb", "Eb major"),
        ("D#M", "Eb major"),
        ("Db minor", "C# minor"),
        ("Cb", "B major"),
        ("b", "B major"),
        ("bb", "Bb major"),
        ("F♯ MAJOR", "F# major"),
    ],
)
def test_keys(text, name):
    assert key_name(text) == name


@pytest.mark.parametrize("text", ["", "I", "A dorian", "C##", "13A", "8C", "A/B"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(InputError, match="`key` .*no key"):
        filter_of({"key": [text]})


def test_keys_are_written_as_the_analysis_writes_them():
    from recommender.extractors.audio.harmony import NAMES
    from recommender.names import KEYS

    assert KEYS == NAMES


def test_lists_of_files(tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text("a.mp3\n\n/music/../music/b c.mp3\n  \nid 7\n")
    found = paths_in(tmp_path / "list.txt")
    assert {str(tmp_path / "a.mp3"), "/music/b c.mp3", "id 7"} <= found
    with pytest.raises(InputError, match="cannot read the list of files .*none.txt: no such file"):
        paths_in(tmp_path / "none.txt")
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path / "x") in absolute(["./x"])
    assert str(Path.home() / "y") in absolute(["~/y"])


def test_a_filter_without_conditions_is_none():
    assert not Filter()
    assert Filter(bpm=Range(1, 2))
    assert Filter(only=frozenset())


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ({}, Filter()),
        ({"bpm": None, "keys": [], "half_double": False}, Filter()),
        ({"bpm": (90, 130)}, Filter(bpm=Range(90, 130))),
        ({"bpm": [None, 130.5]}, Filter(bpm=Range(-math.inf, 130.5))),
        ({"bpm": (90, None), "half_double": True}, Filter(bpm=Range(90, math.inf), half_double=True)),
        ({"bpm": np.float32(120)}, Filter(bpm=Range(120, 120))),
        ({"bpm": 0}, Filter(bpm=Range(0, 0))),
        ({"bpm": Range(1, 2)}, Filter(bpm=Range(1, 2))),
        ({"bpm": "90-"}, Filter(bpm=Range(90, math.inf))),
        ({"duration": ("2:30", None)}, Filter(duration_s=Range(150, math.inf))),
        ({"duration_s": (90, "2:00")}, Filter(duration_s=Range(90, 120))),
        ({"keys": ["Am", "e"]}, Filter(keys=frozenset(["A minor", "E major"]))),
        ({"key": "Db minor"}, Filter(keys=frozenset(["C# minor"]))),
        ({"genre": "Jazz", "licences": ("cc0",)}, Filter(genres=frozenset(["Jazz"]), licences=frozenset(["cc0"]))),
        ({"licence": "http://creativecommons.org/licenses/by/4.0/"}, Filter(licences=frozenset(["CC BY 4.0"]))),
        ({"folder": "/m//film/"}, Filter(folders=frozenset(["/m//film/", "/m/film"]))),
        ({"folders": [Path("/a"), "/b"]}, Filter(folders=frozenset(["/a", "/b"]))),
        ({"only": []}, Filter(only=frozenset())),
        (
            {"only": {"/m/a.mp3"}, "exclude": Path("/m/b")},
            Filter(only=frozenset(["/m/a.mp3"]), exclude=frozenset(["/m/b"])),
        ),
    ],
)
def test_a_filter_of_what_a_person_has(given, same):
    assert Filter.of(**given) == same


def test_paths_start_from_the_working_folder_or_from_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Filter.of(folder="~/Music", only=["a.mp3", "id 7"])
    assert str(Path.home() / "Music") in found.folders
    assert {str(tmp_path / "a.mp3"), "id 7"} <= found.only


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"bpm": "fast"}, "bpm fast: give a range such as 90-130, 90- or -130"),
        ({"bpm": (130, 90)}, "bpm (130, 90): the range ends below its start"),
        ({"bpm": (130, "90")}, "bpm (130, '90'): the range ends below its start"),
        ({"bpm": (1, 2, 3)}, "bpm (1, 2, 3): give a range such as 90-130, 90- or -130, in Python also 90, (90, 130)"),
        ({"bpm": float("nan")}, "bpm nan: give a range such as 90-130, 90- or -130, in Python also 90, (90, 130)"),
        ({"bpm": True}, "bpm True: give a range such as 90-130, 90- or -130, in Python also 90, (90, 130)"),
        ({"duration": {"low": 1}}, "duration {'low': 1}: give a range such as 90-130, 90- or -130, in Python also"),
        ({"duration_s": "1:30-soon"}, "duration_s 1:30-soon: give a range"),
        ({"keys": ["Am", "X"]}, "keys X: no key"),
        ({"key": 5}, "key 5: give a text, or a list of them"),
        ({"genre": ["Jazz", None]}, "genre ['Jazz', None]: give a text, or a list of them"),
        ({"folder": 7}, "folder 7: give a path, or a list of them"),
        ({"bpm": 9, "half_double": "no"}, "half_double 'no': give True or False"),
        ({"half_double": True}, "half_double says how bpm is meant: give a range of tempi"),
        ({"key": "Am", "keys": ["C"]}, "keys and key are the same: give one of them"),
        (
            {"tempo": 9},
            "no filter tempo; known are: bpm, half_double, key, duration, folder, genre, licence, album, album_artist, "
            "instrumental, year, only, exclude",
        ),
    ],
)
def test_what_is_no_filter_is_refused_by_the_name_of_the_argument(given, complaint):
    with pytest.raises(InputError) as refused:
        Filter.of(**given)
    assert str(refused.value).replace("`", "").startswith(complaint)
    assert "--" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_every_condition_is_declared_once_and_reads_what_a_track_has():
    declared = [one.field for one in FILTERS]
    assert sorted(declared) == sorted(field.name for field in fields(Filter))
    assert len({one.option for one in FILTERS}) == len(declared)
    assert {one.name for one in READ} <= {field.name for field in fields(Track)}
    assert TAGS == ("genre", "licence", "album", "album_artist", "year")


TRACK = Track(
    1,
    "/m/film/a.mp3",
    "music",
    "a",
    duration_s=150.0,
    bpm=100.0,
    key="A minor",
    genre="Rock; Hip-Hop/Rap",
    licence="CC BY 4.0",
    copies=("/m/b/a.mp3",),
)


@pytest.mark.parametrize(
    ("where", "met"),
    [
        (Filter(), True),
        (Filter(bpm=Range(100, 100)), True),
        (Filter(bpm=Range(100.1, 199.9)), False),
        (Filter(bpm=Range(50, 50)), False),
        (Filter(bpm=Range(50, 50), half_double=True), True),
        (Filter(bpm=Range(200, 200), half_double=True), True),
        (Filter(bpm=Range(100, 100), half_double=True), True),
        (Filter(bpm=Range(50.1, 99.9), half_double=True), False),
        (Filter(bpm=Range(300, 300), half_double=True), False),
        (Filter(half_double=True), True),
        (Filter(duration_s=Range(-math.inf, 150)), True),
        (Filter(keys=frozenset(["A minor", "C major"])), True),
        (Filter(keys=frozenset(["A major"])), False),
        (Filter(genres=frozenset(["rap"])), True),
        (Filter(genres=frozenset(["HIP-HOP/RAP"])), True),
        (Filter(genres=frozenset(["Roc"])), False),
        (Filter(licences=frozenset(["cc by 4.0"])), True),
        (Filter(licences=frozenset(["CC BY"])), False),
        (Filter(folders=frozenset(["/m/b"])), True),
        (Filter(folders=frozenset(["/m/fil", "/m/film/a.mp3"])), False),
        (Filter(folders=frozenset(["/"])), True),
        (Filter(only=frozenset(["/m/b/a.mp3"])), True),
        (Filter(only=frozenset(["/m/b/a.mp3"]), folders=frozenset(["/m/film"])), False),  # one path meets both
        (Filter(exclude=frozenset(["/m/b/"])), False),
        (Filter(exclude=frozenset(["/m/b/a.mp3"])), False),
        (Filter(exclude=frozenset(["/m/c", "/m/b/a"])), True),
    ],
)
def test_what_conditions_mean(where, met):
    assert meets(TRACK, where) == met


def test_what_is_unknown_meets_no_condition():
    unknown = Track(1, "/m/a.mp3", "music", "a")
    for where in (
        Filter(bpm=Range(-math.inf, math.inf)),
        Filter(bpm=Range(-math.inf, math.inf), half_double=True),
        Filter(duration_s=Range(-math.inf, math.inf)),
        Filter(keys=frozenset(["C major"])),
        Filter(genres=frozenset(["x"])),
        Filter(licences=frozenset(["x"])),
    ):
        assert not meets(unknown, where)


def test_a_track_is_shown_by_the_path_that_was_asked_for():
    shown = show_matching_copy(TRACK, Filter(folders=frozenset(["/m/b"])))
    assert (shown.path, shown.copies) == ("/m/b/a.mp3", ("/m/film/a.mp3",))
    assert show_matching_copy(TRACK, Filter(folders=frozenset(["/m"]))) is TRACK
    assert show_matching_copy(TRACK, Filter(bpm=Range(1, 2))) is TRACK


def test_an_unmet_filter_says_what_each_condition_leaves():
    library = ToyLibrary({f"/m/{i}.mp3": [[0.0, 0.0]] * i for i in range(1, 5)})  # 10 to 25 s
    where = Filter(
        bpm=Range(90, 130),
        duration_s=Range(20, math.inf),
        keys=frozenset(["C major", "A minor"]),
        folders=frozenset(["/x y", "x y"]),
        exclude=frozenset(["/m/1.mp3"]),
    )
    assert word_as_options(unmet(library, "music", where)) == (
        "no track meets all conditions; of 4 tracks, --bpm 90-130 leaves 4, --duration 20- s leaves 2, "
        "--key A minor or C major leaves 4, --folder /x y leaves 0, --exclude leaves 3"
    )
    assert "--bpm 120 leaves 4" in word_as_options(unmet(library, "music", Filter(bpm=Range(120, 120))))


def test_an_unmet_filter_says_so_without_options_in_python():
    library = ToyLibrary({"/m/1.mp3": [[0.0, 0.0]]})
    assert str(unmet(library, "music", Filter.of(bpm=(50, 70), key="C"))) == (
        "no track meets all conditions; of 1 tracks, `bpm` 50-70 leaves 0, `key` C major leaves 1; "
        "1 would with `half_double`"
    )


def test_an_unmet_tempo_says_what_half_and_double_would_leave():
    library = ToyLibrary({f"/m/{i}.mp3": [[0.0, 0.0]] * i for i in range(1, 5)})  # all at 120 bpm
    slow = Filter(bpm=Range(50, 70), duration_s=Range(20, math.inf))
    assert word_as_options(unmet(library, "music", slow)).endswith(
        "--bpm 50-70 leaves 0, --duration 20- s leaves 2; 2 would with --half-double"
    )
    assert word_as_options(unmet(library, "music", replace(slow, half_double=True))).endswith(
        "--bpm 50-70 --half-double leaves 4, --duration 20- s leaves 2"
    )
    assert word_as_options(unmet(library, "music", Filter(bpm=Range(61, 70)))).endswith("--bpm 61-70 leaves 0")
