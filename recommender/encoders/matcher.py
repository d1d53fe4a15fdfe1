"""An encoder with a calibrated decision: what every trained retrieval system comes down to."""

from dataclasses import dataclass

import numpy as np

from recommender.encoders.contract import Encoder
from recommender.types import Array, Modality


@dataclass(frozen=True)
class Calibration:
    """Probability of a match from a score: logistic(slope * score + intercept)."""

    slope: float
    intercept: float

    def __call__(self, score: Array) -> Array:
        """Probabilities in [0, 1], the shape of `score`."""
        # Beyond 700 exp overflows, and the probability is 0 or 1 long before.
        return 1 / (1 + np.exp(-np.clip(self.slope * score + self.intercept, -700, 700)))


@dataclass(frozen=True)
class Matcher:
    """Vectors, their cosine as similarity, and the calibrated probability that a pair matches."""

    encoder: Encoder
    calibration: Calibration

    def embed(self, modality: Modality, features: Array) -> Array:
        """Unit vectors float32 [n, dim]."""
        return self.encoder(modality, features)

    def cosine(self, video: Array, music: Array) -> Array:
        """Cosines float64 [n] of n pairs."""
        both = (np.asarray(self.embed("video", video), np.float64), np.asarray(self.embed("music", music), np.float64))
        return np.einsum("nd,nd->n", *both)

    def match(self, video: Array, music: Array) -> Array:
        """Calibrated match probability float64 [n] of n pairs, video [n, d_v] with music [n, d_m]."""
        return self.calibration(self.cosine(video, music))

    def similarity(self, video: Array, music: Array) -> Array:
        """Cosines float32 [a, b] of every video with every piece of music."""
        return self.embed("video", video) @ self.embed("music", music).T

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities float64 [n, 5], or None of an encoder that predicts none."""
        return self.encoder.emotions(modality, features)
