"""Compaction: one part of many, nothing lost but what is dead, readers undisturbed, and a word on when it pays."""

import sqlite3
from contextlib import closing

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import FakeAnalyser, clustered, state, toy
from imported import import_tracks

from indexing import ingest
from indexing.catalog.queries import Catalog
from indexing.disk import parts
from indexing.disk.lock import lock
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.compact import compact, estimate
from indexing.maintenance.verify import info, orphans, verify
from recommender.errors import LibraryLocked
from recommender.types import Filter, Range


def add(library, paths):
    return list(ingest.add(library, paths, FakeAnalyser(), executor="inline"))


@pytest.fixture
def many(tmp_path, library):
    """Eleven tracks in six parts, one of them with a dead track and one with nothing but."""
    for seed in range(20, 25):
        add(library, [toy(tmp_path / "more" / f"{seed}.mp3", seed, 2)])
    (tmp_path / "music" / "a" / "0.mp3").unlink()
    (tmp_path / "more" / "20.mp3").unlink()
    list(ingest.update(library, FakeAnalyser(), executor="inline"))
    return library


def parts_of(library):
    with closing(Catalog.open(library.folder)) as catalog:
        return list(catalog.parts().values())


def test_many_parts_become_one_that_holds_the_same(many):
    before, ids = state(many), [track.id for track in many.tracks()]
    assert len(parts_of(many)) == 5  # that of 20.mp3 went with it
    reader = Library.open(many.folder)
    saved = compact(many.folder)
    assert saved.parts == (5, 1)
    assert saved.rows == (13 + 6 + 4 * 3, 12 + 5 + 4 * 3)  # 0.mp3 had one window, and its item row
    assert saved.left == []
    assert str(saved).startswith("5 parts are 1 now, 2 dead rows dropped, ")
    assert state(reader) == before  # what was open stays open
    reader.close()
    many.reload()
    assert state(many) == before
    assert [track.id for track in many.tracks()] == ids
    assert verify(many) == []
    assert orphans(many.folder) == []
    assert compact(many.folder).parts == (1, 1)


def test_killed_before_the_snapshot_is_published_all_is_found_and_filters_hold(tmp_path, monkeypatch):
    vectors = clustered(60, 2)
    folder = import_tracks(tmp_path, vectors[:40], 2, bpm=60 + np.arange(20))
    (tmp_path / "more.csv").write_text("id,bpm\n" + "".join(f"u{i // 2},{100 + i // 2}\n" for i in range(20)))
    np.save(tmp_path / "w.npy", vectors[40:])
    import_vectors(folder, tmp_path / "w.npy", tmp_path / "more.csv", space="mine")
    wheres = [None, Filter(bpm=Range(60, 69)), Filter(bpm=Range(75, 105))]

    def found():
        with Library.open(folder) as library:
            return [library.search(vectors[7], 30, "music", where=where).ids.tolist() for where in wheres]

    def killed(*_, **__):
        raise KeyboardInterrupt

    before = found()
    assert list(map(len, before)) == [30, 10, 11]
    with monkeypatch.context() as patched:
        patched.setattr("indexing.writing.writer.publish_snapshot", killed)
        with pytest.raises(KeyboardInterrupt):
            compact(folder)
    assert found() == before
    assert compact(folder).parts == (1, 1)
    assert found() == before
    with Library.open(folder) as library:
        assert verify(library) == []


def test_parts_of_full_size_are_left(many):
    before = state(many)
    largest = max(part.bytes for part in parts_of(many))
    assert compact(many.folder, full_bytes=largest).parts[1] > 1
    many.reload()
    assert state(many) == before
    assert verify(many) == []


def test_every_column_is_kept_and_other_columns_are_not_mixed(many):
    part = parts_of(many)[-1]
    path = many.folder / parts.FOLDER / part.name
    table = pq.read_table(path)
    fingerprints = pa.array([b"mark %d" % i if i % 2 else None for i in range(len(table))], pa.binary())
    pq.write_table(table.append_column("marks", fingerprints), path)
    with closing(sqlite3.connect(many.folder / "catalog.sqlite")) as connection:
        row = (path.stat().st_size, parts.checksum(path), part.name)
        connection.execute("UPDATE parts SET bytes = ?, checksum = ? WHERE name = ?", row)
        connection.commit()
    many.reload()
    before = state(many)
    add(many, [toy(many.folder.parent / "more" / "90.mp3", 90, 1)])
    assert compact(many.folder).parts[1] == 2
    tables = [pq.read_table(many.folder / parts.FOLDER / p.name) for p in parts_of(many)]
    (kept,) = [t["marks"].to_pylist() for t in tables if "marks" in t.schema.names]
    assert kept == fingerprints.to_pylist()
    many.reload()
    assert before.items() <= state(many).items()
    assert verify(many) == []


def test_a_damaged_part_is_left_as_it_is(many):
    path = many.folder / parts.FOLDER / parts_of(many)[-1].name
    data = bytearray(path.read_bytes())
    data[60] ^= 255
    path.write_bytes(data)
    with_snapshot = state(many)
    assert compact(many.folder).left == [path.name]
    assert path.read_bytes() == data
    many.reload()
    assert state(many) == with_snapshot


def test_contents_without_a_path_go(many):
    with closing(sqlite3.connect(many.folder / "catalog.sqlite")) as connection:
        connection.execute("DELETE FROM files WHERE CAST(path AS TEXT) LIKE '%21.mp3'")
        connection.commit()
    many.reload()
    assert [p.kind for p in verify(many)] == ["content", "snapshot"]
    compact(many.folder)
    many.reload()
    assert verify(many) == []
    assert many.count("music") == 8


def test_a_library_being_written_is_not_compacted(many):
    with lock(many.folder), pytest.raises(LibraryLocked):
        compact(many.folder)


def test_info_says_when_it_pays(many, monkeypatch):
    assert info(many)["compaction"]["advice"] == "not needed"
    with closing(Catalog.open(many.folder)) as catalog:
        found = estimate(catalog)
    assert (found.parts, found.small, found.rows, found.dead) == (5, 5, 31, 2)
    monkeypatch.setattr("indexing.maintenance.compact._MANY", 5)
    assert info(many)["compaction"]["advice"] == "recommend index compact"
    compact(many.folder)
    many.reload()
    assert info(many)["compaction"] | {"free_bytes": 0} == {
        "parts": 1,
        "small_parts": 0,
        "dead_rows": 0,
        "free_bytes": 0,
        "pays": False,
        "advice": "not needed",
    }


def test_a_catalog_with_free_pages_shrinks(many):
    with closing(sqlite3.connect(many.folder / "catalog.sqlite")) as connection:
        connection.execute("CREATE TABLE ballast (x BLOB)")
        connection.execute("INSERT INTO ballast VALUES (?)", (bytes(1_000_000),))
        connection.execute("DROP TABLE ballast")
        connection.commit()
    many.close()
    assert compact(many.folder).bytes[0] - compact(many.folder).bytes[1] >= 0
    assert (many.folder / "catalog.sqlite").stat().st_size < 500_000
    with Library.open(many.folder) as library:
        assert library.search(np.ones(8), 3, "music").ids.tolist()
