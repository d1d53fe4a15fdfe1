"""A snapshot of several segments answers as one, costs what is new, and is as little trusted."""

import itertools
import json
import math
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import DIM, FakeAnalyser, toy
from segmented import answers, check, restored, sizes, update

from indexing import ingest
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.snapshot import current, publishing, snapshot
from recommender.errors import LibraryError

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def music(grown) -> Path:
    return grown / "now" / "music"


@pytest.fixture
def library(grown):
    with restored(grown, "whole") as opened:
        yield opened


def test_what_is_new_is_a_segment_and_what_was_there_is_not_touched(library, music):
    before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in library.folder.glob("snapshots/*/music/**/*.npy")}
    toy(music / "new.mp3", 100, "3 100")
    update(library, music)
    assert sizes(library) == [12, 1]
    assert before.items() <= {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in before}.items()
    assert json.loads((library.folder / snapshot.MANIFEST).read_text())["format"] == snapshot.SEVERAL
    check(library)


def test_an_old_library_of_one_segment_opens_and_grows(library, music):
    """Its manifest is the one that was always written, so that earlier programs read it, too."""
    held = json.loads((library.folder / snapshot.MANIFEST).read_text())
    assert held["format"] == snapshot.ONE
    assert held["modalities"]["music"].keys() == {"rows", "columns", "inputs", "crcs"}
    for path in library.folder.glob("snapshots/*/music/band.npy"):
        path.unlink()  # which they did not have
    manifest = library.folder / snapshot.MANIFEST
    held["modalities"]["music"].pop("crcs")
    held.pop("crc")
    manifest.write_text(json.dumps(held))
    library.reload()
    toy(music / "new.mp3", 100, "3 100")
    update(library, music)
    assert sizes(library) == [12, 1]
    check(library)


def test_segments_are_few_and_windows_are_seldom_written_again(tmp_path, monkeypatch):
    written = []
    real = publishing.write_segment
    monkeypatch.setattr(publishing, "write_segment", lambda *a, **k: written.append(real(*a, **k)) or written[-1])
    for at in range(10):
        add(tmp_path, at, 4)
        living = [segment.living for segment in snapshot.load(tmp_path / "lib").segments["music"]]
        assert living == sorted(living, reverse=True)
        assert all(a >= publishing.RATIO * b for a, b in itertools.pairwise(living))
        assert len(living) <= 1 + math.log2(1 + at)
    assert sum(s.living for s in written) <= 10 * 4 * (1 + math.log2(10))
    assert sum(living) == 10 * 4


def add(folder: Path, name: int, count: int) -> None:
    """Import tracks of one window each."""
    np.save(folder / "v.npy", np.random.default_rng(name).normal(size=(count, DIM)).astype(np.float32))
    (folder / "ids.csv").write_text("id\n" + "".join(f"{name}-{i}\n" for i in range(count)))
    import_vectors(folder / "lib", folder / "v.npy", folder / "ids.csv", space="mine")


def test_any_history_of_changes_answers_as_the_store(library, music):
    random, names = np.random.default_rng(5), itertools.count(200)
    ones = {"many": 0, "dropped": 0, "moved": 0}
    for step in range(12):
        paths = sorted(music.glob("*.mp3"))
        some = [paths[i] for i in random.choice(len(paths), 2, replace=False)]
        match step % 6:
            case 0:
                for seed in itertools.islice(names, int(random.integers(1, 5))):
                    toy(music / f"{seed}.mp3", seed, f"{1 + seed % 5} {seed // 2}")
            case 1:
                some[0].unlink()
            case 2:
                some[0].rename(music / f"moved{step}.mp3")
            case 3:
                toy(some[0], next(names), "3 7")  # analysed again, of another's recording
            case 4:
                shutil.copyfile(some[0], music / f"copy{step}.mp3")
            case 5:
                some[0].unlink()
                some[1].rename(music / f"moved{step}.mp3")
                toy(music / f"both{step}.mp3", next(names), "2")
        update(library, music)
        check(library)
        known = library._facts["music"]
        ones["many"] += len(known.segments) > 1
        ones["dropped"] += any(not s.alive.all() for s in known.segments)
        ones["moved"] += len(known.later.ids) > 0
    assert min(ones.values()) > 0, ones


def test_a_reader_that_is_behind_several_segments_answers_right(library, music, monkeypatch):
    toy(music / "new.mp3", 100, "3 100")
    update(library, music)
    with Library.open(library.folder) as before, monkeypatch.context() as patch:
        seen = answers(before)
        patch.setattr("indexing.writing.writer.Writer.publish", lambda self: None)
        (music / "3.mp3").unlink()
        (music / "4.mp3").rename(music / "moved.mp3")
        toy(music / "newer.mp3", 101, "2 101")
        update(library, music)
        assert not library._facts
        assert len(library.segments("music")) == 3
        late = answers(library)
        assert answers(before) == seen  # what it had opened
    with library.writing() as opened:
        opened.publish()
    library.reload()
    assert answers(library) == late
    check(library)


