"""AFCLNet's comparison systems on rated pairs: numbers by hand, mechanisms that change what comes out, poor data."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
pytest.importorskip("xgboost", reason="xgboost is not installed (extra `train`)")
pytest.importorskip("sklearn", reason="scikit-learn is not installed (extra `train`)")

import torch
from torch.nn.utils import vector_to_parameters

from recommender.errors import InputError
from training.datasets.generated import GeneratedConfig, generate
from training.learning.loop import Schedule
from training.learning.targets import Scored, same_emotion
from training.systems import space, system
from training.systems.afclnet.affect import AffectConfig
from training.systems.afclnet.reduction import ReductionConfig
from training.systems.baselines import stacking
from training.systems.baselines.affective_cca import AffectiveCCA, BoostingConfig, distances, weight_of
from training.systems.baselines.cca_ga_bpnn import CCAGABPNN, CCAGABPNNConfig, members, network, population_errors
from training.systems.baselines.genetic import GeneticConfig, cross, evolve, mutate, winners
from training.systems.baselines.stacking import ForestConfig
from training.systems.cca import cluster_cross

REDUCTION = ReductionConfig("cca", components=4, ridge=1.0)
SMALL: dict[str, dict[str, Any]] = {
    "cca-ga-bpnn": {
        "genetic": GeneticConfig(population=12, generations=8),
        "hidden": 8,
        "schedule": Schedule(1e-2, 1e-3, batch=64, max_epochs=30),
    },
    "affective-cca": {"reduction": REDUCTION, "boosting": BoostingConfig(trees=40, rate=0.1), "folds": 3},
    "stacking": {
        "reduction": REDUCTION,
        "forest": ForestConfig(trees=10),
        "affect": AffectConfig("linear", true_labels=False),
        "folds": 3,
    },
}


@cache
def pairs(n: int = 200, seed: int = 5) -> Scored:
    """Rated pairs with 4 dimensions of affect and little noise."""
    size = GeneratedConfig(pairs=n, affect=4, video_columns=24, music_columns=24, per_video=1, share=0.95, noise=0.1)
    return generate(("perceptual", "objective"), seed, size)


def fit(name: str, data: Scored | None = None, seed: int = 0, **changes: Any) -> Any:
    one: Any = system(name)
    config = replace(one.config, **(SMALL[name] | changes))
    return replace(one, config=config).fit_scored(pairs() if data is None else data, seed)


@cache
def usual(name: str) -> Any:
    """The small system fitted on `pairs()`."""
    return fit(name)


def said(fitted: Any) -> np.ndarray:
    """What it says of other pairs."""
    other = pairs(60, 6)
    return fitted.match(other.video, other.music)


# The genetic search.


def test_the_fittest_entrant_wins_its_tournament() -> None:
    error = np.array([0.5, 0.1, 0.9, 0.1])
    np.testing.assert_array_equal(winners(error, np.array([[0, 2], [2, 1], [3, 1], [2, 2]])), [0, 1, 3, 2])


def test_crossover_takes_genes_of_the_father_and_mutation_adds_steps() -> None:
    mother, father = np.array([[1.0, 2.0, 3.0]]), np.array([[7.0, 8.0, 9.0]])
    child = cross(mother, father, np.array([[False, True, False]]))
    np.testing.assert_array_equal(child, [[1, 8, 3]])
    grown = mutate(child, np.array([[True, False, True]]), np.array([[0.5, 4.0, -1.0]]))
    np.testing.assert_array_equal(grown, [[1.5, 8, 2]])


def test_the_search_never_loses_what_it_has_and_finds_a_minimum() -> None:
    first = np.random.default_rng(0).normal(size=(40, 3))
    goal = np.array([0.5, -1.0, 2.0])

    def errors(population: np.ndarray) -> np.ndarray:
        return ((population - goal) ** 2).sum(axis=1)

    config = GeneticConfig(generations=60)
    found = evolve(first, errors, config, rng=np.random.default_rng(1))
    assert len(found.errors) == 61
    assert found.errors[0] == errors(first).min()
    assert (np.diff(found.errors) <= 0).all()
    assert found.errors[-1] == errors(found.best[None])[0] < 0.05
    np.testing.assert_array_equal(evolve(first, errors, config, rng=np.random.default_rng(1)).best, found.best)
    assert not np.array_equal(evolve(first, errors, config, rng=np.random.default_rng(2)).best, found.best)


def test_without_generations_the_first_member_is_taken() -> None:
    found = evolve(
        np.array([[3.0], [1.0]]), lambda p: p[:, 0], GeneticConfig(generations=0), rng=np.random.default_rng(0)
    )
    assert found.best.tolist() == [3.0]
    assert found.errors.tolist() == [3.0]


@pytest.mark.parametrize("wrong", [{"elite": 0}, {"elite": 40}, {"generations": -1}, {"tournament": 0}])
def test_a_search_that_cannot_be_is_one_line(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least"):
        GeneticConfig(**wrong)


def test_errors_of_a_population_are_those_of_the_networks() -> None:
    # One input .5, weight 1, no bias: tanh .5 = .4621; 2 * .4621 - 1 = -.0758; sigmoid .4811; (.4811 - 1)^2 = .2693.
    by_hand = population_errors(np.array([[1, 0, 2, -1], [0, 0, 0, 0]]), np.array([[0.5]]), np.array([1.0]), hidden=1)
    np.testing.assert_allclose(by_hand, [0.26929, 0.25], atol=1e-5)
    rng = np.random.default_rng(0)
    x, y, population = rng.normal(size=(9, 4)), rng.random(9), rng.normal(size=(3, 5 * 4 + 5 + 5 + 1))
    net = network(4, 5).double()
    for weights, error in zip(population, population_errors(population, x, y, hidden=5), strict=True):
        vector_to_parameters(torch.as_tensor(weights), net.parameters())
        score = torch.sigmoid(net(torch.as_tensor(x)))[:, 0].detach().numpy()
        assert error == pytest.approx(np.mean((score - y) ** 2))


# CCA-GA-BPNN.


def test_cluster_covariance_is_over_all_pairs_of_a_cluster() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    video, music = np.array([0, 1, 1, 2, 0, 2, 1]), np.array([1, 1, 0, 0, 0, 1, 1])
    every = [np.outer(x[i], y[j]) for i in range(7) for j in range(7) if video[i] == music[j]]
    np.testing.assert_allclose(cluster_cross(x, y, np.eye(3)[video], music=np.eye(3)[music]), np.mean(every, axis=0))


def test_clusters_are_emotions_near_affect_levels_or_matched_pairs() -> None:
    affect = np.array([[0.0, 0], [0, 0], [9, 9], [9, 9]])
    data = Scored(np.zeros((4, 1)), np.zeros((4, 1)), np.array([0, 0.49, 0.5, 1]), affect, affect[::-1], np.arange(4))
    near = CCAGABPNNConfig(count=2)
    video, music = members(data, near, 0)
    np.testing.assert_array_equal(video @ music.T, [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]])
    np.testing.assert_array_equal(members(data, replace(near, clusters="score"), 0)[0].argmax(axis=1), [0, 0, 1, 1])
    np.testing.assert_array_equal(members(data, replace(near, clusters="none"), 0)[0], np.eye(4)[:, 2:])
    one_hot = np.eye(2)[[0, 0, 1, 1]]
    labelled = replace(data, video_affect=one_hot, music_affect=one_hot[::-1], classes=True)
    np.testing.assert_array_equal(members(labelled, near, 0)[1], one_hot[::-1])


def test_the_search_finds_better_weights_and_their_refinement_better_ones_still() -> None:
    found = usual("cca-ga-bpnn")
    assert len(found.errors) == 9
    assert found.errors[-1] < found.errors[0]
    assert found.epochs >= 1
    data = pairs()
    assert np.mean((found.match(data.video, data.music) - data.score) ** 2) < found.errors[-1]


def test_each_step_of_cca_ga_bpnn_tells() -> None:
    usually = said(usual("cca-ga-bpnn"))
    changes: list[dict[str, Any]] = [
        {"genetic": GeneticConfig(population=12, generations=0)},
        {"clusters": "none"},
        {"clusters": "score"},
        {"products": False},
        {"schedule": Schedule(max_epochs=0)},
    ]
    for change in changes:
        assert np.abs(said(fit("cca-ga-bpnn", **change)) - usually).max() > 1e-3, change


def test_given_pairs_stop_the_refinement_and_leave_all_others_to_it() -> None:
    stopped = fit("cca-ga-bpnn")
    data, other = pairs(), pairs(60, 6)
    given = replace(CCAGABPNN(), config=replace(CCAGABPNNConfig(), **SMALL["cca-ga-bpnn"])).fit_scored(data, 0, other)
    np.testing.assert_allclose(given.fusion.prepare[0].mean, data.video.mean(axis=0), rtol=1e-4)
    assert np.abs(said(given) - said(stopped)).max() > 1e-3


# Affective similarity + CCA.


def test_distances_by_hand() -> None:
    np.testing.assert_allclose(distances(np.array([[1.0, 6.0]]), np.array([[4.0, 2.0]])), [[3, 4, 5]])


def test_the_weight_is_that_of_the_least_squared_error() -> None:
    x, y = np.zeros(2), np.ones(2)
    assert weight_of(x, y, np.array([0.2, 0.3])) == pytest.approx(0.25)
    assert weight_of(x, y, np.full(2, 1.5)) == 1
    assert weight_of(x, y, np.full(2, -1.5)) == 0
    assert weight_of(x, x, y) == 0.5
    rng = np.random.default_rng(0)
    x, y, score = rng.random((3, 50))
    grid = np.linspace(0, 1, 1001)
    errors = [np.mean(((1 - w) * x + w * y - score) ** 2) for w in grid]
    assert weight_of(x, y, score) == pytest.approx(grid[np.argmin(errors)], abs=1e-3)


def test_the_score_is_the_weighted_sum_of_both() -> None:
    fitted, other = usual("affective-cca"), pairs(60, 6)
    x, y = fitted.scores(other.video, other.music)
    assert 0 < fitted.weight < 1
    np.testing.assert_allclose(said(fitted), (1 - fitted.weight) * x + fitted.weight * y)
    np.testing.assert_array_equal(said(fit("affective-cca", weight=0.0)), x)
    np.testing.assert_array_equal(said(fit("affective-cca", weight=1.0)), y)
    assert np.abs(x - y).max() > 0.01


def test_without_affective_similarity_affect_labels_say_nothing() -> None:
    data = pairs()
    turned = replace(data, video_affect=data.video_affect[::-1])
    np.testing.assert_array_equal(
        said(fit("affective-cca", turned, weight=0.0)), said(fit("affective-cca", weight=0.0))
    )
    assert np.abs(said(fit("affective-cca", turned)) - said(usual("affective-cca"))).max() > 0.01


def test_cca_and_out_of_fold_affect_tell_in_affective_cca() -> None:
    usually = said(usual("affective-cca"))
    for change in ({"sees": "raw"}, {"sees": "both"}, {"affect": AffectConfig("linear", true_labels=True)}):
        assert np.abs(said(fit("affective-cca", **change)) - usually).max() > 0.01, change


def test_a_weight_outside_0_to_1_is_one_line() -> None:
    with pytest.raises(InputError, match="from 0 to 1, not 2"):
        replace(AffectiveCCA().config, weight=2.0)


# Stacking.


def test_the_mean_of_the_base_learners_is_another_score() -> None:
    fitted, other = fit("stacking", meta="mean"), pairs(60, 6)
    inputs = fitted.inputs(other.video, other.music)
    base = fitted.base(inputs)
    assert base.shape == (60, 5)
    assert np.abs(np.diff(base, axis=1)).max(axis=0).min() > 0.01
    np.testing.assert_allclose(said(fitted), base.mean(axis=1))
    assert np.abs(said(usual("stacking")) - said(fitted)).max() > 0.01
    np.testing.assert_allclose(usual("stacking").base(inputs), base)


def test_the_machine_on_top_learns_from_held_out_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pairs()
    noise = replace(data, score=np.random.default_rng(0).permutation(data.score))
    seen = []
    fit_machine = stacking.fit_machine
    monkeypatch.setattr(stacking, "fit_machine", lambda x, *rest: seen.append(x) or fit_machine(x, *rest))
    fitted = fit("stacking", noise, forest=ForestConfig(trees=10, leaf=1))
    (held_out,) = [x for x in seen if x.shape[1] == 5]
    by_heart = fitted.base(fitted.inputs(noise.video, noise.music))
    for learner in range(5):
        assert np.corrcoef(by_heart[:, learner], noise.score)[0, 1] > 0.5
        assert np.corrcoef(held_out[:, learner], noise.score)[0, 1] < 0.2


def test_what_learners_see_tells_in_stacking() -> None:
    usually = said(usual("stacking"))
    for change in (
        {"views": "all"},
        {"affect": AffectConfig("linear", true_labels=True)},
        {"reduction": ReductionConfig("pca", 4)},
    ):
        assert np.abs(said(fit("stacking", **change)) - usually).max() > 0.005, change


# All of them.


@pytest.mark.parametrize("name", SMALL)
def test_the_same_seed_gives_the_same_scores(name: str) -> None:
    again, fitted, other = said(fit(name)), usual(name), pairs(60, 6)
    np.testing.assert_array_equal(again, said(fitted))
    assert not np.array_equal(said(fit(name, seed=1)), again)
    np.testing.assert_allclose(np.diag(fitted.similarity(other.video, other.music)), again, rtol=1e-5)
    assert fitted.emotions("video", other.video) is None


@pytest.mark.parametrize("name", SMALL)
def test_it_beats_a_constant(name: str) -> None:
    data = pairs(800, 7)
    train, held = data.take(np.arange(600)), data.take(np.arange(600, 800))
    score = fit(name, train).match(held.video, held.music)
    constant = np.mean((held.score - train.score.mean()) ** 2)
    assert np.mean((score - held.score) ** 2) < 0.95 * constant


def emotions(n: int, video: Any, music: Any) -> Scored:
    """Labelled pairs of noise."""
    rng = np.random.default_rng(0)
    sides = rng.normal(size=(n, 12)).astype(np.float32), rng.normal(size=(n, 9)).astype(np.float32)
    affect = np.eye(5)[video], np.eye(5)[music]
    return Scored(*sides, same_emotion(*affect), *affect, np.arange(n), same_emotion, classes=True)


def constant_columns(data: Scored) -> Scored:
    video, music = data.video.copy(), data.music.copy()
    video[:, :20], music[:, :20] = 1, 0
    return replace(data, video=video, music=music)


POOR = {
    "20 pairs": lambda: pairs(100).take(np.arange(20)),
    "one score that fits": lambda: replace(pairs(100), score=np.full(100, 0.8)),
    "one score that does not fit": lambda: replace(pairs(100), score=np.full(100, 0.3)),
    "all scores 0": lambda: replace(pairs(100), score=np.zeros(100)),
    "constant columns": lambda: constant_columns(pairs(100)),
    "constant features": lambda: replace(pairs(100), video=np.ones((100, 24), np.float32)),
    "constant affect": lambda: replace(pairs(100), video_affect=np.ones((100, 4)), music_affect=np.ones((100, 4))),
    "one emotion": lambda: emotions(60, np.zeros(60, int), np.zeros(60, int)),
    "no emotion on both sides": lambda: emotions(60, np.zeros(60, int), np.ones(60, int)),
    "noise": lambda: emotions(60, np.arange(60) % 5, np.arange(60) // 5 % 5),
}
TOLD = {
    "one score that does not fit": "matched pairs",
    "all scores 0": "matched pairs",
    "constant features": "nothing that varies together",
    "constant affect": "nothing that varies together",
    "one emotion": "nothing that varies together",
    "no emotion on both sides": "nothing that varies together|matched pairs",
}
"""What may be said of data from which there is nothing to learn, in place of a score."""


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("kind", POOR)
def test_poor_data_give_finite_scores_or_one_line(name: str, kind: str) -> None:
    data = POOR[kind]()
    try:
        score = fit(name, data).match(data.video, data.music)
    except InputError as error:
        assert kind in TOLD
        with pytest.raises(InputError, match=TOLD[kind]):
            raise error
    else:
        assert ((score >= 0) & (score <= 1)).all()


@pytest.mark.parametrize("name", SMALL)
def test_the_defaults_are_among_the_candidates(name: str) -> None:
    assert space(name)
    for dotted, candidates in space(name).items():
        value: Any = system(name).config
        for part in dotted.split("."):
            value = getattr(value, part)
        assert value in candidates, dotted
