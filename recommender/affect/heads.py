"""Linear readings of a picture network's features: what a picture feels like, and whether something goes on in it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from recommender.errors import ModelError
from recommender.types import Array, Column

READINGS = {
    "picture_valence": Column("picture_valence", "SD", "pleasantness of what is in the pictures"),
    "picture_arousal": Column("picture_arousal", "SD", "how arousing what is in the pictures is, at rest"),
    "activity": Column("activity", "", "whether what is in the pictures is in action (1) or at rest (-1)"),
}
"""Readings that this program knows."""

TENSORS = "heads."
"""Names of their tensors in a model folder begin so."""


@dataclass(frozen=True)
class Heads:
    """Several readings x -> x W + b of the same features.

    Attributes
    ----------
    names:   k names in `READINGS`. weights: float64 [d, k]. bias: float64 [k].
    """

    names: tuple[str, ...]
    weights: Array
    bias: Array

    def __call__(self, features: Array) -> Array:
        """Readings float64 [n, k] of `features` [n, d], of pictures or means over several.

        A row gives the same bits whatever rows are around it.
        """
        return np.asarray(np.einsum("nd,dk->nk", np.asarray(features, np.float64), self.weights) + self.bias)

    def tensors(self) -> dict[str, Array]:
        """As the weights of a folder have them, float32."""
        both = {f"{name}.weights": self.weights[:, i] for i, name in enumerate(self.names)}
        both |= {f"{name}.bias": self.bias[i : i + 1] for i, name in enumerate(self.names)}
        return {TENSORS + name: values.astype(np.float32) for name, values in both.items()}

    @classmethod
    def of(cls, tensors: Mapping[str, Array], width: int, source: str) -> "Heads":
        """The readings among `tensors` (see `tensors`) of features [n, `width`]; raises ModelError naming `source`."""
        names = tuple(name for name in READINGS if f"{TENSORS}{name}.weights" in tensors)
        try:
            weights = [np.asarray(tensors[f"{TENSORS}{name}.weights"], np.float64).reshape(width) for name in names]
            bias = np.array([float(tensors[f"{TENSORS}{name}.bias"].item()) for name in names])
        except (KeyError, ValueError) as error:
            told = f"{source}: readings of the wrong size ({error}); fetch or train the model again"
            raise ModelError(told) from error
        matrix = np.stack(weights, axis=1) if names else np.empty((width, 0))
        if not (np.isfinite(matrix).all() and np.isfinite(bias).all()):
            raise ModelError(f"{source}: readings that are not finite; fetch or train the model again")
        return cls(names, matrix, bias)
