"""Adding, updating and removing: by content, failures remembered, every event true."""

import os
from pathlib import Path

import pytest
from fakes import FakeAnalyser, state, toy

from indexing import ingest
from indexing.ingest.events import Failed, Ingested, Plan, Skipped, Warned
from indexing.ingest.scan import media_files, scan
from indexing.library import Library
from indexing.maintenance.verify import verify
from recommender.errors import LibraryError, ModelError, SpaceMismatch


def analysed(tmp_path: Path) -> list[str]:
    """Names of the files analysed since the last call."""
    log = tmp_path / "log"
    names = log.read_text().split("\n")[:-1] if log.exists() else []
    log.unlink(missing_ok=True)
    return names


def add(library, paths, analyser, **choices):
    return list(ingest.add(library, paths, analyser, executor="inline", **choices))


def update(library, analyser, **choices):
    return list(ingest.update(library, analyser, executor="inline", **choices))


def news(events):
    """Events that are not 'unchanged', without times."""
    short = [(type(e).__name__, Path(e.path).name, getattr(e, "reason", "")) for e in events if not isinstance(e, Plan)]
    return [e for e in short if e[2] != "unchanged"]


def test_first_add_plans_then_reports_every_file(tmp_path, music, analyser):
    with Library.create(tmp_path / "library", analyser.space) as library:
        events = add(library, [music], analyser)
        assert events[0] == Plan(total=6, to_analyse=6, bytes=6 * len("0 1\n"))
        assert [type(e) for e in events[1:]] == [Ingested] * 6
        assert library.count("music") == 6
        assert [t.id for t in library.tracks("music")] == [1, 2, 3, 4, 5, 6]
        assert verify(library) == []


def test_second_add_analyses_nothing(tmp_path, library, music, analyser):
    events = add(library, [music], analyser)
    assert events[0] == Plan(6, 0, 0)
    assert {e.reason for e in events[1:]} == {"unchanged"}
    assert analysed(tmp_path) == []


def test_a_touched_file_is_unchanged_and_not_hashed_again_next_time(tmp_path, library, music, analyser, monkeypatch):
    os.utime(music / "a" / "0.mp3", ns=(5, 5))
    assert news(add(library, [music], analyser)) == []
    monkeypatch.setattr("indexing.ingest.plan.content_hash", lambda path: pytest.fail("hashed"))
    assert news(add(library, [music], analyser)) == []
    assert analysed(tmp_path) == []


def test_a_renamed_file_is_not_analysed_again(tmp_path, library, music, analyser):
    before = library.windows_of([1])[0].vectors.tobytes()
    (music / "a" / "0.mp3").rename(music / "new name.mp3")
    assert news(update(library, analyser)) == [("Skipped", "new name.mp3", "renamed")]
    assert analysed(tmp_path) == []
    assert library.tracks_of([1])[0].path == str(music / "new name.mp3")
    assert library.tracks_of([1])[0].copies == ()
    assert library.windows_of([1])[0].vectors.tobytes() == before
    assert library.count("music") == 6


def test_a_changed_file_is_analysed_again_and_its_old_content_goes(tmp_path, library, music, analyser):
    toy(music / "a" / "0.mp3", 70)
    assert news(update(library, analyser)) == [("Ingested", "0.mp3", "")]
    assert analysed(tmp_path) == ["0.mp3"]
    assert [t.id for t in library.tracks()] == [7, 2, 3, 4, 5, 6]
    with pytest.raises(LibraryError, match="no track 1"):
        library.windows_of([1])
    assert verify(library) == []


def test_copies_are_one_track_and_the_first_that_exists_leads(tmp_path, library, music, analyser):
    toy(music / "z.mp3", 1, 2)
    toy(music / "a" / "00.mp3", 1, 2)
    assert news(add(library, [music], analyser)) == [("Skipped", "00.mp3", "copy"), ("Skipped", "z.mp3", "copy")]
    assert library.count("music") == 6
    assert library.tracks_of([2])[0].path == str(music / "a" / "00.mp3")
    assert library.tracks_of([2])[0].copies == (str(music / "a" / "1.mp3"), str(music / "z.mp3"))
    (music / "a" / "00.mp3").unlink()
    assert library.tracks_of([2])[0].path == str(music / "a" / "1.mp3")
    assert len(list(library.tracks())) == 8


