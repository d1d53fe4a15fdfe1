"""Objective features of many files as one table: a row per item, and a row per window with its owner."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.types import Array, Features


@dataclass(frozen=True)
class FeatureTable:
    """Features of n items.

    columns: f names.
    items:   float64 [n, f], over the whole of each item.
    windows: float64 [m, f], all windows of all items.
    owner:   int64 [m], the item of each window.
    """

    columns: tuple[str, ...]
    items: Array
    windows: Array
    owner: Array

    def select(self, columns: Sequence[str]) -> "FeatureTable":
        """The same table with `columns` only, in that order."""
        index = [self.columns.index(c) for c in columns]
        return FeatureTable(tuple(columns), self.items[:, index], self.windows[:, index], self.owner)

    def map_features(self, change: Callable[[Array], Array]) -> "FeatureTable":
        """The table with `change` (rows in, rows of the same width out) applied to items and windows."""
        return FeatureTable(self.columns, change(self.items), change(self.windows), self.owner)


def extract_all(
    paths: Sequence[Path], extract: Callable[[Path], Features], tick: Callable[[int, int], None]
) -> FeatureTable:
    """The features of `paths`, in order; `tick(done, total)` after each. Errors of `extract` pass through."""
    found = []
    for done, path in enumerate(paths, 1):
        found.append(extract(path))
        tick(done, len(paths))
    counts = [len(f.values) for f in found]
    return FeatureTable(
        columns=tuple(found[0].columns),
        items=np.array([f.item for f in found], np.float64),
        windows=np.concatenate([f.values for f in found]).astype(np.float64),
        owner=np.repeat(np.arange(len(found)), counts),
    )
