"""Opening and asking: names, spaces, snapshots and what comes after them."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import INPUTS, FakeAnalyser, state, toy

from indexing import Library as Exported
from indexing import ingest
from indexing.disk import locations
from indexing.disk.locations import library_path
from indexing.ingest import events, run
from indexing.ingest.events import Ingested
from indexing.library import Library
from recommender.errors import InputError, LibraryError, LibraryNotFound, SpaceMismatch
from recommender.types import Affect, Space
from running import refused

ROOT = Path(__file__).resolve().parents[2]


def test_bare_names_live_in_the_home_and_the_rest_are_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert library_path("default") == tmp_path / "home" / "libraries" / "default"
    assert library_path("./default") == tmp_path / "default"
    assert library_path(Path("default")) == tmp_path / "default"
    assert library_path("a/b") == tmp_path / "a" / "b"
    (tmp_path / "default").mkdir()
    assert library_path("default") == tmp_path / "home" / "libraries" / "default"  # no library in that folder
    Library.create("./default", Space("m", "1", 2)).close()
    assert library_path("default") == tmp_path / "default"
    with pytest.raises(InputError, match="name is empty"):
        library_path(" ")
    monkeypatch.delenv("CLIPTUNE_HOME")
    assert locations.libraries_home().parts[-2:] == ("cliptune", "libraries")


def test_an_unknown_library_is_named_with_those_there_are_and_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path))
    with pytest.raises(LibraryNotFound, match="named libraries: none yet"):
        Library.open("film")
    Library.create("pop", Space("m", "1", 2)).close()
    with refused(LibraryNotFound, "named libraries: pop.*recommend index add FOLDER --library film"):
        Library.open("film")


def test_a_library_is_made_once_and_opened_with_its_own_space(tmp_path):
    space = Space("m", "1", 2)
    assert Exported is Library
    with Library.open_or_create(tmp_path / "l", space) as made:
        assert made.space == space
        assert made.modalities == ()
        assert made.count("music") == 0
        assert made.search(np.ones(2), 3, "music").ids.tolist() == []
        assert made.medians("music").shape == (0,)
    with pytest.raises(LibraryError, match="already a library"):
        Library.create(tmp_path / "l", space)
    for other in (Space("m", "2", 2), Space("n", "1", 2), Space("m", "1", 3)):
        with pytest.raises(SpaceMismatch, match=r"indexed with m revision 1 \(2 dimensions\), not with"):
            Library.open_or_create(tmp_path / "l", other)


def test_tracks_say_what_is_known(library, analyser, music):
    track = library.tracks_of([2])[0]
    assert (track.path, track.title, track.modality) == (str(music / "a" / "1.mp3"), "Title 1", "music")
    assert (track.duration_s, track.bpm, track.key) == (15.0, 61.0, "A minor")
    expected = analyser.analyse(music / "a" / "1.mp3", "music")
    assert track.affect == Affect(*map(float, expected.item_affect))
    assert library.tracks_of([1])[0].title == "0"  # no tag: the file's name
    with pytest.raises(LibraryError, match="no track 99"):
        library.tracks_of([99])


def test_windows_are_those_of_the_analysis_in_the_encoders_order(library, analyser, music):
    expected = analyser.analyse(music / "b c" / "3.mp3", "music")
    windows = library.windows_of([4])[0]
    assert np.array_equal(windows.bounds, expected.features.windows)
    assert np.array_equal(windows.vectors, expected.vectors)
    assert np.array_equal(windows.affect, expected.affect)
    assert library.inputs("music") == INPUTS
    assert np.array_equal(windows.inputs, expected.features.values[:, [1, 0]])


def test_medians_are_over_all_windows(library):
    rows = np.vstack([w.inputs for w in library.windows_of([t.id for t in library.tracks()])])
    assert np.array_equal(library.medians("music"), np.median(rows, axis=0).astype(np.float32))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(tmp_path, library, music, workers):
    with Library.create(tmp_path / "other", library.space) as other:
        list(ingest.add(other, [music], FakeAnalyser(), workers=workers))
        assert state(other) == state(library)
        assert [t.id for t in other.tracks()] == [t.id for t in library.tracks()]
        for seed in range(5):
            query = np.random.default_rng(seed).normal(size=8)
            one, two = library.search(query, 4, "music"), other.search(query, 4, "music")
            assert (one.ids.tolist(), one.scores.tolist()) == (two.ids.tolist(), two.scores.tolist())


def test_what_came_after_the_snapshot_is_searched_and_what_left_is_not(library, music, analyser, monkeypatch):
    monkeypatch.setattr("indexing.writing.writer.Writer.publish", lambda self: None)
    vector = analyser.analyse(toy(music / "new.mp3", 44), "music").vectors[0]
    gone = library.windows_of([1])[0].vectors[0]
    (music / "a" / "0.mp3").unlink()
    list(ingest.update(library, analyser, executor="inline"))
    assert library.search(vector, 1, "music").ids.tolist() == [7]
    assert library.search(gone, 10, "music").ids.tolist().count(1) == 0
    assert library.count("music") == 6
    rows = np.vstack([w.inputs for w in library.windows_of([t.id for t in library.tracks()])])
    assert np.array_equal(library.medians("music"), np.median(rows, axis=0).astype(np.float32))


def test_a_reader_sees_one_state_while_a_writer_works(library, music, analyser, monkeypatch):
    monkeypatch.setattr("indexing.ingest.pipeline._BATCH_FILES", 1)
    for seed in range(50, 53):
        toy(music / f"{seed}.mp3", seed)
    with Library.open(library.folder) as reader:
        before = state(reader)
        writing = Library.open(library.folder)
        counts = []
        for event in ingest.add(writing, [music], analyser, executor="inline"):
            if isinstance(event, Ingested):
                with Library.open(library.folder) as fresh:
                    counts.append(fresh.count("music"))
                    assert len(state(fresh)) == fresh.count("music")
        writing.close()
        assert counts == [7, 8, 9]  # every event's file is there for those who open now
        assert state(reader) == before
        list(ingest.remove(library, [music / "a"]))
        assert state(reader) == before
        reader.reload()
        assert reader.count("music") == 6


def test_a_later_format_is_refused_in_one_line(library):
    library.close()
    with sqlite3.connect(library.folder / "catalog.sqlite") as connection:
        connection.execute("UPDATE meta SET schema_version = 99")
    connection.close()
    with pytest.raises(LibraryError, match="has format 99, but this cliptune reads up to format 5; upgrade cliptune"):
        Library.open(library.folder)


def test_a_closed_library_says_so(library):
    library.close()
    with pytest.raises(LibraryError, match="was closed"):
        library.tracks_of([1])


def test_k_must_be_positive(library):
    with pytest.raises(InputError, match="at least 1"):
        library.search(np.ones(8), 0, "music")


def test_info_is_json_and_counts(library, music):
    info = json.loads(json.dumps(library.info()))
    assert info["modalities"] == {"music": {"tracks": 6, "paths": 6, "windows": 13, "failures": 0}}
    assert info["space"] == {"model": "fake", "revision": "1", "dim": 8}
    assert info["roots"] == [str(music)]
    assert info["backend"] == "exact"
    assert info["size_bytes"] > 10_000


def test_a_query_on_a_fresh_snapshot_imports_neither_arrow_nor_sqlalchemy(library):
    code = (
        "import sys, numpy as np; from indexing.library import Library; l = Library.open(sys.argv[1]);"
        "l.search(np.ones(8), 3, 'music'); l.tracks_of([1]); l.windows_of([1]); l.medians('music');"
        "print([m for m in ('pyarrow', 'filelock', 'sqlalchemy', 'faiss', 'multiprocessing') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(library.folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_importing_the_package_costs_nothing():
    code = (
        "import indexing, indexing.ingest.events, sys; print([m for m in ('numpy', 'sqlalchemy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_door_of_ingestion_opens_on_what_it_names():
    calls = {"Choices", "add", "remove", "update", "upgrade"}
    told = {"Event", "Failed", "Ingested", "LeftOut", "PartlyRead", "Plan", "Planned", "Recoded", "Removed"}
    told |= {"Skipped", "Warned"}
    assert set(ingest.__all__) == calls | told
    assert all(getattr(ingest, name) is getattr(run if name in calls else events, name) for name in ingest.__all__)
    with pytest.raises(AttributeError, match="'indexing.ingest' has no attribute 'forget'"):
        _ = ingest.forget


def test_threads_may_share_a_library(library):
    from concurrent.futures import ThreadPoolExecutor

    def ask(seed):
        ids = library.search(np.random.default_rng(seed % 4).normal(size=8), 3, "music").ids.tolist()
        return ids, [track.path for track in library.tracks_of(ids)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))
    assert answers[:4] * 10 == answers
    assert all(Path(path).exists() for path in answers[0][1])


def test_a_catalog_whose_maker_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "half made"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE something_else (x)")
    with pytest.raises(LibraryError, match="never finished; index again"):
        Library.open(folder)
    library = Library.open_or_create(folder, Space("m", "1", 4))
    assert library.space == Space("m", "1", 4)
    assert list(library.tracks()) == []


def test_the_catalog_is_asked_in_the_state_that_the_library_shows(library, music):
    with library.catalog() as catalog:
        before = catalog.known("music").files
    toy(music / "later.mp3", 70)
    with Library.open(library.folder) as other:
        list(ingest.add(other, [music], FakeAnalyser(), executor="inline"))
    with library.catalog() as catalog:
        assert catalog.known("music").files == before
        assert catalog.head().generation == library.generation
    library.reload()
    with library.catalog() as catalog:
        assert catalog.known("music").files.keys() - before.keys() == {str(music / "later.mp3")}
    library.close()
    with pytest.raises(LibraryError, match="was closed"), library.catalog():
        pass
