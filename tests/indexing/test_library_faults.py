"""Kills, damage, full and read-only disks, rivals: the library stays whole and says one clear line."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeAnalyser, state, toy

from indexing import ingest
from indexing.ingest.events import Ingested, Skipped
from indexing.library import Library
from indexing.maintenance.verify import orphans, verify
from indexing.snapshot import snapshot
from indexing.writing.writer import writing
from recommender.errors import LibraryError, LibraryLocked

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{HERE.parents[1]}{os.pathsep}{HERE}"}


def add(library, paths, analyser=None, **choices):
    return list(ingest.add(library, paths, analyser or FakeAnalyser(), executor="inline", **choices))


def rival(library, music):
    """Another process that adds `music` to the library."""
    command = [sys.executable, str(HERE / "rival.py"), str(library), str(music)]
    return subprocess.run(command, cwd=HERE.parents[1], env=ENVIRONMENT, capture_output=True, text=True)


def ids(library):
    return {t.path: t.id for t in library.tracks()}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_stopped_while_workers_run_nothing_is_lost_or_doubled(tmp_path, music, how):
    for seed in range(100, 160):
        toy(music / f"{seed}.mp3", seed)
    code = (
        "import signal, sys; from fakes import FakeAnalyser; from indexing import ingest\n"
        "from indexing.ingest import pipeline\n"
        "from indexing.library import Library\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell runs behind its back\n"
        "    pipeline._BATCH_FILES = 5\n"
        "    a = FakeAnalyser(delay_s=0.1)  # seconds are left when the signal comes, however busy the machine\n"
        "    for e in ingest.add(Library.open_or_create(sys.argv[1], a.space), [sys.argv[2]], a, workers=2):\n"
        "        print(e, flush=True)\n"
    )
    (tmp_path / "run.py").write_text(code)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py"), str(tmp_path / "lib"), str(music)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    reported = [line for line, _ in zip(process.stdout, range(12), strict=False) if "Ingested" in line]
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as Ctrl-C does: the workers get it too
    else:
        process.kill()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == -how
    assert errors.count("Traceback") == (1 if how == signal.SIGINT else 0), errors
    with Library.open(tmp_path / "lib") as library:
        assert 66 > library.count("music") >= len(reported) >= 10
        assert [p.kind for p in verify(library)] in ([], ["snapshot"])
        add(library, [music])
        with Library.create(tmp_path / "expected", library.space) as expected:
            add(expected, [music])
            assert state(library) == state(expected)
            assert ids(library) == ids(expected)
        assert verify(library) == []


def test_an_interrupt_keeps_what_is_finished(library, music):
    for seed in range(20, 24):
        toy(music / f"{seed}.mp3", seed)

    class Interrupted(FakeAnalyser):
        def analyse(self, path, modality):
            if path.name == "22.mp3":
                raise KeyboardInterrupt
            return super().analyse(path, modality)

    with pytest.raises(KeyboardInterrupt):
        add(library, [music], Interrupted())
    assert library.count("music") == 8
    assert verify(library) == []
    with writing(library.folder):
        pass  # the lock is free


def test_orphans_are_ignored_and_removed_by_the_next_writer(library, music):
    part = next((library.folder / "parts").iterdir())
    for name in ("stray.parquet", ".partial-x.parquet"):
        shutil.copy(part, part.with_name(name))
    (library.folder / "snapshots" / ".partial-000009-x").mkdir()
    with Library.open(library.folder) as reader:
        assert reader.count("music") == 6
        assert orphans(reader.folder) == [".partial-x.parquet", "stray.parquet"]
        assert verify(reader) == []
    add(library, [music])
    assert orphans(library.folder) == []
    assert len(list((library.folder / "snapshots").iterdir())) == 1


def flip(path, at=None):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("damage", ["flip", "cut", "missing", "text"])
def test_a_damaged_part_is_found_and_computed_again(library, music, damage):
    before = state(library)
    part = next((library.folder / "parts").iterdir())
    match damage:
        case "flip":
            flip(part)
        case "cut":
            part.write_bytes(part.read_bytes()[:-100])
        case "missing":
            part.unlink()
        case "text":
            part.write_text("hello")
    problems = verify(library)
    assert [p.kind for p in problems] == ["part"]
    assert part.name in str(problems[0])
    with Library.open(library.folder) as reader:  # the snapshot has all that a query needs
        assert state(reader) == before
    (library.folder / "manifest.json").unlink()
    with pytest.raises(LibraryError, match=r"part .*(damaged|missing).*recommend index repair"):
        Library.open(library.folder)
    list(ingest.update(library, FakeAnalyser(), executor="inline", reanalyse=True))
    assert state(library) == before
    assert verify(library) == []


@pytest.mark.parametrize("damage", ["text", "missing", "other format", "no folder", "cut array", "foreign"])
def test_a_damaged_snapshot_costs_nothing_but_time(library, music, damage):
    before = state(library)
    manifest = library.folder / "manifest.json"
    content = json.loads(manifest.read_text())
    home = library.folder / "snapshots" / content["name"]
    match damage:
        case "text":
            manifest.write_text("{")
        case "missing":
            manifest.unlink()
        case "other format":
            manifest.write_text(json.dumps({**content, "format": 99}))
        case "no folder":
            shutil.rmtree(home)
        case "cut array":
            array = home / "music" / "vectors.npy"
            array.write_bytes(array.read_bytes()[:-40])
        case "foreign":
            manifest.write_text(json.dumps({**content, "uid": "another catalog"}))
    with Library.open(library.folder) as reader:
        assert state(reader) == before
        assert np.array_equal(reader.medians("music"), library.medians("music"))
        assert [p.kind for p in verify(reader)] == ["snapshot"]
    add(library, [music])
    assert state(library) == before
    assert verify(library) == []


def test_wrong_numbers_in_a_snapshot_are_found(library):
    content = json.loads((library.folder / "manifest.json").read_text())
    flip(library.folder / "snapshots" / content["name"] / "music" / "affect.npy", -3)
    assert [p.kind for p in verify(library)] == ["snapshot"]
    without = {key: value for key, value in content.items() if key != "crc"}
    for held in without["modalities"].values():
        held.pop("crcs", None)
    (library.folder / "manifest.json").write_text(json.dumps(without))  # as before there were checksums
    assert [str(p) for p in verify(library)] == ["snapshot: its music affect are not those of the store"]


def test_a_damaged_catalog_is_one_line(library):
    library.close()
    for name in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
        (library.folder / name).unlink(missing_ok=True)
    (library.folder / "catalog.sqlite").write_bytes(b"not a database at all" * 500)
    with pytest.raises(LibraryError, match="cannot read the library at .*: the file is damaged"):
        Library.open(library.folder)


def test_a_snapshot_that_is_swapped_while_a_reader_opens_is_no_trouble(library, music, monkeypatch):
    real, swapped = snapshot.load_or_none, []

    def load(folder):
        published = real(folder)
        if not swapped:
            swapped.append(1)
            other = rival(folder, music)
            assert other.returncode == 0
        return published

    toy(music / "new.mp3", 88)
    monkeypatch.setattr(snapshot, "load_or_none", load)
    with Library.open(library.folder) as reader:
        assert reader.count("music") == 7


def test_a_second_writer_is_told_who_writes(library, music):
    with writing(library.folder):
        other = rival(library.folder, music)
        last = other.stderr.strip().splitlines()[-1]
        assert last.startswith("recommender.errors.LibraryLocked: the library at ")
        assert f"is being written by process {os.getpid()} on " in last
        start = time.monotonic()
        with pytest.raises(LibraryLocked, match="wait for it or stop it"):
            add(Library.open(library.folder), [music], wait_s=0.2)
        assert time.monotonic() - start >= 0.2
    assert len(add(library, [music])) == 7


@pytest.fixture
def readonly(library):
    """The library's folder mounted read-only elsewhere, or a skip."""
    library.close()
    place = library.folder.with_name("read only")
    place.mkdir()
    mount = ["mount", "--bind", "-o", "ro", str(library.folder), str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("bind mounts are not permitted here")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(place)], check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_read_only_library_is_read_but_not_written(library, music, readonly):
    for leftovers in (False, True):
        if leftovers:  # a journal that a killed writer left
            library.reload()
            connection = sqlite3.connect(library.folder / "catalog.sqlite")
            connection.execute("UPDATE tracks SET duration_s = 77 WHERE id = 1")
            connection.commit()
            assert (library.folder / "catalog.sqlite-wal").stat().st_size
        with Library.open(readonly) as reader:
            assert reader.search(np.ones(8), 3, "music").ids.tolist()
            assert reader.tracks_of([1])[0].duration_s == (77 if leftovers else 10)
            assert [p.kind for p in verify(reader)] == (["snapshot"] if leftovers else [])
            with pytest.raises(LibraryError, match="cannot write to the library at .*: the folder is read-only"):
                add(reader, [music])
            assert reader.count("music") == 6
    connection.close()
    with pytest.raises(LibraryError, match="cannot make a library at .*: the folder is read-only"):
        Library.create(readonly / "new", library.space)


