"""EmoMV's projection heads without torch: the network is `training.nets.emomv`, its numbers the same."""

from typing import ClassVar

import numpy as np

from recommender.encoders.contract import Encoder, softmax
from recommender.types import Array, Modality, unit

NORM_EPSILON = 1e-5
"""What torch's layer norm adds to the variance."""


class ProjectionEncoder(Encoder):
    """Unit vectors [n, 64]: reduce, then Linear, GELU, Linear, GELU, residual, layer norm, GELU (EmoMV, figure 13).

    Tensors per modality m: `m.reduce` [d, 64], `m.first`, `m.second` [64, 64], and where there are any `m.norm` [64]
    (scale and shift) and `m.emotion` [64, 5] on GELU of the reduced vector (or of the embedding, with the setting
    `emotion_from_embedding`).
    """

    kind: ClassVar[str] = "projection"

    @property
    def dim(self) -> int:
        return int(self.tensors["video.second.weights"].shape[1])

    def columns(self, modality: Modality) -> int:
        return len(self.tensors[f"{modality}.reduce.weights"])

    def __call__(self, modality: Modality, features: Array) -> Array:
        return unit(self._head(modality, self.affine(f"{modality}.reduce", features)))

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        branch = f"{modality}.emotion"
        if not self.has(branch):
            return None
        seen = self.affine(f"{modality}.reduce", features)
        if self.settings["emotion_from_embedding"]:
            seen = np.asarray(unit(self._head(modality, seen)), np.float64)
        return softmax(self.affine(branch, gelu(seen)))

    def _head(self, modality: Modality, reduced: Array) -> Array:
        first = self.affine(f"{modality}.first", reduced)
        mixed = first + gelu(self.affine(f"{modality}.second", gelu(first)))
        norm = f"{modality}.norm"
        if self.has(norm):
            centred = mixed - mixed.mean(axis=1, keepdims=True)
            scaled = centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + NORM_EPSILON)
            mixed = scaled * self.tensors[f"{norm}.weights"] + self.tensors[f"{norm}.bias"]
        return gelu(mixed)


def gelu(x: Array) -> Array:
    """x Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016, the exact form)."""
    from scipy.special import erf  # half a second to import: only for models that need it

    return 0.5 * x * (1 + erf(x / np.sqrt(2)))
