"""Produced music that words describe, beside rated renderings: what it adds to a fit, and how it is read.

Words say a side, no degree. Each side of an axis has the same weight, and rows of each kind of music are taken about
their own mean, so that no model learns to tell a piano from a band.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from recommender.types import Array
from training.affect.agreement import pearson
from training.affect.cross_validation import Problem
from training.affect.nested import fit_chosen, leave_one_group_out
from training.affect.signed_ridge import Moments, SignedRidge
from training.affect.terms import AXES, Axis
from training.datasets.macleod import SIDES
from training.evaluation.intervals import bootstrap_of
from training.measures.classification import roc_auc

SHARES = (0.0, 0.05, 0.1, 0.2, 0.3)
"""Weights of the described tracks beside the rated pieces, among which is chosen."""
MAY_COST = 0.01
"""What r on rated pieces, one series left out, may lose by them."""
FOLDS, SEEDS = 10, 3
_GROUPS: Mapping[Axis, tuple[str, ...]] = {
    "valence": ("Bright", "Uplifting", "Dark", "Somber", "Eerie"),
    "arousal": ("Driving", "Aggressive", "Action", "Calming", "Relaxed"),
}
GROUPS = {word: (axis, SIDES[word][AXES.index(axis)]) for axis, words in _GROUPS.items() for word in words}
"""Words whose tracks are to lie on one side of neutral, on average."""
NEAR_RIM = 0.98
"""A mean beyond it stands at a limit."""


@dataclass(frozen=True)
class Described:
    """n tracks that words describe.

    columns: names, and items: float64 [n, f], their transformed columns. side: float64 [n, 2] in [-1, 1], NaN where
    nothing is said. words: of each. groups: their genres.
    """

    columns: tuple[str, ...]
    items: Array
    side: Array
    words: tuple[frozenset[str], ...]
    groups: tuple[str, ...]

    @property
    def one_sided(self) -> Axis | None:
        """An axis of which no track, or every track, is said to lie on one side; None where there is none."""
        sides = zip(AXES, self.side.T, strict=True)
        return next((axis for axis, side in sides if not ((side > 0).any() and (side < 0).any())), None)

    def half_way(self, means: Array) -> Array:
        """float64 [2]: what lies half way between the mean of the upper and of the lower side, of `means` [n, 2]."""
        sides = self.side > 0, self.side < 0
        above, below = (np.array([means[here[:, axis], axis].mean() for axis in (0, 1)]) for here in sides)
        return np.asarray((above + below) / 2)

    def without(self, rows: Array) -> "Described":
        """The tracks but for `rows` (bool [n])."""
        kept = np.flatnonzero(~rows)
        words, groups = tuple(self.words[i] for i in kept), tuple(self.groups[i] for i in kept)
        return Described(self.columns, self.items[kept], self.side[kept], words, groups)


@dataclass(frozen=True)
class Beside:
    """Fits rated rows with described ones beside them (a `nested.Fitter`): `x` [n, f], side `y` [n], their weight."""

    x: Array
    y: Array
    share: float

    @classmethod
    def of(cls, described: Described, columns: tuple[str, ...], axis: Axis, *, share: float) -> "Beside":
        """The described tracks that words place on `axis`."""
        y = described.side[:, AXES.index(axis)]
        said, places = np.isfinite(y), [described.columns.index(name) for name in columns]
        return cls(described.items[:, places][said], y[said], share)

    def __call__(self, x: Array, y: Array, signs: Array, groups: Array, seed: int) -> tuple[SignedRidge, float]:
        return fit_chosen(x, y, signs, groups, seed, self.moments_of)

    def moments_of(self, x: Array, y: Array) -> Moments:
        """The moments of rated rows with the described ones beside; columns in SDs within both, weighed alike."""
        weight = even(self.y)
        apart = weight @ np.square(self.x - weight @ self.x)
        scale = np.sqrt((1 - self.share) * x.var(axis=0) + self.share * apart)
        return Moments.of(x, y, scale=scale).beside(Moments.of(self.x, self.y, weight, scale), self.share)


def even(side: Array) -> Array:
    """Weights float64 [n] summing to 1: each side half; what lies in between as much as an average track."""
    weight = np.ones(len(side))
    for here in (side > 0, side < 0):
        weight[here] = len(side) / 2 / max(here.sum(), 1)
    return np.asarray(weight / weight.sum())


def beside(task: Problem, described: Described, axis: Axis, *, share: float) -> Problem:
    """The rated pieces of `task`, fitted with the described tracks beside them."""
    return replace(task, fit=Beside.of(described, task.table.columns, axis, share=share))


class Chosen(NamedTuple):
    """The weight of described tracks on one axis, and r on rated pieces with one series left out, by weight tried."""

    share: float
    tried: Mapping[float, float]


def choose_share(task: Problem, described: Described, axis: Axis) -> Chosen:
    """The largest of `SHARES` that costs the rated pieces at most `MAY_COST`: how it reads described tracks has no
    part in the choice."""
    folds = leave_one_group_out(task.groups)
    joint = {share: beside(task, described, axis, share=share) for share in SHARES}
    tried = {share: pearson(both.predict_out_of_fold(folds, 0)[0], task.y) for share, both in joint.items()}
    return Chosen(max(share for share in SHARES if tried[share] >= tried[0.0] - MAY_COST), tried)


Predictor = Callable[[Described], Callable[[Array], Array]]
"""Described tracks to learn from -> what reads means [n, 2] on the plane from transformed columns [n, f]."""


def out_of_fold(described: Described, predictor: Predictor, folds: Array) -> Array:
    """Means float64 [n, 2] on the plane of all tracks, each by a predictor that did not see its fold; NaN where the
    other folds are one-sided."""
    out = np.full((len(folds), 2), np.nan)
    for fold in np.unique(folds):
        here = folds == fold
        rest = described.without(here)
        if rest.one_sided is None:
            out[here] = predictor(rest)(described.items[here])
    return out


def figures(described: Described, predictor: Predictor) -> dict[str, object]:
    """How described tracks are read by predictors that did not see them: AUC of the sides, means of words, limits."""
    n = len(described.side)
    dealt = [np.random.default_rng(seed).permutation(n) % FOLDS for seed in range(SEEDS)]
    runs = [out_of_fold(described, predictor, folds) for folds in dealt]
    by_genre = out_of_fold(described, predictor, leave_one_group_out(described.groups))
    means = np.mean(runs, axis=0)
    return {
        "tracks": n,
        "genres": len(set(described.groups)),
        "auc": {axis: _areas(described, runs, by_genre, axis) for axis in AXES},
        "words": {word: _word(described, word, means) for word in sorted(set().union(*described.words))},
        "at_limit": at_limit(means),
    }


def at_limit(means: Array) -> float:
    """Share of the tracks whose `means` [n, 2] on the plane stand at a limit of either axis."""
    return float((np.abs(means) >= NEAR_RIM).any(axis=1).mean())


def _areas(described: Described, runs: list[Array], by_genre: Array, axis: Axis) -> dict[str, object]:
    column = AXES.index(axis)
    few = [word for word, (of, _) in GROUPS.items() if of == axis]
    said = np.array([np.mean([GROUPS[w][1] for w in words & {*few}] or [0]) for words in described.words])
    wide = np.nan_to_num(described.side[:, column])
    return {
        name: {
            "above": int((side > 0).sum()),
            "below": int((side < 0).sum()),
            "auc_by_seed": [_auc(run[:, column], side) for run in runs],
            **_interval(np.mean(runs, axis=0)[:, column], side),
            "genres_left_out": _auc(by_genre[:, column], side),
        }
        for name, side in (("few", said), ("all", wide))
    }


def _auc(score: Array, side: Array) -> float:
    """Chance that a track of the upper side reads higher than one of the lower; tracks on both or neither left out."""
    one = (np.abs(side) == 1) & np.isfinite(score)
    return roc_auc((side[one] > 0).astype(int), score[one])


def _interval(score: Array, side: Array) -> dict[str, float]:
    found = bootstrap_of(_auc, score, side)
    return {"auc": found.estimate, "low": found.low, "high": found.high}


def _word(described: Described, word: str, means: Array) -> dict[str, float]:
    here = np.array([word in words for words in described.words])
    return {"tracks": int(here.sum()), **dict(zip(AXES, means[here].mean(axis=0).tolist(), strict=True))}
