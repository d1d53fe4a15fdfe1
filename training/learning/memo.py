"""What a costly fit gave the last times: systems that are measured side by side share parts."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import fields
from typing import Generic, TypeVar

import numpy as np

from training.types import Pairs

T = TypeVar("T")
KEPT = 12
"""Fits of one seed and fold, its inner folds included; a fit is some hundred kilobytes."""


class Memo(Generic[T]):
    """The last results by all that they depend on."""

    def __init__(self) -> None:
        self.kept: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str, make: Callable[[], T]) -> T:
        """What was made for `key`, or is made now; fits are the same for the same key, so that either is right."""
        found = self.kept[key] if key in self.kept else make()
        self.kept[key] = found
        self.kept.move_to_end(key)
        while len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return found


def digest(pairs: Pairs, *more: object) -> str:
    """A hash over all that the pairs hold, and over how `more` is written."""
    found = hashlib.sha256(repr(more).encode())
    for field in fields(Pairs):
        values = getattr(pairs, field.name)
        found.update(values.tobytes() if isinstance(values, np.ndarray) else repr(values).encode())
    return found.hexdigest()
