"""Tracks that words describe, beside rated pieces: sides, weights, and that nothing is read by what learnt from it."""

from dataclasses import replace

import numpy as np
import pytest

from recommender.errors import InputError
from training import datasets
from training.affect.cross_validation import Problem
from training.affect.feature_table import FeatureTable
from training.affect.feel_words import (
    MAY_COST,
    SHARES,
    Beside,
    Described,
    beside,
    choose_share,
    even,
    figures,
    out_of_fold,
)
from training.affect.signed_ridge import Moments
from training.datasets.macleod import feels, side, words

NAMES = ("bright", "fast", "loud")


def table(x):
    return FeatureTable(NAMES, x, x, np.arange(len(x)))


def described(n=60, seed=0, mean=5.0):
    """Tracks far from the rated pieces, whose first column says valence, and whose last says arousal."""
    x = np.random.default_rng(seed).normal(size=(n, 3))
    said = np.column_stack([np.sign(x[:, 0]), np.sign(x[:, 2])])
    said[::5, 0] = np.nan
    words = tuple(
        frozenset({"Bright" if v > 0 else "Dark"} if np.isfinite(v) else set()) | {"Driving" if a > 0 else "Calming"}
        for v, a in said
    )
    return Described(NAMES, x + mean, said, words, tuple(f"genre {i % 6}" for i in range(n)))


