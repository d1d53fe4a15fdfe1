"""Linear maps of both modalities into one space: CCA, and linear heads trained by a contrastive loss."""

from typing import ClassVar

from recommender.encoders.contract import Encoder, softmax
from recommender.types import Array, Modality, unit


class LinearEncoder(Encoder):
    """Unit vectors [n, k] of x W + b.

    Tensors: `video`, `music` [d, k]; `video_emotion`, `music_emotion` [k, 5] on the mapped features where the
    emotions were learnt too.
    """

    kind: ClassVar[str] = "linear"

    @property
    def dim(self) -> int:
        return int(self.tensors["video.weights"].shape[1])

    def __call__(self, modality: Modality, features: Array) -> Array:
        return unit(self.affine(modality, features))

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        branch = f"{modality}_emotion"
        return softmax(self.affine(branch, self.affine(modality, features))) if self.has(branch) else None
