"""The music a picture predicts: hand-worked regression and whitening, what its score is made of, what it adds."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import rankdata

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.encoders import Matcher
from recommender.encoders.emotion import EmotionEncoder
from recommender.encoders.predicted import PredictedEncoder
from recommender.errors import InputError
from training.systems.posterior import EmotionMatching, PosteriorConfig
from training.systems.predicted import (
    PredictedConfig,
    PredictedMusic,
    blend,
    chain,
    fit_music_map,
    fit_sureness,
    own_music,
    whitening,
)
from training.systems.prepare import standardiser
from training.types import Extra, Pairs

Affine = tuple[np.ndarray, np.ndarray]


def planted(n: int = 160, seed: int = 0, emotional: float = 1.0, style: float = 1.0) -> Pairs:
    """Segments of one source each, made of an emotion's centre, a style both halves share, and noise.

    Every second two neighbours swap their music: mismatched pairs.
    """
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(99)
    mixing = {"video": fixed.normal(size=(8, 20)), "music": fixed.normal(size=(8, 12))}
    emotion = rng.integers(0, 5, n)
    shared = np.hstack([emotional * np.eye(5)[emotion], style * rng.normal(size=(n, 3))])
    video, music = (shared @ m + rng.normal(size=(n, m.shape[1])) for m in mixing.values())
    heard = np.arange(n)
    heard[2::4], heard[3::4] = heard[3::4].copy(), heard[2::4].copy()
    features = video.astype(np.float32), music[heard].astype(np.float32)
    match = (heard == np.arange(n)).astype(np.int64)
    names = tuple(f"p{i}" for i in range(n))
    return Pairs(*features, match, emotion, emotion[heard], np.arange(n), heard, names)


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    ranks = rankdata(score)[positive]
    return float((ranks.mean() - (len(ranks) + 1) / 2) / (~positive).sum())


@pytest.fixture(scope="module")
def train() -> Pairs:
    return planted()


@pytest.fixture(scope="module")
def held() -> Pairs:
    return planted(80, seed=1)


@pytest.fixture(scope="module")
def fitted(train: Pairs) -> Matcher:
    return PredictedMusic().fit(train, 0)


def test_the_contract(fitted: Matcher, train: Pairs, held: Pairs) -> None:
    video, music = fitted.embed("video", held.video), fitted.embed("music", held.music[:7])
    assert video.shape == (80, 7 + 12)
    assert fitted.encoder.dim == 19
    assert (fitted.encoder.columns("video"), fitted.encoder.columns("music")) == (20, 12)
    for vectors in (video, music):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(fitted.similarity(held.video, held.music[:7]), video @ music.T, atol=1e-6)
    match = fitted.match(held.video, held.music)
    assert ((match >= 0) & (match <= 1)).all()
    np.testing.assert_allclose(fitted.emotions("video", held.video).sum(axis=1), 1)
    again = PredictedMusic().fit(train, 0)
    np.testing.assert_array_equal(again.match(held.video, held.music), match)


def test_emotions_and_styles_are_learnt(fitted: Matcher, held: Pairs) -> None:
    assert auc(fitted.match(held.video, held.music), held.match == 1) > 0.85
    same = held.video_emotion[:, None] == held.music_emotion
    assert auc(fitted.similarity(held.video, held.music).ravel(), same.ravel()) > 0.6


def test_it_hears_what_no_emotion_tells() -> None:
    train, held = planted(emotional=0.0), planted(80, seed=1, emotional=0.0)
    told, heard = (
        auc(system.fit(train, 0).match(held.video, held.music), held.match == 1)
        for system in (EmotionMatching(), PredictedMusic())
    )
    assert abs(told - 0.5) < 0.2
    assert heard > 0.8


def test_the_cosine_is_the_weighted_mean_of_emotions_and_sounds(fitted: Matcher, held: Pairs) -> None:
    encoder = fitted.encoder
    emotions = EmotionEncoder(encoder.settings, encoder.tensors)
    agreement = emotions("video", held.video) @ emotions("music", held.music).T
    sounds = []
    for modality, features in (("video", held.video), ("music", held.music)):
        x = features @ encoder.tensors[f"{modality}_sound.weights"] + encoder.tensors[f"{modality}_sound.bias"]
        sounds.append(x / np.linalg.norm(x, axis=1, keepdims=True))
    w = PredictedConfig().weight
    expected = (agreement + w * sounds[0] @ sounds[1].T) / (1 + w)
    np.testing.assert_allclose(fitted.similarity(held.video, held.music), expected, atol=1e-6)


def test_without_share_and_weight_it_is_evidence(train: Pairs, held: Pairs) -> None:
    plain = PredictedMusic(config=PredictedConfig(reading=0.0, weight=0.0)).fit(train, 0)
    other = EmotionMatching().fit(train, 0)
    expected = other.similarity(held.video, held.music)
    np.testing.assert_allclose(plain.similarity(held.video, held.music), expected, atol=1e-6)
    np.testing.assert_allclose(plain.match(held.video, held.music), other.match(held.video, held.music), atol=1e-4)


def test_own_music_is_found_in_other_pairs(train: Pairs) -> None:
    # source 1's music is heard in pairs 1 and 2, source 2's in pair 0, source 3's nowhere
    pairs = replace(train.take(np.arange(3)), video_source=np.array([1, 2, 3]), music_source=np.array([2, 1, 1]))
    rows, music = own_music(pairs, np.array([[1.0, 0.0], [2.0, 4.0], [4.0, 8.0]]))
    np.testing.assert_array_equal(rows, [0, 1])
    np.testing.assert_allclose(music, [[3, 6], [1, 0]])


def test_ridge_regression_is_worked_by_hand(train: Pairs) -> None:
    # Standardised, video and music are both -1 and 1: slope 1 / (1 + ridge) = .5; at video 7 (z = 2) music z = 1.
    video, music = np.array([[1.0], [5.0]]), np.array([[10.0], [20.0]])
    pairs = replace(train.take(np.arange(2)), video=video, music=music)
    weights, bias = fit_music_map(pairs, standardiser(music), 1.0)
    np.testing.assert_allclose(np.array([[3.0], [5.0], [7.0]]) @ weights + bias, [[0], [0.5], [1]], atol=1e-7)


def test_whitening_of_uncorrelated_columns_is_worked_by_hand() -> None:
    x = np.array([[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0], [-1.0, -2.0]])  # variances 1 and 4
    np.testing.assert_allclose(whitening(x, 5.0), np.diag([6**-0.5, 1 / 3]), atol=1e-12)


def test_affine_maps_chain() -> None:
    first = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([1.0, 1.0])
    second = np.array([[1.0], [3.0]]), np.array([5.0])
    weights, bias = chain(first, second)
    np.testing.assert_allclose(np.array([[4.0, 2.0]]) @ weights + bias, [[9 + 9 + 5]])


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_quiet_reading_is_heard_as_loud_as_the_direct_one(share: float) -> None:
    x = np.random.default_rng(0).normal(size=(50, 2))
    direct: Affine = np.array([[4.0], [0.0]]), np.zeros(1)
    quiet: Affine = np.array([[0.04], [0.0]]), np.zeros(1)
    weights, _ = blend(direct, quiet, x, share=share)
    np.testing.assert_allclose(weights, direct[0])
    np.testing.assert_allclose(
        blend(direct, (np.zeros((2, 1)), np.zeros(1)), x, share=share)[0], (1 - share) * direct[0]
    )


def test_further_music_trains_the_reader(fitted: Matcher, train: Pairs, held: Pairs) -> None:
    more = planted(200, seed=7)
    with_more = PredictedMusic().fit(train, 0, extra=Extra(more.music, more.music_emotion, more.music_source))
    assert not np.allclose(with_more.emotions("music", held.music), fitted.emotions("music", held.music))
    assert not np.allclose(with_more.emotions("video", held.video), fitted.emotions("video", held.video))


def test_without_any_own_music_there_is_nothing_to_learn(train: Pairs) -> None:
    strangers = replace(train, music_source=train.music_source + 1000)
    with pytest.raises(InputError, match="predicting music needs videos whose own music is among the pairs"):
        PredictedMusic().fit(strangers, 0)


def test_what_is_told_of_a_clip_is_as_sure_as_held_out_clips_allow(held: Pairs) -> None:
    noisy = planted(120, emotional=0.3)
    config = PredictedConfig(emotion=PosteriorConfig(video_penalty=0.1))
    plain, told = (PredictedMusic(config=replace(config, told_folds=n)).encoder(noisy, None) for n in (0, 4))
    times = told.settings["video_sureness"]
    assert 0.01 <= times < 0.8
    logit = times * plain.affine("video", held.video) + plain.tensors["log_prior"]
    assert told.emotions("video", held.video) == pytest.approx(softmax(logit, axis=1))
    assert np.array_equal(told.emotions("music", held.music), plain.emotions("music", held.music))
    for modality in ("video", "music"):
        features = getattr(held, modality)
        assert np.array_equal(told(modality, features), plain(modality, features)), "scores know nothing of it"


@pytest.mark.parametrize("times", [0.25, 1.5])
def test_the_factor_is_the_one_that_the_labels_were_drawn_with(times: float) -> None:
    rng, n = np.random.default_rng(0), 20000
    evidence, some = rng.normal(size=(n, 5)), planted(2)
    labels = (times * evidence + np.log([0.4, 0.3, 0.1, 0.1, 0.1]) + rng.gumbel(size=(n, 5))).argmax(axis=1)
    tensors = {"video.weights": np.eye(5), "video.bias": np.zeros(5), "log_prior": np.log([0.4, 0.3, 0.1, 0.1, 0.1])}
    half = slice(0, n // 2), slice(n // 2, n)
    drawn = [replace(some, video=evidence[rows], video_emotion=labels[rows]) for rows in half]
    encoder = PredictedEncoder({}, tensors)
    assert fit_sureness([(encoder, pairs) for pairs in drawn]) == pytest.approx(times, abs=0.06)


def test_two_groups_of_pairs_are_enough_to_tell_how_sure_to_be(train: Pairs) -> None:
    few = train.take(np.arange(12))
    assert len(np.unique(few.groups())) > 4
    halves = replace(few, video_source=np.arange(12) // 6, music_source=np.arange(12) // 6)
    assert "video_sureness" in PredictedMusic().encoder(halves, None).settings
    one = replace(halves, video_source=0 * halves.match, music_source=0 * halves.match)
    assert "video_sureness" not in PredictedMusic().encoder(one, None).settings
