"""Faults one at a time: clocks that jump, files that vanish or change under analysis, decoders that hang or die."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from indexing import ingest
from indexing.disk.lock import lock
from indexing.ingest.events import Failed, Ingested
from indexing.library import Library
from indexing.maintenance import salvage
from indexing.maintenance.verify import verify
from recommender.errors import LibraryError
from tests.faults.operations import ANALYSER, World, state, toy
from tests.faults.seen import seen
from tests.faults.unreadable import undeletable


@pytest.fixture
def world(tmp_path):
    """Six toy tracks, and a library of them."""
    made = World(tmp_path, 3)
    for number in range(6):
        made.track(f"{number}.mp3", number)
    with Library.create(made.base, ANALYSER.space) as library:
        list(ingest.add(library, [made.music], ANALYSER, executor="inline"))
    return made


def fresh(world: World, name: str = "expected"):
    """What a library shows that is made of the files as they are now."""
    with Library.create(world.home / name, ANALYSER.space) as library:
        list(ingest.add(library, [world.music], ANALYSER, executor="inline"))
        return state(library)


@pytest.mark.parametrize("to", [0, 4_000_000_000], ids=["back to 1970", "ahead to 2096"])
def test_a_clock_that_jumps_hides_no_change(world, monkeypatch, to):
    real = time.time
    monkeypatch.setattr(time, "time", lambda: to + real() % 1)
    changed, touched = world.music / "0.mp3", world.music / "1.mp3"
    size = changed.stat().st_size
    toy(changed, 9999, "4 0")
    assert changed.stat().st_size == size
    for path in (changed, touched):
        os.utime(path, (to, to))
    with Library.open(world.base) as library:
        events = list(ingest.update(library, ANALYSER, executor="inline"))
        assert [Path(e.path).name for e in events if isinstance(e, Ingested)] == ["0.mp3"]
        assert state(library) == fresh(world)
        assert verify(library) == []
        events = list(ingest.update(library, ANALYSER, executor="inline"))
        assert not [e for e in events if isinstance(e, Ingested)]


def test_files_and_decoders_that_misbehave_cost_only_themselves(world):
    """In worker processes: one hangs, one dies, one file vanishes and one changes under analysis."""
    for word in ("hang", "kill", "vanish", "touch"):
        toy(world.music / f"{word}.mp3", word)
    for number in range(20, 24):
        world.track(f"{number}.mp3", number)
    with Library.open(world.base) as library:
        before = state(library)
        events = list(ingest.add(library, [world.music], ANALYSER, workers=2, limit_s=3.0))
        failed = {Path(e.path).name: e.reason for e in events if isinstance(e, Failed)}
        assert failed.keys() == {"hang.mp3", "kill.mp3", "vanish.mp3", "touch.mp3"}
        assert "not done after 3 s" in failed["hang.mp3"]
        assert "killed by SIGKILL" in failed["kill.mp3"]
        assert "it changed during its analysis" in failed["touch.mp3"]
        assert before.items() <= state(library).items()
        assert library.count("music") == 10
        assert verify(library) == []
        for word in ("hang", "kill", "touch"):  # they are well again
            toy(world.music / f"{word}.mp3", 777 + len(word))
        list(ingest.update(library, ANALYSER, executor="inline"))
        assert state(library) == fresh(world)


def test_a_lock_note_that_cannot_be_removed_is_no_trouble(world):
    with undeletable("writer.json"), lock(world.base):
        pass
    assert (world.base / "writer.json").exists()
    with Library.open(world.base) as library:
        list(ingest.update(library, ANALYSER, executor="inline"))
    assert not (world.base / "writer.json").exists()


@pytest.mark.parametrize("error", ["disk I/O error", "database or disk is full", "database is locked"])
def test_a_passing_fault_of_the_disk_is_no_damaged_catalog(world, monkeypatch, error):
    """A repair that took it for one would put a catalog of its own in the place of a sound one."""

    def failing(*args, **named):
        raise sqlite3.OperationalError(error)

    before = (world.base / "catalog.sqlite").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", failing)
        with pytest.raises(LibraryError, match="cannot read the library at"):
            list(salvage.bring_back(world.base, ANALYSER))
    assert (world.base / "catalog.sqlite").read_bytes() == before
    assert len(seen(world.base).tracks) == 6
