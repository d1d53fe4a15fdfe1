"""Files and folders of a filter, as the library spells them: what is the same, and what names nothing."""

import logging
import unicodedata

import numpy as np
import pytest

from recommender.engine import Recommender
from recommender.errors import InputError
from recommender.filters import alike, settle
from recommender.memory import MemoryLibrary
from recommender.names import fold_key, key_name, tempo
from recommender.text import fold, fold_path, tidy
from recommender.types import Filter, Space, Track, TrackWindows, unit
from toy import ToyLibrary, ToyModel

COMPOSED, APART = (unicodedata.normalize(form, "/m/Björk/Jóga.mp3") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hip-Hop", "hip‐hop"),
        ("Drum ’n’ Bass", "drum 'N' bass"),
        ("“Live”", '"live"'),
        ("\ufeffRock", "rock"),
        ("Ro\u200bck", "Rock"),
        ("Dance\u00a0 Pop ", "dance pop"),
        (unicodedata.normalize("NFD", "Björk"), "BJÖRK"),
        ("Ｊａｚｚ", "jazz"),
        ("STRASSE", "straße"),
        ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
        ("Ⅳ", "iv"),
        ("…", "..."),
    ],
)
def test_names_that_look_equal_are(one, other):
    assert fold(one) == fold(other)
    assert fold(fold(one)) == fold(one)


@pytest.mark.parametrize(("one", "other"), [("Motörhead", "Motorhead"), ("CC BY", "CCBY"), ("Rock", "Roc")])
def test_names_that_look_different_are(one, other):
    assert fold(one) != fold(other)


def test_the_case_of_a_tidy_text_stays():
    assert tidy(" Ｂｂ–m\u200b") == "Bb-m"
    assert fold_path("/Ö/a") == fold_path(unicodedata.normalize("NFD", "/Ö/a")) != fold_path("/ö/a")


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (
            "Am|am|A min|Aminor|Ami|A-|a-moll|a Moll|la mineur|La minore|lam|8A|08a|1m|A:min|Ａｍ|\ufeffAm| A minor",
            "A minor",
        ),
        ("C|c|C major|Cmaj|CM|C-Dur|Do majeur|do|8B|1d|C\u00a0maj.", "C major"),
        ("A♯m|Bbm|B♭ minor|Ais-Moll|b-moll|B Moll|Bes minor|Si bémol mineur|A#/Bb minor|A sharp min|3A", "Bb minor"),
        ("B|H|h|H-Dur|Si|Cb|B major|1B", "B major"),
        ("Bm|Hm|h-moll|H Moll|Si mineur|10A", "B minor"),
        ("B-Dur|B Dur|Bb|B♭|Bb-Dur|6B", "Bb major"),
        ("C#m|C♯ minor|Cs minor|Cis-Moll|Db minor|des moll|C#/Db minor|Cs/Db minor|12A|Do dièse mineur", "C# minor"),
        ("Eb|Es|Es-Dur|D#|Dis Dur|Mi bémol|E-flat major|5B", "Eb major"),
        ("Ab minor|As-Moll|Asm|G#m|gis-moll|1A|Sol # min", "G# minor"),
        ("8A - Am|Am (8A)|8A/Am|Am/8A", "A minor"),
        ("F#|Gb|Fis-Dur|Ges-Dur|Fs major|fa diesis maggiore|Sol bemol mayor", "F# major"),
    ],
)
def test_keys_in_every_common_notation(texts, name):
    assert {text: key_name(text) for text in texts.split("|")} == dict.fromkeys(texts.split("|"), name)


def test_wheels_go_round_in_fifths():
    assert [key_name(f"{i}A") for i in range(1, 13)] == [
        *["G# minor", "Eb minor", "Bb minor", "F minor", "C minor", "G minor"],
        *["D minor", "A minor", "E minor", "B minor", "F# minor", "C# minor"],
    ]
    assert [key_name(f"{i}d") for i in (1, 2, 12)] == ["C major", "G major", "F major"]
    assert [key_name(f"{i}B") for i in (8, 9, 7)] == ["C major", "G major", "F major"]


