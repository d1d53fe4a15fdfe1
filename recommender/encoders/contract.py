"""What an encoder is: numbers and settings in, unit vectors of one space out, for both modalities."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recommender.errors import InputError
from recommender.types import Array, Modality

Setting = str | float | int | bool
MODALITIES: tuple[Modality, ...] = ("video", "music")


@dataclass(frozen=True)
class Encoder(ABC):
    """Features of either modality -> vectors whose cosine says how well they fit.

    An encoder is its kind, its settings and its tensors: what a model folder stores, and nothing else. Tensors are
    named after the modality or layer and the part, `video.weights` [d, k] and `video.bias` [k] for instance; maps act
    on rows from the right, x W + b, in float64 so that the batch does not change the bits.
    """

    settings: Mapping[str, Setting]
    tensors: Mapping[str, Array]
    kind: ClassVar[str]

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of the vectors."""

    def columns(self, modality: Modality) -> int:
        """How many features a row of `modality` has."""
        return len(self.tensors[f"{modality}.weights"])

    @abstractmethod
    def __call__(self, modality: Modality, features: Array) -> Array:
        """Unit vectors float32 [n, dim] of `features` [n, d]."""

    @abstractmethod
    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Probabilities float64 [n, 5] of the five EmoMV emotions, or None of an encoder that predicts none."""

    def affine(self, layer: str, x: Array) -> Array:
        """x W + b, float64 [n, k], of x [n, d]; raises InputError for another d."""
        weights, bias = self.tensors[f"{layer}.weights"], self.tensors[f"{layer}.bias"]
        if x.ndim != 2 or x.shape[1] != len(weights):
            told = f"features of shape {x.shape} where the system was fitted on {len(weights)} columns"
            raise InputError(f"{told}: give features of the same extractor")
        return np.asarray(x, np.float64) @ weights + bias

    def has(self, layer: str) -> bool:
        """Whether there are numbers for `layer`."""
        return f"{layer}.weights" in self.tensors


def softmax(logits: Array) -> Array:
    """Probabilities float64 [n, c], each row summing to 1."""
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def direction(vectors: Array) -> Array:
    """`vectors` float64 [n, d] scaled to unit length (zero rows stay zero)."""
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norm > 0, norm, 1)