def test_new_copies_are_analysed_once(tmp_path, analyser):
    for name in "abc":
        toy(tmp_path / "m" / f"{name}.mp3", 1)
    with Library.create(tmp_path / "library", analyser.space) as library:
        events = add(library, [tmp_path / "m"], analyser)
        assert events[0].to_analyse == 1
        assert news(events) == [("Ingested", "a.mp3", ""), ("Skipped", "b.mp3", "copy"), ("Skipped", "c.mp3", "copy")]
        assert analysed(tmp_path) == ["a.mp3"]


def test_copies_of_a_bad_file_fail_with_it_and_a_twin_is_tried_when_the_first_vanishes(tmp_path, analyser):
    for name in ("a", "b"):
        toy(tmp_path / "bad" / f"{name}.mp3", "bad")
        toy(tmp_path / "gone" / f"{name}.mp3", "vanish")
    with Library.create(tmp_path / "library", analyser.space) as library:
        assert [e[:2] for e in news(add(library, [tmp_path / "bad"], analyser))] == [
            ("Failed", "a.mp3"),
            ("Failed", "b.mp3"),
        ]
        assert analysed(tmp_path) == ["a.mp3"]
        assert len(news(add(library, [tmp_path / "gone"], analyser))) == 2
        assert analysed(tmp_path) == ["a.mp3", "b.mp3"]  # nothing is held against the second
        assert len(library.failures()) == 2  # what vanished is not remembered


def test_failures_are_remembered_until_retry_or_change(tmp_path, library, music, analyser):
    bad = toy(music / "bad.mp3", "bad")
    reason = "cannot read 'bad.mp3': not a toy"
    assert news(add(library, [music], analyser)) == [("Failed", "bad.mp3", reason)]
    assert [(f.path, f.reason) for f in library.failures()] == [(str(bad), reason)]
    assert news(add(library, [music], analyser)) == [("Skipped", "bad.mp3", f"failed before: {reason}")]
    assert news(add(library, [music], analyser, retry=True)) == [("Failed", "bad.mp3", reason)]
    toy(bad, 9)
    assert news(add(library, [music], analyser)) == [("Ingested", "bad.mp3", "")]
    assert library.failures() == []


@pytest.mark.parametrize(
    ("word", "reason"),
    [("bug", "unexpected ZeroDivisionError"), ("nan", "unexpected FloatingPointError"), ("touch", "changed during")],
)
def test_one_bad_file_stops_nothing(tmp_path, library, music, analyser, word, reason):
    toy(music / "a" / "1.mp3", word)
    toy(music / "new.mp3", 50)
    events = news(add(library, [music], analyser))
    assert [e[:2] for e in events] == [("Failed", "1.mp3"), ("Ingested", "new.mp3")]
    assert reason in events[0][2]
    assert "1.mp3" not in {Path(t.path).name for t in library.tracks()}  # its old content is no longer there


def test_a_file_that_changed_during_its_analysis_is_tried_again_without_asking(tmp_path, library, music, analyser):
    toy(music / "x.mp3", "touch")
    add(library, [music], analyser)
    analysed(tmp_path)
    os.utime(music / "x.mp3", ns=(7, 7))
    add(library, [music], analyser)
    assert analysed(tmp_path) == ["x.mp3"]


def test_an_error_of_the_model_ends_the_run_and_keeps_what_was_done(tmp_path, music, analyser):
    toy(music / "b c" / "4.mp3", "model")
    with Library.create(tmp_path / "library", analyser.space) as library:
        with pytest.raises(ModelError, match="the model is damaged"):
            add(library, [music], analyser)
        assert library.count("music") == 4


