"""Reasons: what the score loses when one feature of the section is replaced by the library's median."""

import numpy as np

from recommender.model import Model
from recommender.plain import amount, label
from recommender.rankers.cosine import window_scores
from recommender.types import Array, Modality, Reason

MOST = 3
"""Reasons per track: what fits a line and a head."""


def reasons(
    query: Array, inputs: Array, medians: Array, model: Model, modality: Modality, most: int = MOST
) -> list[Reason]:
    """The `most` features whose replacement changes the section's score the most, largest change first.

    Parameters
    ----------
    query:   float32 [dim], the unit query vector.
    inputs:  float32 [n, f], the encoder's inputs in the section's windows.
    medians: float32 [f], the library's medians of the same columns.
    """
    names = model.inputs(modality)
    base = section_score(query, inputs, model, modality)
    changes = np.array(
        [base - section_score(query, replaced(inputs, j, medians[j]), model, modality) for j in range(len(names))]
    )
    order = np.argsort(-np.abs(changes), kind="stable")[:most]
    columns = model.columns(modality)
    found = []
    for j in order:
        if changes[j] == 0:
            continue
        column, value, median = columns[names[j]], float(inputs[:, j].mean()), float(medians[j])
        text = _sentence(names[j], column.unit, value, median, float(changes[j]))
        found.append(Reason(names[j], value, median, column.unit, float(changes[j]), text))
    return found


def section_score(query: Array, inputs: Array, model: Model, modality: Modality) -> float:
    """Mean cosine of the query with the windows that `inputs` [n, f] encode to."""
    return float(window_scores(model.encode(modality, inputs)[1], query).mean())


def replaced(inputs: Array, j: int, value: float) -> Array:
    """`inputs` with column j set to `value` in every window."""
    changed = np.array(inputs)
    changed[:, j] = value
    return changed


def _sentence(name: str, unit: str, value: float, median: float, change: float) -> str:
    side = "above" if value > median else "below" if value < median else "at"
    effect = "helps" if change > 0 else "hurts"
    measured, usual = amount(value, unit), amount(median)
    return f"{label(name)}: {measured}, {side} the library's median of {usual} ({effect} {change:+.3f})"
