"""Reference populations and the assembly of a predictor, by hand."""

import numpy as np
import pytest

from recommender.affect.linear import LinearAffect
from training.affect.calibration import Population, round_digits
from training.affect.fit import assemble_predictor


def test_each_corpus_weighs_the_same_whatever_its_size():
    # Corpus A: 0, 0, 0, 0; corpus B: 2. Mean 1, variance 1.
    population = Population.pool([np.zeros((4, 1)), np.array([[2.0]])])
    np.testing.assert_allclose(population.centre, [1.0])
    np.testing.assert_allclose(population.scale, [1.0])
    np.testing.assert_allclose(population.share, [0.125] * 4 + [0.5])


def test_predictions_have_mean_zero_and_the_variance_of_their_weights():
    rows = np.array([[-1.0, 5.0], [1.0, 5.0]])  # the second column is constant
    population = Population.pool([rows])
    np.testing.assert_allclose(population.of(rows, np.array([[0.5, 3.0], [-2.0, 0.0]])), [[-0.5, 2], [0.5, -2]])
    np.testing.assert_allclose(population.variance(np.array([[0.5, 3.0], [-2.0, 0.0]])), [0.25, 4.0])


def test_predictions_are_clipped_as_in_the_product():
    rows = np.zeros((101, 1))
    rows[0] = 101.0  # z of 10
    population = Population.pool([rows])
    assert population.of(rows, np.ones((2, 1)))[0, 0] == pytest.approx(3.5)


def test_rounding_keeps_ten_digits():
    np.testing.assert_array_equal(round_digits(np.array([[1 / 3, 123456.7890123]])), [[0.3333333333, 123456.789]])


def test_assembled_leaves_out_columns_that_weigh_nothing():
    full = LinearAffect(
        ("a", "b", "c"),
        ("identity", "log", "identity"),
        np.array([1.0, 2.0, 3.0]),
        np.array([1.0, 1.0, 2.0]),
        np.array([[0.5, 0.0, 0.0], [0.0, 0.0, -0.25]]),
        gain=np.array([1.0, 2.0]),
        sd=np.array([0.8, 0.9]),
        offset=np.array([0.0, 0.25]),
    )
    model = assemble_predictor(full)
    assert (model.columns, model.transform) == (("a", "c"), ("identity",) * 2)
    # z = (1, 1): valence 0.4 * 1 * 0.5, arousal 0.4 * (2 * -0.25 + 0.25), bounded; SDs 0.4 * (0.8, 0.9).
    np.testing.assert_allclose(model(np.array([[2.0, 5.0]])), [[0.19992, -0.099998, 0.32, 0.36]], rtol=1e-5)
