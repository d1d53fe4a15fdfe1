"""Chance levels: by hand, against simulation, against the kernels on a corpus of one score, per own item."""

import math

import numpy as np
import pytest

from recommender.errors import InputError
from training.measures import MEASURES, POINTWISE, SameLabel, chance_levels, parse, per_query

ALL = ["mAP", "top@1", "top@3", "top@99", "P@3", "P@99", "recall@3", "MRR", "nDCG", "nDCG@3", "median-rank"]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def level(spec: str, relevant: list[int]) -> float:
    return chance_levels(np.array([relevant], bool), [spec])[spec]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        # Two relevant of three: orders RRn, RnR, nRR.
        ("mAP", (1 + (1 + 2 / 3) / 2 + (1 / 2 + 2 / 3) / 2) / 3),
        ("top@1", 2 / 3),
        ("top@2", 1),
        ("P@1", 2 / 3),
        ("P@6", 2 / 6),
        ("recall@2", 2 / 3),
        ("MRR", (1 + 1 + 1 / 2) / 3),
        ("nDCG@1", 2 / 3),
        ("median-rank", 1),
    ],
)
def test_by_hand(spec: str, expected: float) -> None:
    assert level(spec, [1, 0, 1]) == pytest.approx(expected, abs=1e-15)


def test_a_median_that_falls_between_two_ranks() -> None:
    assert level("median-rank", [1, 0]) == 1.5  # first or second, evenly
    assert level("median-rank", [1, 0, 0, 0]) == 2.5


def test_emomv_c_has_the_known_chance_level() -> None:
    sizes = [33, 17, 21, 10, 15]
    labels = np.repeat(np.arange(5), sizes)
    levels = chance_levels(SameLabel(labels, labels), ["top@1", "mAP"])
    assert levels["top@1"] == pytest.approx(sum(n * n for n in sizes) / 96**2)
    harmonic = sum(1 / i for i in range(1, 97))
    by_hand = [(harmonic + (n - 1) / 95 * (96 - harmonic)) / 96 for n in sizes]
    assert levels["mAP"] == pytest.approx(np.average(by_hand, weights=sizes), abs=1e-12)


def test_the_level_is_that_of_a_corpus_of_one_score(rng: np.random.Generator) -> None:
    relevant = rng.random((60, 17)) < rng.random((60, 1))
    relevant[:3] = False
    relevant[3:5] = True
    own = rng.integers(-1, 17, 60)
    values = per_query(np.zeros(relevant.shape), relevant, ALL, own=own)
    for spec, expected in chance_levels(relevant, ALL, own=own).items():
        if spec != "median-rank":
            assert expected == pytest.approx(parse(spec).summary(values[spec]), abs=1e-12), spec


def test_simulation_agrees(rng: np.random.Generator) -> None:
    labels = np.array([0] * 3 + [1] * 9 + [2])
    truth, rounds = SameLabel(labels, labels), 3000
    many = SameLabel(np.tile(labels, rounds), labels)
    own = np.arange(len(labels))
    values = per_query(rng.random((rounds * len(labels), len(labels))), many, ALL, own=np.tile(own, rounds))
    for spec, expected in chance_levels(truth, ALL, own=own).items():
        got = parse(spec).summary(values[spec])
        defined = values[spec][~np.isnan(values[spec])]
        error = 0 if spec == "median-rank" else 4 * defined.std() / math.sqrt(len(defined))
        assert got == pytest.approx(expected, abs=error + 1e-12), spec


def test_queries_without_relevant_items_have_no_level() -> None:
    assert all(math.isnan(v) for v in chance_levels(np.zeros((2, 3), bool), ALL).values())
    half = np.array([[True, False], [False, False]])
    assert chance_levels(half, ["P@1"])["P@1"] == 0.5
    alone = chance_levels(np.array([[True]]), ALL, own=np.array([0]))
    assert all(math.isnan(v) for v in alone.values())


def test_every_measure_has_a_level_and_bad_input_is_named() -> None:
    assert {parse(spec).name for spec in ALL} == set(MEASURES)
    with pytest.raises(InputError, match="the corpus is empty"):
        chance_levels(np.empty((2, 0), bool), ["mAP"])
    with pytest.raises(InputError, match="relevance must be bool"):
        chance_levels(np.ones((2, 2)), ["mAP"])
    with pytest.raises(InputError, match="own items"):
        chance_levels(np.ones((2, 2), bool), ["mAP"], own=np.array([0, 7]))


@pytest.mark.parametrize("name", [name for name in POINTWISE if name != "AUC"])
def test_pointwise_levels_are_the_mean_over_all_shuffles(name: str, rng: np.random.Generator) -> None:
    from itertools import permutations

    truth = np.array([0, 1, 1, 0, 1, 1]) if name == "F1" else np.array([0, 2, 1, 0, 1, 1])
    predicted = np.array([0, 1, 1, 1, 0, 0])
    if POINTWISE[name].predicts == "number":
        truth, predicted = truth + 0.25, np.array([0.1, 0.1, -0.4, 0.9, 2.0, 2.25])
    if POINTWISE[name].predicts == "probability":
        truth, predicted = np.minimum(truth, 1), np.array([0.1, 0.3, 0.3, 0.3, 0.9, 1.0])
    shuffled = [POINTWISE[name].of(truth, np.array(order)) for order in permutations(predicted)]
    assert POINTWISE[name].chance(truth, predicted) == pytest.approx(np.mean(shuffled), abs=1e-12)


def test_the_level_of_an_auc_is_one_half() -> None:
    assert POINTWISE["AUC"].chance(np.array([0, 1, 1]), np.array([0.2, 0.3, 0.9])) == 0.5
    assert math.isnan(POINTWISE["AUC"].chance(np.array([1, 1]), np.array([0.2, 0.3])))
