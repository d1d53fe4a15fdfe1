"""Fits on generated pairs: any system that learns from scores, measured as `training.evaluation.matching` measures."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logit

from recommender.errors import InputError
from recommender.types import Array
from training.datasets.generated import TERMS, GeneratedConfig, generate
from training.evaluation.matching import SEED, chance, difference, figures, split
from training.evaluation.significance import holm
from training.evaluation.suites.cache import Figures, Kept
from training.evaluation.suites.tables import describe_difference, over_seeds
from training.learning.targets import Scored
from training.systems.logistic import calibration
from training.systems.rated import without_calibration
from training.types import System

MEASURES = ("MAE", "MSE", "R2", "AUC")
CERTAIN = 1e-6
"""Scores nearer to 0 and 1 count as this far away: their log-odds stay finite."""


class Contender(NamedTuple):
    """A system in a table: under which label, what it is published as, and whether it `stops` early."""

    label: str
    system: System
    published: str | None = None
    stops: bool = False


def measure(system: System, data: Scored, seed: int, *, stops: bool = False) -> Figures:
    """The figures of one fit on the third part of a split of `data` 8:1:1.

    The second part calibrates the score by logistic regression, the same for every system; or the system `stops` early
    on it and keeps its own score.
    """
    fitted_on, second, test = split(data, seed)
    fitted = without_calibration(system).fit_scored(fitted_on, seed, second if stops else None)  # type: ignore[attr-defined]
    score = np.asarray(fitted.match(test.video, test.music), np.float64)
    if not stops:
        curve = calibration(_log_odds(fitted.match(second.video, second.music)), second.score)
        score = curve(_log_odds(score))
    return figures(test.score, score)


def learns_scores(system: System) -> bool:
    """Whether it can be fitted on ratings."""
    return hasattr(system, "fit_scored")


def _log_odds(score: Array) -> Array:
    return np.asarray(logit(np.clip(np.asarray(score, np.float64), CERTAIN, 1 - CERTAIN)))


def fit(kept: Kept, contender: Contender, world: GeneratedConfig, *, number: int, seed: int) -> Figures:
    """The kept figures of a contender on the data set `number`, with every term of the score planted."""
    facts = ("generated", repr(contender.system), TERMS, repr(world), number, seed, contender.stops)
    what = f"{contender.label}, generated data set {number}"
    return kept(
        what, facts, lambda: measure(contender.system, generate(TERMS, number, world), seed, stops=contender.stops)
    )


def runs(kept: Kept, contender: Contender, world: GeneratedConfig, *, seeds: Sequence[int]) -> dict[str, Array]:
    """Figures float64 [seeds] of every measure; the data sets are those of the `matching` report."""
    found = [fit(kept, contender, world, number=SEED + 1 + seed, seed=1 + seed) for seed in seeds]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def cells(found: Mapping[str, Array]) -> dict[str, dict[str, Any]]:
    """Cells of a table for figures over seeds."""
    return {name: over_seeds(found[name]) for name in MEASURES}


def constant(world: GeneratedConfig, seeds: Sequence[int]) -> dict[str, float]:
    """What a constant score reaches, mean over the data sets."""
    found = [chance(generate(TERMS, SEED + 1 + seed, world), 1 + seed) for seed in seeds]
    return {name: float(np.mean([one[name] for one in found])) for name in MEASURES}


def differences(first: Mapping[str, Array], others: Mapping[str, Mapping[str, Array]]) -> dict[str, str]:
    """By name what `first` has more in R2, paired by data set, with p after Holm's correction over all of them.

    Those with fewer data sets are compared on theirs; over one data set nothing is.
    """
    found = {}
    for name, one in others.items():
        count = len(one["R2"])
        if count > 1:
            found[name] = difference({k: v[:count] for k, v in first.items()}, one)["R2"]
    adjusted = holm([d["p"] for d in found.values()]) if found else []
    return {name: describe_difference(d, p) for (name, d), p in zip(found.items(), adjusted, strict=True)}


def cannot(error: InputError) -> str:
    """Why a system has no row, for its cell."""
    return f"cannot run here: {error}"
