"""Tags as a library keeps them: album, album artist and year, read again where nobody looked or a charset is given.

Files and ids are found as people write them.
"""

import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeAnalyser, toy

from indexing import beats, ingest
from indexing.disk.locations import CATALOG
from indexing.ingest.events import Removed, Skipped
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from recommender.errors import InputError, LibraryError
from recommender.types import Filter


def tag(path: Path, **items: str) -> Path:
    """An APEv2 tag of ASCII at the end of a file, which the fake model reads over."""
    body = b"".join(
        len(text).to_bytes(4, "little") + bytes(4) + name.encode() + b"\0" + text.encode()
        for name, text in items.items()
    )
    numbers = b"".join(n.to_bytes(4, "little") for n in (1, len(body) + 32, len(items), 0))
    path.write_bytes(path.read_bytes() + b"\n" + body + b"APETAGEX" + numbers + bytes(8))
    return path


@pytest.fixture
def tagged(tmp_path: Path) -> Path:
    """Four toy tracks of two albums and three years; one says nothing of itself."""
    for i, items in enumerate(
        [
            {"Album": "Blue Train", "Album Artist": "Trane", "Year": "1957", "Title": "One"},
            {"Album": "blue  train", "Album Artist": "Others", "Year": "1958-01-02", "Title": "Two"},
            {"Album": "Giant", "Year": "1960", "Title": "Three"},
        ]
    ):
        tag(toy(tmp_path / "music" / f"{i}.mp3", i), **items)
    toy(tmp_path / "music" / "3.mp3", 3)
    return tmp_path / "music"


def told(library: Library) -> dict[str, tuple]:
    """Album, album artist and year of every track by title, the same from snapshot and catalog."""
    shown = library.tracks_of(library.ids("music"))
    listed = {t.path: (t.album, t.album_artist, t.year) for t in library.tracks()}
    assert {t.path: (t.album, t.album_artist, t.year) for t in shown} == listed
    return {Path(path).stem: values for path, values in sorted(listed.items())}


class Reading(FakeAnalyser):
    """The fake model, with the tags that are in the file."""

    def analyse(self, path, modality):
        from dataclasses import replace

        from recommender.tags import read_tags

        return replace(super().analyse(path, modality), tags=read_tags(path))


TOLD = {
    "0": ("Blue Train", "Trane", 1957),
    "1": ("blue train", "Others", 1958),
    "2": ("Giant", None, 1960),
    "3": (None, None, None),
}


@pytest.fixture
def made(tmp_path: Path, tagged: Path):
    """A library of them."""
    with Library.create(tmp_path / "library", Reading().space) as library:
        list(ingest.add(library, [tagged], Reading(), executor="inline"))
        yield library


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ({"album": "Blue Train"}, "01"),
        ({"album": ["GIANT", "none"]}, "2"),
        ({"album_artist": "trane"}, "0"),
        ({"year": (1957, 1958)}, "01"),
        ({"year": "1958-"}, "12"),
        ({"year": 1960}, "2"),
        ({"year": "0-3000"}, "012"),
    ],
)
def test_album_album_artist_and_year_are_facts_and_filters(made, where, left):
    assert told(made) == TOLD
    assert all(isinstance(track.year, int | None) for track in made.tracks())
    found = made.tracks_of(made.ids("music", Filter.of(**where)))
    assert "".join(sorted(Path(track.path).stem for track in found)) == left


def forget(folder: Path) -> None:
    """Make the catalog as it was before it kept them: nobody looked."""
    with closing(sqlite3.connect(folder / CATALOG, isolation_level=None)) as connection:
        connection.execute("UPDATE files SET album = NULL, album_artist = NULL, year = NULL, title = 'garbled'")


def test_an_update_reads_tags_that_nobody_looked_at_once(made, tagged, monkeypatch):
    forget(made.folder)
    read = []
    from indexing.ingest import pipeline

    whole = pipeline.read_tags
    monkeypatch.setattr(pipeline, "read_tags", lambda path, charset: read.append(path.name) or whole(path, charset))
    (tagged / "2.mp3").chmod(0o644)
    for expected in (["0.mp3", "1.mp3", "2.mp3", "3.mp3"], []):
        read.clear()
        log = list(ingest.update(made, Reading(), executor="inline"))
        assert {type(event) for event in log[1:]} == {Skipped}  # nothing is analysed
        assert sorted(read) == expected
        assert told(made) == TOLD
        titles = {Path(track.path).stem: track.title for track in made.tracks()}
        assert titles == {"0": "One", "1": "Two", "2": "Three", "3": "garbled"}  # what a file does not say is kept
    assert made._facts  # the snapshot is current again
    list(ingest.update(made, Reading(), executor="inline", tag_charset="cp1251"))
    assert len(read) == 4


def test_what_is_out_of_reach_is_looked_at_later(made, tagged, monkeypatch):
    forget(made.folder)
    monkeypatch.setattr("indexing.ingest.pipeline.os.access", lambda path, mode: not str(path).endswith("0.mp3"))
    list(ingest.update(made, Reading(), executor="inline"))
    assert told(made)["0"] == (None, None, None)
    monkeypatch.undo()
    list(ingest.update(made, Reading(), executor="inline"))
    assert told(made) == TOLD


def test_a_charset_that_is_none_is_refused_before_anything_is_done(made):
    with pytest.raises(InputError, match="`tag_charset` cp12510: no charset"):
        list(ingest.update(made, Reading(), executor="inline", tag_charset="cp12510"))


