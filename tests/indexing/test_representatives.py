"""Representatives: what stands for a track, what is found by them, and when windows are searched instead."""

import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeAnalyser, clustered, of_rows
from imported import build, import_tracks

from indexing.catalog.writer import CatalogWriter
from indexing.ingest.events import Mended
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import verify
from indexing.search import ann_files, ann_index, representative_files, representatives, tracks
from indexing.search.ann_tuning import Settings, draw_queries
from indexing.search.backends.registry import AUTO, BACKENDS, open_segment
from indexing.search.clusters import PER_TRACK, represent, starts_of
from indexing.search.tracks import Selection
from indexing.snapshot import snapshot
from recommender.types import Filter, Range, unit

pytest.importorskip("faiss").omp_set_num_threads(1)
NAME = snapshot.REPRESENTATIVES
TRACKS, WINDOWS = 900, 10
ASKED = Settings(backend=NAME)


@pytest.fixture(scope="module", autouse=True)
def few_queries():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(representative_files, "QUERIES", 40)
        yield


@pytest.fixture(scope="module")
def vectors():
    return clustered(TRACKS * WINDOWS, WINDOWS)


@pytest.fixture
def segment(tmp_path, vectors):
    return segment_of(vectors, np.full(TRACKS, WINDOWS), tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory, vectors):
    """A folder with representatives, and one that has codes for them."""
    homes = []
    for coded in (False, True):
        homes.append(tmp_path_factory.mktemp("home"))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(representative_files, "CODED", 1 if coded else 1 << 30)
            built(segment_of(vectors, np.full(TRACKS, WINDOWS), homes[-1]))
    return homes


@pytest.fixture(params=["all", "codes"])
def kept_there(request, segment, made):
    """The segment, with representatives built; all of them are compared, or codes for them."""
    shutil.copytree(made[request.param == "codes"], segment.home, dirs_exist_ok=True)
    return segment


def segment_of(vectors, counts, home):
    ids = np.arange(1, len(counts) + 1) * 2
    return replace(of_rows(vectors, ids, np.concatenate([[0], np.cumsum(counts)])), home=home)


def built(segment, settings=ASKED):
    BACKENDS[NAME].build(segment.home, segment, settings)
    opened = open_segment(segment, NAME)
    assert opened.notice is None
    return opened.index


def exact(segment):
    return open_segment(segment, "exact").index


def queries(vectors, count=20):
    return draw_queries(vectors, seed=3)[:count].astype(np.float64)


def kept(found, right):
    return len(np.intersect1d(found.ids, right.ids)) / len(right.ids)


def test_every_track_has_unit_vectors_and_the_same_each_time():
    counts = np.array([0, 1, 3, 4, 5, 6, 70, 5, 700, 0, 9])
    vectors = unit(np.random.default_rng(0).normal(size=(counts.sum(), 8))).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    made, starts = represent(vectors, offsets), starts_of(offsets)
    assert np.diff(starts).tolist() == np.minimum(counts, PER_TRACK).tolist()
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert np.array_equal(represent(vectors, offsets), made)
    for at in np.flatnonzero(counts <= PER_TRACK):
        assert np.array_equal(made[starts[at] : starts[at + 1]], vectors[offsets[at] : offsets[at + 1]])
    for at in np.flatnonzero(counts > PER_TRACK):
        mine, windows = made[starts[at] : starts[at + 1]], vectors[offsets[at] : offsets[at + 1]]
        nearest = (windows @ mine.T).argmax(axis=1)
        assert len(set(nearest)) == PER_TRACK
        moved = [unit(windows[nearest == i].sum(axis=0)[None])[0] for i in range(PER_TRACK)]
        assert (np.sum(moved * mine, axis=1) > 0.9).all()


def test_unlike_sections_have_a_vector_each():
    rng = np.random.default_rng(1)
    sections = unit(rng.normal(size=(30, PER_TRACK, 16)))
    vectors = unit(np.repeat(sections.reshape(-1, 16), 5, axis=0) + rng.normal(size=(600, 16)) * 0.02)
    made = represent(vectors.astype(np.float32), np.arange(0, 601, 20)).reshape(30, PER_TRACK, 16)
    assert np.einsum("tsd,tkd->tsk", sections, made).max(axis=2).min() > 0.99


