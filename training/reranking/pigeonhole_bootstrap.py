"""How well scores of all videos with all music agree with the truth, with intervals over groups of both sides.

A video's theme and a piece's series both bring many pairs along. So a resample draws themes and series with
replacement, and a pair counts as often as its theme times as often as its series (the pigeonhole bootstrap: Owen 2007,
The pigeonhole bootstrap, Annals of Applied Statistics 1(2)).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from recommender.types import Array
from training.measures import chance_levels

NEAR = 1 / 3
"""Share of all pairs, and of each query's candidates, that count as near."""

Figures = dict[str, float]


def nearest(distance: Array, axis: int | None = None) -> Array:
    """bool, the shape of `distance`: what lies among the nearest NEAR of all (of each row with axis 1)."""
    return np.asarray(distance <= np.quantile(distance, NEAR, axis=axis, keepdims=axis is not None))


@dataclass(frozen=True)
class Agreement:
    """Scores float64 [a, b] beside true distances [a, b]; larger scores should go with smaller distances."""

    score: Array
    distance: Array

    def figures(self, video: Array, music: Array) -> Figures:
        """Every measure where video i counts `video`[i] times and piece j `music`[j] times.

        mAP in both directions (relevant: the nearest third of the candidates), AUC of the nearest third of all pairs,
        Spearman's and Pearson's correlation with minus the distance, and Pearson's after taking off the mean of every
        row and column: what is left when no clip and no piece is good or bad for all.
        """
        score, nearness = self._both
        return {
            "video->music mAP": _weight_map(*self._rows, video, music),
            "music->video mAP": _weight_map(*self._columns, music, video),
            "AUC": self._auc(video, music),
            "Spearman": _correlation(self._ranks, video, music),
            "Pearson": _correlation((score, nearness), video, music),
            "Pearson, centred": _correlation(
                (centre(score, video, music), centre(nearness, video, music)), video, music
            ),
        }

    def _auc(self, video: Array, music: Array) -> float:
        place, near = self._places
        weight = np.outer(video, music).ravel()
        hit, miss = np.bincount(place, weight * near), np.bincount(place, weight * ~near)
        pairs = float(hit.sum() * miss.sum())
        # A near and a far pair of equal scores count half.
        return float(hit @ (np.cumsum(miss) - miss / 2)) / pairs if pairs else float("nan")

    @property
    def _both(self) -> tuple[Array, Array]:
        return self.score, -self.distance

    @cached_property
    def _ranks(self) -> tuple[Array, Array]:
        first, second = (rankdata(x).reshape(x.shape) for x in self._both)
        return first, second

    @cached_property
    def _places(self) -> tuple[Array, Array]:
        """The rank of every score among the different ones, and whether the pair is near."""
        return np.unique(self.score, return_inverse=True)[1].ravel(), nearest(self.distance).ravel()

    @cached_property
    def _rows(self) -> tuple[Array, Array]:
        return _ranked(self.score, self.distance)

    @cached_property
    def _columns(self) -> tuple[Array, Array]:
        return _ranked(self.score.T, self.distance.T)


def chance(distance: Array) -> Figures:
    """What a random order gives on average."""
    ways = {"video->music mAP": distance, "music->video mAP": distance.T}
    levels = {name: chance_levels(nearest(way, axis=1), ["mAP"])["mAP"] for name, way in ways.items()}
    return levels | {"AUC": 0.5, "Spearman": 0.0, "Pearson": 0.0, "Pearson, centred": 0.0}


def _ranked(score: Array, distance: Array) -> tuple[Array, Array]:
    """The candidates of each query, best first (equals in random order), int64 [q, c], and which of them are near."""
    order = np.lexsort((np.random.default_rng(0).random(score.shape), -score), axis=1)
    return order, np.take_along_axis(nearest(distance, axis=1), order, axis=1)


def _weight_map(order: Array, near: Array, queries: Array, candidates: Array) -> float:
    weight = candidates[order]
    hit = weight * near
    seen = np.cumsum(weight, axis=1)
    precision = np.cumsum(hit, axis=1) / np.where(seen > 0, seen, 1)
    relevant = hit.sum(axis=1)
    values = (hit * precision).sum(axis=1) / np.where(relevant > 0, relevant, 1)
    counted = queries * (relevant > 0)
    return float(counted @ values / counted.sum())


def centre(x: Array, rows: Array, columns: Array) -> Array:
    """`x` [a, b] less the weighted mean of each row and of each column."""
    row, column = x @ columns / columns.sum(), rows @ x / rows.sum()
    return np.asarray(x - row[:, None] - column[None] + rows @ row / rows.sum())


def _correlation(both: tuple[Array, Array], rows: Array, columns: Array) -> float:
    """Pearson's r of all cells of two arrays [a, b], weighted; 0 where one is constant."""
    total = rows.sum() * columns.sum()
    x, y = (values - rows @ values @ columns / total for values in both)
    cross, one, other = (float(rows @ product @ columns) for product in (x * y, x * x, y * y))
    return cross / float(np.sqrt(one * other)) if min(one, other) > 1e-12 * total else 0.0


def retrieval(score: Array, distance: Array) -> float:
    """mAP, the mean of both directions, of scores [a, b]."""
    rows, columns = (np.ones(n) for n in score.shape)
    forth = _weight_map(*_ranked(score, distance), rows, columns)
    return (forth + _weight_map(*_ranked(score.T, distance.T), columns, rows)) / 2


def mean_figures(runs: Sequence[Agreement], video: Array, music: Array) -> Figures:
    """The mean of every measure over several runs (seeds), weighted as in `Agreement.figures`."""
    found = [run.figures(video, music) for run in runs]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}


def resample(
    runs: Mapping[str, Sequence[Agreement]], groups: tuple[Sequence[str], Sequence[str]], resamples: int, *, seed: int
) -> Iterator[dict[str, Figures]]:
    """The mean figures of each name in every resample, which is the same for all: differences are paired.

    groups: of the videos and of the music.
    """
    rng = np.random.default_rng(seed)
    members = [np.unique(np.asarray(names), return_inverse=True)[1] for names in groups]
    for _ in range(resamples):
        weights = [_draw(member, rng) for member in members]
        yield {name: mean_figures(some, weights[0], weights[1]) for name, some in runs.items()}


def _draw(member: Array, rng: np.random.Generator) -> Array:
    """How often each item's group was drawn, float64 [n]."""
    size = int(member.max()) + 1
    return np.asarray(np.bincount(rng.integers(0, size, size), minlength=size)[member], np.float64)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of resampled values."""
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
