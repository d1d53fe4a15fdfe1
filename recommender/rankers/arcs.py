"""Sections whose feeling moves as the clip's does: agreement of two courses, beyond their means."""

from typing import NamedTuple

import numpy as np

from recommender.affect.course import Course
from recommender.types import Array

WEIGHT = 0.25
"""What agreement of courses counts beside the mean cosine: chosen in `benchmarks/arcs.py` on planted arcs."""


class Arc(NamedTuple):
    """A clip's course as rankers see it.

    Attributes
    ----------
    course: of the clip. vectors: float32 [n, dim], what is searched for in each of its windows.
    """

    course: Course
    vectors: Array


def agreements(arc: Arc, bounds: Array, affect: Array, *, length: int) -> Array:
    """float64 [r]: how well each run of `length` windows follows the arc, in [-1, 1]; 0 for one that does not move.

    Parameters
    ----------
    bounds: float64 [n, 2] of a track's windows. affect: float32 [n, 4] of them.

    With c and m the courses of clip and section, each less its mean over the section, s the section's stated SDs and w
    how surely the clip moves in a dimension, over the square of the clip's SD there:
    sum w c m / sqrt(sum w c² * sum w (m² + s²)). Movements that the SDs would give by themselves count little.
    """
    times = runs(bounds.mean(axis=1), length) - bounds[: len(bounds) - length + 1, :1]
    clip = arc.course
    weights = clip.sureness / np.square(clip.affect[:, 2:].astype(np.float64)).mean(axis=0)
    both = squared_clip = squared_music = np.zeros(len(times))
    for k in np.flatnonzero(weights):
        c = _centred(np.interp(times, clip.centres_s, clip.affect[:, k]))
        m = _centred(runs(affect[:, k].astype(np.float64), length))
        noise = runs(np.square(affect[:, 2 + k].astype(np.float64)), length)
        both = both + weights[k] * (c * m).sum(axis=1)
        squared_clip = squared_clip + weights[k] * np.square(c).sum(axis=1)
        squared_music = squared_music + weights[k] * (np.square(m) + noise).sum(axis=1)
    scale = np.sqrt(squared_clip * squared_music)
    return np.divide(both, scale, out=np.zeros(len(times)), where=scale > 0)


def cosines_in_time(arc: Arc, bounds: Array, vectors: Array, *, length: int) -> Array:
    """float64 [r]: the mean cosine of each run's windows with what the clip is at that moment."""
    times = runs(bounds.mean(axis=1), length) - bounds[: len(bounds) - length + 1, :1]
    centres = arc.course.centres_s
    nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, times)
    cosines = np.einsum("nd,md->nm", vectors, arc.vectors, dtype=np.float64)
    rows = np.arange(len(times))[:, None] + np.arange(length)
    return np.asarray(np.clip(cosines[rows, nearest].mean(axis=1), -1, 1))


def lift(score: float, follows: float) -> float:
    """`score` in [0, 1], moved by `WEIGHT` of the room up to 1 where a section follows the arc, or down to 0 where it
    goes against it; the same score where `follows` is 0."""
    return score + WEIGHT * follows * (1 - score if follows > 0 else max(score, 0.0))


def runs(values: Array, length: int) -> Array:
    """[r, length]: every run of so many of `values` [n]."""
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, length))


def _centred(values: Array) -> Array:
    return np.asarray(values - values.mean(axis=1, keepdims=True))
