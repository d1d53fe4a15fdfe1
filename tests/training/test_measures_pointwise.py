"""Classification and regression measures worked by hand, their conventions and their errors."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InputError
from training.measures import POINTWISE
from training.measures.classification import confusion, majority

TRUTH = np.array([1, 1, 1, 0, 0])
GUESS = np.array([1, 1, 0, 1, 0])


@pytest.mark.parametrize(
    ("name", "truth", "predicted", "expected"),
    [
        ("accuracy", TRUTH, GUESS, 3 / 5),
        ("F1", TRUTH, GUESS, 4 / 6),
        ("macro-F1", TRUTH, GUESS, (4 / 6 + 2 / 4) / 2),
        # Pairs (one, zero): .9>.8 .9>.1 .8=.8 .8>.1 .3<.8 .3>.1
        ("AUC", TRUTH, np.array([0.9, 0.8, 0.3, 0.8, 0.1]), 4.5 / 6),
        ("MAE", np.array([1.0, 2, 4]), np.array([2.0, 2, 1]), 4 / 3),
        ("MSE", np.array([1.0, 2, 4]), np.array([2.0, 2, 1]), 10 / 3),
        ("R2", np.array([1.0, 2, 3]), np.array([1.0, 2, 4]), 1 / 2),
        ("Brier", np.array([1, 0, 1]), np.array([0.5, 0.5, 1]), 1 / 6),
        # A bin per item: |1 - .5|, |0 - .25|, |1 - 1|
        ("ECE", np.array([1, 0, 1]), np.array([0.5, 0.25, 1]), 1 / 4),
        # Equal probabilities share a bin: |0 + 1 - .5 - .5| and |1 - .75|
        ("ECE", np.array([0, 1, 1]), np.array([0.5, 0.5, 0.75]), 1 / 12),
    ],
)
def test_by_hand(name: str, truth: np.ndarray, predicted: np.ndarray, expected: float) -> None:
    assert POINTWISE[name].of(truth, predicted) == pytest.approx(expected, abs=1e-15)


def test_confusion_has_a_row_per_true_class() -> None:
    assert confusion(np.array([0, 2, 2]), np.array([0, 1, 2])).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert confusion(TRUTH, GUESS, 3).shape == (3, 3)
    with pytest.raises(InputError, match="class 2 is outside 0 to 1"):
        confusion(np.array([0, 2]), np.array([0, 0]), 2)


def test_conventions_where_a_measure_is_not_defined() -> None:
    none = np.zeros(3, int)
    assert POINTWISE["F1"].of(none, none) == 0
    assert POINTWISE["F1"].chance(none, none) == 0
    assert math.isnan(POINTWISE["AUC"].of(none, np.array([0.1, 0.2, 0.3])))
    assert math.isnan(POINTWISE["R2"].of(np.full(3, 0.1), np.array([1.0, 2, 3])))
    assert majority(np.array([0, 1, 1, 2])) == 0.5
    assert [p.larger_is_better for p in POINTWISE.values()] == [True] * 4 + [False, False, True, False, False]


@given(st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=12))
def test_auc_is_the_share_of_ordered_pairs(items: list[tuple[bool, int]]) -> None:
    ones, zeros = [s for y, s in items if y], [s for y, s in items if not y]
    got = POINTWISE["AUC"].of(np.array([y for y, _ in items]), np.array([s for _, s in items]))
    if ones and zeros:
        pairs = [(a > b) + (a == b) / 2 for a in ones for b in zeros]
        assert got == pytest.approx(sum(pairs) / len(pairs))
    else:
        assert math.isnan(got)


@pytest.mark.parametrize("name", list(POINTWISE))
@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([0, 1], [1], r"truth \(2,\) and predictions \(1,\) must both be \[n\]"),
        ([[0, 1]], [[1, 0]], r"must both be \[n\]"),
        ([], [], "no items"),
        ([0, 1], [np.nan, 1], "predictions hold NaN"),
        ([np.inf, 1], [1, 1], "truth hold NaN or infinite"),
        (["a", "b"], [1, 1], "truth must be numbers"),
    ],
)
def test_bad_input(name: str, truth: list[object], predicted: list[object], message: str) -> None:
    for function in (POINTWISE[name].of, POINTWISE[name].chance):
        with pytest.raises(InputError, match=message):
            function(np.array(truth), np.array(predicted))


def test_scores_are_no_classes() -> None:
    with pytest.raises(InputError, match="predicted classes must be whole numbers"):
        POINTWISE["accuracy"].of(TRUTH, GUESS * 0.7)
    with pytest.raises(InputError, match="true classes must be whole numbers"):
        POINTWISE["F1"].of(TRUTH - 2, GUESS)
    with pytest.raises(InputError, match="must be 0 or 1"):
        POINTWISE["AUC"].of(TRUTH + 1, GUESS)
    with pytest.raises(InputError, match="class 2 is outside"):
        POINTWISE["F1"].of(TRUTH * 2, GUESS)
