"""Which tracks meet the conditions of a filter, over the columns of a snapshot; `recommender.filters.meets` in bulk."""

import os
from collections.abc import Callable, Iterator
from functools import reduce
from itertools import pairwise

import numpy as np

from indexing.snapshot.facts import Facts, Later, Named, Texts
from indexing.snapshot.segments import Segment
from recommender.conditions import NAMES, RANGES
from recommender.filters import Places
from recommender.types import Array, Filter, Range

_PATHS = 1 << 16  # looked at at a time: some 8 MB of names


def mask_tracks(facts: Facts, where: Filter) -> Array:
    """bool [t]: the tracks that meet all conditions.

    Numbers and names are compared as columns, a name once however many tracks have it; paths one by one, where a
    folder's answer is remembered. Of a million tracks numbers take 10 ms and paths below 1 s (one core).
    """
    mask = np.ones(len(facts), bool)
    for number in RANGES:
        if (within := getattr(where, number.field)) is not None:
            levels = (_between(facts.numbers[number.name], within, ratio) for ratio in number.levels(where))
            mask &= reduce(np.logical_or, levels)
    for names in NAMES:
        if getattr(where, names.field):
            mask &= _meets(facts.named[names.name], names.accepts(where))
    if where.folders or where.only is not None:
        mask &= _count(facts, _in_folders(facts.paths, where)) > 0
    if where.exclude:
        out = Places(where.exclude, files=True)
        mask &= _count(facts, _flags(facts.paths, out.__contains__)) == 0
    return mask


def mask_tracks_later(segments: list[Segment], known: Facts | None, later: Later, *, where: Filter) -> list[Array]:
    """bool [t] of each segment, as `mask_tracks`, where the snapshot is behind.

    `known` are the facts of the first segment as the snapshot has them, None where none is the snapshot's; `later` is
    what is to be taken instead, and for all other segments.
    """
    first = [] if known is None else [mask_tracks(known, where)]
    masks = [*first, *(np.zeros(len(s.ids), bool) for s in segments[len(first) :])]
    if len(later.ids):
        meets = mask_tracks(later.facts, where)
        for mask, segment in zip(masks, segments, strict=True):
            at = np.minimum(np.searchsorted(later.ids, segment.ids), len(later.ids) - 1)
            here = later.ids[at] == segment.ids
            mask[here] = meets[at[here]]
    return masks


def _between(values: Array, within: Range, ratio: float) -> Array:
    """bool [t]: whether so many times the values lie in a range; NaN, the unknown, lies in none."""
    times = values if ratio == 1 else values * ratio
    return np.logical_and(times >= within.low, times <= within.high)


def _meets(named: Named, accepts: Callable[[str], bool]) -> Array:
    """bool [t]: whether the names of tracks meet a condition; what is unknown (-1) does not."""
    names = named.names
    good = [accepts(names[i].decode("utf-8", "replace")) for i in range(len(names))]
    return np.array([*good, False])[named.codes]  # -1 is the last


def _in_folders(paths: Texts, where: Filter) -> Array:
    """bool [p]: the paths in one of the folders, and in the list."""
    flags = np.ones(len(paths), bool)
    if where.folders:
        flags &= _flags(paths, Places(where.folders).__contains__)
    if where.only is not None:
        flags &= _flags(paths, frozenset(map(os.fsencode, where.only)).__contains__)
    return flags


def _flags(paths: Texts, test: Callable[[bytes], bool]) -> Array:
    """bool [p]: the answer for every path."""
    return np.fromiter(map(test, _texts(paths)), bool, len(paths))


def _texts(texts: Texts) -> Iterator[bytes]:
    """Every text in order, read in blocks."""
    for first in range(0, len(texts), _PATHS):
        offsets = texts.offsets[first : first + _PATHS + 1]
        block = texts.blob[offsets[0] : offsets[-1]].tobytes()
        yield from (block[a:b] for a, b in pairwise((offsets - offsets[0]).tolist()))


def _count(facts: Facts, flags: Array) -> Array:
    """int64 [t]: how many of a track's paths are flagged."""
    before = np.concatenate([[0], np.cumsum(flags)])
    return np.subtract(before[facts.first[1:]], before[facts.first[:-1]])
