"""Feature preparation fitted on training rows and kept inside the fitted system."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from recommender.errors import InputError
from recommender.types import Array


@dataclass(frozen=True)
class Standardiser:
    """Features minus the training mean over the training standard deviation.

    mean, scale: float64 [d]; a constant column has scale 1, so that it becomes 0. (Square roots of the features
    first, which even out the long tails of ReLU activations, cost mAP on grouped folds of EmoMV-C's train.)
    """

    mean: Array
    scale: Array

    def __call__(self, features: Array) -> Array:
        """float32 [n, d] of features [n, d]."""
        check_columns(features, len(self.mean), "system")
        return ((np.asarray(features, np.float64) - self.mean) / self.scale).astype(np.float32)

    def fold_into(self, weights: Array, bias: Array) -> tuple[Array, Array]:
        """W float64 [d, k] and b [k] with which raw features x give x W + b = prepared x * `weights` + `bias`."""
        raw = np.asarray(weights, np.float64) / self.scale[:, None]
        return raw, np.asarray(bias, np.float64) - self.mean @ raw


def optional_module(system: str, package: str, module: str) -> Any:
    """The `module` of a package that `system` needs; raises InputError where it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(f"{system} needs {package}, which is not installed: pip install 'cliptune[train]'") from error


def check_columns(features: Array, columns: int, what: str) -> None:
    """Raises InputError when `features` are no [n, columns], which `what` was fitted on."""
    if features.ndim != 2 or features.shape[1] != columns:
        fitted = f"features of shape {features.shape} where the {what} was fitted on {columns} columns"
        raise InputError(f"{fitted}: give features of the same extractor")


def standardiser(features: Array) -> Standardiser:
    """The `Standardiser` fitted on the rows of `features` [n, d]."""
    if len(features) == 0 or features.shape[1] == 0:
        raise InputError(f"features of shape {features.shape}: a system needs rows and columns of both modalities")
    if not np.isfinite(features).all():
        raise InputError("training features hold NaN or infinite values: extract them again")
    values = np.asarray(features, np.float64)
    scale = values.std(axis=0)
    return Standardiser(values.mean(axis=0), np.where(scale > 1e-12, scale, 1.0))