def test_windows_that_are_equal_or_cancel_out_are_no_trouble():
    same = np.tile(np.eye(3, dtype=np.float32)[0], (9, 1))
    opposite = np.concatenate([same[:5], -same[:5]])
    made = represent(np.concatenate([same, opposite]), np.array([0, 9, 19]))
    assert np.isfinite(made).all()
    assert np.allclose(np.abs(made[:, 0]), 1)
    assert set(made[4:, 0].tolist()) == {1.0, -1.0}


def test_what_is_found_has_the_scores_and_the_order_of_exact_search(kept_there):
    segment = kept_there
    index, shares = open_segment(segment, NAME).index, []
    for query in queries(segment.vectors):
        right = dict(zip(*exact(segment).search(query, TRACKS), strict=True))
        for k in (1, 10, 200):
            found = index.search(query, k)
            assert [right[one] for one in found.ids.tolist()] == found.scores.tolist()
            assert np.array_equal(np.lexsort((found.ids, -found.scores)), np.arange(k))
            shares.append(kept(found, exact(segment).search(query, k)))
    assert np.mean(shares) >= 0.998
    told = index.describe()
    assert told["recall_at_200"] >= 0.998
    assert (told["rows"], told["representatives"]) == (index.rows, TRACKS * PER_TRACK)


def test_few_representatives_are_looked_at_and_more_where_they_hold_too_few_tracks(kept_there):
    segment = kept_there
    index = open_segment(segment, NAME).index
    (query,) = queries(segment.vectors, 1)
    looked, nearest = [], index.nearest
    index.nearest = lambda query, count, alive: looked.append(count) or nearest(query, count, alive)
    assert len(index.search(query, 200).ids) == 200
    assert looked == [index.rows]
    assert index.rows < 2000
    assert index.search(query, 10).ids.tolist() == exact(segment).search(query, 10).ids.tolist()
    assert looked[1:] == [index.near_rows]
    assert index.near_rows <= index.rows
    index.rows = 100
    assert len(index.search(query, 400).ids) == 400
    assert looked[-1] > 400
    everything = index.search(query, TRACKS + 9)
    assert (everything.ids.tolist(), everything.scores.tolist()) == (
        exact(segment).search(query, TRACKS).ids.tolist(),
        exact(segment).search(query, TRACKS).scores.tolist(),
    )


@pytest.mark.parametrize("share", [0.9, 0.5, 0.3, 0.05])
def test_a_filter_gives_as_many_tracks_as_there_are_and_no_others(kept_there, monkeypatch, share):
    monkeypatch.setattr(tracks, "_SCANNED", 0)
    segment = kept_there
    index, allowed = open_segment(segment, NAME).index, np.random.default_rng(5).random(TRACKS) < share
    some, shares = Selection(segment, allowed), []
    for query in queries(segment.vectors, 8):
        found, right = (each.search(query, 200, some) for each in (index, exact(segment)))
        assert len(found.ids) == len(right.ids) == min(200, allowed.sum())
        assert np.isin(found.ids, segment.ids[allowed]).all()
        shares.append(kept(found, right))
    assert np.mean(shares) >= 0.998
    assert index.search(queries(segment.vectors, 1)[0], 200).ids.shape == (200,)


