"""Search by codes, in one scan and in lists, and blockwise search for the best rows and groups of rows."""

import numpy as np
import pytest
from fakes import clustered

from indexing.search import ann_tuning
from indexing.search.backends import faiss_pq
from indexing.search.backends.exact import tops
from indexing.search.backends.faiss_pq import FaissPQ, Layout

pytest.importorskip("faiss")
ROWS = 12_000


@pytest.fixture(scope="module")
def vectors():
    return clustered(ROWS, 4)


@pytest.mark.parametrize("layout", [Layout(16), Layout(8), Layout(16, lists=32, probes=16)])
def test_codes_give_exact_scores_and_most_of_the_best_rows(vectors, layout):
    coarse = (
        faiss_pq.train_lists(faiss_pq.sample_rows(vectors, faiss_pq.list_sample(32), 0), 32) if layout.lists else None
    )
    index = FaissPQ(vectors, faiss_pq.build_codes(vectors, layout, coarse), layout)
    queries = ann_tuning.hold_out(vectors).queries[:40]
    truth, best = tops(vectors, queries, 10)
    hits = 0
    for query, rows, scores in zip(queries, truth, best, strict=True):
        found, got = index.top(query, 10)
        assert got == pytest.approx(vectors[found] @ query, abs=1e-6)
        assert (np.diff(got) <= 0).all()
        assert len(set(found.tolist())) == 10
        assert got[0] <= scores[0] + 1e-6
        hits += len(np.intersect1d(found, rows))
    assert hits / truth.size > 0.95
    assert not index.exact


def test_as_many_rows_as_asked_for_whatever_the_lists_hold(vectors):
    layout = Layout(16, lists=32, probes=1, extra=1)
    coarse = faiss_pq.train_lists(faiss_pq.sample_rows(vectors, faiss_pq.list_sample(32), 0), 32)
    index = FaissPQ(vectors, faiss_pq.build_codes(vectors, layout, coarse), layout)
    for k in (1, 1000, ROWS // 4, ROWS, ROWS + 5):
        rows, scores = index.top(vectors[3], k)
        assert len(rows) == len(set(rows.tolist())) == min(k, ROWS)
        assert (np.diff(scores) <= 0).all()


def test_a_deep_search_reads_more_lists(vectors, monkeypatch):
    layout = Layout(16, lists=32, probes=1, extra=1)
    coarse = faiss_pq.train_lists(faiss_pq.sample_rows(vectors, faiss_pq.list_sample(32), 0), 32)
    index = FaissPQ(vectors, faiss_pq.build_codes(vectors, layout, coarse), layout)
    query = vectors[3]
    truth = tops(vectors, query[None], 100)[0][0]
    few = len(np.intersect1d(index.top(query, 100)[0], truth))
    monkeypatch.setattr(faiss_pq, "_DEEP", 10)
    assert few < len(np.intersect1d(index.top(query, 100)[0], truth)) > 90


@pytest.fixture(scope="module", params=[Layout(16, extra=50), Layout(16, lists=32, probes=8, extra=50)])
def index(request, vectors):
    """Codes of the vectors, in one scan and in lists."""
    layout = request.param
    coarse = (
        faiss_pq.train_lists(faiss_pq.sample_rows(vectors, faiss_pq.list_sample(32), 0), 32) if layout.lists else None
    )
    return FaissPQ(vectors, faiss_pq.build_codes(vectors, layout, coarse), layout)


def test_among_some_rows_it_finds_the_best_of_them(index, vectors, monkeypatch):
    monkeypatch.setattr(index, "_exactly", None)
    chosen = np.random.default_rng(3).random(ROWS) < 0.4
    some, places = index.among(chosen), np.flatnonzero(chosen)
    queries = ann_tuning.hold_out(vectors).queries[:40]
    truth = places[tops(vectors[places], queries, 10)[0]]
    hits = 0
    for query, right in zip(queries, truth, strict=True):
        rows, scores = some.top(query, 10)
        assert chosen[rows].all()
        assert len(set(rows.tolist())) == 10
        assert scores == pytest.approx(vectors[rows] @ query, abs=1e-6)
        assert (np.diff(scores) <= 0).all()
        hits += len(np.intersect1d(rows, right))
    assert hits / truth.size > 0.97


def test_among_rows_that_lie_elsewhere_it_finds_them_too(index, vectors):
    query = vectors[3]
    chosen = vectors @ query < np.quantile(vectors @ query, 0.1)
    some, places = index.among(chosen), np.flatnonzero(chosen)
    for k in (1, 10, 3000):
        rows, scores = some.top(query, k)
        right = places[tops(vectors[places], query[None], k)[0][0]]
        assert rows.tolist() == right.tolist()
        assert scores == pytest.approx(vectors[right] @ query, abs=1e-6)
    assert len(rows) == len(places)


def test_searching_among_some_rows_pays_once_they_are_many():
    rows = np.broadcast_to(np.float32(0), (7_000_000, 64))
    scan, lists = FaissPQ(rows[:3_500_000], None, Layout(64)), FaissPQ(rows, None, Layout(64, 2048, 128, 200))
    # 3.5M codes and 10 times 500,000 against 11 * 350,000; 2 times against 11 * 1.75M
    assert [scan.pays(count) for count in (30_000, 350_000, 1_750_000)] == [False, False, True]
    # 10 / 16 of 7M and 5M against 7.7M; 2 / 16 and 1M against 38.5M
    assert [lists.pays(count) for count in (0, 58_000, 700_000, 3_500_000)] == [False, False, False, True]


def test_groups_by_their_best_row_equal_a_full_sort():
    rng = np.random.default_rng(0)
    rows, queries = (rng.integers(-3, 4, (m, 6)).astype(np.float32) for m in (30_000, 4))
    offsets = np.unique(np.concatenate([[0, 30_000], rng.integers(1, 30_000, 900)]))
    for k in (1, 50, 700, 5000):
        found, scores = tops(rows, queries, k, offsets=offsets)
        groups = np.maximum.reduceat(queries @ rows.T, offsets[:-1], axis=1)
        for mine, got, every in zip(found, scores, groups, strict=True):
            assert got.tolist() == np.sort(every)[::-1][:k].tolist()
            assert every[mine].tolist() == got.tolist()


@pytest.mark.parametrize(("n", "q", "k"), [(1, 2, 5), (0, 3, 5), (9000, 5, 8500), (40_000, 3, 100), (8192, 1, 8192)])
def test_blocks_with_a_threshold_equal_a_full_sort_ties_included(n, q, k):
    rng = np.random.default_rng(0)
    rows, queries = (rng.integers(-2, 3, (m, 6)).astype(np.float32) for m in (n, q))
    found, scores = tops(rows, queries, k)
    full = queries @ rows.T
    assert found.shape == scores.shape == (q, min(k, n))
    for mine, got, every in zip(found, scores, full, strict=True):
        assert got.tolist() == np.sort(every)[::-1][:k].tolist()
        assert every[mine].tolist() == got.tolist()
        assert len(set(mine.tolist())) == len(mine)
