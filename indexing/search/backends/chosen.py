"""Some rows of a matrix, kept as a bit each."""

from dataclasses import dataclass

import numpy as np

from recommender.types import Array


@dataclass(frozen=True)
class Chosen:
    """Some rows of an index: a bit per row (uint8, the least significant first), and how many are set."""

    bits: Array
    count: int

    @classmethod
    def of(cls, chosen: Array) -> "Chosen":
        """Those of `chosen` bool [n]."""
        return cls(np.packbits(chosen, bitorder="little"), int(np.count_nonzero(chosen)))

    def has(self, rows: Array) -> Array:
        """bool [m]: which of these rows are chosen."""
        held: Array = (self.bits[rows >> 3] >> (rows & 7) & 1).astype(bool)
        return held

    def rows(self, total: int) -> Array:
        """int64 [count], ascending, of so many in all."""
        return np.flatnonzero(np.unpackbits(self.bits, count=total, bitorder="little"))
