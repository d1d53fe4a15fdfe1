"""Encoders: hand-worked vectors, one contract for all, and the same numbers as the networks they come from."""

import numpy as np
import pytest

from recommender.encoders import ENCODERS, Calibration, Matcher, build
from recommender.encoders.emotion import EmotionEncoder
from recommender.encoders.linear import LinearEncoder
from recommender.encoders.mixture import MixtureEncoder
from recommender.encoders.projection import gelu
from recommender.errors import ModelError

D = {"video": 6, "music": 4}


def layer(rng, rows, columns):
    return rng.normal(size=(rows, columns)), rng.normal(size=columns)


def tensors(kind, rng):
    """Random numbers of the shapes that an encoder of `kind` needs."""
    made = {}
    if kind == "mixture":
        parts = {"first": tensors("predicted", rng), "second": tensors("projection", rng)}
        return {f"{part}.{name}": values for part, some in parts.items() for name, values in some.items()}

    def add(name, rows, columns):
        made[f"{name}.weights"], made[f"{name}.bias"] = layer(rng, rows, columns)

    for modality, d in D.items():
        if kind in ("emotion", "predicted"):
            add(modality, d, 5)
            if kind == "predicted":
                add(f"{modality}_sound", d, 4)
        elif kind == "linear":
            add(modality, d, 3)
            add(f"{modality}_emotion", 3, 5)
        else:
            for name, rows in (("reduce", d), ("first", 8), ("second", 8)):
                add(f"{modality}.{name}", rows, 8)
            add(f"{modality}.emotion", 8, 5)
    if kind in ("emotion", "predicted"):
        made["log_prior"] = np.log(np.full(5, 0.2))
    return made


SETTINGS = {
    "emotion": {"score": "evidence", "softness": 0.5},
    "linear": {},
    "predicted": {"score": "evidence", "softness": 0.5, "weight": 0.15},
    "projection": {"emotion_from_embedding": False},
    "mixture": {
        "first": "predicted",
        "second": "projection",
        "share": 0.6,
        "first.score": "evidence",
        "first.softness": 0.5,
        "first.weight": 0.15,
        "second.emotion_from_embedding": False,
    },
}


@pytest.fixture(params=list(ENCODERS))
def encoder(request):
    return build(request.param, SETTINGS[request.param], tensors(request.param, np.random.default_rng(0)), name="test")


@pytest.mark.parametrize("modality", ["video", "music"])
def test_every_encoder_gives_unit_vectors_and_probabilities(encoder, modality):
    x = np.random.default_rng(1).normal(size=(7, D[modality]))
    vectors = encoder(modality, x)
    assert vectors.shape == (7, encoder.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    one_by_one = np.vstack([encoder(modality, row[None]) for row in x])
    np.testing.assert_allclose(one_by_one, vectors, atol=1e-6)
    shares = encoder.emotions(modality, x)
    assert shares.shape == (7, 5)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-12)


def test_every_encoder_is_its_kind_settings_and_tensors(encoder):
    again = build(encoder.kind, encoder.settings, encoder.tensors, name="again")
    x = np.random.default_rng(2).normal(size=(3, D["video"]))
    assert np.array_equal(again("video", x), encoder("video", x))


def test_the_sides_of_evidence_by_hand():
    numbers = {
        "video.weights": np.zeros((1, 5)),
        "music.weights": np.zeros((1, 5)),
        "log_prior": np.log(np.full(5, 0.2)),
    }
    numbers |= {"video.bias": np.array([3.0, 4, 0, 0, 0]), "music.bias": np.log([4.0, 1, 1, 1, 1])}
    encoder = EmotionEncoder({"score": "evidence", "softness": 0.5}, numbers)
    x = np.zeros((1, 1))
    np.testing.assert_allclose(encoder.side("video", x)[0], [0.6, 0.8, 0, 0, 0])
    # the likelihoods 4, 1, 1, 1, 1 to the power of a half are 2, 1, 1, 1, 1
    np.testing.assert_allclose(encoder.side("music", x)[0], np.array([2, 1, 1, 1, 1]) / 6)
    cosine = float(encoder("video", x)[0] @ encoder("music", x)[0])
    assert cosine == pytest.approx(0.6 / 3 + 0.8 / 6, abs=1e-6)
    np.testing.assert_allclose(encoder.emotions("music", x)[0], np.array([4, 1, 1, 1, 1]) / 8)


