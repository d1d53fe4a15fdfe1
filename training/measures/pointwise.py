"""A measure of predictions against truth, item by item, and the checks that all of them share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recommender.errors import InputError
from recommender.types import Array


@dataclass(frozen=True)
class Pointwise:
    """A measure of (truth [n], predicted [n]).

    of: the value. chance: its exact expectation when the same predictions are dealt to the items at random.
    predicts: what `predicted` holds ("class", "score", "number" or "probability").
    """

    of: Callable[[Array, Array], float]
    chance: Callable[[Array, Array], float]
    predicts: str
    meaning: str
    larger_is_better: bool = True


def matching(truth: Array, predicted: Array) -> tuple[Array, Array]:
    """Both as arrays [n] of finite numbers, n >= 1; raises InputError otherwise."""
    pair = np.asarray(truth), np.asarray(predicted)
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape:
        raise InputError(f"truth {pair[0].shape} and predictions {pair[1].shape} must both be [n]")
    if not len(pair[0]):
        raise InputError("no items: nothing to measure")
    for values, what in zip(pair, ("truth", "predictions"), strict=True):
        if values.dtype.kind not in "biuf":
            raise InputError(f"{what} must be numbers, not {values.dtype}")
        if not np.isfinite(values).all():
            raise InputError(f"{what} hold NaN or infinite values")
    return pair