def test_vanished_files_are_removed_by_update_only(library, music, analyser):
    (music / "a" / "1.mp3").unlink()
    assert news(add(library, [music], analyser)) == []
    assert library.count("music") == 6
    assert news(update(library, analyser)) == [("Removed", "1.mp3", "")]
    assert library.count("music") == 5
    assert verify(library) == []


def test_a_root_that_is_not_there_keeps_its_tracks(library, music, analyser):
    music.rename(music.with_name("unplugged"))
    events = update(library, analyser)
    assert [type(e) for e in events] == [Plan, Warned]
    assert "unplugged disk" in events[1].reason
    assert library.count("music") == 6
    music.with_name("unplugged").rename(music)
    assert news(update(library, analyser)) == []


def test_a_single_file_can_be_added_and_vanish(tmp_path, library, analyser):
    file = toy(tmp_path / "else" / "no suffix", 40)
    assert news(add(library, [file], analyser)) == [("Ingested", "no suffix", "")]
    file.unlink()
    assert news(update(library, analyser)) == [("Removed", "no suffix", "")]
    assert [root.path for root in library.roots()] == [str(tmp_path / "music")]


def test_remove_takes_files_and_folders_out(library, music, analyser):
    assert news(ingest.remove(library, [music / "a", music / "b c" / "3.mp3", music / "none"])) == [
        ("Removed", "0.mp3", ""),
        ("Removed", "1.mp3", ""),
        ("Removed", "2.mp3", ""),
        ("Removed", "3.mp3", ""),
        ("Skipped", "none", "not in the library"),
    ]
    assert [t.id for t in library.tracks()] == [5, 6]
    assert verify(library) == []
    list(ingest.remove(library, [music]))
    assert library.count("music") == 0
    assert library.roots() == []
    assert list((library.folder / "parts").iterdir()) == []
    assert library.search(library.space.dim * [1.0], 3, "music").ids.tolist() == []


def test_a_dry_run_writes_nothing(tmp_path, library, music, analyser):
    toy(music / "new.mp3", 123)
    (music / "a" / "0.mp3").unlink()
    before = {p: p.stat().st_mtime_ns for p in library.folder.rglob("*") if not p.name.endswith("-shm")}
    events = update(library, analyser, dry_run=True)
    assert events[0] == Plan(6, 1, 6)
    assert news(events) == [("Planned", "new.mp3", ""), ("Removed", "0.mp3", "")]
    assert {p: p.stat().st_mtime_ns for p in library.folder.rglob("*") if not p.name.endswith("-shm")} == before
    assert add(None, [music], analyser, dry_run=True)[0] == Plan(6, 6, 26)


@pytest.mark.parametrize("name", ["a b.mp3", "new\nline.mp3", os.fsdecode(b"not \xff utf-8.mp3"), "'; --.mp3", "é.MP3"])
def test_any_name_survives(library, tmp_path, analyser, name):
    path = toy(tmp_path / "names" / name, 77)
    assert news(add(library, [path.parent], analyser))[0][:2] == ("Ingested", name)
    assert library.tracks_of([7])[0].path == str(path)
    assert library.tracks_of([7])[0].title == "Title 77"
    path.rename(tmp_path / "names" / "plain.mp3")
    assert news(update(library, analyser)) == [("Skipped", "plain.mp3", "renamed")]


def test_a_title_is_valid_text_even_where_the_name_is_not(library, tmp_path, analyser):
    toy(tmp_path / "names" / os.fsdecode(b"\xff.mp3"), 78)
    add(library, [tmp_path / "names"], analyser)
    assert library.tracks_of([7])[0].title == "\ufffd"


