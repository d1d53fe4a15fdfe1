"""What is known of tracks, as the snapshot has it: the same as the catalog's, current, and never needed."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeAnalyser, toy

from indexing import ingest
from indexing.catalog.shown import COLUMNS
from indexing.disk.locations import CATALOG
from indexing.disk.npy import NpyWriter, load_npy
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.verify import verify
from indexing.snapshot import facts
from indexing.snapshot.facts import Texts
from indexing.snapshot.filtering import mask_tracks
from indexing.snapshot.gathering import gather
from recommender.conditions import READ, TAGS, OneOf
from recommender.engine import Recommender
from recommender.errors import LibraryError
from recommender.types import Affect, Filter, Range, Track


def row(track_id, path, title=None, artist=None, duration_s=None, affect=(None,) * 4, **known):
    """A row as `catalog.facts` gives it."""
    values = dict(zip(Affect._fields, affect, strict=True))
    values |= {name: known.pop(name, None) for name in (*TAGS, "recording")}
    values |= {"id": track_id, "path": path, "title": title, "artist": artist, "duration_s": duration_s}
    values["facts"] = json.dumps(known)
    return tuple(values[name] for name in COLUMNS)


ROWS = [
    row(3, b"/m/a.mp3", "A", "Ann", 12.5, (0.5, -0.25, 0.125, 1.0), bpm=120, key="C major"),
    row(3, b"/m/b.mp3", "B", None, 12.5, (0.5, -0.25, 0.125, 1.0), bpm=120, key="C major"),
    row(5, None),
    row(8, b"/m/\xff \xc3\xa9.mp3", None, "Zoë", key="A minor"),
    row(9, b"/m/d.mp3", key="C major", bpm=None),
]


def test_voices_are_kept_and_masked(tmp_path):
    facts.save(tmp_path, gather([row(1, b"/a", voice=0.9), row(2, b"/b", voice=0.3), row(3, b"/c")]))
    found = facts.load(tmp_path, 3)
    assert mask_tracks(found, Filter.of(instrumental=True)).tolist() == [False, True, False]
    assert [track and track.voice for track in (found.track(i, i + 1, "music") for i in range(3))] == [0.9, 0.3, None]


@pytest.fixture
def gathered(tmp_path: Path) -> facts.Facts:
    """ROWS written and read again."""
    facts.save(tmp_path, gather(ROWS))
    return facts.load(tmp_path, 4)


def test_columns_by_hand(gathered):
    assert gathered.numbers["duration_s"].tolist() == pytest.approx([12.5, *[np.nan] * 3], nan_ok=True)
    assert gathered.numbers["bpm"].tolist() == pytest.approx([120, *[np.nan] * 3], nan_ok=True)
    key = gathered.named["key"]
    assert key.codes.tolist() == [0, -1, 1, 0]
    assert [key.names[i] for i in range(len(key.names))] == [b"C major", b"A minor"]
    assert gathered.affect[0].tolist() == [0.5, -0.25, 0.125, 1.0]
    assert np.isnan(gathered.affect[1:]).all()
    assert gathered.first.tolist() == [0, 2, 2, 3, 4]
    assert [gathered.titles[i] for i in range(4)] == [b"A", b"B", b"", b""]


def test_tracks_by_hand(gathered):
    whole = Track(3, "/m/a.mp3", "music", "A", "Ann", 12.5, 120.0, "C major", Affect(0.5, -0.25, 0.125, 1.0))
    assert gathered.track(0, 3, "music") == Track(**{**vars(whole), "copies": ("/m/b.mp3",)})
    assert gathered.track(1, 5, "music") is None
    assert gathered.track(2, 8, "music") == Track(8, "/m/\udcff é.mp3", "music", "\ufffd é", "Zoë", key="A minor")
    assert gathered.track(3, 9, "video") == Track(9, "/m/d.mp3", "video", "d", key="C major")


def test_nothing_gathered_is_nothing_loaded(tmp_path):
    facts.save(tmp_path, gather([]))
    loaded = facts.load(tmp_path, 0)
    names = loaded.named["key"].names
    assert (len(loaded.numbers["bpm"]), loaded.affect.shape, len(loaded.paths), len(names)) == (0, (0, 4), 0, 0)
    with pytest.raises(ValueError, match="facts do not fit together"):
        facts.load(tmp_path, 1)


def test_a_key_without_a_name_is_unknown(gathered):
    nameless = gathered.named["key"]._replace(names=Texts(np.empty(0, np.uint8), np.zeros(1, np.int64)))
    broken = replace(gathered, named=gathered.named | {"key": nameless})
    assert broken.track(0, 3, "music").key is None


def test_whole_arrays_are_saved_as_they_are(tmp_path):
    for i, values in enumerate([np.arange(6.0).reshape(2, 3).T, np.empty((0, 4)), np.array([7], np.uint8)]):
        NpyWriter.save(tmp_path / f"{i}.npy", values)
        width = values.shape[1] if values.ndim == 2 else None
        assert np.array_equal(load_npy(tmp_path / f"{i}.npy", values.dtype, width), values)


@pytest.fixture
def copied(library: Library, music: Path) -> Library:
    """The toy library with a copy of one track, whose path comes first."""
    toy(music / "a" / "00.mp3", 1, 2)
    list(ingest.add(library, [music], FakeAnalyser(), executor="inline"))
    assert library._facts
    return library


def tracks(library: Library) -> list[Track]:
    """All tracks, each with its copies."""
    return library.tracks_of([track.id for track in library.tracks()])


def test_snapshot_and_catalog_say_the_same(copied, music):
    (copied.folder / "manifest.json").rename(copied.folder / "aside.json")
    with Library.open(copied.folder) as behind:
        assert not behind._facts
        assert tracks(behind) == tracks(copied)
    assert copied.tracks_of([2])[0].path == str(music / "a" / "00.mp3")
    assert copied.tracks_of([2])[0].copies == (str(music / "a" / "1.mp3"),)
    assert copied.tracks_of([2])[0].title == "Title 1"
    one = copied.tracks_of([2])[0]
    assert (one.bpm_confidence, one.bpm_alternative, one.key_confidence) == (0.5, 122.0, None)


def test_the_catalog_is_asked_about_the_tracks_of_the_answer_alone(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(5, dtype=np.float32))
    (tmp_path / "ids.csv").write_text("id\na\nb\nc\nd\ne\n")
    import_vectors(tmp_path / "l", tmp_path / "v.npy", tmp_path / "ids.csv", space="mine")
    with Library.open(tmp_path / "l") as library:
        engine, asked = Recommender(library), list[str]()
        library._open().connection.set_trace_callback(asked.append)
        assert [r.track.path for r in engine.recommend(engine.vector(np.arange(5.0)), top=2)] == ["e", "d"]
        assert len(asked) == 4
        assert sum("IN (5, 4)" in one for one in asked) == 2  # what contains them, and what they contain


def restate(library, stated):
    """Replace the facts in the catalog of a library whose snapshot stays current."""
    with closing(sqlite3.connect(library.folder / CATALOG)) as connection, connection:
        connection.execute("UPDATE tracks SET facts = ?", (stated,))
        connection.execute("UPDATE meta SET generation = ?", (library.generation,))
    library.reload()
    assert library._facts


def test_older_libraries_do_not_know_how_sure_tempo_and_key_are(copied):
    restate(copied, '{"bpm": 61.0, "key": "A minor"}')
    one = copied.tracks_of([2])[0]
    assert (one.bpm, one.bpm_confidence, one.bpm_alternative, one.key_confidence) == (61.0, None, None, None)


def test_damaged_facts_are_told_in_one_line(copied):
    restate(copied, "{bpm")
    for ask in (lambda: copied.tracks_of([2]), lambda: list(copied.tracks())):
        with pytest.raises(LibraryError, match="cannot read .*: the file is damaged; `recommend"):
            ask()


def test_imported_tracks_are_the_same(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(3, dtype=np.float32))
    (tmp_path / "ids.csv").write_text("id,path,artist,bpm,key\na,a.mp3,Ann,120.5,C major\nb,,,,\nc,,,,8A\n")
    import_vectors(tmp_path / "l", tmp_path / "v.npy", tmp_path / "ids.csv", space="mine")
    with Library.open(tmp_path / "l") as library:
        fresh = tracks(library)
        assert library._facts
    assert [(t.path, t.artist, t.bpm, t.key) for t in fresh[1:]] == [
        ("b", None, None, None),
        ("c", None, None, "A minor"),
    ]
    assert (fresh[0].artist, fresh[0].bpm, fresh[0].key) == ("Ann", 120.5, "C major")
    assert (fresh[0].bpm_confidence, fresh[0].bpm_alternative, fresh[0].key_confidence) == (None, None, None)
    (tmp_path / "l" / "manifest.json").unlink()
    with Library.open(tmp_path / "l") as library:
        assert tracks(library) == fresh


def test_the_first_path_on_disk_leads_at_the_time_of_asking(copied, music):
    (music / "a" / "00.mp3").unlink()
    assert copied.tracks_of([2])[0].path == str(music / "a" / "1.mp3")
    assert copied.tracks_of([2])[0].copies == (str(music / "a" / "00.mp3"),)
    (music / "a" / "1.mp3").unlink()
    assert copied.tracks_of([2])[0].path == str(music / "a" / "00.mp3")


@pytest.mark.parametrize("published", [True, False])
def test_a_moved_file_and_a_dropped_copy_are_never_stale(copied, music, monkeypatch, published):
    """Neither changes what is known of any content."""
    if not published:  # as when the writer is killed before it publishes
        monkeypatch.setattr("indexing.writing.writer.Writer.publish", lambda self: None)
    with Library.open(copied.folder) as before:
        (music / "a" / "0.mp3").rename(music / "moved.mp3")
        (music / "a" / "00.mp3").unlink()
        list(ingest.update(copied, FakeAnalyser(), executor="inline"))
        assert bool(copied._facts) == published
        for library in (copied, Library.open(copied.folder)):
            moved, copy = library.tracks_of([1, 2])
            assert (moved.path, moved.copies) == (str(music / "moved.mp3"), ())
            assert (copy.path, copy.copies) == (str(music / "a" / "1.mp3"), ())
        assert before.tracks_of([2])[0].copies == (str(music / "a" / "00.mp3"),)  # what was there when it opened


@pytest.mark.parametrize("links", [True, False])
def test_vectors_that_did_not_change_are_not_written_again(copied, music, monkeypatch, links):
    def files():
        return {path.name: path.stat().st_ino for path in copied.folder.glob("snapshots/*/music/*.npy")}

    def refused(*args):
        raise OSError(95, "Operation not supported")

    if not links:
        monkeypatch.setattr("indexing.snapshot.publishing.os.link", refused)
    before = files()
    (music / "a" / "0.mp3").rename(music / "moved.mp3")
    list(ingest.update(copied, FakeAnalyser(), executor="inline"))
    assert copied.tracks_of([1])[0].path == str(music / "moved.mp3")
    assert len(before) == 8
    assert (files() == before) == links
    assert verify(copied) == []


def test_a_copy_that_was_added_is_there(library, music, monkeypatch):
    monkeypatch.setattr("indexing.writing.writer.Writer.publish", lambda self: None)
    toy(music / "copy.mp3", 3, 4)
    list(ingest.add(library, [music], FakeAnalyser(), executor="inline"))
    assert [t.copies for t in tracks(library) if t.copies] == [(str(music / "copy.mp3"),)] * 2


def test_a_touched_file_leaves_the_snapshot_current(library, music):
    generation = library.generation
    (music / "a" / "0.mp3").touch()
    list(ingest.update(library, FakeAnalyser(), executor="inline"))
    assert library.generation == generation
    assert library._facts


def test_any_change_of_what_is_shown_makes_the_snapshot_stale(library):
    for statement in (
        "UPDATE files SET title = 'new' WHERE track = 1",
        "UPDATE tracks SET facts = '{\"bpm\": 99}'",
    ):
        with closing(sqlite3.connect(library.folder / "catalog.sqlite")) as connection, connection:
            connection.execute(statement)
    with Library.open(library.folder) as reader:
        assert (reader.tracks_of([1])[0].title, reader.tracks_of([2])[0].bpm) == ("new", 99)
    assert (library.tracks_of([1])[0].title, library.tracks_of([2])[0].bpm) == ("0", 61)


@pytest.mark.parametrize("damage", ["cut", "missing", "text", "short", "offsets", "description"])
def test_damaged_facts_cost_nothing_but_time(copied, damage):
    expected = tracks(copied)
    manifest = copied.folder / "manifest.json"
    content = json.loads(manifest.read_text())
    home = copied.folder / "snapshots" / content["name"] / "music" / "facts"
    match damage:
        case "cut":
            (home / "bpm.npy").write_bytes((home / "bpm.npy").read_bytes()[:-3])
        case "missing":
            (home / "paths.npy").unlink()
        case "text":
            (home / "key.npy").write_text("hello")
        case "short":
            np.save(home / "affect.npy", np.zeros((2, 4)))
        case "offsets":
            np.save(home / "titles.offsets.npy", np.load(home / "titles.offsets.npy") + 1)
        case "description":
            del content["modalities"]["music"]["inputs"]
            manifest.write_text(json.dumps(content))
    with Library.open(copied.folder) as reader:
        assert not reader._facts
        assert tracks(reader) == expected


def test_a_snapshot_of_before_a_filter_was_declared_lends_all_but_facts(copied, monkeypatch):
    """Its vectors are searched as they are; the next writer publishes what is lacking."""
    meter = OneOf("meter", "meters", "")
    expected = tracks(copied)
    with monkeypatch.context() as patch:
        patch.setattr("indexing.snapshot.facts.READ", (*READ, meter))
        with Library.open(copied.folder) as older:
            assert not older._facts
            assert isinstance(older._segments["music"][0].vectors.base, np.memmap)
            assert tracks(older) == expected
            assert older.ids("music", Filter(bpm=Range(60, 61))).tolist() == [1, 2]
            assert [p.text for p in verify(older)] == ["behind the catalog; `recommend index repair` makes a new one"]
    assert verify(copied) == []


def test_lists_come_from_the_state_that_queries_see(copied, music):
    """A catalog asked late, through SQLAlchemy, is still the one at opening."""
    with Library.open(copied.folder) as reader:
        toy(music / "bad.mp3", "bad")
        toy(music / "new.mp3", 77)
        list(ingest.add(copied, [music], FakeAnalyser(), executor="inline"))
        assert len(copied.failures()) == 1
        assert reader._catalog is None
        assert reader.failures() == []
        assert len(list(reader.tracks())) == 7
        assert reader.info()["modalities"]["music"]["tracks"] == 6


def answers(library: Library) -> list:
    """All that some queries see."""
    found = []
    for seed in range(3):
        ids, scores = library.search(np.random.default_rng(seed).normal(size=8), 5, "music")
        windows = [np.asarray(part).tobytes() for one in library.windows_of(ids) for part in one]
        found.append((scores.tolist(), library.tracks_of(ids), windows))
    return [found, library.medians("music").tolist(), library.inputs("music"), library.count("music"), library.space]


def test_fresh_behind_or_without_a_snapshot_the_answers_are_the_same(library, music, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("indexing.writing.writer.Writer.publish", lambda self: None)
        toy(music / "new.mp3", 44)
        (music / "b c" / "4.mp3").unlink()
        list(ingest.update(library, FakeAnalyser(), executor="inline"))
    behind = answers(library)
    assert not library._facts
    (library.folder / "manifest.json").rename(library.folder / "aside.json")
    with Library.open(library.folder) as without:
        assert answers(without) == behind
    with library.writing() as writer:
        writer.publish()
    with Library.open(library.folder) as fresh:
        assert fresh._facts
        assert fresh._catalog is None
        assert answers(fresh) == behind
        assert fresh._catalog is None
