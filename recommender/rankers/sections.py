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
    found = []
    for start, end in stretches(bounds):
        run = best_run(scores[start:end], span(bounds[start:end], length_s))
        found.append(Section(run.score, run.first + start, run.last + start))
    return max(found, key=lambda section: (section.last - section.first, section.score))


def stretches(bounds: Array) -> list[tuple[int, int]]:
    """First and end of each row of windows that sections may go through: not through a long silence, of which there
    are no windows."""
    apart = bounds[1:, 0] - bounds[:-1, 1] > HOP_S
    if not apart.any():
        return [(0, len(bounds))]
    return list(pairwise([0, *(np.flatnonzero(apart) + 1).tolist(), len(bounds)]))


def following_sections(arc: arcs.Arc, candidates: Sequence[TrackWindows], length_s: float) -> list[Section]:
    """Of each candidate the run that covers `length_s`, or the longest there is, and goes best with a clip with an arc.

    Its score is the mean cosine with what the clip is at each moment.
    """
    runs = [_longest_runs(windows.bounds, length_s) for windows in candidates]
    counts = [len(first) for first, _ in runs]
    owner = np.repeat(np.arange(len(candidates)), counts)
    first = np.concatenate([first for first, _ in runs])
    last = first + np.repeat([length for _, length in runs], counts) - 1
    match = arcs.compare(arc, candidates, arcs.Runs(owner, first, last))
    total, found, at = match.cosines + arcs.WEIGHT * match.follows, [], 0
    for count in counts:
        best = at + int(np.argmax(total[at : at + count]))
        found.append(Section(float(match.cosines[best]), int(first[best]), int(last[best])))
        at += count
    return found


def _longest_runs(bounds: Array, length_s: float) -> tuple[Array, int]:
    """The first windows of all runs that cover `length_s`, or are the longest there are, and how many windows each."""
    spans = [(start, end, span(bounds[start:end], length_s)) for start, end in stretches(bounds)]
    length = max(length for _, _, length in spans)
    firsts = [np.arange(start, end - length + 1) for start, end, one in spans if one == length]
    return np.concatenate(firsts), length


def follows(arc: arcs.Arc, candidates: Sequence[TrackWindows], sections: Sequence[Section]) -> Array:
    """float64 [c]: how well the section of each candidate moves as the clip does, in [-1, 1]."""
    owner, first, last = np.arange(len(sections)), [s.first for s in sections], [s.last for s in sections]
    return arcs.compare(arc, candidates, arcs.Runs(owner, np.array(first), np.array(last))).follows


def lift(
    arc: arcs.Arc | None, candidates: Sequence[TrackWindows], sections: Sequence[Section], *, scores: Array
) -> list[Section]:
    """`sections` with `scores` [c], and what the arc adds to them."""
    shown = scores.tolist()
    if arc is not None and sections:
        added = follows(arc, candidates, sections).tolist()
        shown = [arcs.lift(score, one) for score, one in zip(shown, added, strict=True)]
    return [section._replace(score=score) for section, score in zip(sections, shown, strict=True)]


def best_run(scores: Array, length: int) -> Section:
    """The run of `length` windows with the largest mean of `scores` [n]; the earliest among equals."""
    runs = np.lib.stride_tricks.sliding_window_view(scores, length).mean(axis=1)
    first = int(np.argmax(runs))
    return Section(float(runs[first]), first, first + length - 1)
