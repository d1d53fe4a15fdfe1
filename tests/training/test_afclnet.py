"""AFCLNet as a system: the contract, both recipes, every ablation, and what must not leak."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
pytest.importorskip("lightgbm", reason="lightgbm is not installed (extra `train`)")

from recommender.errors import InputError  # noqa: E402
from training.learning.targets import NearAffect, Scored, score_pairs  # noqa: E402
from training.measures import POINTWISE  # noqa: E402
from training.systems.afclnet.ablations import ablations  # noqa: E402
from training.systems.afclnet.affect import AffectConfig, Classes, Trees, fit_affect, out_of_fold, scale  # noqa: E402
from training.systems.afclnet.reduction import ReductionConfig  # noqa: E402
from training.systems.afclnet.system import OURS, PAPER, AFCLNet, AFCLNetConfig, Fresh, affect_clusters  # noqa: E402
from training.systems.logistic import calibration  # noqa: E402
from training.types import Extra, Pairs  # noqa: E402

SMALL = ReductionConfig("pca", components=8)
QUICK = replace(OURS, reduction=SMALL, epochs=15, epoch_pairs=256, calibration_folds=0)
QUICK_PAPER = replace(
    PAPER,
    reduction=replace(PAPER.reduction, components=8, hidden=16, epochs=3),
    affect=replace(PAPER.affect, trees=5),
    epochs=3,
)


def planted(n: int = 120, seed: int = 0, noise: float = 0.7) -> Pairs:
    """Pairs whose features are an emotion's centre plus noise; every other pair mismatched."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(99)
    centres = fixed.normal(size=(5, 20)), fixed.normal(size=(5, 12))
    video_emotion, match = np.arange(n) % 5, (np.arange(n) // 5 + 1) % 2
    music_emotion = np.where(match == 1, video_emotion, (video_emotion + rng.integers(1, 5, n)) % 5)
    video = centres[0][video_emotion] + noise * rng.normal(size=(n, 20))
    music = centres[1][music_emotion] + noise * rng.normal(size=(n, 12))
    source = np.arange(n) % 30
    features = video.astype(np.float32), music.astype(np.float32)
    return Pairs(*features, match, video_emotion, music_emotion, source, source, tuple(f"p{i}" for i in range(n)))


def rated(n: int = 60, a: int = 16, seed: int = 0) -> Scored:
    """Scored pairs with a-d ratings that are linear in the features, and no emotions."""
    rng = np.random.default_rng(seed)
    video, music = rng.normal(size=(n, 18)).astype(np.float32), rng.normal(size=(n, 17)).astype(np.float32)
    affect = video[:, :a] * 0.5, music[:, :a] * 0.5
    return Scored(video, music, NearAffect(6.0)(*affect), *affect, np.arange(n) // 2)


@pytest.fixture(scope="module")
def train() -> Pairs:
    return planted()


@pytest.fixture(scope="module")
def held() -> Pairs:
    return planted(60, seed=1)


@pytest.mark.parametrize("config", [QUICK, replace(QUICK, members=2), QUICK_PAPER], ids=["ours", "two", "paper"])
def test_the_contract_of_a_system(config: AFCLNetConfig, train: Pairs, held: Pairs) -> None:
    fitted, again = (AFCLNet("afclnet", config).fit(train, seed=4) for _ in range(2))
    match, similarity = fitted.match(held.video, held.music), fitted.similarity(held.video, held.music)
    assert match.shape == (60,)
    assert ((match >= 0) & (match <= 1)).all()
    np.testing.assert_allclose(np.diag(similarity), fitted.logit(held.video, held.music), atol=1e-4)
    np.testing.assert_array_equal(similarity, again.similarity(held.video, held.music))
    assert not np.allclose(similarity, AFCLNet("afclnet", config).fit(train, seed=5).similarity(held.video, held.music))
    for modality, features in (("video", held.video), ("music", held.music)):
        emotions = fitted.emotions(modality, features)
        np.testing.assert_allclose(emotions.sum(axis=1), 1, atol=1e-6)
    assert len(fitted.nets) == config.members


def test_our_recipe_learns_the_planted_emotions(train: Pairs, held: Pairs) -> None:
    fitted = AFCLNet("afclnet", replace(QUICK, epochs=40)).fit(train, seed=0)
    assert POINTWISE["AUC"].of(held.match, fitted.match(held.video, held.music)) > 0.9
    assert (fitted.emotions("video", held.video).argmax(axis=1) == held.video_emotion).mean() > 0.8


def test_stopping_pairs_end_the_paper_recipe(train: Pairs, held: Pairs) -> None:
    config = replace(QUICK_PAPER, schedule=replace(PAPER.schedule, max_epochs=12, patience=2, learning_rate=1e-2))
    fitted = AFCLNet("paper", config).fit(train, seed=0, stop=held)
    assert 1 <= fitted.epochs[0] <= 12


SHAPES = (
    {"inputs": "perceptual"},
    {"inputs": "objective"},
    {"self_attention": False},
    {"mutual_attention": False},
    {"self_attention": False, "mutual_attention": False},
    {"auxiliary": False},
    {"products": False},
)
OTHER = (
    {"consistency_weight": 0.0},
    {"reduction": replace(SMALL, name="none")},
    {"reduction": replace(SMALL, name="cca")},
    {"loss": "mae"},
    {"loss": "mse"},
    {"target": "graded"},
    {"fresh": False},
    {"rarity": 0.5},
    {"given": 0.5},
    {"affect": AffectConfig("lightgbm", true_labels=False, trees=5, folds=2)},
    {"affect": AffectConfig("linear")},
)


@pytest.mark.parametrize("change", [*({"shape": s} for s in SHAPES), *OTHER], ids=str)
def test_every_ablation_runs(change: dict, train: Pairs, held: Pairs) -> None:
    parts = {k: replace(QUICK.shape, **v) if k == "shape" else v for k, v in change.items()}
    fitted = AFCLNet("afclnet", replace(QUICK, epochs=2, **parts)).fit(train, seed=0)
    assert np.isfinite(fitted.similarity(held.video[:3], held.music)).all()


@pytest.mark.parametrize("name", ["linear", "lightgbm"])
def test_ratings_of_any_size_with_given_pairs_alone(name: str) -> None:
    data = rated()
    affect = AffectConfig(name, true_labels=False, scaled=True, trees=5, folds=2)
    config = replace(QUICK, affect=affect, epochs=3, calibration_folds=2)
    fitted = AFCLNet("afclnet", config).fit_scored(data, seed=0)
    assert fitted.nets[0].shape.affect == 16
    assert fitted.emotions("video", data.video) is None
    assert ((fitted.match(data.video, data.music) >= 0) & (fitted.match(data.video, data.music) <= 1)).all()


def test_predicted_affect_out_of_fold_has_not_seen_its_own_label() -> None:
    pairs = replace(planted(80), video=np.random.default_rng(0).normal(size=(80, 200)).astype(np.float32))
    data = score_pairs(pairs)
    config = AffectConfig("linear", penalty=0.1)
    seen = fit_affect(data, config, None).video(data.video)
    honest, _ = out_of_fold(data, config, None, seed=0)
    assert (seen.argmax(axis=1) == pairs.video_emotion).mean() > 0.95
    assert (honest.argmax(axis=1) == pairs.video_emotion).mean() < 0.4


def test_forms_of_affect_worked_by_hand() -> None:
    pairs = planted()
    data = score_pairs(pairs)
    config = AffectConfig("linear", form="evidence")
    affect = fit_affect(data, config, None)
    np.testing.assert_allclose(np.linalg.norm(affect.video(data.video), axis=1), 1)
    np.testing.assert_allclose(affect.music(data.music).sum(axis=1), 1)
    classes = affect.music
    assert isinstance(classes, Classes)
    p = classes.probabilities(pairs.music)
    softened = (p / np.exp(classes.log_prior)) ** 0.5
    np.testing.assert_allclose(softened / softened.sum(axis=1, keepdims=True), classes(pairs.music), atol=1e-5)
    for predictor, features in ((affect.video, pairs.video), (classes, pairs.music)):
        weights, bias = predictor.affine()
        e = features.astype(float) @ weights + bias
        np.testing.assert_allclose(e.sum(axis=1), 0, atol=1e-9)
        softness = 1.0 if features is pairs.video else 0.5
        likelihood = np.log(predictor.probabilities(features)) - predictor.log_prior
        expected = softness * (likelihood - likelihood.mean(axis=1, keepdims=True))
        np.testing.assert_allclose(e, expected, atol=1e-5)
    plain = fit_affect(data, AffectConfig("linear"), None).music
    np.testing.assert_allclose(plain(pairs.music), plain.probabilities(pairs.music), atol=1e-6)
    np.testing.assert_allclose(scale(np.array([[1.0, 3.0]]))(np.array([1.0, 2.0, 3.0])), [-1, 0, 1])
    np.testing.assert_allclose(scale(np.ones((2, 2)))(np.ones(2)), [0, 0])


def test_trees_are_texts_and_further_music_is_used(train: Pairs) -> None:
    more = planted(100, seed=7)
    extra = Extra(more.music, more.music_emotion, more.music_source)
    for name in ("lightgbm", "linear"):
        config = AffectConfig(name, trees=5)
        with_extra, without = (fit_affect(score_pairs(train), config, e) for e in (extra, None))
        assert not np.allclose(with_extra.music(train.music), without.music(train.music))
        np.testing.assert_allclose(with_extra.video(train.video), without.video(train.video))
    trees = fit_affect(score_pairs(train), AffectConfig("lightgbm", trees=5), None).video
    assert isinstance(trees, Trees)
    assert len(trees.texts) == 5
    assert trees.texts[0].startswith("tree")
    with pytest.raises(InputError, match="further music has 20 columns"):
        fit_affect(score_pairs(train), AffectConfig("linear"), Extra(more.video, more.video_emotion, more.video_source))
    with pytest.raises(InputError, match="no affect predictor is called svm; there are: lightgbm, linear"):
        fit_affect(score_pairs(train), replace(AffectConfig(), name="svm"), None)


def test_fresh_pairs_are_balanced_new_and_scored_by_the_rule(train: Pairs) -> None:
    data = score_pairs(train)
    one_hot = torch.as_tensor(data.video_affect), torch.as_tensor(data.music_affect)
    from training.learning.loop import Batch

    rows = torch.arange(120.0)[:, None]
    given = Batch(rows, rows, torch.full((120,), 0.5), *one_hot)
    fresh = Fresh(data, given, replace(OURS, epoch_pairs=400, rarity=1.0))
    rng = np.random.default_rng(0)
    epoch, following = fresh(rng), fresh(rng)
    assert float(epoch.match.mean()) == 0.5
    same = (epoch.video_emotion * epoch.music_emotion).sum(dim=1)
    np.testing.assert_allclose(same, epoch.match)
    assert not torch.equal(epoch.video, following.video)
    v, m = epoch.video[:, 0].long().numpy(), epoch.music[:, 0].long().numpy()
    np.testing.assert_array_equal(data.video_affect[v], epoch.video_emotion)
    np.testing.assert_array_equal(data.music_affect[m], epoch.music_emotion)
    with pytest.raises(InputError, match="need a rule"):
        Fresh(rated(), given, OURS)
    more = Fresh(data, given, replace(OURS, epoch_pairs=400, given=0.25))(rng)
    assert len(more.match) == 500
    assert more.match[400:].tolist() == [0.5] * 100
    assert torch.equal(more.video[400:], more.music[400:])


def test_calibration_by_fractions_recovers_a_logistic_curve() -> None:
    logit = np.linspace(-4, 4, 200)
    fit = calibration(logit, 1 / (1 + np.exp(-(0.5 * logit - 0.3))))
    assert fit.slope == pytest.approx(0.5, abs=0.01)
    assert fit.intercept == pytest.approx(-0.3, abs=0.01)


def test_calibration_is_learnt_on_held_out_folds(train: Pairs, held: Pairs) -> None:
    plain = AFCLNet("afclnet", QUICK).fit(train, 0)
    fitted = AFCLNet("afclnet", replace(QUICK, calibration_folds=3)).fit(train, 0)
    logit = plain.logit(held.video, held.music)
    np.testing.assert_allclose(fitted.logit(held.video, held.music), logit)
    c = fitted.calibration
    np.testing.assert_allclose(fitted.match(held.video, held.music), 1 / (1 + np.exp(-(c.slope * logit + c.intercept))))
    assert c.slope > 0
    assert c != plain.calibration


def test_ablations_change_one_part_and_leave_out_what_is_not_there() -> None:
    ours, paper = ablations(OURS), ablations(PAPER)
    assert set(ours) - set(paper) == {
        "matched-unmatched",
        "no-products",
        "no-skip",
        "no-residual",
        "given-pairs",
        "given-too",
        "mae",
        "true-affect",
        "lightgbm",
        "uncalibrated",
    }
    assert set(paper) < set(ours)
    for base, found in ((OURS, ours), (PAPER, paper)):
        for name, config in found.items():
            assert sum(getattr(config, part) != getattr(base, part) for part in vars(base)) == 1, name
    assert not ours["self-only"].shape.mutual_attention
    assert not ours["mutual-only"].shape.self_attention


@pytest.mark.parametrize("kind", ["voice", "person"])
def test_another_auxiliary_task_is_learnt_beside_the_score(kind: str) -> None:
    data = rated(200)
    label = (data.music if kind == "voice" else data.video)[:, 0] > 0
    labelled = replace(data, **{kind: label.astype(float)})
    affect = AffectConfig("linear", true_labels=False, folds=2)
    reduction, shape = replace(SMALL, name="none"), replace(QUICK.shape, dropout=0.0)
    config = replace(QUICK, auxiliary=kind, epochs=60, affect=affect, reduction=reduction, shape=shape)
    fitted = AFCLNet("afclnet", config).fit_scored(labelled, seed=0)
    net = fitted.nets[0]
    with torch.no_grad():
        told = net.head(fitted.sides("video", data.video)[0], fitted.sides("music", data.music)[0]).affect
    assert told.shape == (200, 1)
    assert np.mean((told[:, 0].numpy() > 0) == label) > 0.8
    with pytest.raises(InputError, match=f"the auxiliary task '{kind}' needs pairs with that label"):
        AFCLNet("afclnet", config).fit_scored(data, seed=0)


def test_fresh_pairs_keep_the_label_of_the_side_it_belongs_to(train: Pairs) -> None:
    data = replace(score_pairs(train), voice=(train.music[:, 0] > 0).astype(float))
    config = replace(QUICK, auxiliary="voice", epochs=2)
    assert np.isfinite(AFCLNet("afclnet", config).fit_scored(data, seed=0).match(train.video, train.music)).all()


def test_clusters_are_emotions_or_neighbourhoods_of_rated_affect(train: Pairs) -> None:
    config = ReductionConfig("cluster-dcca", clusters=3)
    assert affect_clusters(score_pairs(train), replace(config, name="cca"), 0) is None
    emotions = affect_clusters(score_pairs(train), config, 0)
    np.testing.assert_array_equal(emotions.video, train.video_emotion)
    np.testing.assert_array_equal(emotions.music, train.music_emotion)
    data = rated()
    found, again = (affect_clusters(data, config, 5) for _ in range(2))
    np.testing.assert_array_equal(found.video, again.video)
    both = np.vstack([data.video_affect, data.music_affect])
    label = np.concatenate(found)
    assert set(label) == {0, 1, 2}
    centres = np.array([both[label == c].mean(axis=0) for c in range(3)])
    nearest = np.linalg.norm(both[:, None] - centres, axis=2).argmin(axis=1)
    assert np.mean(nearest == label) > 0.9