def test_the_cosine_of_posteriors_is_the_chance_that_labels_agree():
    prior = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    numbers = {f"{m}.weights": np.zeros((1, 5)) for m in D} | {f"{m}.bias": np.zeros(5) for m in D}
    encoder = EmotionEncoder({"score": "posterior", "softness": 1.0}, numbers | {"log_prior": np.log(prior)})
    x = np.zeros((1, 1))
    assert float(encoder("video", x)[0] @ encoder("music", x)[0]) == pytest.approx(np.sum(prior**2), abs=1e-6)


def test_a_matcher_by_hand():
    eye = {"video.weights": np.eye(2), "video.bias": np.zeros(2), "music.weights": np.eye(2), "music.bias": np.zeros(2)}
    matcher = Matcher(LinearEncoder({}, eye), Calibration(2.0, -1.0))
    video, music = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(matcher.similarity(video, music), [[0.6, 0.8], [1, 0]], atol=1e-7)
    np.testing.assert_allclose(matcher.match(video, music), 1 / (1 + np.exp([1 - 1.2, 1.0])), atol=1e-7)
    assert matcher.emotions("video", video) is None
    assert Calibration(1e6, 0.0)(np.array([-1.0, 0.0, 1.0])).tolist() == [pytest.approx(0, abs=1e-300), 0.5, 1]


def test_gelu_at_known_points():
    np.testing.assert_allclose(gelu(np.array([-1.0, 0.0, 1.0])), [-0.15865525, 0, 0.84134475], atol=1e-8)


def test_numbers_that_do_not_fit_are_refused():
    rng = np.random.default_rng(3)
    with pytest.raises(ModelError, match="unknown kind of encoder 'magic'; this program knows emotion"):
        build("magic", {}, {}, name="m")
    with pytest.raises(ModelError, match="m: its numbers do not fit together"):
        build("linear", {}, {"video.weights": np.eye(3)}, name="m")
    wrong = tensors("linear", rng) | {"music.bias": np.zeros(7)}
    with pytest.raises(ModelError, match="do not fit together"):
        build("linear", {}, wrong, name="m")
    uneven = tensors("linear", rng) | {"music.weights": np.ones((4, 2)), "music.bias": np.zeros(2)}
    with pytest.raises(ModelError, match="do not fit together"):
        build("linear", {}, uneven, name="m")
    bad = tensors("linear", rng)
    bad["video.weights"][0, 0] = np.nan
    with pytest.raises(ModelError, match=r"numbers of video\.weights are not finite"):
        build("linear", {}, bad, name="m")
    with pytest.raises(ModelError, match="do not fit together"):
        build("emotion", {}, tensors("emotion", rng), name="m")


@pytest.mark.parametrize("layer_norm", [True, False])
def test_projection_heads_equal_the_network(layer_norm):
    torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
    from training.learning.loop import reproducible
    from training.systems.emomv import EmoMVConfig, RetrievalNet, _encoder
    from training.systems.network import Scales, Trained
    from training.systems.prepare import standardiser

    rng = np.random.default_rng(4)
    x = {"video": rng.gamma(2, size=(40, 30)), "music": rng.gamma(1, size=(40, 12))}
    with reproducible(0):
        config = EmoMVConfig(layer_norm=layer_norm)
        net = RetrievalNet(30, 12, config).eval()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    scales = Scales(standardiser(x["video"]), standardiser(x["music"]))
    encoder = _encoder(Trained(net, scales, 1), config)
    for modality in ("video", "music"):
        stream, branch = getattr(net, modality), getattr(net, f"{modality}_emotion")
        with torch.no_grad():
            projected = stream(scales.tensor(modality, x[modality]))
            shares = torch.softmax(branch(projected), dim=1).numpy()
        np.testing.assert_allclose(encoder(modality, x[modality]), projected.embedding.numpy(), atol=1e-5)
        np.testing.assert_allclose(encoder.emotions(modality, x[modality]), shares, atol=1e-5)


def test_the_cosine_of_a_mixture_is_the_weighted_sum_of_its_parts():
    rng = np.random.default_rng(3)
    parts = [build(kind, SETTINGS[kind], tensors(kind, rng), name="part") for kind in ("predicted", "projection")]
    both = MixtureEncoder.of(*parts, share=0.6)
    video, music = rng.normal(size=(5, D["video"])), rng.normal(size=(4, D["music"]))
    alone = [one("video", video) @ one("music", music).T for one in parts]
    np.testing.assert_allclose(
        both("video", video) @ both("music", music).T, 0.6 * alone[0] + 0.4 * alone[1], atol=1e-6
    )
    assert np.array_equal(both.emotions("music", music), parts[0].emotions("music", music))
    assert both.dim == parts[0].dim + parts[1].dim
