"""Accuracy, F1, ROC AUC and confusion, with the level that the same predictions reach by chance."""

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.measures.pointwise import Pointwise, matching


def confusion(truth: Array, predicted: Array, classes: int | None = None) -> Array:
    """int64 [k, k]: items of true class (row) by predicted class (column); classes are 0..k-1.

    Without `classes`, k is the largest class seen plus one. Raises InputError for values that are no such class.
    """
    truth, predicted = _classes(truth, predicted)
    largest = int(max(truth.max(), predicted.max()))
    k = largest + 1 if classes is None else classes
    if largest >= k:
        raise InputError(f"class {largest} is outside 0 to {k - 1}")
    return np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k)


def accuracy(truth: Array, predicted: Array) -> float:
    """Share of items whose class is predicted."""
    truth, predicted = _classes(truth, predicted)
    return float((truth == predicted).mean())


def f1(truth: Array, predicted: Array) -> float:
    """F1 of class 1 of two: 2 TP / (true + predicted ones); 0 when there is neither."""
    return _f1(confusion(truth, predicted, 2))


def macro_f1(truth: Array, predicted: Array) -> float:
    """Mean over all classes seen, in truth or prediction, of the F1 of each."""
    return _macro(confusion(truth, predicted))


def roc_auc(truth: Array, score: Array) -> float:
    """Probability that an item of class 1 scores above one of class 0, ties counting half; NaN with one class only."""
    truth, score = _binary(truth, score)
    ones = int(truth.sum())
    zeros = len(truth) - ones
    if not ones or not zeros:
        return float("nan")
    _, which, times = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(times) - (times - 1) / 2)[which]  # mean rank from 1 of each group of ties
    return float((rank[truth == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def majority(truth: Array) -> float:
    """Accuracy of always answering the most frequent class."""
    truth, _ = _classes(truth, truth)
    return float(np.bincount(truth).max() / len(truth))


def chance_accuracy(truth: Array, predicted: Array) -> float:
    """Sum over classes of true share times predicted share."""
    return float(np.trace(_deal(confusion(truth, predicted))) / len(truth))


def chance_f1(truth: Array, predicted: Array) -> float:
    """F1 of the expected true positives: exact, since the numbers of true and predicted ones stay the same."""
    return _f1(_deal(confusion(truth, predicted, 2)))


def chance_macro_f1(truth: Array, predicted: Array) -> float:
    """Mean of the expected F1 of each class seen."""
    return _macro(_deal(confusion(truth, predicted)))


def chance_auc(truth: Array, score: Array) -> float:
    """One half, by symmetry; NaN with one class only."""
    truth, _ = _binary(truth, score)
    return 0.5 if 0 < truth.sum() < len(truth) else float("nan")


MEASURES = {
    "accuracy": Pointwise(accuracy, chance_accuracy, "class", "share of items classified correctly"),
    "F1": Pointwise(f1, chance_f1, "class", "F1 of class 1 of two"),
    "macro-F1": Pointwise(macro_f1, chance_macro_f1, "class", "mean F1 over classes"),
    "AUC": Pointwise(roc_auc, chance_auc, "score", "area under the ROC curve"),
}


def _deal(table: Array) -> Array:
    """The expected confusion of the same predictions dealt at random."""
    return np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()


def _macro(table: Array) -> float:
    both = table.sum(axis=1) + table.sum(axis=0)
    return float((2 * np.diag(table)[both > 0] / both[both > 0]).mean())


def _f1(table: Array) -> float:
    both = table[1].sum() + table[:, 1].sum()
    return float(2 * table[1, 1] / both) if both else 0.0


def _classes(truth: Array, predicted: Array) -> tuple[Array, Array]:
    truth, predicted = matching(truth, predicted)
    for values, what in ((truth, "true"), (predicted, "predicted")):
        if (values != np.floor(values)).any() or (values < 0).any():
            raise InputError(f"{what} classes must be whole numbers from 0 (a score is not a class)")
    return truth.astype(np.int64), predicted.astype(np.int64)


def _binary(truth: Array, score: Array) -> tuple[Array, Array]:
    truth, score = matching(truth, score)
    if not np.isin(truth, (0, 1)).all():
        raise InputError("the true classes of a ROC curve must be 0 or 1")
    return truth.astype(np.int64), score
