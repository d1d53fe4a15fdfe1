"""Conditions as people write them."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from recommender.errors import InputError
from recommender.filters import absolute, duration_of, key_name, led, meets, paths_in, range_of, unmet
from recommender.types import Filter, Range, Track
from toy import ToyLibrary


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("90-130", 90, 130), ("90.5-", 90.5, math.inf), ("-130", -math.inf, 130), ("120", 120, 120), (" 1 - 2 ", 1, 2)],
)
def test_ranges(text, low, high):
    assert range_of(text, "bpm") == Range(low, high)


@pytest.mark.parametrize("text", ["", "-", "fast", "90 130", "90--130", "1-2-3", "nan", "1:30-2:00"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InputError, match="--bpm .*such as 90-130"):
        range_of(text, "bpm")


def test_a_range_that_ends_below_its_start_is_refused():
    with pytest.raises(InputError, match="--bpm 130-90: the range ends below its start"):
        range_of("130-90", "bpm")


@pytest.mark.parametrize(
    ("text", "low", "high"), [("2:30-4:00", 150, 240), ("90-", 90, math.inf), ("-1:00:00", -math.inf, 3600)]
)
def test_durations(text, low, high):
    assert duration_of(text) == Range(low, high)


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


@pytest.mark.parametrize("text", ["", "H", "A dorian", "C##", "5A"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(InputError, match="--key .*no key"):
        key_name(text)


def test_keys_are_written_as_the_analysis_writes_them():
    from recommender.extractors.audio.harmony import NAMES
    from recommender.filters import KEYS

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
    shown = led(TRACK, Filter(folders=frozenset(["/m/b"])))
    assert (shown.path, shown.copies) == ("/m/b/a.mp3", ("/m/film/a.mp3",))
    assert led(TRACK, Filter(folders=frozenset(["/m"]))) is TRACK
    assert led(TRACK, Filter(bpm=Range(1, 2))) is TRACK


def test_an_unmet_filter_says_what_each_condition_leaves():
    library = ToyLibrary({f"/m/{i}.mp3": [[0.0, 0.0]] * i for i in range(1, 5)})  # 10 to 25 s
    where = Filter(
        bpm=Range(90, 130),
        duration_s=Range(20, math.inf),
        keys=frozenset(["C major", "A minor"]),
        folders=frozenset(["/x y", "x y"]),
        exclude=frozenset(["/m/1.mp3"]),
    )
    assert unmet(library, "music", where) == (
        "no track meets all conditions; of 4 tracks, --bpm 90-130 leaves 4, --duration 20- s leaves 2, "
        "--key A minor or C major leaves 4, --folder /x y leaves 0, --exclude leaves 3"
    )
    assert "--bpm 120 leaves 4" in unmet(library, "music", Filter(bpm=Range(120, 120)))


def test_an_unmet_tempo_says_what_half_and_double_would_leave():
    library = ToyLibrary({f"/m/{i}.mp3": [[0.0, 0.0]] * i for i in range(1, 5)})  # all at 120 bpm
    slow = Filter(bpm=Range(50, 70), duration_s=Range(20, math.inf))
    assert unmet(library, "music", slow).endswith(
        "--bpm 50-70 leaves 0, --duration 20- s leaves 2; 2 would with --half-double"
    )
    assert unmet(library, "music", replace(slow, half_double=True)).endswith(
        "--bpm 50-70 --half-double leaves 4, --duration 20- s leaves 2"
    )
    assert unmet(library, "music", Filter(bpm=Range(61, 70))).endswith("--bpm 61-70 leaves 0")
