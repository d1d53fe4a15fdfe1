"""From fitted numbers to a matcher: the tensors of a layer, and the calibration on the training pairs."""

from collections.abc import Callable

import numpy as np

from recommender.encoders import Calibration, Encoder, Matcher
from recommender.types import Array
from training.learning.folds import deal_parts
from training.systems.logistic import calibration
from training.types import Pairs


def tensors_of(layer: str, weights_and_bias: tuple[Array, Array]) -> dict[str, Array]:
    """The tensors of a linear layer, named as encoders read them."""
    weights, bias = weights_and_bias
    return {f"{layer}.weights": weights, f"{layer}.bias": bias}


def calibrate(encoder: Encoder, pairs: Pairs) -> Matcher:
    """The matcher whose match probability is fitted to the cosines of `pairs`."""
    return Matcher(encoder, calibration(_cosine(encoder, pairs), pairs.match))


def calibrate_out_of_fold(
    fit: Callable[[Pairs], Encoder],
    pairs: Pairs,
    folds: int,
    *,
    seed: int,
    part: Callable[[Pairs], Encoder] | None = None,
) -> Matcher:
    """The matcher fitted on `pairs`, its match probability on the cosines of pairs whose sources it did not see, nor,
    where there are several, their collection (`deal_parts`).

    `seed` draws the folds; without any the pairs it was fitted on stand in for those. part: a quicker `fit` of parts,
    with the same vectors.
    """
    if not folds:
        return calibrate(fit(pairs), pairs)
    cosine = np.empty(len(pairs))
    for inside, held in deal_parts(pairs, folds, seed):
        cosine[held] = _cosine((part or fit)(pairs.take(inside)), pairs.take(held))
    return Matcher(fit(pairs), calibration(cosine, pairs.match))


def _cosine(encoder: Encoder, pairs: Pairs) -> Array:
    return Matcher(encoder, Calibration(1.0, 0.0)).cosine(pairs.video, pairs.music)
