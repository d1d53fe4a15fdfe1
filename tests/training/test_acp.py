"""ACP-Net and its rivals: what each network sees, how it joins both sides, which pairs it learns from."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import torch

from recommender.errors import InputError
from running import refused
from training.construction.pictures import SHAPE as PICTURES
from training.construction.spectrogram import SHAPE as SPECTROGRAM
from training.learning.targets import from_ratings, score_pairs
from training.nets.acp import Correspondence, subnetwork
from training.systems import RAW_SYSTEMS, SUITES, makers, system
from training.systems.baselines.acp import ACP, FEATURES, SPACES, relate_scores
from training.systems.baselines.acp_raw import RAW
from training.systems.baselines.acp_raw import SPACES as RAW_SPACES
from training.types import CLASS_OF, CLASSES, EMOTIONS, Pairs

SIZES = {"video": int(np.prod(PICTURES)), "music": int(np.prod(SPECTROGRAM))}


def seen(n: int = 40, seed: int = 0) -> Pairs:
    """Pairs of pictures as red, and spectrograms as high, as their emotion's number says: fearful or relaxing."""
    rng = np.random.default_rng(seed)
    video_emotion = 1 + 3 * (np.arange(n) % 2)
    match = (np.arange(n) // 2 + 1) % 2
    music_emotion = np.where(match == 1, video_emotion, 5 - video_emotion)
    video = rng.normal(100, 10, (n, *PICTURES))
    video[:, :, 0] += 20 * video_emotion[:, None, None, None]
    music = rng.normal(0, 0.5, (n, *SPECTROGRAM))
    for row, emotion in enumerate(music_emotion):
        music[row, :, 12 * emotion : 12 * emotion + 12] += 2
    flat = [side.reshape(n, -1).astype(np.float32) for side in (video, music)]
    source = np.arange(n)
    return Pairs(*flat, match, video_emotion, music_emotion, source, source, tuple(map(str, range(n))))


def narrow(pairs: Pairs) -> Pairs:
    """The same pairs with eight columns a side."""
    return replace(pairs, video=pairs.video[:, ::1536], music=pairs.music[:, ::768])


def quick(name: str) -> ACP:
    found = system(name)
    assert isinstance(found, ACP)
    schedule = replace(found.config.schedule, learning_rate=3e-3, batch=16)
    return replace(found, config=replace(found.config, epochs=10, epoch_pairs=64, dropout=0.0, schedule=schedule))


def test_the_classes_of_the_emotions() -> None:
    assert {name: CLASSES[CLASS_OF[i]] for i, name in enumerate(EMOTIONS)} == {
        "exciting": "positive",
        "relaxing": "positive",
        "fearful": "negative",
        "tense": "negative",
        "sad": "negative",
    }


@pytest.mark.parametrize("fusion", ["common", "concatenated"])
def test_only_the_common_space_ignores_what_both_axes_are(fusion: str) -> None:
    """Swapping or negating both vectors changes neither their product nor their distance, axis by axis."""
    torch.manual_seed(0)
    net = Correspondence(torch.nn.Identity(), torch.nn.Identity(), 6, 8, fusion)
    video, music = torch.randn(5, 6), torch.randn(5, 6)
    logit = net(video, music)
    assert logit.shape == (5,)
    for other in (net(music, video), net(-video, -music)):
        assert torch.allclose(logit, other, atol=1e-6) == (fusion == "common")


def test_convolutions_see_what_lies_beside_what() -> None:
    """A mean over places: moved pictures look nearly the same; a spectrogram one octave higher does not."""
    torch.manual_seed(0)
    looks = subnetwork("pictures", SIZES["video"], 8, width=4, dropout=0.0)
    picture = torch.zeros(1, *PICTURES)
    picture[..., 8:16, 8:16] = 9
    moved = torch.roll(picture, 8, dims=-1)
    shuffled = picture.flatten(1)[:, torch.randperm(SIZES["video"])]
    with torch.no_grad():
        here, there, mixed = (looks(x.flatten(1)) for x in (picture, moved, shuffled))
    assert torch.allclose(here, there, atol=1e-5)
    assert not torch.allclose(here, mixed, atol=1e-3)
    hears = subnetwork("spectrogram", SIZES["music"], 8, width=4, dropout=0.0)
    sound = torch.zeros(1, *SPECTROGRAM)
    sound[:, 16:24, 8:16] = 9
    with torch.no_grad():
        low, later, high = (
            hears(x.flatten(1)) for x in (sound, torch.roll(sound, 8, dims=1), torch.roll(sound, 8, dims=2))
        )
    assert torch.allclose(low, later, atol=1e-5)
    assert not torch.allclose(low, high, atol=1e-3)


def test_networks_from_scratch_are_small() -> None:
    for kind, d in (("pictures", SIZES["video"]), ("spectrogram", SIZES["music"])):
        net = subnetwork(kind, d, RAW.hidden, width=RAW.width, dropout=0.0)
        assert sum(p.numel() for p in net.parameters()) < 30_000


@pytest.mark.parametrize("name", RAW_SYSTEMS)
def test_they_learn_from_pictures_and_spectrograms(name: str) -> None:
    train, held = seen(), seen(25, seed=1)
    fitted = quick(name).fit(train, seed=0)
    similarity = fitted.similarity(held.video, held.music)
    same = held.video_emotion[:, None] == held.music_emotion[None, :]
    assert similarity.shape == (25, 25)
    assert similarity[same].mean() > similarity[~same].mean() + 0.3
    match = fitted.match(held.video, held.music)
    np.testing.assert_allclose(match, 1 / (1 + np.exp(-np.diag(similarity))), atol=1e-5)


def test_features_where_pictures_are_wanted_are_one_clear_line() -> None:
    few = narrow(seen())
    for name in RAW_SYSTEMS:
        with refused(InputError, rf"{name} looks at .*, not at 8 columns: .* --extractor raw`, or run {name}-f"):
            quick(name).fit(few, 0)


def test_spectrogram_acp_takes_measured_pictures_too() -> None:
    both = seen()
    fitted = quick("spectrogram-acp").fit(replace(both, video=narrow(both).video), 0)
    assert fitted.trained.model.video[1].in_features == 8
    with pytest.raises(InputError, match="l3-net looks at pictures"):
        quick("l3-net").fit(replace(both, video=narrow(both).video), 0)


def test_three_classes_make_relaxing_and_exciting_belong_together() -> None:
    data = score_pairs(narrow(seen(10)))
    three = relate_scores(data, replace(FEATURES, relevance="three"))
    assert three.video_affect.shape == (10, len(CLASSES))
    video, music = (np.array(CLASS_OF)[side.argmax(axis=1)] for side in (data.video_affect, data.music_affect))
    np.testing.assert_array_equal(three.score, video == music)
    assert three.rule is not None
    relaxing, exciting, sad = (np.eye(3)[[CLASS_OF[EMOTIONS.index(e)]]] for e in ("relaxing", "exciting", "sad"))
    assert three.rule(relaxing, exciting) == [1]
    assert three.rule(relaxing, sad) == [0]
    assert relate_scores(data, FEATURES) is data
    fitted = ACP("acp-net", replace(quick("acp-net").config, relevance="three")).fit(narrow(seen()), 0)
    assert fitted.emotions("video", narrow(seen()).video) is None


def test_emotions_are_read_off_what_never_saw_them() -> None:
    """The probe is fitted after the network: given other emotion labels the network is the same."""
    pairs = narrow(seen())
    given = ACP("acp-net", replace(quick("acp-net").config, fresh=False))
    other = replace(pairs, video_emotion=np.roll(pairs.video_emotion, 3), music_emotion=np.roll(pairs.music_emotion, 3))
    one, two = given.fit(pairs, 0), given.fit(other, 0)
    np.testing.assert_array_equal(one.vectors("music", pairs.music), two.vectors("music", pairs.music))
    emotions = one.emotions("music", pairs.music)
    assert emotions is not None
    np.testing.assert_allclose(emotions.sum(axis=1), 1)
    assert not np.allclose(emotions, two.emotions("music", pairs.music))


def test_ratings_are_learnt_from_the_given_pairs() -> None:
    pairs = narrow(seen())
    data = replace(score_pairs(pairs), score=from_ratings(1 + np.arange(40) % 5), rule=None, classes=False)
    fitted = quick("acp-net").fit_scored(data, 0)
    match = fitted.match(pairs.video, pairs.music)
    assert np.isfinite(match).all()
    assert fitted.emotions("video", pairs.video) is None


@pytest.mark.parametrize("change", [{"match": np.ones(20, np.int64)}, {"video": np.zeros((20, 8), np.float32)}])
def test_poor_pairs_give_finite_scores(change: dict[str, np.ndarray]) -> None:
    few = replace(narrow(seen(20)), **change)
    fitted = quick("spectrogram-acp-features").fit(few, 0, stop=few)
    assert fitted.trained.epochs >= 1
    assert np.isfinite(fitted.similarity(few.video, few.music)).all()


def test_every_default_is_among_what_is_tuned() -> None:
    for name, space in (SPACES | RAW_SPACES).items():
        config = system(name).config
        for field, candidates in space.items():
            value = config
            for part in field.split("."):
                value = getattr(value, part)
            assert value in candidates, (name, field)


def test_raw_systems_are_found_by_name_and_are_part_of_no_suite() -> None:
    assert {name for module in set(RAW_SYSTEMS.values()) for name in makers(module)} == set(RAW_SYSTEMS)
    assert not any(name in names() for names in SUITES.values() for name in RAW_SYSTEMS)
    with pytest.raises(InputError, match="there are: .*l3-net, spectrogram-acp"):
        system("nope")
