"""Sections whose feeling moves as the clip's does: agreement of two courses, beyond their means.

Runs of windows of many tracks are compared at once: a query has 200 candidates, with thousands of runs.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from recommender.affect.course import Course
from recommender.extractors.windows import HOP_S, LENGTH_S
from recommender.types import Array, TrackWindows

WEIGHT = 0.5
"""What agreement of courses counts beside the mean cosine: chosen in `benchmarks/arcs.py` on planted arcs."""


class Arc(NamedTuple):
    """A clip's course as rankers see it.

    Attributes
    ----------
    course: of the clip. vectors: float32 [n, dim], what is searched for in each of its windows.
    """

    course: Course
    vectors: Array


class Runs(NamedTuple):
    """Runs of windows [first, last] of candidates: which candidate, first, last, int64 [r] each."""

    owner: Array
    first: Array
    last: Array


class Match(NamedTuple):
    """How well runs go with a clip in time, float64 [r] each.

    Attributes
    ----------
    cosines: the mean over the clip's windows of the cosine of what it is then with the run's window at that time.
    follows: agreement of the two courses, in [-1, 1]; 0 of a run that does not move.
    """

    cosines: Array
    follows: Array


def compare(arc: Arc, candidates: Sequence[TrackWindows], runs: Runs) -> Match:
    """Runs beside a clip from its beginning on. Where a run is shorter than the clip, it stays at its mean.

    With c and m the courses of clip and run over the clip's windows, each less its mean, s the stated SDs of the run
    and w how surely the clip moves in a dimension, over the square of the clip's SD there, agreement is
    sum w c m / sqrt(sum w c² * sum w (m² + s²)): movements that SDs would give by themselves count little.
    """
    affect = np.concatenate([one.affect for one in candidates]).astype(np.float64)
    vectors = np.concatenate([one.vectors for one in candidates])
    rows, covered = _rows_at(arc.course, candidates, runs)
    every = np.einsum("nd,md->nm", vectors, arc.vectors, dtype=np.float64)
    cosines, values = every[rows, np.arange(rows.shape[1])], affect[rows]
    starts = _starts(candidates)[runs.owner]
    for i in np.flatnonzero(~covered.all(axis=1)):
        inside, gone = slice(starts[i] + runs.first[i], starts[i] + runs.last[i] + 1), ~covered[i]
        cosines[i, gone] = every[inside].mean(axis=0)[gone]
        values[i, gone] = affect[inside].mean(axis=0)
    return Match(np.clip(cosines.mean(axis=1), -1, 1), _agree(arc.course, values))


def _agree(clip: Course, values: Array) -> Array:
    """float64 [r]: agreement of the clip's course with `values` [r, n, 4], affect at each of its windows."""
    means, sds = np.split(clip.affect.astype(np.float64), 2, axis=1)
    weights = clip.sureness / np.square(sds).mean(axis=0)
    c, m = means - means.mean(axis=0), values[:, :, :2] - values[:, :, :2].mean(axis=1, keepdims=True)
    noise = np.square(values[:, :, 2:]).sum(axis=1) @ weights
    both = np.einsum("rnk,nk,k->r", m, c, weights)
    scale = np.sqrt((np.square(c).sum(axis=0) @ weights) * (np.square(m).sum(axis=1) @ weights + noise))
    return np.divide(both, scale, out=np.zeros(len(values)), where=scale > 0)


def _rows_at(clip: Course, candidates: Sequence[TrackWindows], runs: Runs) -> tuple[Array, Array]:
    """int64 [r, n], which of all the candidates' windows is nearest to each of the clip's, and whether the run has one.

    Windows lie on one grid, from which those of silence are missing: every window has its place on the grid, after the
    places of the candidates before it.
    """
    counts = [len(one.bounds) for one in candidates]
    grid = np.rint(np.concatenate([one.bounds[:, 0] for one in candidates]) / HOP_S).astype(np.int64)
    places = grid + np.repeat(np.arange(len(candidates)), counts) * (int(grid.max()) + 1)
    starts = _starts(candidates)[runs.owner]
    steps = np.maximum(np.rint((clip.centres_s - LENGTH_S / 2) / HOP_S), 0).astype(np.int64)
    wanted, ends = places[starts + runs.first][:, None] + steps, places[starts + runs.last][:, None]
    after = np.clip(np.searchsorted(places, wanted), (starts + runs.first)[:, None], (starts + runs.last)[:, None])
    before = np.maximum(after - 1, (starts + runs.first)[:, None])
    nearer = np.abs(places[before] - wanted) < np.abs(places[after] - wanted)
    return np.where(nearer, before, after), wanted <= ends


def _starts(candidates: Sequence[TrackWindows]) -> Array:
    return np.cumsum([0, *(len(one.bounds) for one in candidates)])[:-1]


def worth(arc: Arc, windows: TrackWindows, first: int, *, last: int, encode: Callable[[Array], Array]) -> float:
    """What the mean cosine of a run, with what its course adds, loses when it stays at its own mean.

    Parameters
    ----------
    windows: of the track. first, last: of the run. encode: affect [n, 4] -> unit vectors [n, dim].
    """
    moving = compare(arc, [windows], Runs(*(np.array([at]) for at in (0, first, last))))
    level = encode(windows.affect[first : last + 1].mean(axis=0, keepdims=True))
    staying = float(np.einsum("nd,md->nm", level, arc.vectors, dtype=np.float64).mean())
    return lift(float(moving.cosines[0]), float(moving.follows[0])) - staying


def lift(score: float, follows: float) -> float:
    """`score` in [0, 1], moved by `WEIGHT` of the room up to 1 where a section follows the arc, or down to 0 where it
    goes against it; the same score where `follows` is 0."""
    return score + WEIGHT * follows * (1 - score if follows > 0 else max(score, 0.0))
