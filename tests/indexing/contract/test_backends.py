"""Every search backend: what it builds for a segment, and the same answers from all of them."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from fakes import clustered, of_what_is_installed
from imported import build, import_tracks

from indexing.disk.runs import spans
from indexing.library import Library
from indexing.search import ann_files, ann_index, representative_files
from indexing.search.ann_tuning import Settings, hold_out
from indexing.search.backends.registry import AUTO, BACKENDS, check, open_segment
from indexing.search.tracks import Selection
from indexing.snapshot import snapshot
from indexing.snapshot.segments import Segment
from recommender.errors import BackendError, InputError
from recommender.types import Filter, unit

pytest.importorskip("faiss").omp_set_num_threads(1)  # threads that wait for each other on a busy machine
pytestmark = pytest.mark.parametrize("backend", of_what_is_installed(BACKENDS))
TRACKS, WINDOWS = 1000, 3
RECALL = 0.99  # of an index that is not exact, of the best 10 tracks
BUILT = {"faiss_pq": "scan", "representatives": "representatives"}  # what builds something, and its kind


def segment_of(vectors, counts, home=None, dead=()):
    ids = np.arange(len(counts), dtype=np.int64) * 3 + 1
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    none = np.zeros((len(vectors), 0), np.float32)
    alive = ~np.isin(np.arange(len(counts)), list(dead))
    return Segment(ids, ids, offsets, alive, vectors, none, none, np.zeros((len(vectors), 2)), home=home)


def built(backend, segment, settings=None):
    """The segment's index, after what it needs was built."""
    BACKENDS[backend].build(segment.home, segment, settings or Settings(backend=backend))
    opened = open_segment(segment, backend)
    assert opened.notice is None
    return opened.index


def by_brute_force(segment, query, k, allowed=True):
    """Track ids and float32 scores by descending best cosine, ties by id, over all windows."""
    if not len(segment.ids):
        return [], []
    cosines = (segment.vectors.astype(np.float64) * query).sum(axis=1).astype(np.float32)
    best = np.maximum.reduceat(cosines, segment.offsets[:-1])
    order = np.lexsort((segment.ids, -best))
    order = order[(segment.alive & allowed)[order]][:k]
    return segment.ids[order].tolist(), best[order].tolist()


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
    return segment_of(vectors, [WINDOWS] * TRACKS, tmp_path, dead=[0, 7, 999])


def queries(vectors, count=12):
    return hold_out(vectors, seed=2).queries[:count].astype(np.float64)


def agree(index, found, right):
    """The share of the right tracks that was found; all, in their order and with their scores, of an exact index."""
    if index.exact:
        assert (found.ids.tolist(), found.scores.tolist()) == right
    assert (np.diff(found.scores) <= 0).all()
    assert len(set(found.ids.tolist())) == len(right[0])
    return len(np.intersect1d(found.ids, right[0])) / max(1, len(right[0]))


@pytest.mark.parametrize("k", [1, 10])
def test_the_best_tracks_are_found_exactly_or_with_the_stated_recall(backend, segment, k):
    index = built(backend, segment)
    shares = [agree(index, index.search(q, k), by_brute_force(segment, q, k)) for q in queries(segment.vectors)]
    assert np.mean(shares) >= RECALL
    stated = index.describe()
    assert (stated["backend"], stated["vectors"]) == (backend, len(segment.vectors))
    assert stated["kind"] == "exact" if index.exact else min(stated["recall_at_10"], stated["recall_at_100"]) >= 0.999


def test_scores_are_exact_whatever_is_found(backend, segment):
    index, query = built(backend, segment), queries(segment.vectors, 1)[0]
    every = dict(zip(*by_brute_force(segment, query, TRACKS), strict=True))
    found = index.search(query, 50)
    assert found.scores.tolist() == [every[track] for track in found.ids.tolist()]


def test_equal_scores_come_by_id(backend, tmp_path, vectors):
    twice = np.concatenate([vectors, vectors[: 40 * WINDOWS], vectors[: 40 * WINDOWS]])
    segment = segment_of(twice, [WINDOWS] * (TRACKS + 80), tmp_path)
    index = built(backend, segment, Settings(recall=0.95, backend=backend))  # which of equal rows is found counts
    for track in range(0, 40, 7):
        query = np.asarray(unit(twice[track * WINDOWS]), np.float64)
        assert index.search(query / np.linalg.norm(query), 3).ids.tolist() == [
            3 * place + 1 for place in (track, TRACKS + track, TRACKS + 40 + track)
        ]


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_a_selection_is_searched_as_if_there_were_nothing_else(backend, segment, share, monkeypatch):
    monkeypatch.setattr("indexing.search.tracks._SCANNED", 0)
    allowed = np.random.default_rng(3).random(TRACKS) < share
    index, some = built(backend, segment), Selection(segment, allowed)
    shares = [
        agree(index, index.search(q, 10, some), by_brute_force(segment, q, 10, allowed))
        for q in queries(segment.vectors)
    ]
    assert np.mean(shares) >= RECALL
    assert len(index.search(queries(segment.vectors, 1)[0], 10, Selection(segment, False)).ids) == 0


