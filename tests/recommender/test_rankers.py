"""Sections and the rankers over them."""

import numpy as np
import pytest

from recommender import rankers
from recommender.errors import InputError
from recommender.rankers.sections import best_run, span
from recommender.types import TrackWindows, unit


def bounds(n: int) -> np.ndarray:
    return np.array([[5.0 * i, 5.0 * i + 10] for i in range(n)])


def windows(vectors: np.ndarray) -> TrackWindows:
    empty = np.zeros((len(vectors), 0), np.float32)
    return TrackWindows(bounds(len(vectors)), unit(np.asarray(vectors, np.float32)), empty, empty)


@pytest.mark.parametrize(
    ("length_s", "n", "expected"),
    [(0, 9, 1), (10, 9, 1), (10.5, 9, 2), (15, 9, 2), (30, 9, 5), (1000, 9, 9), (30, 1, 1)],
)
def test_span_counts_the_windows_that_cover_a_length(length_s, n, expected):
    assert span(bounds(n), length_s) == expected


def test_best_run_is_the_largest_mean_and_the_earliest_among_equals():
    assert best_run(np.array([0.1, 0.9, 0.5, 0.7, 0.7]), 2) == pytest.approx((0.7, 1, 2))
    assert best_run(np.array([0.5, 0.5, 0.5]), 1)[1] == 0


def test_cosine_scores_a_section_by_its_mean_cosine_by_hand():
    # cosines with (1, 0): 1, 0.6, 0; a 15 s clip needs two windows, and the first two are best: 0.8.
    track = windows(np.array([[1, 0], [0.6, 0.8], [0, 1]]))
    assert rankers.get("cosine")(np.array([1, 0], np.float32), [track], 15.0)[0] == pytest.approx((0.8, 0, 1))


def test_a_negative_cosine_scores_zero():
    assert rankers.get("cosine")(np.array([1, 0], np.float32), [windows(np.array([[-1, 0]]))], 0)[0].score == 0


@pytest.mark.parametrize("name", sorted(rankers.RANKERS))
def test_contract_every_ranker_gives_one_section_in_range_per_candidate(name):
    rng = np.random.default_rng(0)
    candidates = [windows(rng.random((n, 4))) for n in (1, 3, 8)]
    query = unit(rng.random(4))
    sections = rankers.get(name)(query, candidates, 20.0)
    assert len(sections) == 3
    for section, track in zip(sections, candidates, strict=True):
        assert 0 <= section.score <= 1
        assert 0 <= section.first <= section.last < len(track.bounds)
    assert rankers.get(name)(query, candidates, 20.0) == sections


def test_an_unknown_ranker_lists_the_known_ones():
    with pytest.raises(InputError, match="unknown ranker 'magic'; known: .*cosine"):
        rankers.get("magic")
