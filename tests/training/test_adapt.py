"""A model moved towards one's own pairs: it helps where they teach something, and is refused where they do not."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.encoders import Calibration, Matcher
from recommender.errors import InputError
from recommender.model import Model
from recommender.model.reranking import Reranking
from recommender.model.retrieval import FeatureSet, RetrievalModel
from recommender.rankers.scoring import Fusion, Scale
from training.learning.second_stage import choose_ranker
from training.retrieval.adapt import adapt
from training.retrieval.own_pairs import Own, take_own, untie, with_sources
from training.retrieval.rated_pairs import RatedPairs
from training.systems.afclnet.export import reranker
from training.systems.afclnet.reduction import ReductionConfig
from training.systems.afclnet.system import UNBIASED, AFCLNet
from training.systems.mixture import READING
from training.systems.predicted import PredictedMusic
from training.types import EMOTIONS, Dataset, Pairs

D = 12
NEEDS = {m: FeatureSet(f"Toy{m}", "", tuple(f"Toy{m}_{i}" for i in range(D))) for m in ("video", "music")}


def world(n: int, *, seed: int, turned: bool) -> Pairs:
    """Pairs of a collection: emotions sound alike everywhere, and look otherwise in one that is `turned`."""
    rng, centres = np.random.default_rng(seed), np.random.default_rng(9).normal(size=(2, 5, D))
    emotion = rng.integers(0, 5, n)
    match = np.arange(n) % 2
    heard = np.where(match == 1, emotion, (emotion + rng.integers(1, 5, n)) % 5)
    video = centres[0][(emotion + 2 * turned) % 5] + 0.8 * rng.normal(size=(n, D))
    music = centres[1][heard] + 0.8 * rng.normal(size=(n, D))
    sources = np.arange(n), np.where(match == 1, np.arange(n), np.arange(n) + n)
    return Pairs(video.astype(np.float32), music.astype(np.float32), match, emotion, heard, *sources, ("p",) * n)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> RetrievalModel:
    encoder = PredictedMusic(config=READING).encoder(world(150, seed=1, turned=False), None)
    folder = tmp_path_factory.mktemp("model")
    return RetrievalModel("base", "r0", folder, "predicted", NEEDS, Matcher(encoder, Calibration(5.0, 0.0)), {})


def own(n: int = 100, labelled: bool = True, **more) -> Own:
    return Own("mine.csv", "f" * 64, world(n, seed=2, turned=True), labelled, **more)


@pytest.mark.parametrize("labelled", [True, False])
def test_own_pairs_help_and_the_card_says_by_how_much(model, tmp_path, labelled):
    made = adapt(model, own(labelled=labelled), tmp_path / "mine", command="the command")
    fresh = world(80, seed=3, turned=True)
    same = fresh.video_emotion[:, None] == fresh.music_emotion[None, :]
    gaps = [x[same].mean() - x[~same].mean() for x in (m.similarity(fresh.video, fresh.music) for m in (model, made))]
    assert gaps[1] > gaps[0] + 0.02
    assert made.trained_on["base"] == "base"
    card = made.card()
    for words in ("the command", "`base`", "100 pairs in", "mine.csv", "0 would be the model as it was"):
        assert words in card
    assert ("given with the pairs" in card) == labelled
    again = adapt(model, own(labelled=labelled), tmp_path / "again", command="the command", name="mine")
    assert again.revision == made.revision
    assert Model.load(tmp_path / "mine").space == made.space


@pytest.fixture(scope="module")
def staged(model) -> RetrievalModel:
    """The same model with a small AFCLNet as its second stage."""
    quick = replace(UNBIASED, reduction=ReductionConfig("pca", components=4), epochs=3, epoch_pairs=128)
    net = AFCLNet("small", replace(quick, calibration_folds=0)).fit(world(150, seed=1, turned=False), 0)
    calibrations = {name: Calibration(1.0, 0.0) for name in ("afclnet", "fusion")}
    more = Reranking(reranker(net), Fusion(0.3, Scale(0.0, 9.0), Scale(0.0, 9.0)), calibrations)
    return replace(model, reranking=more, default="fusion")


@pytest.mark.parametrize("labelled", [True, False])
def test_the_second_stage_stays_the_models_and_is_weighed_anew(staged, tmp_path, labelled):
    some = own(labelled=labelled)
    made = adapt(staged, some, tmp_path / "mine", command="c")
    before, after = staged.reranking, made.reranking
    assert {n: x.tolist() for n, x in after.tensors().items()} == {n: x.tolist() for n, x in before.tensors().items()}
    cosine = made.matcher.similarity(some.pairs.video, some.pairs.music)
    logit = after.similarity(some.pairs.video, some.pairs.music, ranker="afclnet", matcher=made.matcher)
    assert after.fusion.weight == 0.3
    assert after.fusion.cosine == pytest.approx((cosine.mean(), cosine.std()), rel=1e-4)
    assert after.fusion.logit == pytest.approx((logit.mean(), logit.std()), rel=1e-4)
    facts = json.loads((tmp_path / "mine" / "report.json").read_text(encoding="utf-8"))
    rankers = [choose_ranker(facts["second_stage"][way]) for way in ("video->music", "music->video")]
    assert [made.ranker_for("music"), made.ranker_for("video")] == rankers
    fused = made.reranking.match(some.pairs.video, some.pairs.music, ranker="fusion", matcher=made.matcher)
    assert fused[some.pairs.match == 1].mean() > 0.5 > fused[some.pairs.match == 0].mean()
    assert f"Default: `{rankers[0]}` for clips, `{rankers[1]}` for music" in made.card()


def test_pairs_that_teach_nothing_are_refused_and_nothing_is_written(model, tmp_path):
    some = own()
    order = np.random.default_rng(0).permutation(len(some.pairs))
    shuffled = replace(some.pairs, video_emotion=some.pairs.video_emotion[order], video=some.pairs.video[order[::-1]])
    with pytest.raises(InputError, match="does not surely help"):
        adapt(model, some._replace(pairs=shuffled), tmp_path / "mine", command="c")
    assert not list((tmp_path / "mine").glob("*"))


def test_too_few_pairs_are_refused(model, tmp_path):
    with pytest.raises(InputError, match="at least 10 such groups"):
        adapt(model, own(9), tmp_path / "mine", command="c")
    only = own()
    matched = only.pairs.take(only.pairs.match == 1)
    with pytest.raises(InputError, match="8 that do not"):
        adapt(model, only._replace(pairs=matched), tmp_path / "mine", command="c")


def test_a_clip_and_the_music_it_was_matched_with_are_one_source():
    table = ("a", "b", "c"), ("x", "x", "y"), np.array([1.0, 0.0, 0.75])
    affect = np.eye(5)[[0, 1, 2]]
    rated = RatedPairs(*table, EMOTIONS, affect, affect, True, False)
    features = ({n: np.zeros(D) for n in names} for names in ("abc", "xy"))
    found = with_sources(rated, *features)
    assert found.match.tolist() == [1, 0, 1]
    assert (found.video_source == found.music_source).tolist() == [True, False, True]
    assert found.video_emotion.tolist() == [0, 1, 2]
    assert len(with_sources(rated, {"a": np.zeros(D)}, {"x": np.zeros(D)})) == 1


def test_mismatched_pairs_do_not_tie_everything_together():
    n = 40
    chain = world(2 * n, seed=0, turned=False)
    clips = np.repeat(np.arange(n), 2)
    tracks = np.where(np.arange(2 * n) % 2 == 0, clips, (clips + 7) % n)
    chain = replace(chain, match=1 - np.arange(2 * n) % 2, video_source=clips, music_source=tracks)
    found = untie(chain)
    assert len(np.unique(chain.groups())) < 20 <= len(np.unique(found.groups()))
    assert np.bincount(np.unique(found.groups(), return_inverse=True)[1]).max() <= 4
    assert found.match.sum() == n
    assert 10 < len(found) - n < n


def test_pairs_of_other_features_are_refused(model):
    other = Dataset("d", {}, None, "r", "l", features={**NEEDS, "video": FeatureSet("Other", "", ("x",))})
    with pytest.raises(InputError, match="reads Toyvideo"):
        take_own(other, model)
    with pytest.raises(InputError, match="no pairs with features of both sides"):
        take_own(replace(other, features=NEEDS), model)


def test_all_parts_of_a_data_set_are_read(model):
    every = world(60, seed=2, turned=True)
    parts = {"train": every.take(np.arange(40)), "validation": every.take(np.arange(40, 60))}
    found = take_own(Dataset("d", parts, None, "r", "l", features=NEEDS), model)
    assert found.pairs.video.tolist() == every.video.tolist()
