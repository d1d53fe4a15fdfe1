"""Emotion matching: one linear emotion classifier per modality, and a vector of what it says."""

from typing import ClassVar

import numpy as np

from recommender.encoders.contract import Encoder, direction, softmax
from recommender.types import Array, Modality, unit

CLASSES = 5


class EmotionEncoder(Encoder):
    """Vectors [n, 7] whose cosine is the agreement of the two sides' five numbers.

    Tensors: `video`, `music` [d, 5] give the centred log-likelihoods of the emotions ("evidence"), `log_prior` [5].
    Settings: `score` "posterior" takes both sides' posteriors, so that the cosine is the chance that two independent
    labels agree; "evidence" [ours] takes the direction of the picture's evidence and the music's likelihood to the
    power of `softness`. `video_sureness`: what the picture's evidence is multiplied with where its emotions are told;
    scores do not know of it.
    """

    kind: ClassVar[str] = "emotion"

    @property
    def dim(self) -> int:
        return CLASSES + 2

    def side(self, modality: Modality, features: Array) -> Array:
        """float64 [n, 5], of length at most 1: what is multiplied with the other modality's."""
        evidence = self.affine(modality, features)
        if self.settings["score"] == "posterior":
            return softmax(evidence + self.tensors["log_prior"])
        if modality == "video":
            return direction(evidence)
        return softmax(float(self.settings["softness"]) * evidence)

    def __call__(self, modality: Modality, features: Array) -> Array:
        """Unit vectors float32 [n, 7]: each side is filled up to length 1 in a dimension in which the other is 0."""
        side = self.side(modality, features)
        fill = np.sqrt(np.maximum(1 - np.sum(side**2, axis=1), 0))
        columns = (side, fill, 0 * fill) if modality == "video" else (side, 0 * fill, fill)
        return unit(np.column_stack(columns))

    def emotions(self, modality: Modality, features: Array) -> Array:
        """Posteriors float64 [n, 5]."""
        times = float(self.settings.get(f"{modality}_sureness", 1.0))
        return softmax(times * self.affine(modality, features) + self.tensors["log_prior"])
