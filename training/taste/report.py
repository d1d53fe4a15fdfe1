"""How well the present ranking finds what was chosen: hit@k, MRR and section error, beside chance."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from recommender.types import Array
from training.evaluation.intervals import bootstrap, bootstrap_of
from training.taste.material import Outcome

CUTOFFS = (1, 5, 10, 50)
NEAR_S = 5.0
"""Half a window: sections begin on a grid of 5 s."""


class Row(NamedTuple):
    """A figure with its 95 % interval over films, and what chance gives."""

    measure: str
    found: float
    low: float
    high: float
    chance: float


def tell(outcomes: Sequence[Outcome], tracks: int, candidates: int) -> list[Row]:
    """The figures of outcomes, at least one.

    Chance is exact: of n tracks in random order, of which the first m reach the ranker, one is among the first k with
    min(k, m) / n, and 1 / rank is expected to be (1 + 1/2 + ... + 1/m) / n; of a section, one of its track at random.

    Parameters
    ----------
    tracks: n, distinct recordings of the library. candidates: m at most.
    """
    films = np.array([one.film for one in outcomes])
    rank, reach = np.array([one.rank for one in outcomes]), min(candidates, tracks)
    rows = [_mean(f"hit@{k}", rank <= k, films, chance=min(k, reach) / tracks) for k in CUTOFFS if k <= reach]
    harmonic = float((1 / np.arange(1.0, reach + 1)).sum())
    rows.append(_mean("MRR", 1 / rank, films, chance=harmonic / tracks))
    off = np.array([one.off_s for one in outcomes])
    near = float(np.mean([(one.likely_off_s <= NEAR_S).mean() for one in outcomes]))
    middle = bootstrap_of(lambda values: float(np.median(values)), off, groups=films)
    rows.append(Row("section off, median s", *middle[:3], _blind_median([one.likely_off_s for one in outcomes])))
    return [*rows, _mean(f"section within {NEAR_S:g} s", off <= NEAR_S, films, chance=near)]


def record(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows JSON-ready; bounds that one film cannot tell are None."""
    return [
        {name: value if isinstance(value, str) or np.isfinite(value) else None for name, value in row._asdict().items()}
        for row in rows
    ]


def _mean(measure: str, values: Array, films: Array, *, chance: float) -> Row:
    found = bootstrap(np.asarray(values, np.float64), groups=films)
    return Row(measure, found.estimate, found.low, found.high, chance)


def _blind_median(several: Sequence[Array]) -> float:
    """The median where every question counts the same, and each of its sections is as likely."""
    values = np.concatenate(several)
    weights = np.concatenate([np.full(len(one), 1 / len(one)) for one in several])
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])
