"""What of a track and of a filter a server is told: numbers and names, each by the name of its fact.

A server may let through more than meets a filter, never less: the library's own mask decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from indexing.search.servers import Said
from recommender.conditions import FILTERS, NAMES, RANGES, OneOf, Paths, values_of
from recommender.text import fold
from recommender.types import Filter, Range, Track

NUMBERS, TEXTS = tuple(one.name for one in RANGES), tuple(one.name for one in NAMES)
"""Names of the facts."""
LONGEST = 256
"""Characters of a text that a server is told."""
MOST_TEXTS = 64
"""Texts of a fact that it is told."""
ANY = "*"
"""Stands for all texts where there are more: it meets every condition."""


@dataclass(frozen=True)
class Conditions:
    """What a server is to look for: by the name of a fact, ranges of which one holds the number, and texts of which the
    track has one."""

    numbers: Mapping[str, list[Range]]
    texts: Mapping[str, list[str]]

    def __bool__(self) -> bool:
        return bool(self.numbers or self.texts)


def conditions_of(where: Filter | None) -> Conditions:
    """The conditions of a filter that a server knows of."""
    if not where:
        return Conditions({}, {})
    asked = {one.name: (getattr(where, one.field), one.levels(where)) for one in RANGES}
    numbers = {
        name: [Range(within.low / ratio, within.high / ratio) for ratio in levels]  # by powers of two: exactly
        for name, (within, levels) in asked.items()
        if within is not None
    }
    named = {one: getattr(where, one.field) for one in NAMES}
    return Conditions(numbers, {one.name: [ANY, *_wanted(one, texts)] for one, texts in named.items() if texts})


def without_paths(where: Filter) -> Filter:
    """The filter without what it says of files and folders, which no server knows."""
    default = Filter()
    none: dict[str, Any] = {one.field: getattr(default, one.field) for one in FILTERS if isinstance(one, Paths)}
    return replace(where, **none)


def describe_track(track: Track) -> Said:
    """What a server is told of a track."""
    told: dict[str, float | list[str]] = {
        name: float(value) for name in NUMBERS if (value := getattr(track, name)) is not None
    }
    return told | {one.name: _texts(one, text) for one in NAMES if (text := getattr(track, one.name)) is not None}


def _texts(one: OneOf, text: str) -> list[str]:
    """What a track's text counts as."""
    found = sorted(values_of(text)) if one.several else [one.fold(text)]
    return [ANY] if len(found) > MOST_TEXTS else _cut(found)


def _wanted(one: OneOf, texts: frozenset[str]) -> list[str]:
    return _cut(sorted(map(fold if one.several else one.fold, texts)))


def _cut(texts: list[str]) -> list[str]:
    return [text[:LONGEST] for text in texts]
