"""Mean absolute and squared error and R2, with the level that the same predictions reach by chance."""

import numpy as np

from recommender.types import Array
from training.measures.pointwise import Pointwise, matching


def mae(truth: Array, predicted: Array) -> float:
    """Mean absolute error."""
    truth, predicted = _numbers(truth, predicted)
    return float(np.abs(truth - predicted).mean())


def mse(truth: Array, predicted: Array) -> float:
    """Mean squared error."""
    truth, predicted = _numbers(truth, predicted)
    return float(((truth - predicted) ** 2).mean())


def r2(truth: Array, predicted: Array) -> float:
    """1 - squared error / squared error of the mean of the truth; NaN when the truth is constant."""
    return _explain(truth, mse(truth, predicted))


def chance_mae(truth: Array, predicted: Array) -> float:
    """Mean |t - p| over all pairs of a true and a predicted value."""
    truth, predicted = _numbers(truth, predicted)
    ordered = np.sort(predicted)
    upto = np.concatenate([[0.0], np.cumsum(ordered)])
    below = np.searchsorted(ordered, truth)
    # Per t: the values below it count t - p, the others p - t.
    total = truth * (2 * below - len(ordered)) + upto[-1] - 2 * upto[below]
    return float(total.mean() / len(ordered))


def chance_mse(truth: Array, predicted: Array) -> float:
    """Mean (t - p)^2 over all pairs: both variances plus the squared difference of the means."""
    truth, predicted = _numbers(truth, predicted)
    return float(truth.var() + predicted.var() + (truth.mean() - predicted.mean()) ** 2)


def chance_r2(truth: Array, predicted: Array) -> float:
    """R2 at the chance level of the squared error: below 0 unless the predictions are constant at the mean."""
    return _explain(truth, chance_mse(truth, predicted))


MEASURES = {
    "MAE": Pointwise(mae, chance_mae, "number", "mean absolute error", larger_is_better=False),
    "MSE": Pointwise(mse, chance_mse, "number", "mean squared error", larger_is_better=False),
    "R2": Pointwise(r2, chance_r2, "number", "share of variance explained"),
}


def _numbers(truth: Array, predicted: Array) -> tuple[Array, Array]:
    truth, predicted = matching(truth, predicted)
    return truth.astype(np.float64), predicted.astype(np.float64)


def _explain(truth: Array, error: float) -> float:
    truth = np.asarray(truth, np.float64)
    # Not var() > 0: the mean of equal values may be off by one rounding.
    return float(1 - error / truth.var()) if truth.max() > truth.min() else float("nan")
