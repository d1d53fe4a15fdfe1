"""Search indexes that are built: their recall, what they need, how they are kept, and what spoils them."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from fakes import clustered
from typer.testing import CliRunner

from indexing.catalog.writer import CatalogWriter
from indexing.commands import index
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.build_index import rebuild
from indexing.search import ann_files, ann_index, ann_tuning, batch, tracks
from indexing.search.ann_tuning import Settings, groups_for, memory_of
from indexing.search.backends import faiss_pq, open_index
from indexing.search.backends.exact import Exact
from indexing.search.backends.faiss_pq import FaissPQ
from indexing.search.batch import best_tracks_of_many
from indexing.search.tracks import best_tracks
from indexing.snapshot import snapshot
from indexing.snapshot.segments import Segment
from indexing.writing import writer
from recommender.errors import BackendError, InputError, LibraryError, LibraryLocked
from recommender.types import Filter, unit
from running import refused

pytest.importorskip("faiss")
ROWS = 12_000
DIM, WINDOWS = 16, 4


@pytest.fixture(scope="module")
def vectors():
    return clustered(ROWS, WINDOWS)


@pytest.fixture
def small(monkeypatch):
    """Thresholds for matrices of a few thousand rows."""
    monkeypatch.setattr(ann_tuning, "FAISS_PQ_ROWS", 1000)
    monkeypatch.setattr(ann_tuning, "_MOST_PROBED", 1 << 30)  # no lists


@pytest.fixture(scope="module")
def imported(tmp_path_factory, vectors):
    """A library of the vectors, to copy."""
    folder = tmp_path_factory.mktemp("imported")
    np.save(folder / "v.npy", vectors)
    lines = "".join(f"t{row // WINDOWS},{row},{row + 1}\n" for row in range(ROWS))
    (folder / "ids.csv").write_text("id,start_s,end_s\n" + lines)
    import_vectors(folder / "lib", folder / "v.npy", folder / "ids.csv", space="mine")
    return folder / "lib"


@pytest.fixture
def folder(tmp_path, imported, small):
    return shutil.copytree(imported, tmp_path / "lib")


def more(folder, count, name="u"):
    """Import `count` tracks of one window each."""
    np.save(folder.parent / "w.npy", np.random.default_rng(list(name.encode())).normal(size=(count, DIM)))
    (folder.parent / "more.csv").write_text("id\n" + "".join(f"{name}{i}\n" for i in range(count)))
    import_vectors(folder, folder.parent / "w.npy", folder.parent / "more.csv", space="mine")


def home(folder):
    return snapshot.load(folder).home(folder, "music")


def index_of(library):
    """What searches the snapshot's music."""
    return library._search("music")[0].index


