"""Libraries of every earlier version: brought to this one by whoever opens them, atomically, or read as they are."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeAnalyser, state, toy

from indexing import ingest
from indexing.catalog import migrations, schema
from indexing.catalog.reading import SCHEMA_VERSION
from indexing.disk.locations import BACKUP, CATALOG
from indexing.disk.lock import lock
from indexing.library import Library
from indexing.maintenance.verify import verify
from recommender.errors import LibraryError
from tests.faults.older import RELEASED, dumped, made_older, tables_of

ROOT = Path(__file__).resolve().parents[2]


def version_of(folder: Path) -> int:
    with closing(sqlite3.connect(f"file:{folder / CATALOG}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT schema_version FROM meta").fetchone()[0]


@pytest.fixture(params=RELEASED)
def old(library, request):
    """The toy library with a catalog as an earlier version made it, closed."""
    library.close()
    made_older(library.folder / CATALOG, request.param)
    return library.folder


def triggers_in(folder: Path) -> dict[str, str]:
    with closing(sqlite3.connect(folder / CATALOG)) as connection:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())


def test_there_is_a_dump_and_a_revision_for_every_version():
    assert tuple(range(1, SCHEMA_VERSION)) == RELEASED
    assert sorted(migrations.REVISIONS) == list(range(2, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("version", RELEASED)
def test_every_released_version_becomes_what_is_made_today(tmp_path, version):
    schema.create(tmp_path / "new", "fake", "1", dim=8)
    dumped(version, tmp_path / CATALOG)
    with closing(sqlite3.connect(tmp_path / CATALOG)) as connection:
        files, tracks, track = ("tracks", "contents", "content") if version < 4 else ("files", "tracks", "track")
        before = connection.execute(f"SELECT path, title, {track} FROM {files} ORDER BY id").fetchall()  # noqa: S608
        held = connection.execute(f"SELECT * FROM {tracks} ORDER BY id").fetchall()  # noqa: S608
        counted = connection.execute("SELECT uid, space, generation FROM meta").fetchall()
    migrations.migrate(tmp_path / CATALOG)
    assert tables_of(tmp_path / CATALOG) == tables_of(tmp_path / "new" / CATALOG)
    assert version_of(tmp_path) == SCHEMA_VERSION
    with closing(sqlite3.connect(tmp_path / CATALOG)) as connection:
        assert connection.execute("SELECT path, title, track FROM files ORDER BY id").fetchall() == before
        new = "genre, licence, album_artist, year, ctime_ns, inode"
        assert connection.execute(f"SELECT {new} FROM files").fetchall() == [(None,) * 6] * len(before)  # noqa: S608
        assert connection.execute("SELECT * FROM tracks ORDER BY id").fetchall() == held
        assert connection.execute("SELECT uid, space, generation FROM meta").fetchall() == counted
        assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'tracks'").fetchall() == [(2,)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert len(before) == 3


def test_the_first_writer_migrates_and_goes_on(old, music):
    toy(music / "new.mp3", 50)
    with Library.open_or_create(old, FakeAnalyser().space) as library:
        list(ingest.add(library, [music], FakeAnalyser(), executor="inline"))
        assert library.count("music") == 7
        assert verify(library) == []
    assert version_of(old) == SCHEMA_VERSION
    assert triggers_in(old) == schema.TRIGGERS
    assert not list(old.glob(f"*{BACKUP}*"))


def test_what_is_shown_stays_as_it_was_without_any_file(library, music):
    library.reload()
    before, info = state(library), library.info() | {"size_bytes": 0}
    library.close()
    shutil.rmtree(music)
    for version in RELEASED:
        made_older(library.folder / CATALOG, version)
        with Library.open(library.folder) as reader:
            assert version_of(library.folder) == SCHEMA_VERSION
            assert reader._facts  # the snapshot is as current as it was
            assert reader._catalog is None
            assert state(reader) == before
            assert reader.info() | {"size_bytes": 0} == info
            assert verify(reader) == []


def test_a_reader_migrates_where_it_can(old, library):
    with Library.open(old) as reader:
        assert version_of(old) == SCHEMA_VERSION
        assert reader.count("music") == 6
        assert not (old / BACKUP).exists()


def test_a_reader_reads_a_copy_while_another_process_writes(old):
    version = version_of(old)
    with lock(old), Library.open(old) as reader:
        assert version_of(old) == version
        assert len(state(reader)) == 6
        assert reader.search(np.ones(8), 3, "music").ids.tolist()
        reader.reload()
        assert verify(reader) == []
    with Library.open(old) as reader:
        assert version_of(old) == SCHEMA_VERSION


def test_where_nobody_can_write_a_copy_is_read(old, monkeypatch):
    before = {path.name: path.stat().st_mtime_ns for path in old.iterdir()}
    version = version_of(old)

    def refuse(folder, *args):
        raise LibraryError("the folder is read-only")

    monkeypatch.setattr("indexing.disk.lock.lock", refuse)
    monkeypatch.setattr(os, "access", lambda *args: False)
    with Library.open(old) as reader:
        assert len(state(reader)) == 6
    assert version_of(old) == version
    assert {path.name: path.stat().st_mtime_ns for path in old.iterdir() if path.name in before} == before


def test_a_step_that_fails_leaves_the_old_catalog_and_its_copy(old, monkeypatch):
    def broken(op):
        op.execute("DROP TABLE failures")
        raise sqlite3.OperationalError("database or disk is full")

    tables = tables_of(old / CATALOG)
    monkeypatch.setitem(migrations.REVISIONS, version_of(old) + 1, broken)
    with pytest.raises(LibraryError, match="the disk is full; nothing was lost"):
        Library.open(old)
    assert tables_of(old / CATALOG) == tables == tables_of(old / BACKUP)
    with closing(sqlite3.connect(old / CATALOG)) as connection:
        assert connection.execute("SELECT count(*) FROM tracks").fetchone() == (6,)
    monkeypatch.undo()
    with Library.open(old) as reader:
        assert reader.count("music") == 6
    assert not (old / BACKUP).exists()


def test_a_newer_library_says_so_to_readers_and_writers(library, music):
    with closing(sqlite3.connect(library.folder / CATALOG)) as connection:
        connection.execute("UPDATE meta SET schema_version = 99")
        connection.commit()
    asked = f"has format 99, but this cliptune reads up to format {SCHEMA_VERSION}; upgrade cliptune"
    with pytest.raises(LibraryError, match=asked):
        Library.open(library.folder)
    with pytest.raises(LibraryError, match=asked):
        list(ingest.add(library, [music], FakeAnalyser(), executor="inline"))


def test_the_program_of_before_says_that_the_library_is_newer(library, monkeypatch):
    monkeypatch.setattr("indexing.catalog.reading.SCHEMA_VERSION", 3)
    told = f"has format {SCHEMA_VERSION}, but this cliptune reads up to format 3; upgrade cliptune"
    with pytest.raises(LibraryError, match=told):
        Library.open(library.folder)


def test_triggers_of_an_earlier_program_are_replaced(library, music):
    name = next(iter(schema.TRIGGERS))
    with closing(sqlite3.connect(library.folder / CATALOG)) as connection:
        connection.execute(f"DROP TRIGGER {name}")
        connection.execute(f"CREATE TRIGGER {name} AFTER DELETE ON roots BEGIN DELETE FROM files; END")  # noqa: S608
        connection.commit()
    list(ingest.add(library, [music], FakeAnalyser(), executor="inline"))
    assert triggers_in(library.folder) == schema.TRIGGERS


def test_alembic_is_loaded_only_to_migrate(library, old):
    program = (
        "import sys; from indexing.library import Library\n"
        "Library.open(sys.argv[1]).close()\n"
        "assert ('alembic' in sys.modules) == (sys.argv[2] == 'old'), sys.argv[2]\n"
    )
    for age in ("old", "new"):
        done = subprocess.run([sys.executable, "-c", program, str(old), age], cwd=ROOT, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr
