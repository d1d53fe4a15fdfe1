"""Ranking measures of every query of a `Ranking`, float64 [b]; ties count in expectation over all their orders.

A query without a relevant item has no defined value: NaN, to be left out of means and counted. A cutoff `k` may exceed
the corpus; precision still divides by k, as TREC tools do. In the docstrings a group of ties has g items, h of them
relevant, starts after s positions and after m relevant items. For ties in expectation see McSherry and Najork (2008),
Computing information retrieval performance measures efficiently in the presence of tied scores, ECIR.
"""

import numpy as np

from recommender.types import Array
from training.measures.order import Ranking


def average_precision(ranking: Ranking, k: int | None = None) -> Array:
    """Average precision over the whole ranking: the mean over relevant items of the precision at their rank.

    In a group of ties, place j = 1..g is relevant with probability h/g, and then m + 1 + (j-1)(h-1)/(g-1) relevant
    items are expected up to it. Relevant items that were not retrieved count 0.
    """
    count = ranking.relevant.shape[1]
    number = np.arange(1.0, count + 1)
    inverse = 1 / number
    total = np.empty(len(ranking.relevant))
    for i, row in enumerate(ranking.relevant):  # a loop: twice as fast as one pass over all hits of a block
        at = np.flatnonzero(row)
        total[i] = number[: len(at)] @ inverse[at]
    ties = ranking.ties
    if len(ties):
        share = ties.hits / ties.size
        rise = share * (ties.hits - 1) / (ties.size - 1)
        others = ties.size - ties.hits
        place = ties.places()
        expected = ties.each(share * (ties.before + 1)) + place * ties.each(rise)
        counted = (place + ties.each(ties.before + 1 - others)) * (place >= ties.each(others))
        terms = (expected - counted) * inverse[place + ties.each(ties.start)]
        total += ties.by_row(terms, len(total))
    return _per_relevant(total, ranking.total)


def precision(ranking: Ranking, k: int | None) -> Array:
    """Share of relevant items among the first k places; places beyond the corpus count as not relevant."""
    return _defined(_weight(ranking, np.ones(_places(ranking, k))) / _cut(ranking, k), ranking)


def recall(ranking: Ranking, k: int | None) -> Array:
    """Share of the relevant items found among the first k places."""
    return _per_relevant(_weight(ranking, np.ones(_places(ranking, k))), ranking.total)


def dcg(ranking: Ranking, k: int | None) -> Array:
    """Discounted cumulative gain of the first k places: gain 1 for a relevant item, discount 1 / log2(rank + 1)."""
    return _weight(ranking, discounts(_places(ranking, k)))


def ndcg(ranking: Ranking, k: int | None) -> Array:
    """DCG of the first k places divided by that of an ideal ranking (Järvelin and Kekäläinen 2002)."""
    best = int(ranking.total.max(initial=0))
    ideal = np.concatenate([[0.0], np.cumsum(discounts(best))])
    return _per_relevant(dcg(ranking, k), ideal[np.minimum(ranking.total, best if k is None else k)])


def success(ranking: Ranking, k: int | None) -> Array:
    """1 where a relevant item is among the first k places, else 0: its mean is the top-k of the EmoMV paper."""
    cut = _cut(ranking, k)
    values = (_first_place(ranking) < cut).astype(np.float64)
    for row, start, chances in _leading(ranking):
        values[row] = min(chances[: max(cut - start, 0)].sum(), 1.0)  # rounding must not exceed certainty
    return _defined(values, ranking)


def reciprocal_rank(ranking: Ranking, k: int | None = None) -> Array:
    """1 / rank of the first relevant item; 0 when none was retrieved."""
    values = 1 / (_first_place(ranking) + 1)
    for row, start, chances in _leading(ranking):
        values[row] = chances @ (1 / np.arange(start + 1.0, start + 1 + len(chances)))
    return _defined(values, ranking)


def first_rank(ranking: Ranking, k: int | None = None) -> Array:
    """Rank from 1 of the first relevant item, s + (g+1) / (h+1) under ties; infinite when none was retrieved."""
    values = _first_place(ranking) + 1
    ties = ranking.ties
    lead = ties.before == 0
    values[ties.row[lead]] = (ties.start + (ties.size + 1) / (ties.hits + 1))[lead]
    return _defined(values, ranking)


def first_hit(size: int, hits: int) -> Array:
    """float64 [size - hits + 1]: the probability that the first of `hits` relevant items, dealt at random among
    `size` places, is at place 1, 2, ..."""
    place = np.arange(size - hits + 1)
    earlier = np.cumprod((size - hits - place[:-1]) / (size - place[:-1]))
    return np.concatenate([[1.0], earlier]) * (hits / (size - place))


def discounts(count: int) -> Array:
    """float64 [count]: 1 / log2(rank + 1) of ranks 1, 2, ..."""
    return 1 / np.log2(np.arange(2.0, count + 2))


def _weight(ranking: Ranking, weight: Array) -> Array:
    """Expected sum [b] of weight [w] over relevant items in the first w places."""
    # Not a matrix product: its rounding would depend on the number of rows.
    total = (ranking.relevant[:, : len(weight)] * weight).sum(axis=1)
    ties = ranking.ties
    if len(ties):
        place = ties.places()
        surplus = ties.each(ties.hits / ties.size) - (place >= ties.each(ties.size - ties.hits))
        padded = np.zeros(ranking.relevant.shape[1])
        padded[: len(weight)] = weight
        total += ties.by_row(surplus * padded[place + ties.each(ties.start)], len(total))
    return total


def _cut(ranking: Ranking, k: int | None) -> int:
    return ranking.relevant.shape[1] if k is None else k


def _places(ranking: Ranking, k: int | None) -> int:
    """Places within the cutoff and the corpus."""
    return min(_cut(ranking, k), ranking.relevant.shape[1])


def _first_place(ranking: Ranking) -> Array:
    """float64 [b]: position from 0 of the first relevant item as the rows stand; infinite without one."""
    return np.where(ranking.relevant.any(axis=1), ranking.relevant.argmax(axis=1), np.inf)


def _leading(ranking: Ranking) -> list[tuple[int, int, Array]]:
    """Row, start and `first_hit` of the groups of ties that hold the first relevant item of their query."""
    ties = ranking.ties
    lead = np.flatnonzero(ties.before == 0)
    return [(int(ties.row[i]), int(ties.start[i]), first_hit(int(ties.size[i]), int(ties.hits[i]))) for i in lead]


def _defined(values: Array, ranking: Ranking) -> Array:
    return np.where(ranking.total > 0, values, np.nan)


def _per_relevant(values: Array, by: Array) -> Array:
    """values / by [b], NaN where `by` is 0."""
    return np.divide(values, by, out=np.full(len(values), np.nan), where=by > 0)
