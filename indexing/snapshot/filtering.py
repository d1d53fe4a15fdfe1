"""Which tracks meet the conditions of a filter, over the columns of a snapshot; `recommender.filters.meets` in bulk."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np

from indexing.snapshot.facts import Facts, Later, Named, Texts
from indexing.snapshot.known import Known
from indexing.snapshot.segments import Segment
from recommender.conditions import NAMES, RANGES
from recommender.filters import Places
from recommender.types import Array, Filter, Range

CONDITIONS = 32
"""Single conditions whose answer is kept."""
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


class Masks:
    """Which tracks of some segments meet filters; each single condition is looked at once, whoever asks for it.

    `known` is of the first of them, as the snapshot has it; `later` is to be taken instead of that.
    """

    def __init__(self, segments: Sequence[Segment], known: Known | None, later: Sequence[Later]) -> None:
        self._segments = segments
        self._facts: Sequence[Facts] = [] if known is None else known.facts
        self._later: Sequence[Later] = [*([] if known is None else [known.later]), *later]
        self._held: dict[Filter, list[Array]] = {}  # as bits: 125 kB each for a million tracks

    def of(self, where: Filter) -> list[Array]:
        """bool [t] of each segment: the tracks that meet all conditions."""
        masks = [np.ones(len(segment.ids), bool) for segment in self._segments]
        for one in split(where):
            held = self._held.pop(one, None)
            if held is None:
                asked = mask_segments(self._segments, self._facts, self._later, where=one)
                held = [np.packbits(mask) for mask in asked]
            self._held[one] = held
            for mask, bits in zip(masks, held, strict=True):
                mask &= np.unpackbits(bits, count=len(mask)).view(bool)
        while len(self._held) > CONDITIONS:
            del self._held[next(iter(self._held))]
        return masks


def mask_segments(
    segments: Sequence[Segment], known: Sequence[Facts], later: Sequence[Later], *, where: Filter
) -> list[Array]:
    """bool [t] of each segment, as `mask_tracks`: of those of a snapshot by what it knows of them, the first `known`.

    `later` is to be taken instead, the last of them above all, and for all other segments.
    """
    masks = [mask_tracks(facts, where) for facts in known]
    masks += [np.zeros(len(s.ids), bool) for s in segments[len(masks) :]]
    for some in later:
        if not len(some.ids):
            continue
        meets = mask_tracks(some.facts, where)
        for mask, segment in zip(masks, segments, strict=True):
            places, here = segment.places(some.ids)
            mask[places] = meets[here]
    return masks


def split(where: Filter) -> list[Filter]:
    """The conditions of a filter, each as one that is met by itself: a track meets `where` that meets all."""
    several = [{number.field: getattr(where, number.field)} for number in RANGES]
    several += [{names.field: getattr(where, names.field)} for names in NAMES]
    several += [{"folders": where.folders, "only": where.only}, {"exclude": where.exclude}]
    doubled = {"half_double": where.half_double}
    found = (Filter(**some | (doubled if some.keys() == {"bpm"} else {})) for some in several)
    return [one for one in found if replace(one, half_double=False)]


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
