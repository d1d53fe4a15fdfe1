"""Files that are gone all at once have lost their disk: their tracks stay, until they are pruned."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from fakes import FakeAnalyser, state, toy

from indexing import ingest
from indexing.ingest import plan
from indexing.ingest.events import Ingested, Plan, Removed, Skipped, Warned
from indexing.library import Library
from indexing.maintenance.verify import verify
from recommender.errors import Argument, LibraryError


def update(library, analyser=None, **choices):
    return list(ingest.update(library, analyser or FakeAnalyser(), executor="inline", **choices))


def add(library, *paths):
    return list(ingest.add(library, paths, FakeAnalyser(), executor="inline"))


def kinds(events):
    return [type(event) for event in events if not isinstance(event, Skipped)]


def names(events, kind):
    return sorted(Path(event.path).name for event in events if isinstance(event, kind))


def empty(folder: Path, folders: bool = True) -> None:
    """Remove all that is in a folder, the folders in it only where asked."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.unlink()
        elif folders:
            path.rmdir()


@pytest.mark.parametrize("folders", [True, False])
def test_an_emptied_folder_keeps_its_tracks_until_they_are_pruned(library, music, folders):
    before = state(library)
    empty(music, folders)
    for events in (update(library), update(library, dry_run=True), update(library)):
        assert kinds(events) == [Plan, Warned]
        assert events[1].path == str(music)
        assert events[1].reason == (
            f"none of the 6 files of {music} is there (an unplugged disk?); its tracks stay in the library"
        )
        assert events[1].advice == Argument("prune", command="index update")
    assert state(library) == before
    assert verify(library) == []
    assert kinds(update(library, dry_run=True, prune=True)) == [Plan] + [Removed] * 6
    assert kinds(update(library, prune=True)) == [Plan] + [Removed] * 6
    assert library.count("music") == 0
    assert kinds(update(library)) == [Plan]
    assert [root.path for root in library.roots()] == [str(music)]


def test_a_folder_that_is_not_there_is_pruned_with_its_root(library, music):
    shutil.rmtree(music)
    assert kinds(update(library)) == [Plan, Warned]
    assert library.count("music") == 6
    assert kinds(update(library, prune=True)) == [Plan] + [Removed] * 6
    assert library.roots() == []


def test_an_empty_mount_point_keeps_its_tracks(library, music, monkeypatch):
    empty(music)
    monkeypatch.setattr(plan, "mount_of", lambda path: "/elsewhere")
    assert kinds(update(library)) == [Plan, Warned]
    assert library.count("music") == 6


def test_another_disk_in_its_place_keeps_its_tracks_too(library, music):
    before = state(library)
    music.rename(music.with_name("first disk"))
    toy(music / "other.mp3", 90)
    events = update(library)
    assert kinds(events) == [Plan, Warned, Ingested]
    assert before.items() <= state(library).items()
    assert library.count("music") == 7
    shutil.rmtree(music)
    music.with_name("first disk").rename(music)
    assert kinds(update(library)) == [Plan, Removed]
    assert state(library) == before


def test_a_disk_that_is_mounted_elsewhere_is_not_analysed_again(library, music):
    before = state(library)
    music.rename(music.with_name("elsewhere"))
    assert kinds(add(library, music.with_name("elsewhere"))) == [Plan]
    assert before.items() <= state(library).items()
    assert library.count("music") == 6


def test_files_that_are_all_renamed_have_not_vanished(library, music):
    for place, path in enumerate(sorted(music.rglob("*.mp3"))):
        path.rename(music / f"new {place}.mp3")
    events = update(library)
    assert kinds(events) == [Plan]
    assert [event.reason for event in events[1:]] == ["renamed"] * 6
    assert {Path(path).name for _, path in state(library)} == {f"new {place}.mp3" for place in range(6)}


def test_one_of_them_that_is_deleted_at_the_same_time_goes(library, music):
    first, *others = sorted(music.rglob("*.mp3"))
    first.unlink()
    for place, path in enumerate(others):
        path.rename(music / f"new {place}.mp3")
    assert names(update(library), Removed) == ["0.mp3"]
    assert library.count("music") == 5


def test_a_single_file_goes_unless_it_was_everything(tmp_path, library, music):
    file = toy(tmp_path / "one.mp3", 40)
    with Library.create(tmp_path / "alone", library.space) as alone:
        for target in (alone, library):
            add(target, file)
        file.unlink()
        assert kinds(update(alone)) == [Plan, Warned]
        assert alone.count("music") == 1
    assert kinds(update(library)) == [Plan, Removed]
    assert library.count("music") == 6


