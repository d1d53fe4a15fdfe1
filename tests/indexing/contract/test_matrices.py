"""Every matrix that searches exactly: right to float32 accuracy alone, and exact together with `best_tracks`."""

import builtins

import numpy as np
import pytest
from fakes import of_what_is_installed
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.search.backends import FAISS_ROWS, MATRICES, auto_backend, exact, faiss_flat, open_index
from indexing.search.tracks import best_tracks, merge_candidates
from indexing.snapshot.segments import Segment
from recommender.errors import BackendError, InputError
from recommender.memory import check_query
from recommender.types import unit

pytestmark = pytest.mark.parametrize("backend", of_what_is_installed(MATRICES))


def brute_force(segment, query, k):
    """Track ids by descending best cosine, ties by id, with plain loops."""
    scores = {}
    for i, track in enumerate(segment.ids.tolist()):
        if segment.alive[i]:
            rows = segment.vectors[segment.offsets[i] : segment.offsets[i + 1]].astype(np.float64)
            scores[track] = max(np.float32((row * query).sum()) for row in rows)
    order = sorted(scores, key=lambda track: (-scores[track], track))[:k]
    return order, [float(scores[track]) for track in order]


def segment_of(vectors, counts, dead=()):
    ids = np.arange(len(counts), dtype=np.int64) * 3 + 1
    n = len(vectors)
    return Segment(
        ids=ids,
        parts=np.ones_like(ids),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        alive=~np.isin(np.arange(len(counts)), list(dead)),
        vectors=vectors,
        affect=np.zeros((n, 0), np.float32),
        inputs=np.zeros((n, 0), np.float32),
        bounds=np.zeros((n, 2)),
    )


def test_known_answer(backend):
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], np.float32)
    rows, scores = open_index(vectors, backend).top(np.array([1, 0], np.float32), 3)
    assert rows.tolist() == [0, 2, 1]
    assert scores == pytest.approx([1, 0.6, 0])
    assert open_index(vectors, backend).exact


def test_no_more_rows_than_there_are(backend):
    vectors = unit(np.ones((3, 4), np.float32))
    rows, scores = open_index(vectors, backend).top(vectors[0], 10)
    assert sorted(rows.tolist()) == [0, 1, 2]
    assert len(scores) == 3
    empty = open_index(np.empty((0, 4), np.float32), backend)
    assert [len(a) for a in empty.top(vectors[0], 10)] == [0, 0]


def test_a_mapped_matrix_is_searched_where_it_is(backend, tmp_path):
    vectors = unit(np.random.default_rng(0).normal(size=(500, 16)).astype(np.float32))
    np.save(tmp_path / "v.npy", vectors)
    mapped = np.asarray(np.load(tmp_path / "v.npy", mmap_mode="r"))
    index = open_index(mapped, backend)
    assert np.shares_memory(index._vectors, mapped)
    assert index.top(vectors[7], 1)[0].tolist() == [7]


@st.composite
def problems(draw):
    """Vectors on a coarse grid (many exact ties), tracks of 1 to 4 windows, some dead, and a query."""
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=40))
    dim = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = draw(st.sampled_from([1, 2, 1000]))
    vectors = random.integers(-grid, grid + 1, (sum(counts), dim)).astype(np.float32)
    vectors[~vectors.any(axis=1)] = 1
    dead = draw(st.sets(st.integers(0, len(counts) - 1), max_size=3))
    query = vectors[draw(st.integers(0, len(vectors) - 1))] + draw(st.sampled_from([0, 0.25]))
    query = query if query.any() else np.ones(dim)
    return segment_of(unit(vectors), counts, dead), check_query(query, dim), draw(st.integers(1, 50))


@settings(max_examples=150, deadline=None)
@given(problem=problems())
def test_tracks_equal_brute_force_ties_included(backend, problem):
    segment, query, k = problem
    found = best_tracks(open_index(segment.vectors, backend), segment, query, k=k)
    assert (found.ids.tolist(), found.scores.tolist()) == brute_force(segment, query, k)


def test_the_search_widens_past_a_track_with_many_windows(backend):
    near = np.tile(np.array([[1, 0.01]], np.float32), (5000, 1))
    far = np.array([[1, 1], [0, 1], [1, 1]], np.float32)
    segment = segment_of(unit(np.vstack([near, far])), [5000, 1, 1, 1])
    found = best_tracks(open_index(segment.vectors, backend), segment, np.array([1.0, 0]), k=3)
    assert found.ids.tolist() == [1, 4, 10]


def test_answers_of_two_segments_are_merged_by_score_then_id(backend):
    vectors = unit(np.array([[1, 0], [0, 1], [1, 1]], np.float32))
    one = segment_of(vectors, [1, 1, 1])
    query = check_query([1, 1], 2)
    parts = [
        best_tracks(open_index(s.vectors, backend), s, query, k=3) for s in (one, segment_of(vectors[::-1], [1, 2]))
    ]
    assert merge_candidates(parts, 4).ids.tolist() == [1, 7, 1, 4]
    assert merge_candidates([], 4).ids.tolist() == []


@pytest.mark.parametrize(
    ("query", "message"),
    [([0, 0, 0], "zero or not finite"), ([1, np.nan, 0], "zero or not finite"), ([1, 2], "shape .2., .* 3 numbers")],
)
def test_a_query_without_direction_is_refused(backend, query, message):
    with pytest.raises(InputError, match=message):
        check_query(query, 3)


def test_missing_faiss_says_how_to_install_it(backend, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "faiss":
            raise ImportError("no module")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    if backend != "faiss_flat":
        assert open_index(np.ones((1, 2), np.float32), backend).device == "cpu"
        return
    with pytest.raises(
        BackendError, match=r"no FAISS found; install one of: .*cliptune\[cpu\].*cliptune\[gpu\].*never both"
    ):
        open_index(np.ones((1, 2), np.float32), backend)


def test_small_libraries_are_searched_without_faiss(backend):
    assert (auto_backend(FAISS_ROWS - 1), auto_backend(FAISS_ROWS)) == ("exact", "faiss_flat")
    one = np.ones((1, 2), np.float32)
    assert type(open_index(one, "auto")) is exact.Exact
    assert type(open_index(one, backend)) is type(MATRICES[backend](one))


@pytest.mark.gpu
def test_gpu_and_cpu_give_the_same_tracks(backend):
    faiss = pytest.importorskip("faiss")
    if backend != "faiss_flat" or not faiss_flat.gpu_usable(faiss):
        pytest.skip("needs faiss-gpu and a CUDA device")
    random = np.random.default_rng(0)
    segment = segment_of(unit(random.normal(size=(20_000, 64)).astype(np.float32)), [4] * 5000)
    index = open_index(segment.vectors, backend)
    assert index.device == "cuda"
    for k in (1, 200, 4000):
        query = check_query(random.normal(size=64), 64)
        found = best_tracks(index, segment, query, k=k)
        assert (found.ids.tolist(), found.scores.tolist()) == brute_force(segment, query, k)
