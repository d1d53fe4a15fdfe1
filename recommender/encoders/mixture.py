"""Two encoders side by side: one cosine that is the weighted sum of theirs."""

from functools import cached_property
from typing import ClassVar

import numpy as np

from recommender.encoders.contract import Encoder
from recommender.encoders.emotion import EmotionEncoder
from recommender.encoders.linear import LinearEncoder
from recommender.encoders.predicted import PredictedEncoder
from recommender.encoders.projection import ProjectionEncoder
from recommender.types import Array, Modality, unit

PARTS = ("first", "second")
PLAIN: dict[str, type[Encoder]] = {
    kind.kind: kind for kind in (EmotionEncoder, LinearEncoder, PredictedEncoder, ProjectionEncoder)
}
"""Encoders that are no mixture."""


class MixtureEncoder(Encoder):
    """Unit vectors [n, a + b]: the cosine is share * first + (1 - share) * second.

    Settings: `share`; `first` and `second` are the kinds of the two encoders, whose own settings and tensors have names
    that begin with `first.` and `second.`. Emotions are those of the first.
    """

    kind: ClassVar[str] = "mixture"

    @classmethod
    def of(cls, first: Encoder, second: Encoder, *, share: float) -> "MixtureEncoder":
        """The mixture of two encoders; `share` is the first one's."""
        parts = dict(zip(PARTS, (first, second), strict=True))
        settings = {f"{part}.{name}": value for part, one in parts.items() for name, value in one.settings.items()}
        tensors = {f"{part}.{name}": values for part, one in parts.items() for name, values in one.tensors.items()}
        return cls({**settings, **{part: one.kind for part, one in parts.items()}, "share": share}, tensors)

    @property
    def dim(self) -> int:
        return sum(one.dim for one in self._parts)

    def columns(self, modality: Modality) -> int:
        return self._parts[0].columns(modality)

    def __call__(self, modality: Modality, features: Array) -> Array:
        """Unit vectors float32 [n, a + b]."""
        share = float(self.settings["share"])
        first, second = (one(modality, features) for one in self._parts)
        return unit(np.hstack([np.sqrt(share) * first, np.sqrt(1 - share) * second]))

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Those of the first."""
        return self._parts[0].emotions(modality, features)

    @cached_property
    def _parts(self) -> tuple[Encoder, ...]:
        kinds: dict[str, type[Encoder]] = {**PLAIN, self.kind: MixtureEncoder}
        return tuple(kinds[str(self.settings[part])](self._of(part)[0], self._of(part)[1]) for part in PARTS)

    def _of(self, part: str) -> tuple[dict[str, str | float | int | bool], dict[str, Array]]:
        start = f"{part}."
        settings = {name.removeprefix(start): x for name, x in self.settings.items() if name.startswith(start)}
        return settings, {name.removeprefix(start): x for name, x in self.tensors.items() if name.startswith(start)}