@pytest.mark.parametrize(("count", "kept"), [(5, True), (4, False)])
def test_a_folder_that_stands_empty_stays_where_it_held_more_than_a_few(library, music, count, kept):
    for seed in range(count):
        toy(music / "disk" / f"x/{seed}.mp3", 100 + seed)
    update(library)
    empty(music / "disk")
    events = update(library)
    assert kinds(events) == ([Plan, Warned] if kept else [Plan] + [Removed] * count)
    assert library.count("music") == (6 + count if kept else 6)
    assert kinds(update(library, prune=True)) == ([Plan] + [Removed] * count if kept else [Plan])


def test_a_folder_that_is_deleted_goes_and_so_does_a_link_only_where_it_leads_somewhere(library, music, tmp_path):
    for seed in range(7):
        toy(tmp_path / "linked" / f"{seed}.mp3", 100 + seed)
        toy(music / "deleted" / f"{seed}.mp3", 200 + seed)
    (music / "link").symlink_to(tmp_path / "linked")
    update(library, follow_links=True)
    assert library.count("music") == 20
    shutil.rmtree(music / "deleted")
    (tmp_path / "linked").rename(tmp_path / "unplugged")
    events = update(library)
    assert [event.path for event in events if isinstance(event, Warned)] == [str(music / "link")]
    assert len(names(events, Removed)) == 7
    (music / "link").unlink()
    assert len(names(update(library), Removed)) == 7


def mount(place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")


def test_a_disk_that_is_mounted_inside_is_remembered_and_kept(library, music):
    mount(music / "disk")
    try:
        toy(music / "disk" / "in" / "x.mp3", 100)
        update(library)
        assert [root.path for root in library.roots()] == [str(music), str(music / "disk")]
    finally:
        subprocess.run(["umount", "-l", str(music / "disk")], check=True)
    before = state(library)
    assert kinds(update(library)) == [Plan, Warned]  # the mount point stands empty
    (music / "disk").rmdir()
    assert kinds(update(library)) == [Plan, Warned]  # or is taken away with the disk
    assert state(library) == before
    list(ingest.remove(library, [music]))
    assert library.roots() == []


def test_a_disk_that_goes_while_others_are_analysed_keeps_its_tracks(tmp_path, library, music):
    toy(tmp_path / "new" / "new.mp3", 50)

    class Unplugging(FakeAnalyser):
        def analyse(self, path, modality):
            empty(music)
            return super().analyse(path, modality)

    add(library, tmp_path / "new")
    toy(tmp_path / "new" / "newer.mp3", 51)
    assert kinds(update(library, Unplugging())) == [Plan, Ingested, Warned]
    assert library.count("music") == 8


def test_no_move_to_another_model_leaves_them_behind_but_for_a_pruning_one(library, music):
    before = state(library)
    empty(music)
    other = FakeAnalyser("2", measures="2")
    toy(music / "new.mp3", 90)
    for move in (ingest.upgrade, lambda *a, **k: ingest.update(*a, reanalyse=True, **k)):
        with pytest.raises(LibraryError, match=r"6 track\(s\).*stays as it is"):
            list(move(library, other, executor="inline"))
        assert state(library) == before
    assert names(update(library, other, reanalyse=True, prune=True), Removed) == [f"{n}.mp3" for n in range(6)]
    assert library.count("music") == 1


def test_nothing_is_looked_at_twice_where_all_is_there(library, music, monkeypatch):
    real, seen = os.lstat, []
    monkeypatch.setattr(os, "lstat", lambda path, **more: seen.append(path) or real(path, **more))
    plan.folders_away(known_of(library), {track.path for track in library.tracks()})
    assert seen == []


def known_of(library):
    with library.catalog() as catalog:
        return catalog.known("music")


def test_the_command_says_so_and_prunes(run, music_folder, clip_folder, tmp_path):
    folder = shutil.copytree(music_folder, tmp_path / "m")
    name = ("--library", tmp_path / "l")
    clip = ("--video", clip_folder / "calm.mp4")
    assert run("index", "add", folder, *name, "--workers", 1).code == 0
    assert run(*clip, "--music", folder).code == 0
    empty(folder)
    kept = run("index", "update", *name)
    assert kept.code == 0
    assert kept.err.startswith(
        f"warning: none of the 4 files of {folder} is there (an unplugged disk?); its tracks stay in the library; "
        "it takes `recommend index update --prune` to remove them\n"
    )
    asked = run(*clip, "--music", folder)  # answers with nothing that is not there, and keeps what it knows
    assert (asked.code, asked.out) == (1, "")
    assert (
        asked.err.splitlines()[-1]
        == f"error: none of the 4 tracks known of {folder} is there; see that its disk is mounted"
    )
    shutil.copytree(music_folder, folder, dirs_exist_ok=True)
    back = run(*clip, "--music", folder)
    assert (back.code, back.err) == (0, "")
    empty(folder)
    assert "4 removed" in run("index", "update", "--prune", *name).err
    assert json.loads(run("index", "list", *name, "--format", "json").out) == []
