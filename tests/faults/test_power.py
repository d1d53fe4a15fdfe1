"""What a power cut must not undo is synced, the names of new folders too; found by `tests.faults.kills`."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from indexing import ingest
from indexing.catalog.salvage import keep_damaged
from indexing.catalog.schema import is_made
from indexing.disk.aside import set_aside
from indexing.disk.locations import CATALOG
from indexing.library import Library
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import orphans
from recommender import atomic
from recommender.errors import LibraryError
from tests.faults.operations import ANALYSER, World
from tests.faults.unreadable import undeletable


@pytest.fixture
def synced(monkeypatch) -> list[tuple[str, set[str]]]:
    """What is synced from here on: the path, and of a folder the names in it."""
    found, sync = [], os.fsync

    def note(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        found.append((str(path), {entry.name for entry in path.iterdir()} if path.is_dir() else set()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    return found


@pytest.fixture
def world(tmp_path) -> World:
    made = World(tmp_path, 3)
    for number in range(4):
        made.track(f"{number}.mp3", number)
    return made


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")


@needs_proc
def test_every_folder_that_is_made_is_synced_in_the_one_above(tmp_path, synced):
    atomic.ensure_folder(tmp_path / "a" / "b")
    assert synced == [(str(tmp_path), {"a"}), (str(tmp_path / "a"), {"b"})]
    atomic.ensure_folder(tmp_path / "a" / "b")
    assert len(synced) == 2
    with pytest.raises(FileNotFoundError):
        atomic.ensure_folder(tmp_path / "c" / "d", parents=False)


@needs_proc
def test_names_in_folders_of_a_new_folder_are_synced(tmp_path, synced):
    with atomic.new_folder(tmp_path / "new") as partial:
        (partial / "deeper").mkdir()
        (partial / "deeper" / "a").write_text("a")
    assert {Path(path).name: names for path, names in synced}["deeper"] == {"a"}
    assert synced[-1] == (str(tmp_path), {"new"})


@needs_proc
def test_a_library_and_its_parts_are_synced_by_name_before_anything_is_told(world, synced):
    with Library.create(world.base / "mine", ANALYSER.space) as library:
        assert (str(world.home), {"music", "base"}) in synced
        assert (str(world.base), {"mine"}) in synced
        for event in ingest.add(library, [world.music], ANALYSER, executor="inline"):
            if isinstance(event, ingest.Ingested):
                break
    assert any("parts" in names for path, names in synced if path == str(library.folder))


@needs_proc
def test_what_a_repair_moves_is_synced_in_both_places(world, synced):
    part = world.home / "library" / "parts" / "a.parquet"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"no part")
    assert set_aside(part.parent.parent, part) == "aside/a.parquet"
    names = dict(synced)
    assert names[str(part.parent.parent)] == {"parts", "aside"}
    assert names[str(part.parent.parent / "aside")] == {"a.parquet"}
    assert names[str(part.parent)] == set()


@needs_proc
def test_the_journal_of_a_damaged_catalog_is_gone_before_another_takes_its_place(tmp_path, synced, monkeypatch):
    monkeypatch.setattr(sqlite3, "connect", _disk_error)  # it cannot be folded in
    (tmp_path / CATALOG).write_bytes(b"damaged")
    (tmp_path / f"{CATALOG}-wal").write_bytes(b"of the damaged one")
    assert keep_damaged(tmp_path) == tmp_path / "catalog.damaged-1.sqlite"
    assert synced[-1] == (str(tmp_path), {CATALOG, "catalog.damaged-1.sqlite"})


def test_a_library_whose_making_lost_power_is_made_again(world):
    """The journal of the first instants was there again, and the folder was called read-only."""
    other = world.home / "other.sqlite"
    with closing(sqlite3.connect(other, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size=1")
        connection.execute("CREATE TABLE meta (id)")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO meta VALUES (?)", [(b"x" * 4000,)] * 20)  # more than is cached
        world.base.mkdir()
        for end in ("", "-journal"):
            shutil.copy(f"{other}{end}", world.base / (CATALOG + end))
    assert (world.base / f"{CATALOG}-journal").stat().st_size
    is_made(world.base)
    assert not (world.base / f"{CATALOG}-journal").exists()
    with closing(sqlite3.connect(world.base / CATALOG)) as connection:
        assert connection.execute("SELECT count(*) FROM meta").fetchone() == (0,)  # as before the transaction


def test_a_disk_that_fails_a_repair_is_told_in_one_line(world, monkeypatch):
    """A manifest that could not be removed, and a catalog that could not be opened, were tracebacks."""
    with Library.create(world.base, ANALYSER.space) as library:
        list(ingest.add(library, [world.music], ANALYSER, executor="inline"))
    array = next(world.base.glob("snapshots/*/music/vectors.npy"))
    data = bytearray(array.read_bytes())
    data[-1] ^= 0xFF
    array.write_bytes(data)
    told = r"cannot (read|write to) the library at .*: Input/output error"
    with undeletable("manifest.json"), pytest.raises(LibraryError, match=told):
        list(repair(world.base, ANALYSER, executor="inline"))
    with monkeypatch.context() as patch:
        patch.setattr("indexing.catalog.queries.open_reading", _disk_error)
        with pytest.raises(LibraryError, match="cannot read the library at .*: disk I/O error"):
            orphans(world.base)


def _disk_error(*args, **named):
    raise sqlite3.OperationalError("disk I/O error")
