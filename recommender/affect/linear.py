"""A linear, sign-constrained predictor of valence and arousal from named objective features."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from recommender.errors import ModelError
from recommender.types import Array

FORM = "bounded, unsure where short"
"""Of the prediction, for the revisions of models: change it whenever the same parameters give another affect."""

POPULATION_SD = 0.4
"""One standard deviation of the reference population on the plane [-1, 1]: ±2.5 SD fill it."""

CLIP_Z = 3.5
"""Standardised inputs beyond this are clipped: a linear model must not extrapolate from one odd feature."""

SHORT_S, SHORTEST_S = 3.0, 0.3
"""Sounds shorter than the first are no pieces of music (a tempo and a key need as much); below the second no matter."""

RIM = 0.999
"""What counts as the rim of the plane where a mean is taken back: bounded from ten SDs."""

NUMBERS = ("centre", "scale", "valence", "arousal")
"""Of a column in a file, in the order of the attributes; the last two are its weights."""

TRANSFORMS = {
    "identity": lambda x: x,
    # Motion, rates and the like are perceived by ratio; the floor keeps silence and stillness finite.
    "log": lambda x: np.log(np.maximum(x, 1e-3)),
    # Counts: none is no small rate, and one more counts less the more there are.
    "root": lambda x: np.sqrt(np.maximum(x, 0)),
}


def bound(mean: Array) -> Array:
    """`mean` kept inside (-1, 1), elementwise: x / (1 + x⁴)^¼.

    Up to half way to the rim it changes by 2 % at most; beyond, what lies further out still reads as further out, where
    a hard limit would make the loudest tracks of a library all alike. Square roots alone: the same bits in any batch.
    """
    return np.asarray(mean / np.sqrt(np.sqrt(1 + np.square(np.square(mean)))))


def unbound(mean: Array) -> Array:
    """The inverse of `bound`, finite for a mean stored as 1 as well."""
    kept = np.clip(mean, -RIM, RIM)
    return np.asarray(kept / np.sqrt(np.sqrt(1 - np.square(np.square(kept)))))


def unsure_where_short(affect: Array, lengths_s: Array) -> Array:
    """`affect` float32 [n, 4] of sounds of `lengths_s` [n]: below `SHORT_S` the less is known the shorter they are.

    Means move to neutral and SDs widen by the same factor, to 1 at most, so that no word and no high score comes of a
    moment.
    """
    factor = SHORT_S / np.clip(lengths_s, SHORTEST_S, SHORT_S)[:, None]
    wide = np.where(factor > 1, np.minimum(affect[:, 2:] * factor, 1), affect[:, 2:])
    return np.hstack([affect[:, :2] / factor, wide]).astype(np.float32)


@dataclass(frozen=True)
class LinearAffect:
    """affect mean = bounded(POPULATION_SD * (gain * weights @ z + offset)), z: clipped z-scores, features transformed.

    Attributes
    ----------
    columns:   f feature names, the order of the inputs.
    transform: per column, a name in TRANSFORMS.
    centre, scale: float64 [f], reference mean and SD of the transformed columns.
    weights:   float64 [2, f], rows valence and arousal.
    gain:      float64 [2], brings the predictions of the reference population to a common spread, so that a
               strongly shrunken modality stays comparable with another (see the model card).
    sd:        float64 [2], residual SD in population SDs, measured out of fold: the stated uncertainty.
    offset:    float64 [2], in population SDs: where the reference population lies; moved by `relative`.
    """

    columns: tuple[str, ...]
    transform: tuple[str, ...]
    centre: Array
    scale: Array
    weights: Array
    gain: Array
    sd: Array
    offset: Array = field(default_factory=lambda: np.zeros(2))

    def relative(self, centre: Array, spread: Array) -> "LinearAffect":
        """The predictor whose means have mean 0 and SD POPULATION_SD over a population where they had mean `centre` [2]
        and SD `spread` [2], all before they are bounded. The stated SDs stay: they are of predictions of that spread.
        """
        offset = (self.offset - np.asarray(centre) / POPULATION_SD) * (POPULATION_SD / np.asarray(spread))
        return replace(self, gain=self.gain * (POPULATION_SD / np.asarray(spread)), offset=offset)

    def standardise(self, inputs: Array) -> Array:
        """z-scores float64 [n, f] of `inputs` [n, f] (raw feature values), clipped to ±CLIP_Z."""
        x = np.array(inputs, dtype=np.float64, ndmin=2)
        for j, name in enumerate(self.transform):
            if name != "identity":
                x[:, j] = TRANSFORMS[name](x[:, j])
        return np.clip((x - self.centre) / self.scale, -CLIP_Z, CLIP_Z)

    def __call__(self, inputs: Array) -> Array:
        """Affect float32 [n, 4] (valence, arousal, their SDs) of `inputs` [n, f], each mean in (-1, 1)."""
        z = self.standardise(inputs)
        out = np.empty((len(z), 4), np.float32)
        # einsum, not BLAS: the same row gives the same bits whatever the batch around it.
        mean = self.gain * np.einsum("nf,af->na", z, self.weights) + self.offset
        out[:, :2] = bound(POPULATION_SD * mean)
        out[:, 2:] = POPULATION_SD * self.sd
        return out

    def shares(self, inputs: Array) -> Array:
        """float64 [n, 2, f]: what each column moves valence and arousal by, on the plane, before they are bounded."""
        z = self.standardise(inputs)
        return np.asarray(POPULATION_SD * self.gain[:, None] * self.weights * z[:, None, :])

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict, one entry per column, that `from_json` reads back exactly."""
        numbers = np.stack([self.centre, self.scale, *self.weights], axis=1).tolist()
        columns = {
            name: {"transform": transform, **dict(zip(NUMBERS, row, strict=True))}
            for name, transform, row in zip(self.columns, self.transform, numbers, strict=True)
        }
        return {"columns": columns, **{name: getattr(self, name).tolist() for name in ("gain", "sd", "offset")}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: str = "affect model") -> "LinearAffect":
        """The predictor written by `to_json`; raises ModelError naming `source` and what is wrong."""
        try:
            columns = data["columns"]
            rows = list(columns.values())
            transform = tuple(row["transform"] for row in rows)
            centre, scale, *weights = (np.array([row[name] for row in rows], float) for name in NUMBERS)
            gain, sd = (np.array(data[name], float) for name in ("gain", "sd"))
            offset = np.array(data.get("offset", (0.0, 0.0)), float)
            model = cls(tuple(columns), transform, centre, scale, np.array(weights), gain, sd, offset)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"{source}: not an affect model ({error!r}); fetch or train it again") from error
        model._check(source)
        return model

    def _check(self, source: str) -> None:
        numbers = np.concatenate([self.centre, self.scale, self.weights.ravel(), self.gain, self.sd, self.offset])
        if not self.columns or not np.isfinite(numbers).all() or (self.scale <= 0).any() or (self.sd <= 0).any():
            raise ModelError(f"{source}: empty, not finite, or a scale that is not positive; train it again")
        if any(values.shape != (2,) for values in (self.gain, self.sd, self.offset)):
            raise ModelError(f"{source}: gain, sd and offset need two values each, valence and arousal")
        unknown = set(self.transform) - set(TRANSFORMS)
        if unknown:
            raise ModelError(f"{source}: unknown transform {sorted(unknown)}; known: {sorted(TRANSFORMS)}")
