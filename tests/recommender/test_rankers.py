"""Sections and the rankers over them."""

from dataclasses import replace

import numpy as np
import pytest

from recommender import rankers
from recommender.encoders import Calibration
from recommender.errors import InputError
from recommender.rankers import Question, Scoring
from recommender.rankers.afclnet import Reranker
from recommender.rankers.scoring import Fusion, Scale
from recommender.rankers.sections import best_run, best_section, span
from recommender.types import TrackWindows, unit

ONE = np.array([1, 0], np.float32)


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


def test_a_section_does_not_go_through_a_long_silence():
    scores = np.array([0.9, 0.1, 0.2, 0.8, 0.5])
    apart = bounds(5) + np.array([0, 0, 60, 60, 60])[:, None]  # no windows between 15 and 70 s
    assert best_section(scores, apart, 10) == pytest.approx((0.9, 0, 0))
    assert best_section(scores, apart, 15) == pytest.approx((0.65, 3, 4))
    assert best_section(scores, apart, 20) == pytest.approx((0.5, 2, 4))  # the longest there is
    assert best_section(scores, bounds(5), 20) == best_run(scores, span(bounds(5), 20))


def test_cosine_scores_a_section_by_its_mean_cosine_by_hand():
    # cosines with (1, 0): 1, 0.6, 0; a 15 s clip needs two windows, and the first two are best: 0.8.
    track = windows(np.array([[1, 0], [0.6, 0.8], [0, 1]]))
    assert rankers.get("cosine")(Question(ONE, 15.0), [track], rankers.PLAIN)[0] == pytest.approx((0.8, 0, 1))


def test_cosines_at_or_below_zero_keep_their_order_and_their_sections():
    opposite = [windows(np.array([[x, (1 - x * x) ** 0.5]])) for x in (-1, -0.6, -0.3, 0, 0.2)]
    found = rankers.get("cosine")(Question(ONE, 0), opposite, rankers.PLAIN)
    assert [section.score for section in found] == pytest.approx([-1, -0.6, -0.3, 0, 0.2], abs=1e-6)
    (best,) = rankers.get("cosine")(Question(ONE, 0), [windows(np.array([[-1, 0], [-0.6, 0.8]]))], rankers.PLAIN)
    assert best == pytest.approx((-0.6, 1, 1))
    # A mean over windows of which some look away is that mean: not the part of it above zero.
    (mean,) = rankers.get("cosine")(Question(ONE, 15), [windows(np.array([[1, 0], [-0.6, 0.8]]))], rankers.PLAIN)
    assert mean == pytest.approx((0.2, 0, 1))


def by_hand() -> Reranker:
    """AFCLNet cut down until its logit is the inner product of two affects, which are the features themselves."""
    one, zero = np.ones((1, 1), np.float32), np.zeros(1, np.float32)
    tensors = {"0.hidden.weights": one, "0.hidden.bias": zero, "0.out.weights": one, "0.out.bias": zero}
    tensors |= {"0.experts.weights": np.array([[0], [0], [1], [1]], np.float32), "0.experts.bias": zero}
    tensors["0.gate.weights"] = np.zeros((4, 1), np.float32)
    for side in ("video", "music"):
        tensors |= {f"{side}.affect.weights": np.eye(2, dtype=np.float32), f"{side}.affect.bias": np.zeros(2)}
        tensors |= {f"{side}.reduce.weights": np.ones((2, 1), np.float32), f"{side}.reduce.bias": zero}
    forms = {f"{m}_form": "linear" for m in ("video", "music")} | {f"{m}_scale": [0.0, 1.0] for m in ("video", "music")}
    settings = {"members": 1, "self_heads": 1, "mutual_heads": 1, "own": 1, "shared": 0, "residual": False}
    return Reranker(settings | {"products": True, "inputs": "perceptual"} | forms, tensors)


RERANKER = by_hand()
# The cosine has mean 0 and deviation .5, the logit mean 1 and deviation 2, over made-up training combinations.
FUSION = Fusion(0.25, Scale(0.0, 0.5), Scale(1.0, 2.0))
CALIBRATIONS = {"cosine": Calibration(2.0, 0.0), "afclnet": Calibration(1.0, -1.0), "fusion": Calibration(1.0, 0.0)}
SCORING = Scoring(CALIBRATIONS, RERANKER, FUSION, first={"music": 1, "video": 1})