def test_without_faiss_all_representatives_are_compared(kept_there, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    segment = kept_there
    (query,) = queries(segment.vectors, 1)
    index = open_segment(segment, NAME).index
    assert type(index.index).__name__ == "Exact"
    assert index.search(query, 10).ids.tolist() == exact(segment).search(query, 10).ids.tolist()
    shutil.rmtree(segment.home / NAME)
    monkeypatch.setattr(representative_files, "CODED", 1)
    assert built(segment).describe()["kind"] == NAME


def test_versions_of_a_recording_count_once(kept_there):
    paired = replace(kept_there, recordings=kept_there.ids[np.arange(TRACKS) // 30 * 30])
    index = open_segment(paired, NAME).index
    for query in queries(paired.vectors, 4):
        found = index.search(query, 25)
        assert found.scores.tolist() == exact(paired).search(query, 25).scores.tolist()


def test_windows_are_searched_where_they_do_not_serve_and_it_says_why(tmp_path, vectors, monkeypatch, caplog):
    mixed = np.random.default_rng(6).permutation(vectors)  # windows that are nothing to each other
    segment = segment_of(mixed, np.full(TRACKS, WINDOWS), tmp_path)
    monkeypatch.setattr(representatives, "ROWS", (300, 500))
    found = BACKENDS[NAME].build(tmp_path, segment, ASKED)
    assert re.match(r"500 of them find 0\.\d+ of the best 10 tracks and 0\.\d+ of the best 200; the last", found.why)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["measured.json", "search.json"]
    opened = open_segment(segment, NAME)
    assert opened.index.exact
    assert opened.notice == f"windows are searched, without representatives: {found.why}"
    assert caplog.messages == [opened.notice]
    assert open_segment(segment, AUTO).notice == opened.notice
    assert caplog.messages == [opened.notice]  # nobody asked for them: said by `index info` alone
    assert not BACKENDS[NAME].lacks(tmp_path, segment, ASKED)
    assert not representative_files.is_damaged(tmp_path, segment)


@pytest.mark.parametrize(
    ("settings", "count", "why"),
    [
        (replace(ASKED, recall=1), TRACKS, "the recall is set to 1"),
        (ASKED, 399, "399 tracks are too few"),
        (replace(ASKED, memory_bytes=1 << 20), TRACKS * 8, "they would take 2 MB, more than the memory that is set"),
    ],
)
def test_what_cannot_serve_is_not_tried(tmp_path, vectors, settings, count, why):
    segment = segment_of(np.resize(vectors, (count * WINDOWS, 16)), np.full(count, WINDOWS), tmp_path)
    assert BACKENDS[NAME].build(tmp_path, segment, settings).why == why
    assert open_segment(segment, NAME).index.exact


def test_large_libraries_try_them_unasked_small_ones_do_not(segment, monkeypatch):
    assert not BACKENDS[NAME].lacks(segment.home, segment, Settings())
    assert BACKENDS[NAME].build(segment.home, segment, Settings()).kind == "exact"
    monkeypatch.setattr(representative_files, "AUTO_ROWS", TRACKS * WINDOWS)
    assert BACKENDS[NAME].lacks(segment.home, segment, Settings())
    assert BACKENDS[NAME].build(segment.home, segment, Settings()).kind == NAME
    assert open_segment(segment, AUTO).index.describe()["backend"] == NAME
    assert not representative_files.tries(TRACKS * WINDOWS, TRACKS * 2, Settings())  # nothing would be gained


def test_a_killed_build_leaves_nothing_and_the_next_one_is_whole(segment, monkeypatch):
    def killed(path, value):
        raise KeyboardInterrupt

    for settings in (ASKED, replace(ASKED, recall=0.99)):  # the second replaces what is there
        with monkeypatch.context() as patched:
            patched.setattr(representative_files, "write_json", killed)
            with pytest.raises(KeyboardInterrupt):
                BACKENDS[NAME].build(segment.home, segment, settings)
        begun = segment.home / f".partial-{NAME}"
        begun.mkdir()  # what one leaves that is killed with -9
        (begun / "vectors.array").write_bytes(b"half")
        assert open_segment(segment, NAME).index.exact == (settings == ASKED)
        assert built(segment, settings).describe()["recall_at_10"] >= 0.99
        assert [path.name for path in segment.home.iterdir()] == [NAME]


def test_a_flipped_bit_is_found(kept_there):
    segment = kept_there
    files = sorted((segment.home / NAME).iterdir())
    assert {path.suffix for path in files} <= {".json", ".faiss", ".array"}
    for path in files:
        data = path.read_bytes()
        for at in (len(data) // 3, len(data) - 3):
            path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
            assert representative_files.is_damaged(segment.home, segment), path.name
        path.unlink()
        assert representative_files.is_damaged(segment.home, segment), path.name
        opened = open_segment(segment, NAME)
        assert opened.index.exact
        assert "damaged" in opened.notice or "nothing is built" in opened.notice
        path.write_bytes(data)
    assert not representative_files.is_damaged(segment.home, segment)
    other = replace(segment, vectors=segment.vectors[:-1])
    assert representative_files.is_damaged(segment.home, other)


@pytest.fixture(scope="module")
def imported(tmp_path_factory, vectors):
    folder = tmp_path_factory.mktemp("imported")
    library = import_tracks(folder, vectors, WINDOWS, bpm=60 + np.arange(len(vectors) // WINDOWS) % 100)
    build(library, "--backend", NAME)
    return library


@pytest.fixture
def folder(tmp_path, imported):
    return shutil.copytree(imported, tmp_path / "lib")


def home(folder):
    return snapshot.load(folder).home(folder, "music")


def test_the_command_says_what_was_measured_and_info_what_searches(folder):
    assert f"music: {TRACKS * PER_TRACK:,} representatives of {TRACKS:,} tracks in 0 MB, " in build(folder)
    with Library.open(folder) as library:
        told = library.info()["search"]["music"]
    assert (told["kind"], told["backend"], told["setting"]) == (NAME, NAME, NAME)
    assert "notice" not in told


def test_what_came_since_is_searched_by_windows_and_filters_hold(folder, monkeypatch):
    monkeypatch.setattr("indexing.writing.writer._SMALL_ROWS", 1000)
    monkeypatch.setattr(tracks, "_SCANNED", 0)
    monkeypatch.setattr(ann_index, "start", lambda folder: False)
    fresh = unit(np.random.default_rng(8).normal(size=(30, 16))).astype(np.float32)
    np.save(folder.parent / "w.npy", fresh)
    (folder.parent / "more.csv").write_text("id,bpm\n" + "".join(f"u{i},200\n" for i in range(30)))
    import_vectors(folder, folder.parent / "w.npy", folder.parent / "more.csv", space="mine")
    with Library.open(folder) as library:
        assert [one.index.exact for one in library._search("music")] == [False, True]
        for at, vector in enumerate(fresh):
            found = library.search(vector, 1, "music")
            assert library.tracks_of(found.ids.tolist())[0].path.endswith(f"u{at}")
        where = Filter(bpm=Range(60, 99))
        found = library.search(fresh[0], 200, "music", where=where)
        assert len(found.ids) == 200
        assert all(60 <= track.bpm < 100 for track in library.tracks_of(found.ids.tolist()))


def test_a_batch_finds_what_single_queries_find_and_all_where_it_is_to_be_exact(folder, vectors):
    asked = queries(vectors, 12)
    with Library.open(folder) as library, Library.open(folder, backend="exact") as right:
        index = library._search("music")[0].index
        index.rows = index.near_rows = 12  # so few find others than an exact search
        for k in (1, 7, 300):
            for exactly, peer in ((False, library), (True, right)):
                batch = library.search_many(asked, k, "music", exact=exactly)
                for found, query in zip(batch, asked, strict=True):
                    one = peer.search(query, k, "music")
                    assert (found.ids.tolist(), found.scores.tolist()) == (one.ids.tolist(), one.scores.tolist())
        where = Filter(bpm=Range(60, 99))
        for found, query in zip(library.search_many(asked, 9, "music", where=where, exact=True), asked, strict=True):
            assert found.ids.tolist() == right.search(query, 9, "music", where=where).ids.tolist()
        assert [one.ids.tolist() for one in library.search_many(asked, 9, "music")] != [
            one.ids.tolist() for one in library.search_many(asked, 9, "music", exact=True)
        ]


def test_a_snapshot_of_the_same_vectors_takes_them_along(folder):
    before = representative_files._load(home(folder) / NAME)
    name = snapshot.load(folder).name
    with Library.open(folder).writing() as opened:
        opened.apply(CatalogWriter.bump)
        opened.publish()
    assert snapshot.load(folder).name != name
    assert representative_files._load(home(folder) / NAME) == before
    build(folder, "--recall", "0.99")  # which replaces them: the snapshot does not need them
    assert snapshot.load(folder)
    with Library.open(folder) as library:
        assert verify(library) == []


def test_verify_finds_damage_and_repair_drops_it(folder):
    path = home(folder) / NAME / "vectors.array"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with Library.open(folder) as library:
        assert [str(one) for one in verify(library)] == [
            f"search: {home(folder)} is searched without its representatives, which are damaged: {ann_files.BUILD}"
        ]
    lines = [e.text for e in repair(folder, FakeAnalyser(), executor="inline") if isinstance(e, Mended)]
    assert lines == [f"what was built for search is damaged and dropped: {ann_files.BUILD}"]
    assert "representatives of" in build(folder)
    with Library.open(folder) as library:
        assert verify(library) == []
