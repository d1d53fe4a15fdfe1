"""How good three opinions are, and what their agreement is worth."""

from collections.abc import Mapping, Sequence

import numpy as np

from recommender.types import Array
from training.measures.classification import accuracy, macro_f1, majority, roc_auc

KINDS = ("video", "music", "joint")
"""The three models, by what they read."""

DISAGREE = -1


def find_agreement(opinions: Mapping[str, Array]) -> Array:
    """int64 [n]: the emotion that all three models find most probable, DISAGREE where they differ (section 3.2.2).

    `opinions`: probabilities [n, classes] by kind.
    """
    first, *rest = (opinions[kind].argmax(axis=1) for kind in KINDS)
    same = np.all([first == other for other in rest], axis=0)
    return np.where(same, first, DISAGREE).astype(np.int64)


def figures(opinions: Mapping[str, Array], emotion: Array) -> dict[str, float]:
    """Measures of the opinions on segments of known `emotion` [n], by name; NaN for what has no value.

    Per kind: accuracy, macro-F1, AUC (each emotion against the others, averaged). `survival` is the share of segments
    on which all agree, `agreed accuracy` theirs; `joint beside` is the joint model's accuracy on all others, `most
    certain accuracy` that of as many segments as survive, those of which the joint model is most
    certain: what the rule must beat.
    """
    found: dict[str, float] = {"majority accuracy": majority(emotion)}
    for kind in KINDS:
        p = opinions[kind]
        found[f"{kind} accuracy"] = accuracy(emotion, p.argmax(axis=1))
        found[f"{kind} macro-F1"] = macro_f1(emotion, p.argmax(axis=1))
        found[f"{kind} AUC"] = one_against_others(emotion, p)
    tag, joint = find_agreement(opinions), opinions["joint"]
    kept = tag != DISAGREE
    certain = np.zeros(len(emotion), bool)
    certain[np.argsort(-joint.max(axis=1), kind="stable")[: kept.sum()]] = True
    return found | {
        "survival": float(kept.mean()),
        "agreed accuracy": share(tag == emotion, kept),
        "joint beside": share(joint.argmax(axis=1) == emotion, ~kept),
        "most certain accuracy": share(joint.argmax(axis=1) == emotion, certain),
    }


def share(right: Array, among: Array) -> float:
    """How much of `right` [n] holds `among` [n] (bool); NaN among none."""
    return float(right[among].mean()) if among.any() else float("nan")


def one_against_others(emotion: Array, probabilities: Array) -> float:
    """The mean ROC AUC of every emotion that some, not all, segments have; NaN without any."""
    classes = [c for c in range(probabilities.shape[1]) if 0 < (emotion == c).sum() < len(emotion)]
    found = [roc_auc((emotion == c).astype(np.int64), probabilities[:, c]) for c in classes]
    return float(np.mean(found)) if found else float("nan")


def summary(each: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """`mean_and_sd`, JSON-ready: None for what has no value."""
    return {
        name: {"mean": None if np.isnan(mean) else mean, "sd": sd} for name, (mean, sd) in mean_and_sd(each).items()
    }


def mean_and_sd(each: Sequence[Mapping[str, float]]) -> dict[str, tuple[float, float | None]]:
    """Mean and, of values that differ, sample SD over seeds of every figure; what has no value is left out."""
    found: dict[str, tuple[float, float | None]] = {}
    for name in each[0]:
        values = np.array([one[name] for one in each])
        known = values[~np.isnan(values)]
        sd = float(known.std(ddof=1)) if len(known) > 1 and np.ptp(known) else None
        found[name] = (float(known.mean()) if len(known) else float("nan"), sd)
    return found