def test_the_layout_is_chosen_by_size_memory_and_recall():
    rows = 1 << 22
    room = rows * (64 // 2 + 8)
    assert groups_for(rows, 64, Settings()) == 64
    assert groups_for(rows, 64, Settings(recall=0.95)) == 32
    assert groups_for(rows, 64, Settings(memory_bytes=room)) == 64
    assert groups_for(rows, 64, Settings(memory_bytes=room - 1)) == 32
    assert groups_for(rows, 64, Settings(memory_bytes=rows * 16)) == 16
    assert groups_for(rows, 64, Settings(memory_bytes=rows * 16 - 1)) is None
    assert groups_for(ann_tuning.FAISS_PQ_ROWS - 1, 64, Settings()) is None
    assert groups_for(rows, 64, Settings(recall=1)) is None
    assert groups_for(rows, 7, Settings(recall=0.9)) is None  # in no groups of 2 or 4


@pytest.mark.parametrize(("wrong", "message"), [({"recall": 1.2}, "the recall is 1.2"), ({"memory_bytes": 5}, "5 byt")])
def test_settings_that_mean_nothing_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Settings(**wrong)


def test_tuning_reaches_the_recall_with_lists_where_rows_fall_into_lists(vectors, small, monkeypatch):
    monkeypatch.setattr(ann_tuning, "_MOST_PROBED", 16)
    _, layout, reached = ann_tuning.tune(vectors, Settings(recall=0.9))
    assert (layout.lists, layout.groups) == (0, 8)  # 128 lists: reading 8 of them misses too much here
    assert reached.recall >= 0.9
    tight = unit(np.repeat(np.eye(DIM), ROWS // DIM, axis=0) + np.random.default_rng(1).normal(size=(ROWS, DIM)) * 0.01)
    _, layout, reached = ann_tuning.tune(tight.astype(np.float32), Settings(recall=0.5))
    assert layout.lists == 128
    assert layout.probes in (1, 2, 4, 8)
    assert reached.recall >= 0.5


def test_a_recall_that_no_codes_reach_leaves_exact_search(vectors, small, monkeypatch):
    monkeypatch.setattr(ann_tuning, "_EXTRAS", (1,))
    assert ann_tuning.tune(vectors, Settings(recall=0.9999)) is None


def test_a_built_library_finds_what_exact_search_finds(folder, vectors):
    made = ann_index.build(folder)["music"]
    assert (made.kind, made.rows, made.dim) == ("scan", ROWS, DIM)
    assert made.measured.recall >= 0.999
    with Library.open(folder) as library, Library(folder, backend="exact") as exact:
        assert isinstance(index_of(library).windows, FaissPQ)
        queries = ann_tuning.hold_out(vectors, seed=5).queries[:30]
        pairs = [(library.search(q, 10, "music"), exact.search(q, 10, "music")) for q in queries]
        assert np.mean([len(np.intersect1d(a.ids, b.ids)) / 10 for a, b in pairs]) > 0.99
        everything = library.search(queries[0], ROWS, "music")
        assert everything.ids.tolist() == exact.search(queries[0], ROWS, "music").ids.tolist()
        shown = library.info()["search"]["music"]
        assert (shown["kind"], shown["vectors"], shown["recall_at_10"]) == ("scan", ROWS, made.measured.recall_at_10)


def test_a_filtered_search_of_a_built_library_is_as_good(folder, vectors, monkeypatch):
    ann_index.build(folder)
    monkeypatch.setattr(tracks, "_SCANNED", 0)
    asked = []
    few = Filter(only=frozenset(f"t{i}" for i in range(0, ROWS // WINDOWS, 3)))
    with Library.open(folder) as library, Library(folder, backend="exact") as exact:
        for per_row, how in ((1 << 20, "top"), (0, "_all")):
            monkeypatch.setattr(faiss_pq, "_CODES_PER_ROW", per_row)
            real = getattr(FaissPQ if how == "top" else tracks.Selection, how)
            owner = FaissPQ if how == "top" else tracks.Selection
            with monkeypatch.context() as patch:
                patch.setattr(owner, how, lambda *args, real=real, how=how: asked.append(how) or real(*args))
                hits = [
                    len(np.intersect1d(*(each.search(q, 10, "music", where=few).ids for each in (library, exact))))
                    for q in ann_tuning.hold_out(vectors, seed=5).queries[:30]
                ]
            assert np.mean(hits) > 9.9
    assert asked.count("top") >= 30
    assert asked.count("_all") >= 30


def test_an_opened_library_shows_it_after_reloading_and_others_search_exactly(folder):
    with Library.open(folder) as library:
        assert index_of(library).exact
        assert library.info()["search"]["music"] == {
            "kind": "exact",
            "backend": "exact",
            "vectors": ROWS,
            "device": "cpu",
            "why": "12,000 windows; numpy searches up to 1,048,576, FAISS or a GPU from there on",
            "setting": "auto",
        }
        ann_index.build(folder)
        library.reload()
        assert not index_of(library).exact


def test_building_again_keeps_what_fits_and_replaces_what_does_not(folder):
    first = ann_index.build(folder)["music"]
    assert ann_index.build(folder)["music"] == first
    ann_files.save_settings(folder, Settings(recall=0.9))
    second = ann_index.build(folder)["music"]
    assert (second.settings.recall, second.layout.groups) == (0.9, 8)
    assert [path.name for path in home(folder).glob(snapshot.CODES)] == [second.file]
    ann_files.save_settings(folder, Settings(recall=1))
    assert ann_index.build(folder)["music"].kind == "exact"
    assert list(home(folder).glob(snapshot.CODES)) == []
    with pytest.raises(BackendError, match="codes do not reach the recall"):
        ann_files.open_built(home(folder), np.empty((ROWS, DIM), np.float32))


def spoil_record(home):
    (home / snapshot.RECORD).write_text("[1, 2")


def spoil_list(home):
    (home / snapshot.RECORD).write_text("[]")


def spoil_size(home):
    (path,) = home.glob(snapshot.CODES)
    path.write_bytes(path.read_bytes()[:-1])


def spoil_bytes(home):
    (path,) = home.glob(snapshot.CODES)
    path.write_bytes(b"\0" * path.stat().st_size)


def spoil_rows(home):
    held = json.loads((home / snapshot.RECORD).read_text())
    (home / snapshot.RECORD).write_text(json.dumps(held | {"rows": held["rows"] - 1}))


@pytest.mark.parametrize("spoil", [spoil_record, spoil_list, spoil_size, spoil_bytes, spoil_rows])
def test_a_spoilt_index_is_not_used_and_built_again(folder, spoil, vectors):
    ann_index.build(folder)
    spoil(home(folder))
    with Library.open(folder) as library:
        assert index_of(library).exact
        assert len(library.search(vectors[0], 5, "music").ids) == 5
    if spoil is not spoil_bytes:  # of the right length: found when it is opened
        ann_index.build(folder)
        assert isinstance(ann_files.open_built(home(folder), vectors)[0], FaissPQ)


def test_what_a_killed_build_left_is_removed_and_the_next_build_is_whole(folder, monkeypatch):
    def killed(path, value):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ann_files, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            ann_index.build(folder)
    (home(folder) / ".partial-search-00000000.faiss").write_bytes(b"half")
    with Library.open(folder) as library:
        assert index_of(library).exact
    made = ann_index.build(folder)["music"]
    left = sorted(p.name for p in home(folder).iterdir() if "search" in p.name)
    assert left == sorted([made.file, snapshot.RECORD])


def test_two_builders_do_not_meet(folder):
    with ann_index._lock(folder, 0), pytest.raises(LibraryLocked, match="is being built"):
        ann_index.build(folder)


def test_a_snapshot_replaced_while_building_is_followed_by_the_newer_one(folder, monkeypatch):
    real, names = ann_files.tune, []

    def slow(rows, settings):
        names.append(snapshot.load(folder).name)
        if len(names) == 1:
            more(folder, 2000)
        return real(rows, settings)

    monkeypatch.setattr(ann_files, "tune", slow)
    assert ann_index.build(folder)["music"].rows == ROWS + 2000
    assert len(set(names)) == 2


def test_the_background_builds_once_and_leaves_small_libraries_alone(folder, monkeypatch):
    started = []
    monkeypatch.setattr("subprocess.Popen", lambda command, **options: started.append(command))
    monkeypatch.setattr(ann_index, "_started", [])
    assert ann_index.start(folder)
    assert started[0][-2:] == ["indexing.search.ann_index", str(folder)]
    assert ann_index.main(folder) == 0
    assert not ann_index.start(folder)
    monkeypatch.setattr(ann_tuning, "FAISS_PQ_ROWS", ROWS + 1)
    ann_files.save_settings(folder, Settings(recall=0.9))
    assert not ann_index.start(folder)


def test_settings_are_kept_and_damaged_ones_are_named(folder):
    assert ann_files.load_settings(folder) == Settings()
    ann_files.save_settings(folder, Settings(1 << 30, 0.99))
    assert ann_files.load_settings(folder) == Settings(1 << 30, 0.99)
    (folder / ann_files.SETTINGS).write_text('{"recal": 1}')
    with refused(LibraryError, "search.json is damaged; run `recommend index build --recall"):
        ann_files.load_settings(folder)
    assert not ann_index.start(folder)


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2 << 30), ("512 mb", 512 << 20), ("1.5g", 3 << 29), ("64KiB", 1 << 16)]
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert memory_of(text) == size


@pytest.mark.parametrize("text", ["", "2", "GB", "-1GB", "2 potatoes"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputError, match="is not understood; give a size such as 2GB"):
        memory_of(text)


def test_the_command_keeps_settings_and_says_what_was_measured(folder):
    (folder / ann_files.SETTINGS).write_text("damaged")
    run = CliRunner().invoke(index.app, ["build", "--library", str(folder), "--recall", "0.9", "--memory", "1GB"])
    assert run.exit_code == 0, run.output
    assert run.output.startswith("music: scan of 12,000 windows in 0 MB finds ")
    assert ann_files.load_settings(folder) == Settings(1 << 30, 0.9)
    with Library.open(folder) as library:
        assert rebuild(library, recall=1)["music"].kind == "exact"
        assert ann_files.load_settings(folder) == Settings(1 << 30, 1)


def test_few_tracks_beside_a_large_snapshot_stay_in_the_tail_until_they_are_many(folder, monkeypatch):
    monkeypatch.setattr(writer, "_SMALL_ROWS", 1000)
    monkeypatch.setattr(writer, "_PUBLISH_ROWS", 190)
    monkeypatch.setattr(ann_index, "start", lambda folder: False)
    ann_index.build(folder)
    name = snapshot.load(folder).name
    more(folder, 100)
    more(folder, 80, "v")
    assert snapshot.load(folder).name == name
    with Library.open(folder) as library:
        assert library.count("music") == ROWS // WINDOWS + 180
        assert [opened.index.exact for opened in library._search("music")] == [False, True]
        newest = library.windows_of([ROWS // WINDOWS + 150])[0].vectors[0]
        assert library.search(newest, 1, "music").ids.tolist() == [ROWS // WINDOWS + 150]
    more(folder, 100)  # replaced, not more
    assert snapshot.load(folder).name == name
    more(folder, 20, "w")
    assert snapshot.load(folder).name != name
    with Library.open(folder) as library:
        assert len(library._segments["music"]) == 1


def test_a_build_for_all_that_is_committed_leaves_no_tail(folder, monkeypatch):
    monkeypatch.setattr(writer, "_SMALL_ROWS", 1000)
    monkeypatch.setattr(ann_index, "start", lambda folder: False)
    more(folder, 10)
    with Library.open(folder) as library:
        assert rebuild(library)["music"].rows == ROWS + 10
        library.reload()
        assert not index_of(library).exact


def test_a_snapshot_of_the_same_vectors_takes_the_index_along(folder):
    made, name = ann_index.build(folder)["music"], snapshot.load(folder).name
    with Library.open(folder).writing() as opened:
        opened.apply(CatalogWriter.bump)
        opened.publish()
    assert ann_files.load_built(home(folder)) == made
    assert snapshot.load(folder).name != name


def test_a_batch_finds_what_single_queries_find(folder, vectors):
    with Library(folder, backend="exact") as library:
        queries = np.concatenate([ann_tuning.hold_out(vectors).queries, vectors[:100]])
        for k in (1, 7, 400):
            for query, found in zip(queries, library.search_many(queries, k, "music"), strict=True):
                one = library.search(query, k, "music")
                assert (found.ids.tolist(), found.scores.tolist()) == (one.ids.tolist(), one.scores.tolist())
        assert library.search_many(np.empty((0, DIM)), 3, "music") == []
        with pytest.raises(InputError, match="at least 1"):
            library.search_many(queries, 0, "music")


def test_a_batch_widens_past_a_track_with_many_windows(vectors):
    rows = np.concatenate([np.repeat(vectors[:1], 600, axis=0), vectors[:50]])
    ids = np.arange(51, dtype=np.int64)
    offsets = np.concatenate([[0], np.arange(600, 651)])
    nothing = np.zeros((650, 0), np.float32)
    segment = Segment(ids, ids, offsets, np.ones(51, bool), rows, nothing, nothing, np.zeros((650, 2)))
    query = vectors[0].astype(np.float64)
    (found,) = best_tracks_of_many(segment, query[None], 20)
    assert found.ids.tolist() == best_tracks(open_index(rows, "exact"), segment, query, k=20).ids.tolist()


def test_a_batch_among_tracks_of_which_some_were_dropped_finds_what_single_queries_find(folder, vectors, monkeypatch):
    with Library(folder, backend="exact") as library:
        queries = ann_tuning.hold_out(vectors).queries[:20].astype(np.float64)
        (segment,) = library.segments("music")
        scanned = []
        monkeypatch.setattr(batch, "Exact", lambda rows: scanned.append(len(rows)) or Exact(rows))
        for share in (0.03, 0.5):
            alive = np.random.default_rng(1).random(len(segment.ids)) > share
            some = replace(segment, alive=alive)
            for k in (1, 40):
                found = batch.best_tracks_of_many(some, queries, k)
                for query, one in zip(queries, found, strict=True):
                    right = best_tracks(Exact(segment.vectors), some, query, k=k)
                    assert (one.ids.tolist(), one.scores.tolist()) == (right.ids.tolist(), right.scores.tolist())
        assert len(scanned) == 2  # where half of them are gone
