"""What is remembered of costly fits: equal inputs are fitted once, other inputs never share a result."""

from dataclasses import replace

import numpy as np
import pytest

from training.learning.memo import KEPT, Memo, digest
from training.types import Pairs


def pairs() -> Pairs:
    x, n = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32), np.arange(4)
    return Pairs(x, x, n % 2, n, n, n, n, ("a", "b", "c", "d"))


def test_equal_keys_are_made_once_and_the_oldest_goes_first():
    memo, made = Memo[int](), []
    for key in [*map(str, range(KEPT)), "0", "new", "0", "1"]:
        memo.get(key, lambda key=key: made.append(key) or len(made))
    assert made == [*map(str, range(KEPT)), "new", "1"], '"0" was asked for again, so that "1" was the oldest'


@pytest.mark.parametrize("field", [name for name in Pairs.__dataclass_fields__ if name != "ids"])
def test_every_column_counts(field):
    one = pairs()
    values = getattr(one, field).copy()
    values[0] += 1
    assert digest(one, 1) == digest(pairs(), 1)
    assert digest(replace(one, **{field: values}), 1) != digest(one, 1)
    assert digest(one, 2) != digest(one, 1)
