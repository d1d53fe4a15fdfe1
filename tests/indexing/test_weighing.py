"""Representatives of which many are looked at: only where few do not serve, and codes of windows do not cost less."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from fakes import clustered, of_rows

from indexing.search import ann_files, ann_tuning, representative_files, representatives, weighing
from indexing.search.ann_tuning import Settings
from indexing.search.backends.registry import AUTO, BACKENDS, open_segment
from indexing.search.clusters import PER_TRACK
from indexing.snapshot import snapshot

pytest.importorskip("faiss").omp_set_num_threads(1)
NAME = snapshot.REPRESENTATIVES
TRACKS, WINDOWS = 900, 10
UNASKED = Settings()


@pytest.fixture
def segment(tmp_path):
    offsets = np.arange(0, TRACKS * WINDOWS + 1, WINDOWS)
    return replace(of_rows(clustered(TRACKS * WINDOWS, WINDOWS), np.arange(1, TRACKS + 1), offsets), home=tmp_path)


@pytest.fixture(autouse=True)
def large(monkeypatch):
    """As in a large library: all that may be built is tried, and few representatives do not serve."""
    monkeypatch.setattr(representative_files, "QUERIES", 40)
    monkeypatch.setattr(representative_files, "AUTO_ROWS", 1)
    monkeypatch.setattr(ann_tuning, "FAISS_PQ_ROWS", 1000)
    monkeypatch.setattr(representatives, "ROWS", (20, 30))
    monkeypatch.setattr(weighing, "ROWS", (20, 30))
    monkeypatch.setattr(representatives, "FURTHER", (300, 1000, 1200, 2000))
    monkeypatch.setattr(representatives, "FEW", 3)


def build(segment, settings=UNASKED):
    return BACKENDS[NAME].build(segment.home, segment, settings)


def cost(monkeypatch, mine, theirs, kept=1.0):
    monkeypatch.setattr(weighing, "_in_turns", lambda both, queries, right: (mine, theirs, kept))


@pytest.fixture
def looked(monkeypatch):
    """How many representatives were looked at while they were measured."""
    counts, look = set(), representatives._look
    monkeypatch.setattr(representatives, "_look", lambda *given: counts.add(given[2]) or look(*given))
    return counts


def test_more_are_tried_where_few_do_not_serve_up_to_a_share_of_all(segment, monkeypatch, looked):
    assert representatives.depths(TRACKS * PER_TRACK) == [(20, 30), (20, 30, 300, 1000, 1200)]
    assert representatives.depths(25) == [(20, 25)]
    cost(monkeypatch, 1.0, 2.0)
    assert 30 < build(segment).reached.rows <= 1200
    assert looked == {30, 1200}


def test_a_small_library_tries_no_more(segment, monkeypatch, looked):
    monkeypatch.setattr(representatives, "FEW", 100)
    build(segment)
    assert looked == {30}


def test_few_that_serve_are_not_looked_beyond(segment, monkeypatch, looked):
    monkeypatch.setattr(representatives, "ROWS", (20, 1200))
    monkeypatch.setattr(weighing, "ROWS", (20, 1200))
    assert build(segment).reached.rows == 1200
    assert looked == {1200}
    assert not (segment.home / snapshot.RECORD).exists()  # no codes of windows were built to compare


@pytest.mark.parametrize("told", [(1.0, 2.0, 1.0), (2.5, 2.0, 0.99)])
def test_codes_that_cost_more_or_find_less_do_not_stay(segment, monkeypatch, told):
    cost(monkeypatch, *told)
    made = build(segment)
    assert (made.why, made.beside_ms) == (None, 2.0)
    assert sorted(path.name for path in segment.home.iterdir()) == [NAME]
    assert not BACKENDS[NAME].lacks(segment.home, segment, UNASKED)
    assert build(segment) == made
    assert open_segment(segment, AUTO).index.describe()["backend"] == NAME
    assert not representative_files.is_damaged(segment.home, segment)


def test_where_codes_of_windows_cost_less_they_serve_and_it_says_why(segment, monkeypatch):
    cost(monkeypatch, 2.5, 2.0)
    made = build(segment)
    assert made.why == f"{made.reached.rows:,} of them take 2.5 ms of CPU a query, codes of windows 2.0"
    opened = open_segment(segment, AUTO)
    assert opened.index.describe()["backend"] == "faiss_pq"
    assert opened.notice == f"windows are searched, without {NAME}: {made.why}"
    assert [path.name for path in (segment.home / NAME).iterdir()] == ["measured.json"]
    assert not BACKENDS[NAME].lacks(segment.home, segment, UNASKED)
    assert build(segment) == made
    assert not representative_files.is_damaged(segment.home, segment)
    asked = build(segment, replace(UNASKED, backend=NAME))  # whoever asks for them by name was told, too
    assert asked.why == made.why


def test_where_no_codes_reach_the_recall_representatives_serve(segment, monkeypatch):
    monkeypatch.setattr(ann_tuning, "_EXTRAS", ())
    made = build(segment)
    assert (made.why, made.beside_ms) == (None, None)
    assert open_segment(segment, AUTO).index.describe()["backend"] == NAME
    assert not BACKENDS[NAME].lacks(segment.home, segment, UNASKED)


def test_killed_before_both_were_compared_representatives_serve(segment, monkeypatch):
    def killed(vectors, settings):
        if len(vectors) == TRACKS * WINDOWS:  # representatives are whole then
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ann_files, "tune", killed)
        with pytest.raises(KeyboardInterrupt):
            build(segment)
    assert open_segment(segment, AUTO).index.describe()["backend"] == NAME
    assert BACKENDS[NAME].lacks(segment.home, segment, UNASKED)
    cost(monkeypatch, 2.5, 2.0)
    assert build(segment).why is not None


def test_where_an_earlier_version_tried_fewer_more_are_tried(segment, monkeypatch):
    cost(monkeypatch, 1.0, 2.0)
    with monkeypatch.context() as patched:
        patched.setattr(representatives, "FURTHER", ())
        for serves in ("finds", "is_as_good"):
            patched.setattr(representatives.Reached, serves, lambda *_: False)
        assert build(segment, UNASKED).why.startswith("30 of them find ")
        assert not BACKENDS[NAME].lacks(segment.home, segment, UNASKED)
    assert BACKENDS[NAME].lacks(segment.home, segment, UNASKED)
    assert build(segment).why is None


def test_few_of_many_are_not_compared(segment, monkeypatch):
    cost(monkeypatch, 1.0, 2.0)
    made = replace(build(segment), beside_ms=None, count=4_000_000)
    asked = {rows: replace(made, reached=replace(made.reached, rows=rows)) for rows in (4000, 10_000, 13_000)}
    assert [weighing.is_dear(one, UNASKED) for one in asked.values()] == [False, False, True]
    assert not weighing.is_dear(asked[13_000], replace(UNASKED, backend=NAME))  # they are asked for by name


def test_both_are_asked_the_same(segment):
    made = build(segment)
    assert made.beside_ms > 0


def test_without_faiss_nothing_is_compared(segment, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    made = build(segment)
    assert (made.why, made.beside_ms) == (None, None)
    assert not BACKENDS[NAME].lacks(segment.home, segment, UNASKED)