APART = unicodedata.normalize("NFD", "Björk Ö")
COMPOSED = unicodedata.normalize("NFC", APART)


@pytest.fixture
def apart(tmp_path: Path):
    """A library of a folder whose names were written by macOS."""
    for seed in range(3):
        toy(tmp_path / "music" / (APART if seed else "other") / f"{seed}.mp3", seed)
    with Library.create(tmp_path / "library", FakeAnalyser().space) as library:
        list(ingest.add(library, [tmp_path / "music"], FakeAnalyser(), executor="inline"))
        yield library


def test_a_library_spells_paths_as_they_are(apart, tmp_path):
    music = tmp_path / "music"
    mixed = unicodedata.normalize("NFC", "Bjö") + unicodedata.normalize("NFD", "rk Ö")
    entries = [str(music / name) for name in (COMPOSED, APART, mixed, f"{COMPOSED}/1.mp3", "other/", "gone", "Other")]
    assert apart.spellings(entries) == {
        **{str(music / name): {str(music / APART)} for name in (COMPOSED, APART, mixed)},
        str(music / COMPOSED / "1.mp3"): {str(music / APART / "1.mp3")},
        str(music / "other"): {str(music / "other")},
    }
    with pytest.raises(LibraryError, match="no track"):
        beats.id_at(apart, str(music / "gone.mp3"))
    assert beats.id_at(apart, str(music / COMPOSED / "1.mp3")) in apart.ids("music")


def test_files_that_failed_are_known(apart, tmp_path):
    toy(tmp_path / "music" / "bad.mp3", "bad")
    list(ingest.update(apart, FakeAnalyser(), executor="inline"))
    assert apart.spellings([str(tmp_path / "music" / "bad.mp3")])


def test_what_is_removed_is_found_as_people_write_it(apart, tmp_path):
    events = list(ingest.remove(apart, [tmp_path / "music" / COMPOSED, tmp_path / "music" / "OTHER"]))
    removed = [event.path for event in events if isinstance(event, Removed)]
    assert removed == [str(tmp_path / "music" / APART / f"{i}.mp3") for i in (1, 2)]
    assert [event.reason for event in events if isinstance(event, Skipped)] == ["not in the library"]
    assert apart.count("music") == 1


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    np.save(tmp_path / "v.npy", np.eye(4, dtype=np.float32))
    return tmp_path / "v.npy"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_imported_keys_tempi_and_years_as_people_write_them(tmp_path, vectors, encoding):
    rows = ['1,"90,5",A minor,Blue,1957', "2,91 BPM,Am,Blue,", "3,92,8A,,", "4,, a-moll,Green,1960"]
    (tmp_path / "ids.csv").write_text("\n".join(["id,bpm,key,album,year", *rows]), encoding=encoding)
    import_vectors(tmp_path / "l", vectors, tmp_path / "ids.csv", space="s")
    with Library.open(tmp_path / "l") as library:
        found = library.tracks_of(library.ids("music", Filter.of(key="8A")))
        assert [(t.bpm, t.key, t.album, t.year) for t in found] == [
            *[(90.5, "A minor", "Blue", 1957), (91, "A minor", "Blue", None), (92, "A minor", None, None)],
            (None, "A minor", "Green", 1960),
        ]
        assert library.count("music", Filter.of(year="1957-1959", album="blue")) == 1


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("3,92,9C", r"row 2 \(counted from 0\): key is 9C: no key"),
        ("3,fast,Am", r"row 2 \(counted from 0\): bpm is 'fast'"),
    ],
)
def test_an_imported_key_that_is_none_is_named_with_its_row(tmp_path, vectors, row, told):
    (tmp_path / "ids.csv").write_text(f"id,bpm,key\n1,90,Am\n2,,\n{row}\n4,93,C\n")
    with pytest.raises(InputError, match=told):
        import_vectors(tmp_path / "l", vectors, tmp_path / "ids.csv", space="s")
    assert not (tmp_path / "l").exists()


def test_an_id_is_the_same_in_every_normal_form(tmp_path, vectors):
    for form in ("NFC", "NFD"):
        rows = [unicodedata.normalize(form, name) for name in ("Björk", "Ö", "a", "b")]
        (tmp_path / "ids.csv").write_text("\n".join(["id", *rows]), encoding="utf-8")
        made = import_vectors(tmp_path / "l", vectors, tmp_path / "ids.csv", space="s")
    assert (made.tracks, made.replaced) == (4, 4)
    with Library.open(tmp_path / "l") as library:
        assert library.spellings([unicodedata.normalize("NFD", "Björk")])


def test_keys_that_were_imported_as_they_were_are_met(tmp_path, vectors):
    """Libraries of before hold keys as their tables had them."""
    (tmp_path / "ids.csv").write_text("id,key\n1,Am\n2,C\n3,\n4,\n")
    import_vectors(tmp_path / "l", vectors, tmp_path / "ids.csv", space="s")
    with closing(sqlite3.connect(tmp_path / "l" / CATALOG, isolation_level=None)) as connection:
        connection.execute("""UPDATE tracks SET facts = replace(facts, '"A minor"', '"8A"')""")
    with Library.open(tmp_path / "l") as library:
        assert library.count("music", Filter.of(key="a-moll")) == 1
