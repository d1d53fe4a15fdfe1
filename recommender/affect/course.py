"""How a clip's valence and arousal move from window to window, and whether they surely move at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from recommender.types import Affect, Array, Moment

LONGER_THAN_S = 20.0
"""Clips up to this long have no arc: two windows of 10 s that share no picture tell no course."""
MOST_TERMS = 3
"""Slow movements that are looked for: a rise or fall, an arch or dip, and one turn more."""
OWN_SHARE = 0.5
"""Of a window's squared error, what is its own and not all of the item's: of rated music .53 in valence and .44 in
arousal (whole pieces err by .599 and .593 SD, their windows by .878 and .793; the model's card)."""
RARE = (10.828, 13.816, 16.266)
"""What the sum of 1, 2 and 3 squared standard normal numbers exceeds once in a thousand times (chi-squared)."""


@dataclass(frozen=True)
class Course:
    """Valence and arousal of an item over its windows.

    Attributes
    ----------
    windows: float64 [n, 2], start and end in seconds. affect: float32 [n, 4], an `Affect` per window.
    duration_s: of the item, of which the windows may leave out a tail.
    """

    windows: Array
    affect: Array
    duration_s: float

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Every window with its affect."""
        return moments_of(self.windows, self.affect)

    @property
    def centres_s(self) -> Array:
        """float64 [n]: the middle of every window."""
        return np.asarray(self.windows.mean(axis=1))

    @cached_property
    def _energy(self) -> Array:
        """float64 [k, 2]: the signed square of each slow term of valence and arousal, over that of its error."""
        means, sds = np.split(self.affect.astype(np.float64), 2, axis=1)
        terms = _cosines(len(means), min(MOST_TERMS, len(means) // 2)) @ means
        return np.asarray(terms * np.abs(terms) / (OWN_SHARE * np.square(sds).mean(axis=0)))

    @property
    def movement(self) -> tuple[str, int]:
        """What it does most, with 0 of valence or 1 of arousal: "rises", "falls", "rises and falls" (an arch), "falls
        and rises" (a dip) or "moves"; of a course that has an arc."""
        term, dimension = np.unravel_index(np.argmax(np.abs(self._energy)), self._energy.shape)
        high_first = bool(self._energy[term, dimension] > 0)
        words = (("rises", "falls"), ("rises and falls", "falls and rises"), ("moves", "moves"))
        return words[term][high_first], int(dimension)

    @property
    def sureness(self) -> Array:
        """float64 [2], of valence and arousal: the share of the slow movement that is more than errors give, in
        [0, 1)."""
        terms, energy = len(self._energy), np.abs(self._energy).sum(axis=0)
        return np.asarray(1 - terms / np.maximum(energy, max(terms, 1)))

    @cached_property
    def has_arc(self) -> bool:
        """Whether valence or arousal surely moves, in an item longer than `LONGER_THAN_S`.

        The slow movement of a course is its first cosine terms (DCT-II without the mean), as many as half its windows,
        which overlap by half, and at most `MOST_TERMS`. Their squares over the square of what a window errs by for
        itself would follow a chi-squared distribution with so many degrees of freedom if the item stayed the same:
        beyond what that exceeds once in a thousand times a movement counts.
        """
        terms = len(self._energy)
        if terms == 0 or self.duration_s <= LONGER_THAN_S:
            return False
        return bool((np.abs(self._energy).sum(axis=0) > RARE[terms - 1]).any())


def moments_of(windows: Array, affect: Array) -> tuple[Moment, ...]:
    """Windows [n, 2] with their affect [n, 4]; nothing of affect [n, 0], which is not known."""
    rows = zip(windows.tolist(), affect.tolist(), strict=True)
    return tuple(Moment(start, end, Affect(*values)) for (start, end), values in rows if values)


def follow_on(courses: Sequence[Course | None], lengths_s: Sequence[float]) -> Course | None:
    """The course of items shown one after the other; None where one has none.

    Parameters
    ----------
    courses: of the items, in order. lengths_s: how long each is shown; a picture that does not move lasts so long.
    """
    known = [course for course in courses if course is not None]
    if len(known) < len(courses) or not known:
        return None
    starts = np.cumsum([0.0, *lengths_s[:-1]])
    windows = []
    for course, start, length in zip(known, starts, lengths_s, strict=True):
        moving = course.windows[-1, 1] > 0
        windows.append(start + (course.windows if moving else np.array([[0.0, length]])))
    return Course(np.concatenate(windows), np.concatenate([course.affect for course in known]), sum(lengths_s))


def _cosines(n: int, count: int) -> Array:
    """float64 [count, n]: orthonormal cosines of `n` points, the slowest first, without the constant one."""
    terms = np.arange(1, count + 1)[:, None]
    return np.asarray(np.sqrt(2 / n) * np.cos(np.pi * terms * (np.arange(n) + 0.5) / n))
