"""A failure costs the library no track of the same content, and one of the machine is not remembered against a file."""

import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fakes import FakeAnalyser, state, toy

from indexing import ingest
from indexing.ingest.events import Failed, Ingested, Removed, Skipped
from indexing.maintenance.verify import verify
from recommender.errors import LibraryError, MediaError, PassingError

FAULTS = {
    "memory": MemoryError(),
    "a disk": OSError(5, "Input/output error"),
    "a permission": PermissionError(13, "Permission denied"),
    "told by the media": PassingError("cannot read '1.mp3': not enough memory; close other programs"),
}
FLAW = MediaError("cannot read '1.mp3': it is damaged")


@dataclass(frozen=True)
class Failing(FakeAnalyser):
    """Fails by `error` at the files of that name; None: kills its process."""

    name: str = "1.mp3"
    error: Exception | None = None

    def analyse(self, path, modality):
        if path.name != self.name:
            return super().analyse(path, modality)
        if self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        raise self.error


def update(library, analyser, **choices):
    return list(ingest.update(library, analyser, **{"executor": "inline", "reanalyse": True} | choices))


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_machine_keeps_what_was_analysed_and_is_not_remembered(library, fault):
    before = state(library)
    (failed,) = of(update(library, Failing(error=FAULTS[fault])), Failed)
    assert (Path(failed.path).name, failed.kept, failed.lost) == ("1.mp3", True, False)
    assert state(library) == before
    assert library.failures() == []
    assert len(of(update(library, FakeAnalyser()), Ingested)) == 6
    assert verify(library) == []


def test_a_worker_that_is_killed_keeps_what_was_analysed(library):
    before = state(library)
    (failed,) = of(update(library, Failing(), executor="processes", workers=2), Failed)
    assert failed.kept
    assert "killed by SIGKILL" in failed.reason
    assert state(library) == before
    assert library.failures() == []


def test_a_flaw_keeps_what_was_analysed_of_the_same_content_and_is_remembered(library):
    before = state(library)
    (failed,) = of(update(library, Failing(error=FLAW)), Failed)
    assert (failed.kept, failed.lost) == (True, False)
    assert state(library) == before
    assert [failure.reason for failure in library.failures()] == [str(FLAW)]
    again = update(library, FakeAnalyser())  # without `retry`
    assert [event.reason for event in of(again, Skipped)] == [f"failed before: {FLAW}"]
    assert [event.reason for event in of(update(library, FakeAnalyser(), reanalyse=False), Skipped)] == [
        "unchanged"
    ] * 6
    update(library, FakeAnalyser(), retry=True)
    assert library.failures() == []


def test_a_file_given_up_keeps_what_was_analysed_and_is_remembered(library, music):
    before = state(library)
    slow = FakeAnalyser(delay_s=60)
    for path in music.rglob("*.mp3"):
        if path.name != "1.mp3":
            path.unlink()
    (failed,) = of(update(library, slow, executor="processes", workers=1, limit_s=1.0), Failed)
    assert failed.kept
    assert "not done after 1 s" in failed.reason
    assert {path: one for path, one in before.items() if path[1].endswith("1.mp3")}.items() <= state(library).items()
    assert len(library.failures()) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_new_file_is_tried_again_after_a_fault_of_the_machine(library, music, fault):
    toy(music / "new.mp3", 50)
    (failed,) = of(update(library, Failing(name="new.mp3", error=FAULTS[fault]), reanalyse=False), Failed)
    assert (failed.kept, failed.lost) == (False, False)
    assert [Path(failure.path).name for failure in library.failures()] == ["new.mp3"]
    assert len(of(update(library, FakeAnalyser(), reanalyse=False), Ingested)) == 1
    assert library.failures() == []


@pytest.mark.parametrize("error", [*FAULTS.values(), FLAW])
def test_other_content_at_a_path_goes_only_where_the_new_one_is_to_blame(library, music, error):
    toy(music / "a" / "1.mp3", 70)
    (failed,) = of(update(library, Failing(error=error), reanalyse=False), Failed)
    assert (failed.kept, failed.lost) == (error is not FLAW, error is FLAW)
    assert library.count("music") == (5 if error is FLAW else 6)
    assert len(of(update(library, FakeAnalyser(), reanalyse=False, retry=True), Ingested)) == 1
    assert library.count("music") == 6
    assert verify(library) == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("move", [ingest.upgrade, lambda *a, **k: ingest.update(*a, reanalyse=True, **k)])
def test_a_move_waits_for_a_machine_that_fails_and_goes_on(tmp_path, library, fault, move):
    before = state(library)
    failing = Failing("2", "2", str(tmp_path / "log"), error=FAULTS[fault])
    with pytest.raises(LibraryError, match=r"1 track\(s\).*could not be analysed now.*1\.mp3.*with its old model"):
        list(move(library, failing, executor="inline"))
    assert state(library) == before
    assert library.space == FakeAnalyser().space
    (tmp_path / "log").unlink()
    whole = replace(FakeAnalyser("2", "2"), log=str(tmp_path / "log"))
    assert not of(list(move(library, whole, executor="inline")), Removed)
    assert (tmp_path / "log").read_text() == "1.mp3\n"  # the others are there from before
    assert library.space == whole.space
    assert library.count("music") == 6


def test_a_move_leaves_files_behind_that_fail_for_good_and_says_so_of_each(library):
    (left,) = of(update(library, Failing("2", "2", error=FLAW)), Removed)
    assert Path(left.path).name == "1.mp3"
    assert left.reason == str(FLAW)
    assert library.count("music") == 5


def test_copies_of_a_file_that_fails_stay_with_it(library, music):
    toy(music / "z.mp3", 1, 2)
    update(library, FakeAnalyser(), reanalyse=False)
    before = state(library)
    update(library, Failing(error=FLAW))
    assert state(library) == before


def test_what_was_remembered_as_passing_by_libraries_of_before_is_tried_again(library, music):
    toy(music / "new.mp3", 50)
    update(library, Failing(name="new.mp3", error=MemoryError()), reanalyse=False)
    with library.writing() as writer:
        writer.apply(lambda catalog: catalog._connection.exec_driver_sql("UPDATE failures SET mtime_ns = -1") and None)
    library.reload()
    assert len(of(update(library, FakeAnalyser(), reanalyse=False), Ingested)) == 1
