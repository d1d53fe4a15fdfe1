"""Matched and mismatched pairs from segments that carry one emotion each (EmoMV, sections 3.1 to 3.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from training.types import CLASSES, EMOTIONS

Balance = Literal["return", "drop"]
Kind = tuple[int, int]
"""Two emotions."""

_ALIKE = {("fearful", "tense"), ("sad", "relaxing")}
ALLOWED = tuple((a, b) for a, b in combinations(range(len(EMOTIONS)), 2) if (EMOTIONS[a], EMOTIONS[b]) not in _ALIKE)
"""Emotions that may be mismatched, in both directions. Fearful and tense music sound alike, as do sad and relaxing."""
ALLOWED_CLASSES = tuple(combinations(range(len(CLASSES)), 2))
"""Of the three classes any two."""


@dataclass(frozen=True, order=True)
class Excerpt:
    """A piece of a video with its own sound; `id` is unique, `emotion` an index into the set's labels."""

    id: str
    emotion: int
    source: str


@dataclass(frozen=True)
class Pairing:
    """What became of the segments: each is matched, on both sides of mismatched pairs, or dropped.

    `mismatched` holds (video, music), each pair beside its reverse. `returned` of the matched were meant for
    mismatched pairs but found no partner.
    """

    matched: tuple[Excerpt, ...]
    mismatched: tuple[tuple[Excerpt, Excerpt], ...]
    dropped: tuple[Excerpt, ...]
    returned: int = 0


Pools = list[list[Excerpt]]


def pair(
    segments: Sequence[Excerpt], balance: Balance, rng: np.random.Generator, *, allowed: Sequence[Kind] = ALLOWED
) -> Pairing:
    """The pairs made of `segments`; their order does not matter.

    Half of each emotion stays matched. The others swap music two by two across the allowed emotions, which gives a
    pair in each direction as in the published sets: one couple of each allowed kind in turn, until none is left
    to make. Segments of one source are never swapped. Those without a partner

    - "return" to the matched ones (EmoMV-A's train and validation: this rule gives the published counts to within one
      couple), or
    - are "dropped" with as many matched ones as it takes for every emotion to be matched as often as mismatched
      (B, C, and A's test, whose counts it gives as well).

    Of an odd number the larger half is re-paired with "return", as in A's tables, and kept with "drop", so that
    there are always enough matched ones to balance.
    """
    kept, spare = _halves(segments, rng, odd_kept=balance == "drop")
    couples = _couples(spare, allowed)
    left = [s for pool in spare for s in pool]
    mismatched = tuple(p for a, b in couples for p in ((a, b), (b, a)))
    if balance == "return":
        matched = [s for pool in kept for s in pool] + left
        return Pairing(tuple(sorted(matched)), mismatched, (), len(left))
    used = np.bincount([s.emotion for couple in couples for s in couple], minlength=len(EMOTIONS))
    matched = [s for pool, count in zip(kept, used, strict=True) for s in pool[:count]]
    dropped = left + [s for pool, count in zip(kept, used, strict=True) for s in pool[count:]]
    return Pairing(tuple(sorted(matched)), mismatched, tuple(sorted(dropped)))


def _halves(segments: Sequence[Excerpt], rng: np.random.Generator, odd_kept: bool) -> tuple[Pools, Pools]:
    """Two lists of segments per emotion, each in random order: to keep and to re-pair."""
    kept, spare = [], []
    for emotion in range(len(EMOTIONS)):
        pool = sorted(s for s in segments if s.emotion == emotion)
        shuffled = [pool[i] for i in rng.permutation(len(pool))]
        half = (len(pool) + odd_kept) // 2
        kept.append(shuffled[:half])
        spare.append(shuffled[half:])
    return kept, spare


def _couples(spare: Pools, allowed: Sequence[Kind]) -> list[tuple[Excerpt, Excerpt]]:
    """Couples of two sources and an allowed pair of emotions, taken out of `spare` until none is left to take."""
    couples: list[tuple[Excerpt, Excerpt]] = []
    while True:
        found = [couple for a, b in allowed if (couple := _take(spare[a], spare[b])) is not None]
        if not found:
            return couples
        couples += found


def _take(first: list[Excerpt], second: list[Excerpt]) -> tuple[Excerpt, Excerpt] | None:
    """One segment of each list, of different sources and removed from them; None where there is no such two."""
    for i in reversed(range(len(first))):
        for j in reversed(range(len(second))):
            if first[i].source != second[j].source:
                return first.pop(i), second.pop(j)
    return None
