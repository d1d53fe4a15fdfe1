"""Measures: how good is a ranking, a decision, a prediction; exact, per query, with the chance level of each.

    values = per_query(scores, SameLabel(query_emotions, corpus_emotions), ["mAP", "top@5"])
    mean = parse("mAP").summary(values["mAP"])

Ranking measures are values of MEASURES, named by a spec such as `mAP`, `top@5` or `nDCG@10`; the others are values of
POINTWISE. Queries without a relevant item have NaN and are left out of summaries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.measures import chance, classification, probability, ranking, regression
from training.measures.blocks import Blocks, InnerProducts, SameLabel, TiePolicy, counts, rankings
from training.measures.order import Ranking
from training.measures.pointwise import Pointwise
from training.measures.probability import Bin, ece_of_calibrated, reliability

__all__ = [
    "MEASURES",
    "POINTWISE",
    "Bin",
    "Blocks",
    "InnerProducts",
    "Measure",
    "SameLabel",
    "TiePolicy",
    "chance_levels",
    "ece_of_calibrated",
    "mean_average_precision_from_embeddings",
    "parse",
    "per_query",
    "reliability",
]


@dataclass(frozen=True)
class Kind:
    """A ranking measure before its cutoff is given.

    kernel: values [b] of a Ranking and a cutoff. chance: expected values [q] of (candidates, relevant, cutoff).
    cutoff: "none", "optional" or "required" (`@K` in the spec). meaning: for people.
    """

    kernel: Callable[[Ranking, int | None], Array]
    chance: Callable[[Array, Array, int | None], Array]
    cutoff: str
    meaning: str
    summary: str = "mean"
    larger_is_better: bool = True


MEASURES: dict[str, Kind] = {
    "mAP": Kind(ranking.average_precision, chance.average_precision, "none", "mean average precision"),
    "top": Kind(ranking.success, chance.success, "required", "share of queries with a relevant item in the first K"),
    "P": Kind(ranking.precision, chance.precision, "required", "precision of the first K"),
    "recall": Kind(ranking.recall, chance.recall, "required", "share of the relevant items in the first K"),
    "MRR": Kind(ranking.reciprocal_rank, chance.reciprocal_rank, "none", "mean reciprocal rank"),
    "nDCG": Kind(ranking.ndcg, chance.ndcg, "optional", "normalised discounted cumulative gain"),
    "median-rank": Kind(
        ranking.first_rank, chance.first_rank, "none", "median rank of the first relevant item", "median", False
    ),
}

POINTWISE: dict[str, Pointwise] = {**classification.MEASURES, **regression.MEASURES, **probability.MEASURES}


@dataclass(frozen=True)
class Measure:
    """A ranking measure with its cutoff; `str()` is its spec."""

    name: str
    k: int | None = None

    def __str__(self) -> str:
        return self.name if self.k is None else f"{self.name}@{self.k}"

    @property
    def kind(self) -> Kind:
        return MEASURES[self.name]

    def values(self, ranked: Ranking) -> Array:
        """float64 [b]: the value of every query, NaN without relevant items."""
        return self.kind.kernel(ranked, self.k)

    def summary(self, values: Array) -> float:
        """The mean (of ranks: the median) over queries with a value; NaN when there is none."""
        defined = np.asarray(values, np.float64)
        defined = defined[~np.isnan(defined)]
        if not len(defined):
            return float("nan")
        return float(np.median(defined) if self.kind.summary == "median" else defined.mean())


def parse(spec: str | Measure) -> Measure:
    """The measure that a spec such as `mAP`, `top@5`, `nDCG` or `nDCG@10` names; case does not matter.

    Raises InputError, listing what there is, for anything else.
    """
    if isinstance(spec, Measure):
        return spec
    word, at, cutoff = spec.strip().partition("@")
    name = next((name for name in MEASURES if name.casefold() == word.casefold()), None)
    if name is None:
        ending = {"none": "", "optional": "[@K]", "required": "@K"}
        forms = [name + ending[kind.cutoff] for name, kind in MEASURES.items()]
        raise InputError(f"unknown measure {spec!r}: use one of {', '.join(forms)}")
    allowed = MEASURES[name].cutoff
    if at and allowed == "none":
        raise InputError(f"measure {spec!r}: {name} takes no cutoff, write {name}")
    if not at and allowed == "required":
        raise InputError(f"measure {spec!r}: {name} needs a cutoff, such as {name}@5")
    if at and not (cutoff.isascii() and cutoff.isdigit() and 0 < int(cutoff[:10]) < 10**9):
        raise InputError(f"measure {spec!r}: the cutoff must be a whole number from 1, such as {name}@5")
    return Measure(name, int(cutoff) if at else None)


def per_query(
    scores: Blocks,
    relevance: Blocks,
    measures: Sequence[str | Measure],
    *,
    own: Array | None = None,
    ties: TiePolicy = "expected",
    seed: int = 0,
) -> dict[str, Array]:
    """Values float64 [q] of every measure by its spec; NaN for a query without relevant items.

    Parameters
    ----------
    scores: real numbers [q, c], larger is better: an array, or `InnerProducts` of embeddings.
    relevance: bool [q, c], or `SameLabel` of labels.
    measures: specs such as "mAP" or "top@5". seed: draws the order of ties where they are drawn.
    own: int [q], the column of each query's own item, to be left out of that query's corpus (-1: none).
    ties: "expected" gives the exact expectation over all orders of equal scores; "seed" draws one order with `seed`.

    Raises
    ------
    InputError for unknown measures, shapes that do not fit, an empty corpus, scores that are not finite.
    """
    chosen = [parse(spec) for spec in measures]
    out = {str(measure): np.empty(scores.shape[0] if scores.shape else 0) for measure in chosen}
    for rows, ranked in rankings(scores, relevance, own, ties=ties, seed=seed):
        for measure in chosen:
            out[str(measure)][rows] = measure.values(ranked)
    return out


def chance_levels(relevance: Blocks, measures: Sequence[str | Measure], own: Array | None = None) -> dict[str, float]:
    """The expected summary of every measure when each query's corpus is ranked at random; exact, no simulation.

    Means are averages of per-query expectations; the median rank is the median over random queries and orders.
    """
    n, r = counts(relevance, own)

    def level(measure: Measure) -> float:
        if measure.kind.summary == "median":
            return chance.median_first_rank(n, r)
        return measure.summary(measure.kind.chance(n, r, measure.k))

    return {str(measure): level(measure) for measure in map(parse, measures)}


def mean_average_precision_from_embeddings(
    query: Array, corpus: Array, query_labels: Array, *, corpus_labels: Array | None = None, own: Array | None = None
) -> float:
    """mAP of ranking corpus [c, d] by inner product with every query [q, d]; relevant is what shares the label.

    Without `corpus_labels` both sides have the same labels, row by row. Scores exist a block at a time only. Per-query
    values: `per_query(InnerProducts(query, corpus), SameLabel(...), ["mAP"])`.
    """
    labels = SameLabel(query_labels, query_labels if corpus_labels is None else corpus_labels)
    return parse("mAP").summary(per_query(InnerProducts(query, corpus), labels, ["mAP"], own=own)["mAP"])