def test_of_one_recording_the_best_track_alone(backend, segment):
    paired = replace(segment, recordings=segment.ids[np.arange(TRACKS) // 2 * 2])
    index = built(backend, paired)
    for query in queries(segment.vectors, 5):
        found = index.search(query, 20).ids
        assert len(set(((found - 1) // 6).tolist())) == 20


def test_more_tracks_than_there_are(backend, segment):
    index, query = built(backend, segment), queries(segment.vectors, 1)[0]
    found = index.search(query, TRACKS + 5)
    assert (found.ids.tolist(), found.scores.tolist()) == by_brute_force(segment, query, TRACKS)


def test_few_tracks_and_none_at_all(backend, tmp_path, vectors):
    query = queries(vectors, 1)[0]
    for count in (0, 1, 5):
        segment = segment_of(vectors[: count * WINDOWS], [WINDOWS] * count, tmp_path)
        BACKENDS[backend].build(tmp_path, segment, Settings(backend=backend))
        found = open_segment(segment, backend).index.search(query, 3)  # codes of so few cannot be learnt
        assert (found.ids.tolist(), found.scores.tolist()) == by_brute_force(segment, query, 3)


def test_what_is_in_memory_is_searched_exactly_without_a_word(backend, vectors):
    segment = segment_of(vectors, [WINDOWS] * TRACKS)
    opened = open_segment(segment, backend)
    assert opened.index.exact
    assert opened.notice is None


def test_building_again_keeps_what_is_there_and_opening_again_finds_the_same(backend, segment):
    one = built(backend, segment)
    before = {path: path.stat().st_mtime_ns for path in segment.home.iterdir()}
    other = built(backend, segment)
    assert {path: path.stat().st_mtime_ns for path in segment.home.iterdir()} == before
    for query in queries(segment.vectors, 5):
        assert one.search(query, 10).ids.tolist() == other.search(query, 10).ids.tolist()


def test_another_backend_takes_the_place_of_what_was_built(backend, segment):
    built("faiss_pq", segment)
    index = built(backend, segment)
    left = {path.name for path in segment.home.iterdir()}
    assert bool(left) == (backend in BUILT)
    assert index.exact == (backend not in BUILT)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def zeros(path):
    path.write_bytes(b"\0" * path.stat().st_size)


@pytest.mark.parametrize("spoil", [cut, zeros, lambda path: path.unlink()])
@pytest.mark.parametrize("asked", ["by name", AUTO])
def test_a_damaged_file_makes_search_exact_which_is_said(backend, segment, spoil, asked, caplog):
    built(backend, segment)
    for path in [*segment.home.glob(snapshot.CODES), *segment.home.glob(f"{snapshot.REPRESENTATIVES}/vectors*")]:
        spoil(path)
    opened = open_segment(segment, backend if asked == "by name" else AUTO)
    assert opened.index.exact
    query = queries(segment.vectors, 1)[0]
    found = opened.index.search(query, 5)
    assert (found.ids.tolist(), found.scores.tolist()) == by_brute_force(segment, query, 5)
    if backend in BUILT:
        assert "is damaged" in opened.notice
        assert "recommend index build" in opened.notice
    assert caplog.messages == ([opened.notice] if backend in BUILT else [])


def test_what_is_not_built_or_not_installed_is_said_and_answered_exactly(backend, segment, monkeypatch, caplog):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    opened = open_segment(segment, backend)
    expected = {
        "faiss_flat": "search is exact, without faiss_flat: no FAISS found; install one of: pip install "
        "'cliptune[cpu]' or pip install 'cliptune[gpu]' (never both)",
        "faiss_pq": "search is exact, without faiss_pq: nothing is built yet: run `recommend index build`",
        "representatives": "windows are searched, without representatives: nothing is built yet: "
        "run `recommend index build`",
    }
    assert opened.notice == expected.get(backend)
    assert caplog.messages == ([opened.notice] if opened.notice else [])
    query = queries(segment.vectors, 1)[0]
    assert opened.index.search(query, 5).ids.tolist() == by_brute_force(segment, query, 5)[0]
    assert opened.index.describe()["backend"] == ("exact" if backend in expected else backend)


def test_an_unknown_name_is_refused_with_those_there_are(backend):
    assert check(backend) == backend
    with pytest.raises(InputError, match=f"unknown search backend 'nope'; there are: auto, .*{backend}"):
        check("nope")


@pytest.fixture(scope="module")
def imported(tmp_path_factory, vectors):
    return import_tracks(tmp_path_factory.mktemp("imported"), vectors, WINDOWS)


@pytest.fixture
def folder(tmp_path, imported):
    return shutil.copytree(imported, tmp_path / "lib")


def told(library):
    return {name: library.info()["search"]["music"].get(name) for name in ("backend", "setting", "notice")}


def test_a_library_keeps_its_backend_and_says_what_answers(backend, folder, vectors):
    assert ("scan" in build(folder, "--backend", backend)) == (backend == "faiss_pq")
    build(folder, "--recall", "0.99")  # which leaves the backend as it is
    few = Filter(only=frozenset(f"t{i}" for i in range(0, TRACKS, 4)))
    with Library.open(folder) as library, Library.open(folder, backend="exact") as exact:
        assert library.backend == ann_files.load_settings(folder).backend == backend
        assert told(library) == {"backend": backend, "setting": backend, "notice": None}
        assert told(exact) == {"backend": "exact", "setting": "exact", "notice": None}
        for query in queries(vectors):
            for where in (None, few):
                one, other = (each.search(query, 10, "music", where=where) for each in (library, exact))
                assert len(np.intersect1d(one.ids, other.ids)) >= 9
    with Library.open(folder) as library:
        first = library.ids("music")[:1]
    with Library.open(folder, backend="faiss_pq") as library:  # asked for once, whatever is kept
        notice = told(library)["notice"]
        assert (notice is None) == (backend == "faiss_pq")
        assert len(library.search(library.windows_of(first)[0].vectors[0], 1, "music").ids) == 1
    build(folder, "--backend", AUTO)
    assert ann_files.load_settings(folder) == Settings(recall=0.99)
    assert '"backend"' not in (folder / ann_files.SETTINGS).read_text()


def test_a_setting_that_cannot_be_met_is_never_an_error_of_a_query(backend, folder, vectors, monkeypatch, caplog):
    build(folder, "--backend", backend)
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with Library.open(folder) as library:
        found = library.search(vectors[0], 3, "music")
        assert len(found.ids) == 3
        said = told(library)
    needs_faiss = backend in ("faiss_flat", "faiss_pq")
    assert (said["backend"], said["setting"]) == ("exact" if needs_faiss else backend, backend)
    assert caplog.messages == ([said["notice"]] if needs_faiss else [])
    if needs_faiss:
        assert "no FAISS found" in said["notice"]
        with pytest.raises(BackendError, match="no FAISS found"), Library.open(folder) as library:
            commands_rebuild(library, backend)


def commands_rebuild(library, backend):
    from indexing.maintenance.build_index import rebuild

    rebuild(library, backend=backend)


@pytest.mark.parametrize("kept", ['{"backend": "of tomorrow"}', "{", '{"recal": 1}'])
def test_a_setting_that_cannot_be_read_leaves_it_to_the_size(backend, folder, vectors, kept, caplog):
    (folder / ann_files.SETTINGS).write_text(kept)
    with Library.open(folder) as library:
        assert len(library.search(vectors[0], 3, "music").ids) == 3
    (line,) = caplog.messages
    assert line.startswith("the search backend is left to the size of the library: ")
    with Library.open(folder, backend=backend) as library:
        assert library.backend == backend


def test_the_background_builds_what_is_set_alone(backend, folder, monkeypatch):
    started = []
    monkeypatch.setattr("subprocess.Popen", lambda command, **options: started.append(command))
    monkeypatch.setattr(ann_index, "_started", [])
    ann_files.save_settings(folder, Settings(backend=backend))
    assert ann_index.start(folder) == (backend in BUILT)
    assert ann_index.build(folder)["music"].kind == BUILT.get(backend, "exact")
    assert not ann_index.start(folder)


def test_every_window_of_a_track_counts(backend, segment):
    index = built(backend, segment)
    last = spans(segment.offsets[1:6] - 1, np.ones(5, np.int64))
    for row, track in zip(last, segment.ids[:5], strict=True):
        found = index.search(np.asarray(segment.vectors[row], np.float64), 1)
        assert found.ids.tolist() == [track] or track == segment.ids[0]  # which is dead
