"""Light inference equals the network, in every configuration that can be served."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.errors import InputError  # noqa: E402
from training.learning.loop import reproducible  # noqa: E402
from training.nets.afclnet import OURS, PAPER, AFCLNet, Shape  # noqa: E402
from training.systems.afclnet.affect import Affect, Classes, Ridge, Scale  # noqa: E402
from training.systems.afclnet.export import reranker  # noqa: E402
from training.systems.afclnet.reduction import Affine, LinearReducer  # noqa: E402
from training.systems.afclnet.system import IDENTITY, FittedAFCLNet  # noqa: E402
from training.systems.logistic import Multinomial  # noqa: E402
from training.systems.prepare import standardiser  # noqa: E402

D = {"video": 20, "music": 12}


def fitted(shape: Shape, members: int = 2, classes: bool = True) -> FittedAFCLNet:
    """Random networks behind random linear maps."""
    rng = np.random.default_rng(0)
    maps, affects = [], []
    for modality, d in D.items():
        size = shape.video if modality == "video" else shape.music
        maps.append(Affine(rng.normal(size=(d, size)) / d**0.5, rng.normal(size=size)))
        prepare = standardiser(rng.normal(size=(30, d)))
        weights, bias = rng.normal(size=(d, shape.affect)), rng.normal(size=shape.affect)
        if classes:
            form = "softmax" if modality == "music" else "direction"
            affects.append(Classes(prepare, Multinomial(weights, bias), bias / 3, 0.5, form))
        else:
            affects.append(Ridge(prepare, weights, bias))
    with reproducible(1):
        nets = tuple(AFCLNet(shape).eval() for _ in range(members))
    return FittedAFCLNet(
        nets,
        (1,) * members,
        LinearReducer(*maps),
        Affect(*affects, Scale(0.1, 2.0), Scale(0.2, 3.0)),
        classes,
        IDENTITY,
    )


def shapes():
    """The two recipes, and every part taken away on its own."""
    small = {"video": 16, "music": 16, "affect": 5, "expert": 8, "tower": 4}
    for base, (name, value) in itertools.product(
        ({}, {"products": True, "skip": True, "residual": True}),
        (
            ("auxiliary", True),
            ("auxiliary", False),
            ("self_attention", False),
            ("mutual_attention", False),
            ("inputs", "perceptual"),
            ("inputs", "objective"),
            ("music", 24),
            ("task_experts", 1),
        ),
    ):
        yield Shape(**(small | base | {name: value}))
    yield from (PAPER, OURS)


@pytest.mark.parametrize("shape", list(shapes()))
def test_light_inference_equals_torch(shape):
    net = fitted(shape)
    light, rng = reranker(net), np.random.default_rng(2)
    video, music = rng.normal(size=(7, D["video"])), rng.normal(size=(7, D["music"]))
    sides = light.side("video", video), light.side("music", music)
    assert sides[1].shape == (7, light.width("music"))
    assert sides[1].dtype == np.float32
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    np.testing.assert_allclose(sigmoid(light.logits(*sides)), sigmoid(net.logit(video, music)), atol=1e-5)
    one = np.array([light.logits(sides[0][i : i + 1], sides[1]) for i in range(7)])
    np.testing.assert_allclose(sigmoid(one), sigmoid(net.similarity(video, music)), atol=1e-5)
    back = np.array([light.logits(sides[0], sides[1][i : i + 1]) for i in range(7)]).T
    np.testing.assert_allclose(back, one, atol=1e-4)


def test_ratings_as_affect():
    net = fitted(Shape(video=16, music=16, affect=2), classes=False)
    light, rng = reranker(net), np.random.default_rng(3)
    video, music = rng.normal(size=(5, D["video"])), rng.normal(size=(5, D["music"]))
    found = light.logits(light.side("video", video), light.side("music", music))
    np.testing.assert_allclose(found, net.logit(video, music), atol=1e-4)


def test_what_cannot_be_served_lightly_says_so():
    from dataclasses import replace

    net = fitted(Shape(video=16, music=16, affect=5))
    deep = replace(net, reducer=object.__new__(type("Deep", (), {"video": None, "music": None})))
    with pytest.raises(InputError, match="only linear reductions"):
        reranker(deep)


def test_wrong_rows_are_one_line():
    light = reranker(fitted(Shape(video=16, music=16, affect=5)))
    with pytest.raises(InputError, match="19 features where AFCLNet was trained on 20"):
        light.side("video", np.ones((1, 19)))
    with pytest.raises(InputError, match=r"stored music rows of 3 numbers where the model needs \d+: index"):
        light.logits(light.side("video", np.ones((1, 20))), np.ones((4, 3), np.float32))
