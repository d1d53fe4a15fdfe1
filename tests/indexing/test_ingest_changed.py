"""What tells that a file changed: size and time, and where a program sets both back, inode and status."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from fakes import FakeAnalyser, state, toy

from indexing import ingest
from indexing.disk.files import File, Stamp, file_of
from indexing.ingest import job, plan
from indexing.ingest.events import Failed, Ingested, Plan, Skipped
from indexing.maintenance.verify import verify

FIRST = "0.mp3"


def update(library, analyser=None, **choices):
    return list(ingest.update(library, analyser or FakeAnalyser(), executor="inline", **choices))


def analysed(events):
    return sorted(Path(event.path).name for event in events if isinstance(event, Ingested))


def reasons(events):
    return {event.reason for event in events if isinstance(event, Skipped)}


def keeping_times(path: Path, change) -> None:
    """Change a file and set its times back, as `cp --preserve` and taggers do."""
    status = path.stat()
    change(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def in_place(path):
    path.write_text("7 1\n")


def by_another(path):
    path.with_suffix(".new").write_text("7 1\n")
    path.with_suffix(".new").replace(path)


@pytest.fixture
def hashed(monkeypatch):
    """Names of the files that were read to tell their content."""
    seen, real = [], plan.content_hash
    monkeypatch.setattr(plan, "content_hash", lambda path: seen.append(path.name) or real(path))
    return seen


@pytest.mark.parametrize("change", [in_place, by_another])
def test_other_content_of_the_same_size_and_time_is_analysed(library, music, hashed, change):
    keeping_times(music / "a" / FIRST, change)
    assert analysed(update(library)) == [FIRST]
    assert hashed == [FIRST]
    assert "Title 7" in {track.title for track in library.tracks()}
    assert update(library)[0] == Plan(6, 0, 0)
    assert hashed == [FIRST]
    assert verify(library) == []


def test_the_same_content_in_another_inode_costs_one_hashing(library, music, hashed):
    before = state(library)
    shutil.copytree(music, music.with_name("copy"), copy_function=shutil.copy2)
    shutil.rmtree(music)
    music.with_name("copy").rename(music)
    events = update(library)
    assert (analysed(events), reasons(events), len(hashed)) == ([], {"unchanged"}, 6)
    update(library)
    assert len(hashed) == 6
    assert state(library) == before


def test_a_status_that_changes_costs_one_hashing(library, music, hashed):
    (music / "a" / FIRST).chmod(0o600)
    for _ in range(2):
        assert analysed(update(library)) == []
        assert hashed == [FIRST]


def test_what_libraries_of_before_lack_is_filled_in(library, music, hashed):
    with library.writing() as writer:
        forget = "UPDATE files SET ctime_ns = NULL, inode = NULL"
        writer.apply(lambda catalog: catalog._connection.exec_driver_sql(forget) and None)
    library.reload()
    generation = library.generation
    events = update(library)
    assert (analysed(events), reasons(events), hashed) == ([], {"unchanged"}, [])
    assert library.generation == generation  # a snapshot shows nothing of it
    with sqlite3.connect(library.folder / "catalog.sqlite") as connection:
        stamps = connection.execute("SELECT path, size, mtime_ns, ctime_ns, inode FROM files").fetchall()
    assert {File(os.fsdecode(path), *stamp) for path, *stamp in stamps} == {
        file_of(str(path), path.stat()) for path in music.rglob("*.mp3")
    }
    keeping_times(music / "a" / FIRST, in_place)
    assert analysed(update(library)) == [FIRST]


def test_a_file_that_failed_is_tried_again_where_its_content_changed_alone(tmp_path, library, music, hashed):
    bad = toy(music / "bad.mp3", "bad", 1)
    update(library)
    bad.chmod(0o600)
    for _ in range(2):
        assert reasons(update(library)) == {"unchanged", "failed before: cannot read 'bad.mp3': not a toy"}
        assert hashed == ["bad.mp3"]
    keeping_times(bad, lambda path: path.write_text("333 1\n"))
    assert analysed(update(library)) == ["bad.mp3"]
    assert library.failures() == []


@pytest.mark.parametrize("when", ["while it waited for its analysis", "during its analysis"])
def test_a_change_during_the_analysis_is_seen_though_size_and_time_stay(library, music, when, monkeypatch):
    new = toy(music / "new.mp3", 50, 1)

    class Changing(FakeAnalyser):
        def analyse(self, path, modality):
            if when == "during its analysis":
                keeping_times(path, lambda p: p.write_text("51 1\n"))
            return super().analyse(path, modality)

    if when == "while it waited for its analysis":
        toy(music / "twin.mp3", 51, 1)  # of the same size: so the first is hashed before
        real = plan.content_hash

        def hash_and_change(path):
            digest = real(path)
            if path == new:
                keeping_times(path, lambda p: p.write_text("51 1\n"))
            return digest

        monkeypatch.setattr(plan, "content_hash", hash_and_change)
    (failed,) = [event for event in update(library, Changing()) if isinstance(event, Failed)]
    assert failed.reason.endswith(f"it changed {when}")
    monkeypatch.undo()
    update(library)
    assert verify(library) == []
    assert library.failures() == []
    assert str(new) in {track.path for track in library.tracks()}


def test_a_link_made_during_the_analysis_is_no_change(library, music):
    class Linking(FakeAnalyser):
        def analyse(self, path, modality):
            (music.parent / "backup").hardlink_to(path)
            return super().analyse(path, modality)

    toy(music / "new.mp3", 50)
    assert analysed(update(library, Linking())) == ["new.mp3"]


@pytest.mark.parametrize(
    "time_ns", [-1, -(10**18), 0, 1 << 31, (1 << 63) - 1, 1 << 63, 10**9 * (1 << 40), -(10**9) * (1 << 40)]
)
def test_any_time_is_kept(library, music, time_ns):
    path = toy(music / "odd.mp3", 60)
    try:
        os.utime(path, ns=(time_ns, time_ns))
    except OverflowError:
        pytest.skip("no time of Python's")
    kept = path.stat().st_mtime_ns == time_ns  # else the file system cut it off
    assert analysed(update(library)) == ["odd.mp3"], kept
    assert update(library)[0] == Plan(7, 0, 0)
    assert verify(library) == []


def test_numbers_beyond_what_sqlite_holds_wrap_around():
    status = os.stat_result(
        (0, (1 << 64) - 1, 0, 1, 0, 0, 5, 0, 0, 0), {"st_mtime_ns": 1 << 65, "st_ctime_ns": 1 << 63}
    )
    assert file_of("a", status).stamp == Stamp(5, 0, -(1 << 63), -1)


def test_stamps_fit_where_nothing_known_tells_them_apart():
    whole = Stamp(1, 2, 3, 4)
    assert whole.fits(whole)
    assert whole.fits(Stamp(1, 2))
    assert Stamp(1, 2, None, 4).fits(whole)
    for other in (Stamp(0, 2, 3, 4), Stamp(1, 0, 3, 4), Stamp(1, 2, 0, 4), Stamp(1, 2, 3, 0)):
        assert not whole.fits(other)


def test_a_job_reads_a_file_again_only_where_its_status_changed(tmp_path, monkeypatch):
    path = toy(tmp_path / "x.mp3", 5)
    file = file_of(str(path), path.stat())
    done = job.analyse(FakeAnalyser(), job.Job(file, "music"))
    monkeypatch.setattr(job, "content_hash", lambda path: pytest.fail("read again"))
    assert job.analyse(FakeAnalyser(), job.Job(file, "music", done.hash)).hash == done.hash
