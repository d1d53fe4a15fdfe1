"""Sections of a track: runs of consecutive windows as long as the clip; and what a ranker is."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from recommender.extractors.windows import HOP_S
from recommender.rankers import arcs
from recommender.rankers.scoring import Scoring
from recommender.types import Array, Modality, TrackWindows


class Section(NamedTuple):
    """A run of windows [first, last] and its score: a probability, or a cosine in [-1, 1]."""

    score: float
    first: int
    last: int


class Question(NamedTuple):
    """A query as rankers see it: unit vector [dim], wanted length, its own side of AFCLNet [s] where known, the
    modality of the candidates, which is the other one where there is such a side, and its arc where it surely has one.
    """

    vector: Array
    length_s: float
    side: Array | None = None
    target: Modality = "music"
    arc: arcs.Arc | None = None


Ranker = Callable[[Question, Sequence[TrackWindows], Scoring], list[Section]]
"""(query, the windows of each candidate, what the model knows of scoring) -> the best section of each."""


def span(bounds: Array, length_s: float) -> int:
    """How many consecutive windows of `bounds` [n, 2] it takes to cover `length_s` (at least 1, at most n)."""
    covered = bounds[:, 1] - bounds[0, 0]
    return min(int(np.searchsorted(covered, length_s - 1e-6)) + 1, len(bounds))


def best_section(scores: Array, bounds: Array, length_s: float) -> Section:
    """The best run of windows `bounds` [n, 2] that covers `length_s`, by `scores` [n], or the longest there is."""
    return _best(bounds, length_s, lambda rows, length: best_run(scores[rows], length))


def following_section(arc: arcs.Arc, windows: TrackWindows, length_s: float) -> Section:
    """The run of `windows` that covers `length_s` and goes best with a clip that has an arc, or the longest there is.

    Its score is the mean cosine of its windows with what the clip is at that moment.
    """

    def run(rows: slice, length: int) -> Section:
        bounds = windows.bounds[rows]
        scores = arcs.cosines_in_time(arc, bounds, windows.vectors[rows], length=length)
        follows = arcs.agreements(arc, bounds, windows.affect[rows], length=length)
        first = int(np.argmax(scores + arcs.WEIGHT * follows))
        return Section(float(scores[first]), first, first + length - 1)

    return _best(windows.bounds, length_s, run)


def follows(arc: arcs.Arc | None, windows: TrackWindows, section: Section) -> float:
    """How well a section moves as the clip does, in [-1, 1]; 0 where the clip has no arc, or the track no affect."""
    if arc is None or not windows.affect.shape[1]:
        return 0.0
    rows = slice(section.first, section.last + 1)
    length = section.last + 1 - section.first
    return float(arcs.agreements(arc, windows.bounds[rows], windows.affect[rows], length=length)[0])


def worth_of_moving(arc: arcs.Arc, windows: TrackWindows, section: Section, encode: Callable[[Array], Array]) -> float:
    """What the mean cosine of a section, with what its course adds, loses when it stays at its own mean.

    `encode`: affect [n, 4] -> unit vectors [n, dim].
    """
    rows = slice(section.first, section.last + 1)
    bounds, length = windows.bounds[rows], section.last + 1 - section.first
    level = np.tile(encode(windows.affect[rows].mean(axis=0, keepdims=True)), (length, 1))
    moving, staying = (
        float(arcs.cosines_in_time(arc, bounds, vectors, length=length)[0])
        for vectors in (windows.vectors[rows], level)
    )
    return arcs.lift(moving, follows(arc, windows, section)) - staying


def lift(
    arc: arcs.Arc | None, candidates: Sequence[TrackWindows], sections: Sequence[Section], *, scores: Array
) -> list[Section]:
    """`sections` with `scores` [c], and what the arc adds to them."""
    found = zip(candidates, sections, scores.tolist(), strict=True)
    if arc is None:
        return [section._replace(score=score) for _, section, score in found]
    return [section._replace(score=arcs.lift(p, follows(arc, windows, section))) for windows, section, p in found]


def _best(bounds: Array, length_s: float, run: Callable[[slice, int], Section]) -> Section:
    """The best of what `run` finds (in some rows of `bounds`, a run of so many windows).

    A run does not go through a long silence, of which there are no windows.
    """
    apart = bounds[1:, 0] - bounds[:-1, 1] > HOP_S
    if not apart.any():
        return run(slice(None), span(bounds, length_s))
    found = []
    for start, end in pairwise([0, *(np.flatnonzero(apart) + 1).tolist(), len(bounds)]):
        one = run(slice(start, end), span(bounds[start:end], length_s))
        found.append(one._replace(first=one.first + start, last=one.last + start))
    return max(found, key=lambda section: (section.last - section.first, section.score))


def best_run(scores: Array, length: int) -> Section:
    """The run of `length` windows with the largest mean of `scores` [n]; the earliest among equals."""
    runs = np.lib.stride_tricks.sliding_window_view(scores, length).mean(axis=1)
    first = int(np.argmax(runs))
    return Section(float(runs[first]), first, first + length - 1)
