"""Logistic regression with an L2 penalty, multinomial and of one variable; fitted by L-BFGS to convergence."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from recommender.encoders import Calibration
from recommender.types import Array

__all__ = ["Calibration", "Multinomial", "calibration", "multinomial", "row_space"]


LEAST = 1e-3
"""The least slope of a calibration, in log-odds per standard deviation of the score."""


@dataclass(frozen=True)
class Multinomial:
    """Class probabilities softmax(x W + b): weights float64 [d, c], bias [c]."""

    weights: Array
    bias: Array

    def logits(self, features: Array) -> Array:
        """float64 [n, c] of features [n, d]."""
        return np.asarray(features, np.float64) @ self.weights + self.bias

    def __call__(self, features: Array) -> Array:
        """Probabilities float64 [n, c]."""
        return softmax(self.logits(features), axis=1)


def multinomial(features: Array, labels: Array, classes: int, *, penalty: float, sample_weight: Array) -> Multinomial:
    """The minimum of sum_i w_i / sum(w) * -log p(y_i | x_i) + penalty / (2 d) |W|^2, the bias being free.

    features [n, d], labels int [n], sample_weight [n]. The penalty is divided by the dimension d so that one value
    means the same shrinkage of the logits for 128 standardised features and for 2304.
    """
    x, rotation = row_space(np.asarray(features, np.float64))
    target = np.eye(classes)[labels]
    weight = (sample_weight / np.sum(sample_weight))[:, None]
    ridge, d = penalty / features.shape[1], x.shape[1]

    def objective(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(d + 1, classes)
        log_p = log_softmax(x @ w[:d] + w[d], axis=1)
        residual = weight * (np.exp(log_p) - target)
        loss = -np.sum(weight * target * log_p) + 0.5 * ridge * np.sum(w[:d] ** 2)
        gradient = np.vstack([x.T @ residual + ridge * w[:d], residual.sum(axis=0)])
        return float(loss), gradient.ravel()

    start = np.zeros((d + 1) * classes)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "gtol": 1e-7})
    solution = found.x.reshape(d + 1, classes)
    return Multinomial(rotation @ solution[:d], solution[d])


def row_space(x: Array) -> tuple[Array, Array]:
    """x V [n, r] and V [d, r] orthonormal: the rows' own subspace, where every ridge solution lies; r <= n.

    Features fewer than rows stay as they are.
    """
    if x.shape[1] <= len(x):
        return x, np.eye(x.shape[1])
    _, values, vt = np.linalg.svd(x, full_matrices=False)
    v = vt[values > 1e-10 * values[0]].T
    return x @ v, v


def calibration(score: Array, match: Array) -> Calibration:
    """Logistic regression of `match` [n] (0 or 1) on `score` [n], the slope lightly penalised (separable scores).

    Fractions of matches count as that much of a match and the rest of a mismatch. A score that falls with matching
    keeps a slope of LEAST per deviation: what is shown must not turn the order around.
    """
    centre, spread = float(np.mean(score)), float(np.std(score)) or 1.0
    x = ((np.asarray(score, np.float64) - centre) / spread)[:, None]
    share = np.asarray(match, np.float64)
    labels = np.repeat([1, 0], len(x))
    model = multinomial(np.vstack([x, x]), labels, 2, penalty=1e-3, sample_weight=np.concatenate([share, 1 - share]))
    slope = float(model.weights[0, 1] - model.weights[0, 0])
    intercept = float(model.bias[1] - model.bias[0])
    if slope < LEAST:
        rate = float(np.clip(share.mean(), 1e-6, 1 - 1e-6))
        slope, intercept = LEAST, float(np.log(rate / (1 - rate)))
    return Calibration(slope / spread, intercept - slope * centre / spread)
