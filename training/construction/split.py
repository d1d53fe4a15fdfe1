"""Which segments train and which validate: by source, so that none is on both sides."""

from collections.abc import Sequence

import numpy as np

from recommender.errors import InputError
from training.construction.pairing import Excerpt
from training.learning.folds import deal, tally
from training.types import EMOTIONS


def at_most(segments: Sequence[Excerpt], limit: int, rng: np.random.Generator) -> list[Excerpt]:
    """A random choice of at most `limit` segments of each source (EmoMV-C: 2), sorted; their order does not matter."""
    kept = []
    for group in by_source(segments):
        kept += [group[i] for i in rng.permutation(len(group))[:limit]]
    return sorted(kept)


def split(segments: Sequence[Excerpt], share: float, rng: np.random.Generator) -> tuple[list[Excerpt], list[Excerpt]]:
    """Segments to train and to validate on, about `share` of every emotion in the second; sorted.

    Sources stay whole. The order of `segments` does not matter. Raises InputError for fewer than two sources.
    """
    groups = by_source(segments)
    if len(groups) < 2:
        raise InputError(f"{len(groups)} source(s): train and validation need at least one each, so label more")
    labels = np.array([[1.0, *(s.emotion == e for e in range(len(EMOTIONS)))] for g in groups for s in g])
    member = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    part = deal(tally(labels, member, len(groups)), [1 - share, share], rng)
    train, validation = ([s for g, p in zip(groups, part, strict=True) if p == side for s in g] for side in (0, 1))
    return sorted(train), sorted(validation)


def by_source(segments: Sequence[Excerpt]) -> list[list[Excerpt]]:
    """The segments of each source, sorted by source and then by id."""
    groups: dict[str, list[Excerpt]] = {}
    for segment in sorted(segments, key=lambda s: (s.source, s.id)):
        groups.setdefault(segment.source, []).append(segment)
    return list(groups.values())