def test_scan_skips_hidden_and_foreign_files_and_ends_on_loops(tmp_path):
    keep = [toy(tmp_path / "m" / name, 1) for name in ("a.mp3", "b/c.FLAC")]
    for name in (".hidden.mp3", ".d/x.mp3", "cover.jpg", "notes.txt"):
        toy(tmp_path / "m" / name, 1)
    (tmp_path / "m" / "b" / "loop").symlink_to(tmp_path / "m")
    (tmp_path / "m" / "broken.mp3").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "m" / "pipe.mp3")
    found = scan([tmp_path / "m"], "music")
    assert [f.path for f in found.files] == [str(p) for p in keep]
    assert [Path(p.path).name for p in found.problems] == ["broken.mp3"]
    assert media_files(tmp_path / "m", "video") == [tmp_path / "m" / "cover.jpg"]
    explicit = scan([tmp_path / "m" / ".d" / "x.mp3", tmp_path / "m" / "pipe.mp3", tmp_path / "none"], "music")
    assert [Path(f.path).name for f in explicit.files] == ["x.mp3"]
    assert [p.reason.split(": ", 1)[1] for p in explicit.problems] == [
        "it is neither a file nor a folder",
        "no such file or directory",
    ]


def test_a_folder_that_cannot_be_read_is_reported_and_keeps_its_tracks(library, music, analyser, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("b c"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    events = update(library, analyser)
    assert next(e for e in events if isinstance(e, Failed)).reason.endswith("permission denied")
    assert library.count("music") == 6


def test_a_folder_without_media_plans_nothing(tmp_path, library, analyser):
    (tmp_path / "empty").mkdir()
    assert add(library, [tmp_path / "empty"], analyser) == [Plan(0, 0, 0)]
    assert len(library.roots()) == 1


def test_music_and_clips_live_side_by_side(tmp_path, library, music, analyser):
    toy(tmp_path / "clips" / "x.mp4", 200)
    add(library, [tmp_path / "clips"], analyser, modality="video")
    assert library.modalities == ("music", "video")
    assert (library.count("music"), library.count("video")) == (6, 1)
    assert library.search([1.0] * 8, 5, "video").ids.tolist() == [7]
    assert 7 not in library.search([1.0] * 8, 20, "music").ids


def test_another_model_is_refused_and_leaves_everything(library, music):
    before = state(library)
    with pytest.raises(
        SpaceMismatch, match=r"fake revision 1 \(8 dimensions\), not with fake revision 2.*index upgrade"
    ):
        add(library, [music], FakeAnalyser("2"))
    assert state(library) == before


def test_reanalyse_moves_the_library_to_the_new_model_at_once(tmp_path, library, music):
    toy(music / "copy.mp3", 1, 2)
    events = update(library, FakeAnalyser("2"), reanalyse=True)
    assert events[0] == Plan(7, 6, 6 * 4)
    assert library.space.revision == "2"
    with Library.create(tmp_path / "fresh", FakeAnalyser("2").space) as fresh:
        add(fresh, [music], FakeAnalyser("2"))
        assert state(library) == state(fresh)
    assert verify(library) == []


def test_an_interrupted_move_keeps_the_old_space_and_goes_on(tmp_path, library, music, analyser, monkeypatch):
    before = state(library)
    monkeypatch.setattr("indexing.ingest.pipeline._BATCH_FILES", 2)
    new = FakeAnalyser("2", log=analyser.log)
    events = ingest.update(library, new, reanalyse=True, executor="inline")
    for event in events:
        if isinstance(event, Ingested):
            break
    events.close()
    library.reload()
    assert state(library) == before
    assert verify(library) == []
    done = len(analysed(tmp_path))
    assert done >= 2
    assert len([e for e in update(library, new, reanalyse=True) if isinstance(e, Skipped)]) == 2
    assert sorted(analysed(tmp_path))[-4:] == ["2.mp3", "3.mp3", "4.mp3", "5.mp3"]
    assert library.space.revision == "2"


def test_a_move_in_which_all_fails_is_refused(library, music):
    for path in music.rglob("*.mp3"):
        toy(path, "bad")
    before = library.space
    with pytest.raises(LibraryError, match="it stays as it is"):
        update(library, FakeAnalyser("2"), reanalyse=True)
    assert library.space == before
    assert library.count("music") == 6


def test_reanalyse_under_the_same_model_replaces_in_place(tmp_path, library, music, analyser):
    before = state(library)
    update(library, analyser, reanalyse=True)
    assert len(analysed(tmp_path)) == 6
    assert state(library) == before
    assert len(list((library.folder / "parts").iterdir())) == 1
    assert verify(library) == []
