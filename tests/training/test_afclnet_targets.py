"""Score targets against numbers worked by hand, and scored pairs that keep their groups whole."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InputError
from training.learning.targets import (
    NearAffect,
    Scored,
    emotion_scores,
    from_ratings,
    is_matched,
    near_emotion,
    same_emotion,
    score_pairs,
)
from training.types import EMOTIONS, Pairs


def some(n: int = 12, a: int = 3, seed: int = 0) -> Scored:
    rng = np.random.default_rng(seed)
    affect = rng.normal(size=(2, n, a))
    features = rng.normal(size=(2, n, 4)).astype(np.float32)
    return Scored(*features, rng.random(n), *affect, np.arange(n) // 2)


def test_ratings_become_scores_and_a_three_is_matched() -> None:
    scores = from_ratings(np.array([1, 2, 3, 4, 5]))
    np.testing.assert_allclose(scores, [0, 0.25, 0.5, 0.75, 1])
    assert is_matched(scores).tolist() == [False, False, True, True, True]
    with pytest.raises(InputError, match="rating 0 lies outside 1 to 5"):
        from_ratings(np.array([3.0, 0.0]))
    with pytest.raises(InputError, match="rating nan"):
        from_ratings(np.array([np.nan]))


def test_graded_scores_are_distances_on_the_plane() -> None:
    scores = emotion_scores()
    # the farthest: fearful (-.5, .55) and relaxing (.45, -.5); tense is (-.45, .2), sad (-.45, -.45)
    farthest = math.hypot(0.95, 1.05)
    at = {name: i for i, name in enumerate(EMOTIONS)}
    assert scores[at["fearful"], at["tense"]] == pytest.approx(1 - math.hypot(0.05, 0.35) / farthest)
    assert scores[at["tense"], at["sad"]] == pytest.approx(1 - 0.65 / farthest)
    assert scores[at["fearful"], at["relaxing"]] == 0
    np.testing.assert_allclose(scores, scores.T)
    np.testing.assert_allclose(np.diag(scores), 1)
    assert scores.min() >= 0


def test_rules_score_any_two_emotions() -> None:
    video, music = np.eye(5)[[0, 1, 4]], np.eye(5)[[0, 2, 1]]
    np.testing.assert_allclose(same_emotion(video, music), [1, 0, 0])
    np.testing.assert_allclose(near_emotion(video, music), [1, emotion_scores()[1, 2], 0])


@given(st.floats(0.1, 5), st.lists(st.floats(-2, 2), min_size=2, max_size=2))
def test_near_affect_falls_with_distance(reach: float, point: list[float]) -> None:
    rule, origin = NearAffect(reach), np.zeros((1, 2))
    score = float(rule(origin, np.array([point]))[0])
    assert 0 <= score <= 1
    assert score == pytest.approx(max(0, 1 - math.hypot(*point) / reach))
    assert float(rule(origin, origin)[0]) == 1


def test_pairs_are_scored_by_match_or_by_emotion() -> None:
    source = np.array([0, 0, 1])
    features = np.zeros((3, 2), np.float32)
    emotion = np.array([1, 1, 1]), np.array([1, 2, 4])
    pairs = Pairs(features, features, np.array([1, 0, 0]), *emotion, source, source, ("a", "b", "c"))
    binary, graded = score_pairs(pairs), score_pairs(pairs, "graded")
    np.testing.assert_allclose(binary.score, [1, 0, 0])
    np.testing.assert_allclose(graded.score, [1, emotion_scores()[1, 2], 0])
    np.testing.assert_allclose(binary.video_affect, np.eye(5)[[1, 1, 1]])
    assert binary.classes
    assert binary.group[0] == binary.group[1] != binary.group[2]


def test_folds_keep_groups_whole_and_test_every_pair_once() -> None:
    data = some()
    folds = data.folds(3, 1)
    assert sorted(np.concatenate([held for _, held in folds]).tolist()) == list(range(12))
    for inside, held in folds:
        assert not set(data.group[inside]) & set(data.group[held])
        assert len(data.take(held)) == len(held) == 4
    again = data.folds(3, 1)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))


def test_what_makes_no_sense_is_said() -> None:
    data = some()
    with pytest.raises(InputError, match="6 groups of sources cannot make 7 folds"):
        data.folds(7, 0)
    arrays = [data.video, data.music, data.score, data.video_affect, data.music_affect, data.group]
    with pytest.raises(InputError, match="from 0 to 1"):
        Scored(*arrays[:2], data.score + 1, *arrays[3:])
    with pytest.raises(InputError, match="different length"):
        Scored(data.video[:3], *arrays[1:])
    with pytest.raises(InputError, match="same dimensions"):
        Scored(*arrays[:4], data.music_affect[:, :2], data.group)
