"""Verify finds what is wrong, repair puts it right: parts, snapshot, catalog; what cannot be done is said."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import DIM, FakeAnalyser, Marking, of_rows, state, toy, unchecked

from indexing import ingest
from indexing.disk.locations import CATALOG
from indexing.disk.parts import FOLDER
from indexing.ingest.events import Failed, Ingested, Mended
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance import recall
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import examine, orphans, verify
from recommender.errors import LibraryError, SpaceMismatch
from running import refused
from tests.faults.older import RELEASED, made_older


def mend(library, analyser=None, folders=()):
    """The lines and the other events of a repair, after which the library shows what is there."""
    library.close()
    events = list(repair(library.folder, analyser or FakeAnalyser(), folders, executor="inline"))
    library.reload()
    return [e.text for e in events if isinstance(e, Mended)], [e for e in events if isinstance(e, Ingested | Failed)]


def flip(path: Path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at if at >= 0 else len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def spoil(path: Path) -> None:
    """Leave nothing of a file that could be read."""
    path.write_bytes(bytes(path.stat().st_size))


def parts_of(library) -> list[Path]:
    return sorted((library.folder / FOLDER).iterdir(), key=lambda path: path.stat().st_mtime_ns)


def shown_without_snapshot(library) -> dict:
    """The state as the store and the catalog have it."""
    copy = library.folder.with_name("copy")
    shutil.copytree(library.folder, copy)
    shutil.rmtree(copy / "snapshots")
    with Library.open(copy) as opened:
        found = state(opened)
    shutil.rmtree(copy)
    return found


@pytest.fixture
def two_parts(library, music):
    """Nine tracks in two parts."""
    for seed in range(60, 63):
        toy(music / "later" / f"{seed}.mp3", seed, 2)
    list(ingest.add(library, [music], FakeAnalyser(), executor="inline"))
    return library


def test_recall_by_hand():
    scores = np.array([0.9, 0.8, 0.8, 0.1])
    assert recall.share(scores, np.array([0, 1]), 2) == 1
    assert recall.share(scores, np.array([0, 2]), 2) == 1  # a tie
    assert recall.share(scores, np.array([0, 3]), 2) == 0.5
    assert recall.share(scores, np.array([3]), 10) == 0.25  # of four there are
    segments = [of_rows(np.eye(3, DIM, dtype=np.float32), [3, 8], [0, 1, 3]), of_rows(-np.eye(1, DIM), [9], [0, 1])]
    queries = recall.draw_queries(segments, 40, 1)
    assert np.allclose(np.linalg.norm(queries, axis=1), 1)
    assert np.array_equal(queries, recall.draw_queries(segments, 40, 1))
    assert set((queries @ np.eye(3, DIM).T).round().astype(int).ravel()) == {-1, 0, 1}  # of both segments


def test_a_sound_library_is_whole_and_its_search_exact(library):
    report = examine(library.folder, queries=20)
    assert report.whole
    assert report.orphans == []
    assert json.loads(json.dumps(report.as_json())) == {
        "whole": True,
        "problems": [],
        "orphans": [],
        "counts": {"music": {"tracks": 6, "paths": 6, "windows": 13, "failures": 0}, "parts": 1},
        "search": {"music": {"queries": 20, "recall_at_10": 1.0, "recall_at_100": 1.0}},
    }


def test_search_that_misses_tracks_is_found_out(library, monkeypatch):
    best = lambda segments, queries, place, count: np.tile(-np.arange(count) * 1.0, (len(queries), 1))  # noqa: E731
    monkeypatch.setattr("indexing.maintenance.recall.best_of", best)
    monkeypatch.setattr(Library, "search", lambda *args, **named: type("Found", (), {"ids": np.array([6])}))
    (problem,) = examine(library.folder, queries=5).problems
    assert str(problem) == "search: of music finds too little: recall@10 0.1667, recall@100 0.1667 over 5 queries"


def test_wrong_facts_in_a_snapshot_are_found_and_made_anew(library):
    """Also in one of before there were checksums."""
    before = state(library)
    unchecked(library.folder)
    home = next((library.folder / "snapshots").iterdir())
    flip(home / "music" / "facts" / "bpm.npy", 130)
    assert [str(p) for p in verify(library)] == ["snapshot: its music facts are not those of the catalog"]
    lines, events = mend(library)
    assert lines == ["the snapshot was made anew: its music facts are not those of the catalog"]
    assert events == []
    assert verify(library) == []
    assert state(library) == before


def test_a_sound_library_needs_no_repair(library):
    assert mend(library) == ([], [])


def test_orphans_go(library):
    part = parts_of(library)[0]
    shutil.copy(part, part.with_name("stray.parquet"))
    assert examine(library.folder, queries=0).orphans == ["stray.parquet"]
    assert mend(library) == (["removed stray.parquet, which a killed writer left"], [])
    assert orphans(library.folder) == []


@pytest.mark.parametrize("damage", ["spoilt", "missing"])
@pytest.mark.parametrize("snapshot", [True, False])
def test_only_the_tracks_of_a_damaged_part_are_analysed_again(two_parts, tmp_path, damage, snapshot):
    before, part = state(two_parts), parts_of(two_parts)[1]
    spoil(part) if damage == "spoilt" else part.unlink()
    if not snapshot:
        (two_parts.folder / "manifest.json").unlink()
    log = tmp_path / "log"
    lines, events = mend(two_parts, FakeAnalyser(log=str(log)))
    assert lines[0].startswith(f"part {part.name}: ")
    assert sorted(log.read_text().split()) == ["60.mp3", "61.mp3", "62.mp3"]
    assert len(events) == 3
    assert state(two_parts) == before == shown_without_snapshot(two_parts)
    assert verify(two_parts) == []
    assert part.name not in [path.name for path in parts_of(two_parts)]


def test_a_copy_stands_in_for_a_file_that_is_gone(two_parts, music):
    toy(music / "later" / "copy.mp3", 60, 2)
    list(ingest.update(two_parts, FakeAnalyser(), executor="inline"))
    before = state(two_parts)
    spoil(parts_of(two_parts)[1])
    (music / "later" / "60.mp3").unlink()
    mend(two_parts)
    assert state(two_parts) == before
    assert verify(two_parts) == []


def test_without_its_file_a_track_is_kept_while_the_snapshot_has_it(two_parts, music):
    before = state(two_parts)
    spoil(parts_of(two_parts)[1])
    music.rename(music.with_name("unplugged"))
    lines, _ = mend(two_parts)
    assert sum("searchable from the snapshot alone" in line for line in lines) == 3
    assert state(two_parts) == before
    assert [p.kind for p in verify(two_parts)] == ["part"]
    music.with_name("unplugged").rename(music)
    mend(two_parts)
    assert state(two_parts) == before
    assert verify(two_parts) == []


def test_what_nothing_holds_any_more_is_remembered_and_comes_back(two_parts, music):
    before = state(two_parts)
    spoil(parts_of(two_parts)[1])
    (music / "later").rename(music.with_name("unplugged"))
    shutil.rmtree(two_parts.folder / "snapshots")
    with pytest.raises(LibraryError, match="damaged"):
        Library.open(two_parts.folder)
    assert {p.kind for p in examine(two_parts.folder).problems} == {"part", "snapshot"}
    lines, _ = mend(two_parts)
    assert sum("is lost with a damaged part; add its file again" in line for line in lines) == 3
    assert two_parts.count("music") == 6
    assert sorted(Path(f.path).name for f in two_parts.failures()) == ["60.mp3", "61.mp3", "62.mp3"]
    assert verify(two_parts) == []
    music.with_name("unplugged").rename(music / "later")
    list(ingest.update(two_parts, FakeAnalyser(), executor="inline"))
    assert state(two_parts) == before


def test_a_changed_file_is_left_to_the_next_update(two_parts, music):
    spoil(parts_of(two_parts)[1])
    toy(music / "later" / "60.mp3", 777, 3)
    mend(two_parts)
    assert two_parts.count("music") == 9
    list(ingest.update(two_parts, FakeAnalyser(), executor="inline"))
    assert verify(two_parts) == []


def test_another_model_cannot_analyse_again(library):
    spoil(parts_of(library)[0])
    with pytest.raises(SpaceMismatch):
        mend(library, FakeAnalyser("2"))


def test_rows_that_refer_to_nothing_go(library, music):
    with closing(sqlite3.connect(library.folder / CATALOG)) as connection:
        connection.execute("DELETE FROM tracks WHERE id = 2")
        connection.execute("INSERT INTO recordings VALUES (2, 2)")
        connection.commit()
    assert {p.kind for p in verify(library)} == {"catalog", "snapshot"}
    lines, _ = mend(library)
    assert lines[:2] == [
        "dropped 1 rows of recordings that refer to what is not there: `index update`",
        "dropped 1 rows of files that refer to what is not there: `index update`",
    ]
    assert verify(library) == []
    list(ingest.update(library, FakeAnalyser(), executor="inline"))
    assert library.count("music") == 6


def page_of(catalog: Path, name: str) -> int:
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
        return (root - 1) * connection.execute("PRAGMA page_size").fetchone()[0]


def overwrite(catalog: Path, at: int, size: int = 4096) -> None:
    data = bytearray(catalog.read_bytes())
    data[at : at + size] = b"\x07" * size
    catalog.write_bytes(data)
    for end in ("-wal", "-shm"):
        catalog.with_name(catalog.name + end).unlink(missing_ok=True)


def test_damaged_indexes_are_made_anew(library):
    before = state(library)
    library.close()
    overwrite(library.folder / CATALOG, page_of(library.folder / CATALOG, "ix_files_track"))
    lines, _ = mend(library)
    assert lines[0].startswith("the catalog is damaged: ")
    assert state(library) == before
    assert verify(library) == []


@pytest.mark.parametrize("version", RELEASED)
@pytest.mark.parametrize("table", ["tracks", "contents", "roots"])
def test_a_damaged_catalog_of_an_earlier_version_comes_back(two_parts, music, version, table):
    before = state(two_parts)
    two_parts.close()
    made_older(two_parts.folder / CATALOG, version)
    table = {"contents": "files"}.get(table, table) if version >= 4 else table
    overwrite(two_parts.folder / CATALOG, page_of(two_parts.folder / CATALOG, table))
    lines, _ = mend(two_parts, FakeAnalyser(), [music])
    called = ("tracks", "contents") if version < 4 else ("files", "tracks")
    paths, tracks = (0 if table == name else len(before) for name in called)
    assert lines[1].startswith(f"{paths} paths and {tracks} tracks could be read"), lines
    assert state(two_parts) == before
    assert verify(two_parts) == []


@pytest.mark.parametrize("version", RELEASED)
def test_a_sound_catalog_of_an_earlier_version_needs_no_repair(library, version):
    before = state(library)
    library.close()
    made_older(library.folder / CATALOG, version)
    assert mend(library)[0] == []
    assert state(library) == before


@pytest.mark.parametrize("table", ["files", "tracks", "parts", "meta", "spaces", "modalities", "roots"])
def test_a_catalog_comes_back_without_any_of_its_tables(two_parts, music, tmp_path, table):
    before = state(two_parts)
    two_parts.close()
    overwrite(two_parts.folder / CATALOG, page_of(two_parts.folder / CATALOG, table))
    log = tmp_path / "log"
    lines, _ = mend(two_parts, FakeAnalyser(log=str(log)), [music])
    assert lines[-1].startswith("a new catalog is in its place") or "without a path" in lines[-1], lines
    assert state(two_parts) == before
    assert verify(two_parts) == []
    assert not log.exists()  # nothing was decoded
    assert (two_parts.folder / "catalog.damaged-1.sqlite").exists()
    list(ingest.add(two_parts, [music], FakeAnalyser(log=str(log)), executor="inline"))
    assert not log.exists()
    assert state(two_parts) == before


def untitled(found: dict) -> dict:
    """A state without what only a catalog or a snapshot knows: title and tempo."""
    return {key: value[2:] for key, value in found.items()}


@pytest.mark.parametrize("snapshot", [True, False])
def test_a_catalog_that_is_gone_comes_back_from_parts_and_files(two_parts, music, tmp_path, snapshot):
    before = state(two_parts)
    two_parts.close()
    overwrite(two_parts.folder / CATALOG, 0, (two_parts.folder / CATALOG).stat().st_size)
    if not snapshot:
        shutil.rmtree(two_parts.folder / "snapshots")
    log = tmp_path / "log"
    mend(two_parts, FakeAnalyser(log=str(log)), [music])
    assert not log.exists()
    assert untitled(state(two_parts)) == untitled(before)
    if snapshot:
        assert {key: value[1] for key, value in state(two_parts).items()} == {k: v[1] for k, v in before.items()}
    assert verify(two_parts) == []


def test_versions_of_a_recording_are_found_again(tmp_path):
    for seed, recording in ((1, 1), (2, 1), (3, 2)):
        toy(tmp_path / "m" / f"{seed}.mp3", seed, f"2 {recording}")
    with Library.create(tmp_path / "l", Marking().space) as library:
        list(ingest.add(library, [tmp_path / "m"], Marking(), executor="inline"))
        before = {t.path: library.tracks_of([t.id])[0].versions for t in library.tracks()}
        assert sum(map(len, before.values())) == 2
        library.close()
        overwrite(library.folder / CATALOG, 0, (library.folder / CATALOG).stat().st_size)
        mend(library, Marking())
        assert {t.path: library.tracks_of([t.id])[0].versions for t in library.tracks()} == before
        assert verify(library) == []


def test_parts_of_another_model_are_kept_aside(two_parts, music):
    two_parts.close()
    overwrite(two_parts.folder / CATALOG, 0, (two_parts.folder / CATALOG).stat().st_size)
    shutil.rmtree(two_parts.folder / "snapshots")
    names = {path.name for path in parts_of(two_parts)}
    lines, _ = mend(two_parts, replace(FakeAnalyser("2"), measures="1"), [music])
    assert sum("nothing could be made of" in line for line in lines) == 2
    assert {path.name for path in (two_parts.folder / "aside").iterdir()} == names
    assert two_parts.count("music") == 0


def test_tracks_without_a_file_keep_what_the_snapshot_says(two_parts, music):
    before = {key[1]: value for key, value in state(two_parts).items()}
    two_parts.close()
    overwrite(two_parts.folder / CATALOG, 0, (two_parts.folder / CATALOG).stat().st_size)
    music.rename(music.with_name("unplugged"))
    mend(two_parts)
    assert {key[1] for key in state(two_parts)} == set(before)
    music.with_name("unplugged").rename(music)
    list(ingest.add(two_parts, [music], FakeAnalyser(), executor="inline"))
    assert untitled(state(two_parts)) == untitled({("music", key): value for key, value in before.items()})
    assert verify(two_parts) == []


def test_imported_vectors_are_compared_too(tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(40, DIM)).astype(np.float32))
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"t{i // 2}\n" for i in range(40)))
    import_vectors(tmp_path / "lib", tmp_path / "v.npy", tmp_path / "ids.csv", space="mine")
    with Library.open(tmp_path / "lib") as library:
        report = examine(library.folder, queries=10)
        assert report.whole
        assert report.recalls["music"].at == {10: 1.0, 100: 1.0}


def test_groups_of_near_duplicates_that_a_snapshot_has_otherwise_are_found(tmp_path):
    for seed, recording in ((1, 1), (2, 1), (3, 2)):
        toy(tmp_path / "m" / f"{seed}.mp3", seed, f"2 {recording}")
    with Library.create(tmp_path / "l", Marking().space) as library:
        list(ingest.add(library, [tmp_path / "m"], Marking(), executor="inline"))
        assert verify(library) == []
        with closing(sqlite3.connect(library.folder / CATALOG)) as connection:
            connection.execute("UPDATE recordings SET recording = 3 WHERE track = 1")
            connection.commit()
        problems = [str(p) for p in verify(library)]
        assert problems == ["snapshot: its music recordings are not those of the catalog"]
        mend(library, Marking())
        assert verify(library) == []


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("snapshot", [True, False])
def test_a_library_without_its_catalog_is_neither_emptied_nor_given_up(two_parts, music, snapshot, empty):
    before, names = state(two_parts), {path.name for path in parts_of(two_parts)}
    two_parts.close()
    for path in two_parts.folder.glob(CATALOG + "*"):
        path.unlink()
    if empty:
        (two_parts.folder / CATALOG).touch()  # as an interrupted repair leaves it
    space = FakeAnalyser().space
    for change in (
        Library.open,
        lambda folder: Library.open_or_create(folder, space),
        lambda f: Library.create(f, space),
    ):
        with refused(LibraryError, "has lost its catalog.*recommend index repair --library"):
            change(two_parts.folder)
    if not snapshot:
        shutil.rmtree(two_parts.folder / "snapshots")
    assert {path.name for path in parts_of(two_parts)} == names
    lines, events = mend(two_parts, folders=[music])
    assert lines[0] == "the catalog is lost"
    assert "a new catalog is in its place" in lines
    assert events == []
    assert untitled(state(two_parts)) == untitled(before)
    assert verify(two_parts) == []
    assert not list(two_parts.folder.glob("catalog.damaged*"))
