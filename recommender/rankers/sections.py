"""Sections of a track: runs of consecutive windows as long as the clip; and what a ranker is."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from recommender.extractors.windows import HOP_S
from recommender.rankers.scoring import Scoring
from recommender.types import Array, Modality, TrackWindows


class Section(NamedTuple):
    """A run of windows [first, last] and its score: a probability, or a cosine in [-1, 1]."""

    score: float
    first: int
    last: int


class Question(NamedTuple):
    """A query as rankers see it: unit vector [dim], wanted length, its own side of AFCLNet [s] where known, and the
    modality of the candidates, which is the other one where there is such a side."""

    vector: Array
    length_s: float
    side: Array | None = None
    target: Modality = "music"


Ranker = Callable[[Question, Sequence[TrackWindows], Scoring], list[Section]]
"""(query, the windows of each candidate, what the model knows of scoring) -> the best section of each."""


def span(bounds: Array, length_s: float) -> int:
    """How many consecutive windows of `bounds` [n, 2] it takes to cover `length_s` (at least 1, at most n)."""
    covered = bounds[:, 1] - bounds[0, 0]
    return min(int(np.searchsorted(covered, length_s - 1e-6)) + 1, len(bounds))


def best_section(scores: Array, bounds: Array, length_s: float) -> Section:
    """The best run of windows `bounds` [n, 2] that covers `length_s`, by `scores` [n], or the longest there is.

    A run does not go through a long silence, of which there are no windows.
    """
    apart = bounds[1:, 0] - bounds[:-1, 1] > HOP_S
    if not apart.any():
        return best_run(scores, span(bounds, length_s))
    found = []
    for start, end in pairwise([0, *(np.flatnonzero(apart) + 1).tolist(), len(bounds)]):
        run = best_run(scores[start:end], span(bounds[start:end], length_s))
        found.append(Section(run.score, run.first + start, run.last + start))
    return max(found, key=lambda section: (section.last - section.first, section.score))


def best_run(scores: Array, length: int) -> Section:
    """The run of `length` windows with the largest mean of `scores` [n]; the earliest among equals."""
    runs = np.lib.stride_tricks.sliding_window_view(scores, length).mean(axis=1)
    first = int(np.argmax(runs))
    return Section(float(runs[first]), first, first + length - 1)
