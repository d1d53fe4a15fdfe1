"""Encoders turn features of either modality into unit vectors of one space. A new one is a file and a line here."""

from collections.abc import Callable, Mapping

import numpy as np

from recommender.encoders.contract import MODALITIES, Encoder, Setting
from recommender.encoders.matcher import Calibration, Matcher
from recommender.encoders.mixture import PLAIN, MixtureEncoder
from recommender.errors import InputError, ModelError
from recommender.types import Array

__all__ = ["ENCODERS", "Calibration", "Encoder", "Matcher", "build"]

ENCODERS: dict[str, Callable[[Mapping[str, Setting], Mapping[str, Array]], Encoder]] = {
    **PLAIN,
    MixtureEncoder.kind: MixtureEncoder,
}


def build(kind: str, settings: Mapping[str, Setting], tensors: Mapping[str, Array], *, name: str) -> Encoder:
    """The encoder of that kind, tried on one row of each modality; `name` is of the model, for messages.

    Raises
    ------
    ModelError: an unknown kind, or tensors that are missing, of the wrong shape or not finite.
    """
    if kind not in ENCODERS:
        raise ModelError(f"{name}: unknown kind of encoder {kind!r}; this program knows {', '.join(ENCODERS)}")
    for part, values in tensors.items():
        if not np.isfinite(values).all():
            raise ModelError(f"{name}: the numbers of {part} are not finite; fetch or train the model again")
    encoder = ENCODERS[kind](dict(settings), {part: np.asarray(v, np.float64) for part, v in tensors.items()})
    try:
        for modality in MODALITIES:
            row = np.full((1, encoder.columns(modality)), 0.5)
            if encoder(modality, row).shape != (1, encoder.dim):
                raise ValueError("vectors of different sizes")
            encoder.emotions(modality, row)
    except (KeyError, ValueError, IndexError, TypeError, InputError) as error:
        raise ModelError(f"{name}: its numbers do not fit together ({error}); train the model again") from error
    return encoder