def test_a_full_disk_is_one_line_and_loses_nothing(mounted, music):
    analyser = FakeAnalyser()
    for seed in range(100, 160):
        toy(music / f"{seed}.mp3", seed, 30)
    folder = mounted / "library"
    library = Library.create(folder, analyser.space)
    ballast = mounted / "ballast"
    ballast.write_bytes(b"x" * 700_000)
    with pytest.raises(LibraryError, match="cannot write .*library at .*: the disk is full"):
        add(library, [music])
    kept = library.count("music")
    assert not list(folder.rglob(".partial-*"))
    assert {p.kind for p in verify(library)} <= {"snapshot"}
    assert len(state(library)) == kept
    ballast.unlink()
    events = add(library, [music])
    assert sum(isinstance(e, Ingested) for e in events) == 66 - kept
    assert sum(isinstance(e, Skipped) for e in events) == kept
    assert verify(library) == []
    library.close()


def test_a_snapshot_that_does_not_fit_is_one_line_and_the_commit_stays(library, music, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    toy(music / "new.mp3", 300)
    with monkeypatch.context() as patch:
        patch.setattr("indexing.disk.npy.NpyWriter.put", full)
        with pytest.raises(LibraryError, match="cannot write a snapshot of the library at .*: the disk is full"):
            add(library, [music])
    assert library.count("music") == 7
    assert [p.kind for p in verify(library)] == ["snapshot"]
    assert len(list((library.folder / "snapshots").iterdir())) == 1
    add(library, [music])
    assert verify(library) == []
