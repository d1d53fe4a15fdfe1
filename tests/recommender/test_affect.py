"""The linear predictor, the affect space and the words."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.affect.linear import POPULATION_SD, LinearAffect, bound, unbound
from recommender.affect.space import AffectSpace
from recommender.affect.words import EMOTIONS, emotion, emotions, mood
from recommender.errors import ModelError
from recommender.types import Affect


def predictor(**changes) -> LinearAffect:
    fields = {
        "columns": ("tempo", "motion"),
        "transform": ("identity", "log"),
        "centre": np.array([100.0, 0.0]),
        "scale": np.array([20.0, 1.0]),
        "weights": np.array([[0.5, 0.0], [0.25, 1.0]]),
        "gain": np.array([1.0, 0.5]),
        "sd": np.array([0.6, 0.9]),
    }
    return LinearAffect(**(fields | changes))


def test_a_hand_worked_prediction():
    # z = (120 - 100) / 20 = 1 and log(e) = 1: valence .4 * .5, arousal .4 * .5 * (.25 + 1).
    affect = predictor()(np.array([[120.0, math.e]]))
    assert affect[0] == pytest.approx([*bound(np.array([0.2, 0.25])), 0.24, 0.36])


def test_what_the_columns_move_adds_up_to_the_prediction():
    rows = np.array([[120.0, math.e], [90.0, 0.5]])
    moved = predictor(offset=np.array([0.1, -0.2]))
    shares = moved.shares(rows)
    assert shares.shape == (2, 2, 2)
    assert shares[0, 1] == pytest.approx([0.4 * 0.5 * 0.25, 0.4 * 0.5])
    np.testing.assert_allclose(bound(shares.sum(axis=2) + POPULATION_SD * moved.offset), moved(rows)[:, :2], atol=1e-6)


def test_counts_are_felt_by_their_root():
    counted = predictor(transform=("root", "log"), centre=np.zeros(2), scale=np.ones(2))
    assert counted.standardise(np.array([[4.0, 1.0], [9.0, 1.0], [-1.0, 1.0]]))[:, 0].tolist() == [2.0, 3.0, 0.0]


def test_odd_inputs_are_clipped_not_extrapolated():
    far, farther = predictor()(np.array([[1e4, 1.0], [1e9, 1.0]]))
    assert far.tolist() == farther.tolist()
    assert far[0] == pytest.approx(bound(np.array(0.4 * 0.5 * 3.5)))


def test_means_stay_on_the_plane_in_their_order():
    x = np.linspace(-6, 6, 1201)
    y = bound(x)
    assert (np.diff(y) > 0).all()
    assert np.abs(y).max() < 1
    middle = np.abs(x) <= 0.5
    np.testing.assert_allclose(y[middle], x[middle], rtol=0.02)
    assert bound(np.array([0.5, 1.0])) == pytest.approx([0.49248, 0.84090], abs=1e-5)
    np.testing.assert_allclose(unbound(y[np.abs(x) < 3]), x[np.abs(x) < 3], rtol=1e-6)
    assert np.isfinite(unbound(np.array([-1.0, 1.0]))).all()


def test_a_row_has_the_same_bits_whatever_the_batch():
    rows = np.random.default_rng(0).uniform(0, 200, (33, 2))
    together = predictor()(rows)
    alone = np.vstack([predictor()(row) for row in rows])
    assert together.tobytes() == alone.tobytes()


def test_json_round_trip_is_exact():
    before = predictor(offset=np.array([0.0, -0.25]))
    after = LinearAffect.from_json(json.loads(json.dumps(before.to_json())))
    rows = np.random.default_rng(1).uniform(0, 200, (5, 2))
    assert after(rows).tobytes() == before(rows).tobytes()
    assert after.columns == before.columns


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda d: d.pop("gain"), "not an affect model"),
        (lambda d: d["columns"]["tempo"].update(scale=0), "scale that is not positive"),
        (lambda d: d["columns"]["tempo"].update(valence=float("nan")), "not finite"),
        (lambda d: d["columns"]["tempo"].update(transform="exec"), "unknown transform"),
        (lambda d: d.update(sd=[1.0]), "two values"),
    ],
)
def test_a_damaged_model_is_refused_with_its_source(damage, complaint):
    data = predictor().to_json()
    damage(data)
    with pytest.raises(ModelError, match=complaint) as error:
        LinearAffect.from_json(data, "here.json")
    assert "here.json" in str(error.value)


axis = st.floats(-1, 1)
spread = st.floats(0.05, 0.6)


@given(st.lists(st.tuples(axis, axis, spread, spread), min_size=1, max_size=8))
def test_vectors_have_unit_length_and_cosines_lie_in_0_1(affects):
    vectors = AffectSpace().encode(np.array(affects))
    cosines = vectors @ vectors.T
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(affects)), abs=1e-5)
    assert cosines.min() >= 0
    assert cosines.max() <= 1 + 1e-5


@given(st.tuples(axis, axis, spread, spread), st.tuples(axis, axis, spread, spread))
def test_the_cosine_is_the_bhattacharyya_coefficient_of_the_assignments(a, b):
    space = AffectSpace()
    va, vb = space.encode(np.array([a, b])).astype(np.float64)
    by_hand = [np.outer(*(_assignment(space, mean, sd) for mean, sd in ((x[0], x[2]), (x[1], x[3])))) for x in (a, b)]
    assert va @ vb == pytest.approx(np.sqrt(by_hand[0] * by_hand[1]).sum(), abs=1e-5)


def _assignment(space: AffectSpace, mean: float, sd: float) -> np.ndarray:
    grid = [-space.reach + 2 * space.reach * i / (space.side - 1) for i in range(space.side)]
    p = np.array([math.exp(-((g - mean) ** 2) / (2 * (sd**2 + space.bandwidth**2))) for g in grid])
    return p / p.sum()


def test_the_overlap_falls_with_distance_and_an_undecided_clip_is_not_a_decided_one():
    affects = np.array([[0, 0, 0.2, 0.2], [0.2, 0, 0.2, 0.2], [0.5, 0, 0.2, 0.2], [0, 0, 0.5, 0.5]])
    vectors = AffectSpace().encode(affects)
    same, near, far, vague = vectors @ vectors[0]
    assert same == pytest.approx(1, abs=1e-6)
    assert 1 > near > far
    assert vague < same


@given(axis, axis)
def test_an_undecided_clip_looks_more_like_undecided_music_than_a_decided_one_does(valence, arousal):
    sure, vague = AffectSpace().encode(np.array([[valence, arousal, 0.2, 0.2], [valence, arousal, 0.6, 0.6]]))
    elsewhere, nowhere = AffectSpace().encode(np.array([[-valence, -arousal, 0.2, 0.2], [0.0, 0.0, 0.9, 0.9]]))
    assert sure @ vague < 0.95
    assert vague @ nowhere > sure @ nowhere
    # What does not know is not surely wrong either.
    if np.hypot(valence, arousal) > 0.5:
        assert vague @ elsewhere > sure @ elsewhere


def test_emotions_are_probabilities_and_peak_at_their_own_place():
    for name, (valence, arousal) in EMOTIONS.items():
        affect = Affect(valence, arousal, 0.1, 0.1)
        assert emotion(affect) == name
        assert sum(emotions(affect).values()) == pytest.approx(1)
    vague = emotions(Affect(0, 0, 5, 5))
    assert max(vague.values()) - min(vague.values()) < 0.05


@pytest.mark.parametrize(
    ("affect", "words"),
    [
        (Affect(0.5, 0.5, 0.2, 0.2), "joyful and lively"),
        (Affect(-0.5, -0.5, 0.2, 0.2), "sad and subdued"),
        (Affect(0.1, -0.5, 0.2, 0.2), "calm"),
        (Affect(-0.5, 0.1, 0.2, 0.2), "dark"),
        (Affect(0.1, 0.1, 0.2, 0.2), "neutral"),
        (Affect(0.5, 0.5, 0.9, 0.9), "neutral"),
    ],
)
def test_a_mood_is_named_only_where_its_sign_is_sure(affect, words):
    assert mood(affect) == words