def test_a_reader_keeps_segments_that_are_merged_and_removed(library, music):
    toy(music / "new.mp3", 100, "3 100")
    update(library, music)
    with Library.open(library.folder) as before:
        seen = answers(before)
        for seed in range(101, 112):
            toy(music / f"{seed}.mp3", seed, f"4 {seed}")
        update(library, music)
        compact(library.folder)
        library.reload()
        assert len(library.segments("music")) == 1
        assert answers(before) == seen
    check(library)


def test_a_reader_whose_segments_go_while_it_opens_takes_the_next_snapshot(library, music, monkeypatch):
    real, moved = snapshot.load_segment, []

    def late(home, rows):
        if not moved:  # a writer publishes between the manifest and its files
            moved.append(home)
            toy(music / "new.mp3", 100, "4 100")
            with monkeypatch.context() as patch:
                patch.setattr(publishing, "SMALL_ROWS", 1000)
                update(library, music)
        return real(home, rows)

    monkeypatch.setattr(snapshot, "load_segment", late)
    with Library.open(library.folder) as reader:
        assert moved
        assert not moved[0].exists()
        assert reader._facts
        assert reader.count("music") == 13


def test_a_modality_that_did_not_change_is_carried_along(library, music, tmp_path):
    toy(music / "new.mp3", 100, "3 100")
    update(library, music)
    big = library.segments("music")[0].home
    for seed in (300, 301):
        toy(tmp_path / "clips" / f"{seed}.mp4", seed, "3")
        list(ingest.add(library, [tmp_path / "clips"], FakeAnalyser(), modality="video", executor="inline"))
        assert set(library.modalities) == {"music", "video"}
        assert library.segments("music")[0].home == big
        check(library)


def test_compaction_leaves_one_segment(library, music):
    toy(music / "new.mp3", 100, "3 100")
    update(library, music)
    (music / "2.mp3").unlink()
    update(library, music)
    before = answers(library)
    library.close()
    compact(library.folder)
    library.reload()
    assert len(library.segments("music")) == 1
    assert answers(library) == before
    check(library)


@pytest.fixture
def several(grown):
    with restored(grown, "several") as opened:
        known = opened._facts["music"]
        assert (len(known.segments), len(known.later.ids), len(known.same.ids)) == (2, 1, 2)
        assert not known.segments[0].alive.all()
        yield opened


def test_changes_that_nobody_noted_are_found(several, monkeypatch):
    """As of a catalog from before changes were noted, or of another copy of it."""
    asked = []
    real = current.still_in
    monkeypatch.setattr(current, "still_in", lambda now, old: asked.append(len(now.ids)) or real(now, old))
    published, total = snapshot.load(several.folder), several.count("music")
    with several.catalog() as catalog:
        assert len(catalog.ids_since(published.generation)) == 0
        assert catalog.ids_since(published.generation + 1) is None
        for behind, compared in ((published, 0), (replace(published, generation=published.generation + 9), total)):
            asked.clear()
            found = current.compare(catalog, behind, "music")
            assert max(asked) == compared
            assert len(found.tail.ids) == 0
        lost = replace(published, segments={"music": published.segments["music"][:1]})
        assert current.compare(catalog, lost, "music").tail.ids.tolist() == published.segments["music"][1].ids.tolist()


def test_without_hard_links_segments_are_copied(several, music, monkeypatch):
    def refused(*args):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(publishing.os, "link", refused)
    (music / "5.mp3").rename(music / "else.mp3")
    update(several, music)
    check(several)


def test_facts_of_many_tracks_are_gathered_anew_for_their_segment(several, music):
    for seed in (5, 6, 7, 8):
        (music / f"{seed}.mp3").rename(music / f"again{seed}.mp3")
    update(several, music)
    known = several._facts["music"]
    assert (len(known.segments), len(known.later.ids)) == (2, 0)
    check(several)


def test_nothing_is_left_of_a_publication_that_fails(several, music, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    before, folders = answers(several), set((several.folder / "snapshots").iterdir())
    monkeypatch.setattr(publishing._Modality, "_put_changes", full)
    for seed in (5, 6, 7, 8):
        (music / f"{seed}.mp3").rename(music / f"again{seed}.mp3")
    with pytest.raises(LibraryError, match="the disk is full"):
        update(several, music)
    assert set((several.folder / "snapshots").iterdir()) == folders
    monkeypatch.undo()
    several.reload()
    assert answers(several)[1:] == before[1:]
    assert not several._facts
    with several.writing() as opened:
        opened.publish()
    several.reload()
    check(several)


def test_adding_costs_what_is_new(tmp_path, monkeypatch):
    """Windows written, whatever there is already."""
    written, real = [], publishing.write_segment
    monkeypatch.setattr(publishing, "write_segment", lambda *a, **k: written.append(real(*a, **k)) or written[-1])
    for at, count in enumerate((4000, 50, 50, 50)):
        add(tmp_path, at, count)
    assert [len(s.vectors) for s in written] == [4000, 50, 100, 50]
    with closing(Library.open(tmp_path / "lib")) as library:
        assert sizes(library) == [4000, 100, 50]
        assert library.count("music") == 4150
