"""What a pretrained network sees in pictures: EfficientNet-Lite2, trained to name what is on photographs.

1,280 features a picture and the shares of 1,000 names (ImageNet's). Weights, names, licence, notice and a card lie in
`efficientnet_lite2`; `benchmarks.efficientnet_lite` made them. Pictures are squashed to 260 x 260 as in the
network's training, (RGB - 127) / 128 (tensorflow/tpu, models/official/efficientnet/lite).
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import local
from typing import Any

import numpy as np

from recommender.errors import ModelError
from recommender.types import Array, Column, number_columns

NAME = "EfficientNetLite2"
REVISION = "1"
"""Changes whenever the same picture would give other features."""

SIDE, DIM = 260, 1280
COLUMNS = tuple(Column(name, "", "a feature of the picture network") for name in number_columns(NAME, DIM))

FOLDER = Path(__file__).parent / "efficientnet_lite2"
NETWORK, CLASSIFIER, NAMES, MANIFEST = "network.onnx", "classifier.safetensors", "names.txt", "manifest.json"
CHECKED = (NETWORK, CLASSIFIER, NAMES)
"""Files whose SHA-256 the manifest gives."""

_here = local()


def features(rgb: Array) -> Array:
    """float32 [DIM], not negative, of a picture uint8 [h, w, 3]; the same bits for the same picture.

    Raises ModelError when the weights are missing or damaged.
    """
    import cv2  # a query by vector needs none of it

    if not hasattr(_here, "network"):
        _here.network = cv2.dnn.readNetFromONNX(np.frombuffer(_check(NETWORK), np.uint8))
    _here.network.setInput(_input(rgb))
    return _here.network.forward().ravel().copy()


def shares(seen: Array) -> Array:
    """float64 [..., 1000], summing to 1: how probable each name of `names` is, by features [..., DIM] of one picture or
    their mean over several (which on clips gives the names that the mean of the shares gives)."""
    weight, bias = _classifier()
    # Not BLAS: its threads spin where other work has the cores, and a few rows are no work for them.
    logits = np.einsum("...d,cd->...c", seen.astype(np.float64), weight) + bias
    shares: Array = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


def top_names(seen: Array, least: float, most: int) -> dict[str, float]:
    """At most `most` names with their shares, the most probable first, each of a share of at least `least`."""
    found = shares(seen)
    best = np.argsort(-found, kind="stable")[:most]
    return {names()[i]: float(found[i]) for i in best if found[i] >= least}


@cache
def names() -> tuple[str, ...]:
    """The 1,000 names in the network's order."""
    return tuple(_check(NAMES).decode("utf-8").splitlines())


def _input(rgb: Array) -> Array:
    """float32 [1, 3, SIDE, SIDE]."""
    import cv2

    shrink = min(rgb.shape[:2]) >= SIDE
    squashed = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)
    return ((squashed.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]


@cache
def _classifier() -> tuple[Array, Array]:
    from safetensors.numpy import load

    tensors = load(_check(CLASSIFIER))
    return tensors["weight"].astype(np.float64), tensors["bias"].astype(np.float64)


@cache
def _manifest() -> Mapping[str, Any]:
    return json.loads((FOLDER / MANIFEST).read_text(encoding="utf-8"))


def _check(name: str) -> bytes:
    """The bytes of a file of the folder; raises ModelError when they are not those that were published."""
    try:
        data, expected = (FOLDER / name).read_bytes(), _manifest()["sha256"][name]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{FOLDER / name}: cannot be read ({error}); install cliptune again") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise ModelError(f"{FOLDER / name}: damaged (SHA-256 differs); install cliptune again")
    return data
