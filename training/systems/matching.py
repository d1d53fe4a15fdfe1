"""From fitted numbers to a matcher: the tensors of a layer, and the calibration on the training pairs."""

from recommender.encoders import Calibration, Encoder, Matcher
from recommender.types import Array
from training.systems.logistic import calibration
from training.types import Pairs


def tensors_of(layer: str, weights_and_bias: tuple[Array, Array]) -> dict[str, Array]:
    """The tensors of a linear layer, named as encoders read them."""
    weights, bias = weights_and_bias
    return {f"{layer}.weights": weights, f"{layer}.bias": bias}


def calibrated(encoder: Encoder, pairs: Pairs) -> Matcher:
    """The matcher whose match probability is fitted to the cosines of `pairs`."""
    cosine = Matcher(encoder, Calibration(1.0, 0.0)).cosine(pairs.video, pairs.music)
    return Matcher(encoder, calibration(cosine, pairs.match))
