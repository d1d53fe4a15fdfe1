"""Reasons: what speaks for a section and what against, feature by feature or emotion by emotion."""

from collections.abc import Callable, Sequence

import numpy as np

from recommender.affect.course import Course
from recommender.affect.words import COLUMN
from recommender.plain import about, amount, label, words
from recommender.rankers.cosine import window_scores
from recommender.types import Array, Column, Emotions, Reason

Encode = Callable[[Array], Array]

SMALLEST = 0.001
"""Changes of an emotion's agreement below are not worth a line."""

WORTH = 0.1
"""Features that change the score less than this share of what the strongest does are not worth a word: the words of a
track stand side by side, without saying how much each counts."""

ARC, FOLLOWS = "arc", 0.3
"""Feature of the reason that tells how a section follows a clip's arc, and the agreement from which it is told."""

OPPOSITES = {"rises": "falls", "falls": "rises", "brightens": "darkens", "darkens": "brightens"}

MOST = 3
"""Reasons per track: what fits a line and a head."""


def by_replacement(
    query: Array, inputs: Array, medians: Array, *, columns: Sequence[Column], encode: Encode, most: int = MOST
) -> list[Reason]:
    """The `most` features whose replacement by the library's median changes the section's score most, one of a kind.

    Parameters
    ----------
    query:    float32 [dim], the unit query vector.
    inputs:   float32 [n, f or more], what the section's windows measure; `columns` [f] are explained.
    medians:  float32 [f or more], the library's medians of the same columns.
    encode:   unit vectors [m, dim] of rows [m, f].
    """
    changes = _losses(query, inputs[:, : len(columns)], medians, encode)
    found = []
    for j in _strongest([column.name for column in columns], changes)[:most]:
        name, unit, _ = columns[j]
        value, median, change = float(inputs[:, j].mean()), float(medians[j]), float(changes[j])
        text = _sentence(name, unit, value, median, change)
        found.append(Reason(name, value, median, unit, change, text, words(name, value, median)))
    return found


def by_agreement(query: Emotions, section: Emotions, usual: Emotions, *, most: int = MOST) -> list[Reason]:
    """The emotions that make a section agree with the query more, or less, than what is `usual` in the library.

    With probabilities q and s of query and section their agreement is sum_e q_e s_e, the chance that two independent
    labels are equal; putting the usual u_e in the place of s_e takes q_e (s_e - u_e) away from it.
    """
    changes = {name: query[name] * (section[name] - usual[name]) for name in query}
    found = []
    for name in sorted((n for n in changes if abs(changes[n]) >= SMALLEST), key=lambda n: -abs(changes[n]))[:most]:
        text = (
            f"{name}: {section[name]:.0%} likely here, {query[name]:.0%} in the query; "
            f"the library's median is {usual[name]:.0%} ({_effect(changes[name])})"
        )
        spoken = name if section[name] > usual[name] else f"less {name}"
        found.append(Reason(COLUMN + name, section[name], usual[name], "", changes[name], text, spoken))
    return found


def by_course(reasons: Sequence[Reason], course: Course, *, follows: float, change: float) -> list[Reason]:
    """`reasons` of a section with how it follows the arc of a clip among them, where that is worth a word.

    Parameters
    ----------
    course: of the clip, which has an arc. follows: how well the section moves with it, in [-1, 1]. change: what its
    score loses when it stays at its own mean.
    """
    if abs(follows) < FOLLOWS:
        return list(reasons)
    spoken = _moving(*course.movement, follows > 0)
    text = f"course of feeling: {spoken} (agreement {follows:+.2f} of at most 1; {_effect(change)})"
    found = [*reasons, Reason(ARC, follows, 0.0, "", change, text, spoken)]
    return sorted(found, key=lambda why: -abs(why.change))


def _moving(movement: str, dimension: int, agrees: bool) -> str:
    """In an editor's words: `rises with the picture`, `darkens where the picture brightens`."""
    if dimension == 0:
        movement = movement.replace("rises", "brightens").replace("falls", "darkens")
    if agrees:
        return f"{movement} with the picture"
    opposite = OPPOSITES.get(movement)
    return f"{opposite} where the picture {movement}" if opposite else "moves against the picture"


def _strongest(names: Sequence[str], changes: Array) -> list[int]:
    """Where the largest `changes` are, the largest first; of columns about the same thing only the first.

    Two that measure the pace could else be told as `slow` and `busy rhythm` of one track.
    """
    least = WORTH * np.abs(changes).max(initial=0)
    found: dict[str, int] = {}
    for j in np.argsort(-np.abs(changes), kind="stable").tolist():
        if changes[j] != 0 and abs(changes[j]) >= least:
            found.setdefault(about(names[j]), j)
    return list(found.values())


def _losses(query: Array, inputs: Array, medians: Array, encode: Encode) -> Array:
    """float64 [f]: what the section's score, its mean cosine with the query, loses when a feature becomes the median.

    Of n windows all n (f + 1) rows are encoded at once, the section as it is first.
    """
    f = inputs.shape[1]
    rows = np.tile(inputs, (f + 1, 1, 1))  # [f + 1, n, f]
    for j in range(f):
        rows[j + 1, :, j] = medians[j]
    scores = window_scores(encode(rows.reshape(-1, f)), query).reshape(f + 1, -1).mean(axis=1)
    return scores[0] - scores[1:]


def _sentence(name: str, unit: str, value: float, median: float, change: float) -> str:
    side = "above" if value > median else "below" if value < median else "at"
    measured, usual = amount(value, unit), amount(median)
    return f"{label(name)}: {measured}, {side} the library's median of {usual} ({_effect(change)})"


def _effect(change: float) -> str:
    return f"{'helps' if change > 0 else 'hurts'} {change:+.3f}"
