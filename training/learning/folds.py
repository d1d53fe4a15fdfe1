"""Parts of a data set that share no source: folds of labelled pairs, and the dealing of groups behind every split."""

from collections.abc import Sequence

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.types import EMOTIONS, Pairs


def deal_pair_folds(pairs: Pairs, k: int, seed: int) -> list[tuple[Array, Array]]:
    """k folds (train rows, test rows), ascending int64; every pair is tested once, no source is on both sides.

    Groups are `Pairs.groups()`; folds are of similar size and, as far as the groups allow, of similar shares of matched
    pairs and of emotions of either modality. The same seed gives the same folds. Raises InputError when fewer than two
    folds are asked for, or there are fewer groups than folds.
    """
    if k < 2:
        raise InputError(f"{k} folds: cross-validation needs at least 2")
    group = pairs.groups()
    if (groups := len(np.unique(group))) < k:
        raise InputError(f"{groups} groups of sources cannot make {k} folds: ask for fewer")
    return deal_folds(_labels(pairs), group, k, seed=seed)


def deal_parts(pairs: Pairs, k: int, seed: int) -> list[tuple[Array, Array]]:
    """What a fit is judged by inside its own training pairs: (train rows, test rows), ascending int64.

    Pairs of several collections: each collection is left out once, since that is how far what is learnt must travel.
    Pairs of one: `deal_pair_folds`.
    """
    return leave_out(pairs.collection) or deal_pair_folds(pairs, k, seed)


def leave_out(collection: Array) -> list[tuple[Array, Array]]:
    """(Other rows, its rows), ascending int64, of each collection by its number [n]; nothing where there is but one."""
    numbers = np.unique(collection)
    parts = [(np.flatnonzero(collection != one), np.flatnonzero(collection == one)) for one in numbers]
    return parts if len(parts) > 1 else []


def deal_folds(labels: Array, group: Array, k: int, *, seed: int) -> list[tuple[Array, Array]]:
    """k folds (train rows, test rows), ascending int64, none of the groups [n] on both sides; at least k groups.

    Groups are dealt as `deal` deals them: `labels` float [n, c] says what each row holds, column 0 that it is one.
    """
    member = np.unique(group, return_inverse=True)[1]
    counts = tally(labels, member, int(member.max()) + 1)
    fold = deal(counts, [1 / k] * k, np.random.default_rng(seed))[member]
    rows = np.arange(len(labels))
    return [(rows[fold != part], rows[fold == part]) for part in range(k)]


def tally(labels: Array, member: Array, groups: int) -> Array:
    """float64 [groups, c]: the sum of the rows of `labels` [n, c] over the rows of each group."""
    counts = np.zeros((groups, labels.shape[1]))
    np.add.at(counts, member, labels)
    return counts


def deal(counts: Array, shares: Sequence[float], rng: np.random.Generator) -> Array:
    """The part int64 [g] that each group goes to, so that part p holds about `shares[p]` of every column.

    Groups are dealt one by one, the largest first and equals in random order, to where the sum over columns of
    squared distances from the wanted counts, each over the wanted count, grows least. No part stays empty when
    there are as many groups as parts.

    counts: float [g, c], what each group holds: column 0 its size, then how much of each class.
    """
    wanted = np.outer(shares, counts.sum(axis=0))
    weight = 1 / np.maximum(wanted, 1e-9)
    held = np.zeros_like(wanted)
    part = np.zeros(len(counts), np.int64)
    shuffled = rng.permutation(len(counts))
    for group in shuffled[np.argsort(-counts[shuffled, 0], kind="stable")]:
        # (held + x - wanted)^2 - (held - wanted)^2 = x (x + 2 (held - wanted))
        growth = (counts[group] * (counts[group] + 2 * (held - wanted)) * weight).sum(axis=1)
        part[group] = int(np.argmin(growth))
        held[part[group]] += counts[group]
    return _none_empty(part, counts[:, 0], len(shares))


def _none_empty(part: Array, sizes: Array, parts: int) -> Array:
    """`part` with the smallest group of the part with most groups moved to each empty part."""
    for empty in range(parts):
        if not (part == empty).any() and len(part) >= parts:
            fullest = int(np.bincount(part, minlength=parts).argmax())
            inside = np.flatnonzero(part == fullest)
            part[inside[np.argmin(sizes[inside])]] = empty
    return part


def _labels(pairs: Pairs) -> Array:
    """float64 [n, 12]: one, matched, and the emotions of both modalities one-hot."""
    one_hot = np.eye(len(EMOTIONS))
    columns = (np.ones(len(pairs)), pairs.match, one_hot[pairs.video_emotion], one_hot[pairs.music_emotion])
    return np.column_stack(columns)
