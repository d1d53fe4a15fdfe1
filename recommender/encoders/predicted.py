"""Emotion matching beside the likeness of real music and the music that a picture predicts."""

from typing import ClassVar

import numpy as np

from recommender.encoders.contract import Encoder, direction
from recommender.encoders.emotion import EmotionEncoder
from recommender.types import Array, Modality, unit


class PredictedEncoder(Encoder):
    """Unit vectors [n, 7 + d_m]: the emotions' seven numbers beside the sound's d_m.

    Tensors: those of `EmotionEncoder`; `video_sound` [d_v, d_m] gives the whitened predicted music, `music_sound`
    [d_m, d_m] the whitened music. `video.mean` [d_v], which no score needs: where the clips lay that `video` and
    `video_sound` were fitted on. Settings: those of the emotions; `weight` w makes the cosine (emotions' agreement +
    w cosine of sounds) / (1 + w).
    """

    kind: ClassVar[str] = "predicted"

    @property
    def dim(self) -> int:
        return self._emotion.dim + int(self.tensors["music_sound.weights"].shape[1])

    def __call__(self, modality: Modality, features: Array) -> Array:
        """Unit vectors float32 [n, 7 + d_m]."""
        sound = direction(self.affine(f"{modality}_sound", features))
        both = self._emotion(modality, features), np.sqrt(float(self.settings["weight"])) * sound
        return unit(np.column_stack(both))

    def emotions(self, modality: Modality, features: Array) -> Array:
        """Posteriors float64 [n, 5]."""
        return self._emotion.emotions(modality, features)

    @property
    def _emotion(self) -> EmotionEncoder:
        return EmotionEncoder(self.settings, self.tensors)