def rated(n=120, seed=1, weights=(1.0, 0.5, 0.0)):
    """The valence of rated pieces."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    y = x @ weights + rng.normal(0, 0.3, n)
    return Problem.of(table(x), y, (1, 1, 1), groups=[f"series {i % 10}" for i in range(n)])


@pytest.mark.parametrize(
    ("cell", "valence", "arousal"),
    [
        ("Bright|Driving", 1, 1),
        ("Somber", -1, -1),
        ("Bouncy|Calming|Dark", 0, 0),
        ("Bright|Uplifting|Dark", 1 / 3, np.nan),
        ("Grooving|Epic", np.nan, np.nan),
        ("", np.nan, np.nan),
    ],
)
def test_words_say_a_side_or_nothing(cell, valence, arousal):
    np.testing.assert_allclose(side(words(cell)), [valence, arousal])


def test_the_table_is_read_with_small_genres_together(tmp_path):
    folder = tmp_path / "macleod"
    folder.mkdir()
    genres = ["Polka"] * 4 + ["Ska"]
    rows = [f"{i}.mp3,Bright|Calming,{genre}" for i, genre in enumerate(genres)]
    (folder / "labels.csv").write_text("\n".join(["file,feel,genre", *rows]))
    with pytest.raises(InputError, match=r"0.mp3: listed in labels.csv but not there"):
        datasets.load("macleod", tmp_path)
    for i in range(5):
        (folder / f"{i}.mp3").touch()
    found = datasets.load("macleod", tmp_path)
    assert found.groups == ("Polka",) * 4 + ("other",)
    np.testing.assert_array_equal(found.affect, [[1, -1]] * 5)
    assert feels(folder)[0] == {"Bright", "Calming"}


def test_each_side_weighs_half():
    weight = even(np.array([1.0, 1, 1, -1, 0.2]))
    assert weight.sum() == pytest.approx(1)
    np.testing.assert_allclose(even(np.array([1.0, 1, 1, -1])), [1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_without_weight_the_rated_pieces_alone_are_fitted():
    task = rated()
    signs, groups = task.signs, np.asarray(task.groups)
    alone, _ = task.fit(task.table.items, task.y, signs, groups, 0)
    with_none, _ = beside(task, described(), "valence", share=0.0).fit(task.table.items, task.y, signs, groups, 0)
    np.testing.assert_allclose(with_none.weights, alone.weights, atol=1e-12)


def test_described_tracks_teach_a_column_that_rated_pieces_do_not():
    task = replace(rated(), y=rated(weights=(0.0, 1.0, 0.0)).y)
    fitted = {
        share: beside(task, described(), "arousal", share=share).fit(
            task.table.items, task.y, task.signs, np.asarray(task.groups), 0
        )[0]
        for share in (0.05, 0.3)
    }
    assert 0 < fitted[0.05].weights[2] < fitted[0.3].weights[2]
    # Each kind is taken about its own mean: that described tracks lie elsewhere teaches nothing.
    nearer = beside(task, described(mean=0.0), "arousal", share=0.3)
    model, _ = nearer.fit(task.table.items, task.y, task.signs, np.asarray(task.groups), 0)
    np.testing.assert_allclose(model.weights, fitted[0.3].weights, atol=1e-9)


def test_moments_beside_are_mixed_by_share():
    rng = np.random.default_rng(0)
    x, y, other = rng.normal(size=(20, 2)), rng.normal(size=20), rng.normal(size=(30, 2))
    scale = np.ones(2)
    a, b = Moments.of(x, y, scale=scale), Moments.of(other, other[:, 0], scale=scale)
    mixed = a.beside(b, 0.25)
    np.testing.assert_allclose(mixed.gram, 0.75 * a.gram + 0.25 * b.gram)
    np.testing.assert_allclose(mixed.moment, 0.75 * a.moment + 0.25 * b.moment)
    assert mixed.intercept == a.intercept


def test_the_weight_is_the_largest_that_costs_little():
    agreeing = choose_share(rated(), described(), "valence")
    assert agreeing.share == max(SHARES)
    against = choose_share(rated(weights=(0.0, 1.0, 0.0)), described(), "valence")
    assert against.share < max(SHARES)
    for found in (agreeing, against):
        assert found.tried[found.share] >= found.tried[0.0] - MAY_COST


def test_no_track_is_read_by_what_learnt_from_it():
    all_of_them = described()
    folds = np.arange(60) % 4
    seen = []

    def predictor(rest):
        seen.append(rest)
        return lambda x: np.column_stack([x[:, 0] - 5, x[:, 2] - 5])

    means = out_of_fold(all_of_them, predictor, folds)
    np.testing.assert_allclose(means, all_of_them.items[:, [0, 2]] - 5)
    for fold, rest in enumerate(seen):
        assert len(rest.side) == len(rest.words) == len(rest.groups) == 45
        held = all_of_them.items[folds == fold]
        assert not (rest.items[:, None] == held).all(axis=2).any()


def test_what_leaves_one_side_only_is_not_read():
    tracks = described()
    assert tracks.one_sided is None
    assert tracks.without(tracks.side[:, 1] < 0).one_sided == "arousal"
    assert tracks.without(tracks.side[:, 0] > 0).one_sided == "valence"
    means = out_of_fold(tracks, lambda rest: lambda x: x[:, :2], (tracks.side[:, 1] < 0).astype(int))
    assert np.isnan(means).all()


def test_figures_of_a_perfect_and_of_a_blind_reader():
    tracks = described()
    perfect = figures(tracks, lambda rest: lambda x: np.column_stack([x[:, 0] - 5, x[:, 2] - 5]) / 4)
    assert perfect["auc"]["valence"]["few"]["auc"] == perfect["auc"]["arousal"]["all"]["auc"] == 1
    assert perfect["words"]["Bright"]["valence"] > 0 > perfect["words"]["Dark"]["valence"]
    blind = figures(tracks, lambda rest: lambda x: np.full((len(x), 2), 1.0))
    assert blind["auc"]["arousal"]["few"]["genres_left_out"] == 0.5
    assert blind["at_limit"] == 1


def test_half_way_lies_between_the_sides():
    tracks = described()
    means = np.where(np.isnan(tracks.side), 9, tracks.side) + np.array([0.5, -0.25])
    np.testing.assert_allclose(tracks.half_way(means), [0.5, -0.25])


def test_only_tracks_with_something_said_are_fitted_to():
    tracks = described()
    assert len(Beside.of(tracks, NAMES, "valence", share=0.1).y) == 48
    assert len(Beside.of(tracks, NAMES, "arousal", share=0.1).y) == 60