@pytest.mark.parametrize("text", ["0A", "13B", "8C", "1A2", "Am/C", "8A/C", "minor", "o", "/", "A dorian", "X", ""])
def test_what_is_no_key(text):
    with pytest.raises(InputError, match="no key; write it as"):
        key_name(text)
    assert fold_key(text) == text


@pytest.mark.parametrize(
    ("text", "bpm"),
    [("128", 128), (" 92,5 ", 92.5), ("120 BPM", 120), ("120bpm", 120), ("fast", None), ("1,2,3", None), ("-5", None)],
)
def test_tempi(text, bpm):
    assert tempo(text) == bpm


def test_equal_in_normal_form_or_the_same_file(tmp_path):
    (tmp_path / "Music").mkdir()
    (tmp_path / "Music" / "a.mp3").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "Music")
    (tmp_path / "Music" / "A.MP3").hardlink_to(
        tmp_path / "Music" / "a.mp3"
    )  # a file system that does not tell case apart
    song = str(tmp_path / "Music" / "a.mp3")
    found = alike([COMPOSED, "/m/BJÖRK", str(tmp_path / "link"), str(tmp_path / "Music" / "A.MP3")], [APART, song])
    assert found == {
        COMPOSED: {APART},
        str(tmp_path / "link"): {str(tmp_path / "Music")},
        str(tmp_path / "Music" / "A.MP3"): {song},
    }


LIBRARY = {path: [[0.1, 0.1]] for path in (APART, "/m/b/x.mp3", "/m/b/y.mp3", "id 7", "http://a/b.mp3")}


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        (Filter.of(only=[COMPOSED]), 1),
        (Filter.of(exclude=[COMPOSED]), 4),
        (Filter.of(exclude=["/m/Björk/"]), 4),
        (Filter.of(folder="/m/Björk"), 1),
        (Filter.of(exclude="/m//b/../b"), 3),
        (Filter.of(exclude="id 7"), 4),
        (Filter.of(exclude=["http://a/b.mp3", "/"]), 1),
        (Filter.of(only=["http://a/b.mp3", "id 7"]), 2),
    ],
)
def test_files_are_found_as_the_library_spells_them(asked, left, caplog):
    engine = Recommender(ToyLibrary(LIBRARY), ToyModel())
    assert len(engine.recommend("0.5_0.5_10.mp4", where=asked)) == left
    settled = engine.settle(asked)
    assert engine.settle(settled) == settled
    assert not caplog.records


def test_what_names_nothing_is_told_once_and_ends_the_run_where_it_is_to_be_left_out(caplog):
    engine = Recommender(ToyLibrary(LIBRARY), ToyModel())
    where = Filter.of(only=["/m/b/x.mp3", *(f"/m/b/{i}.mp3" for i in range(5))])
    with caplog.at_level(logging.WARNING, "recommender"):
        for _ in range(2):
            assert len(engine.recommend("0.5_0.5_10.mp4", where=where)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "only: 5 entries name nothing in this library: /m/b/0.mp3, /m/b/1.mp3, /m/b/2.mp3 and 2 more"
    ]
    for wrong in ("/m/bb", "/m/b/x", "/m/B/x.mp3", "id 8", "http://a/c.mp3"):
        with pytest.raises(InputError, match="`exclude`: 1 entry names nothing in this library: .*; correct"):
            engine.recommend("0.5_0.5_10.mp4", where=Filter.of(exclude=["/m/b", wrong]))
        with pytest.raises(InputError, match="names nothing"):
            engine.retrieve(engine.clip("0.5_0.5_10.mp4"), 3, Filter.of(exclude=wrong))


def test_a_library_in_memory_spells_as_others(tmp_path):
    vectors = unit(np.eye(2, 3, dtype=np.float32))
    none, second = np.empty((1, 0), np.float32), np.array([[0.0, 0.0]])
    tracks = [Track(0, APART, "music", "a", copies=("/c/a.mp3",)), Track(0, "/m/b.mp3", "music", "b")]
    windows = [TrackWindows(second, vector[None], none, none) for vector in vectors]
    library = MemoryLibrary(Space("mine", "1", 3), tracks, windows)
    assert library.spellings([COMPOSED, "/c", "/x"]) == {COMPOSED: {APART}, "/c": {"/c"}}
    assert library.count("music", settle(library, Filter.of(exclude=[COMPOSED]))) == 1