def reranked(vectors: np.ndarray, features: np.ndarray) -> TrackWindows:
    """Windows with one column of something else, then AFCLNet's side."""
    plain = windows(vectors)
    inputs = np.hstack([np.full((len(vectors), 1), 9.0), RERANKER.side("music", np.asarray(features, float))])
    return plain._replace(inputs=inputs.astype(np.float32))


def test_the_rankers_by_hand():
    question = Question(np.array([1, 0], np.float32), 0.0, RERANKER.side("video", np.array([[1.0, 2.0]]))[0])
    # The cosine prefers the second window (1, not .6), whose logit is 1 * 3 + 2 * 1 = 5.
    track = reranked(np.array([[0.6, 0.8], [1, 0]]), np.array([[9.0, 9.0], [3.0, 1.0]]))
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    expected = {"cosine": sigmoid(2 * 1), "afclnet": sigmoid(5 - 1), "fusion": sigmoid(0.25 * 2 + 0.75 * 2)}
    for name, score in expected.items():
        assert rankers.get(name)(question, [track], SCORING)[0] == pytest.approx((score, 1, 1), abs=1e-6), name


def test_a_section_scores_the_mean_logit_of_its_windows():
    question = Question(np.array([1, 0], np.float32), 15.0, RERANKER.side("video", np.array([[1.0, 0.0]]))[0])
    short, long = reranked([[1, 0]], [[4.0, 0]]), reranked([[1, 0], [1, 0], [0, 1]], [[1.0, 0], [3.0, 0], [100.0, 0]])
    found = rankers.get("afclnet")(question, [short, long], SCORING)
    np.testing.assert_allclose([s.score for s in found], 1 / (1 + np.exp(-np.array([4 - 1, 2 - 1]))), atol=1e-6)
    assert found[1][1:] == (0, 1)
    assert rankers.get("afclnet")(question, [], SCORING) == []


def test_a_piece_of_music_is_scored_with_clips_as_clips_are_with_it():
    # Logit = video + 10 music of the reduced vectors, which are the sums of two features.
    lopsided = {**RERANKER.tensors, "0.experts.weights": np.array([[1], [10]], np.float32)}
    lopsided["0.gate.weights"] = np.zeros((2, 1), np.float32)
    reranker = Reranker({**RERANKER.settings, "inputs": "objective", "products": False}, lopsided)
    scoring = replace(SCORING, reranker=reranker, first={"music": 1, "video": 2})
    clip = windows([[1, 0]])._replace(inputs=np.hstack([[[9.0, 9.0]], reranker.side("video", np.array([[2.0, 0.0]]))]))
    asked = reranker.side("music", np.array([[0.3, 0.1]]))[0]
    found = rankers.get("afclnet")(Question(ONE, 0.0, asked, "video"), [clip], scoring)
    assert found[0].score == pytest.approx(1 / (1 + np.exp(-(2 + 10 * 0.4 - 1))))


@pytest.mark.parametrize("name", ["afclnet", "fusion"])
def test_what_cannot_be_rescored_says_why(name):
    question = Question(np.array([1, 0], np.float32), 0.0, np.zeros(6, np.float32))
    with pytest.raises(InputError, match=f"ranker '{name}' needs a library of a model with AFCLNet"):
        rankers.get(name)(question, [windows([[1, 0]])], rankers.PLAIN)
    with pytest.raises(InputError, match=f"ranker '{name}' needs the query's features"):
        rankers.get(name)(question._replace(side=None), [reranked([[1, 0]], [[1.0, 1]])], SCORING)


def test_a_model_names_the_rankers_it_can_serve():
    assert rankers.PLAIN.rankers == ("cosine",)
    assert SCORING.rankers == ("cosine", "afclnet", "fusion")


@pytest.mark.parametrize("name", sorted(rankers.RANKERS))
def test_contract_every_ranker_gives_one_section_in_range_per_candidate(name):
    rng = np.random.default_rng(0)
    candidates = [reranked(rng.random((n, 4)), rng.normal(size=(n, 2))) for n in (1, 3, 8)]
    question = Question(unit(rng.random(4)), 20.0, RERANKER.side("video", rng.normal(size=(1, 2)))[0])
    sections = rankers.get(name)(question, candidates, SCORING)
    assert len(sections) == 3
    for section, track in zip(sections, candidates, strict=True):
        assert 0 <= section.score <= 1
        assert 0 <= section.first <= section.last < len(track.bounds)
    assert rankers.get(name)(question, candidates, SCORING) == sections


def test_an_unknown_ranker_lists_the_known_ones():
    with pytest.raises(InputError, match="unknown ranker 'magic'; known: .*cosine"):
        rankers.get("magic")
