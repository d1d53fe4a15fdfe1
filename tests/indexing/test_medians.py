"""Medians in two passes over blocks equal those of all numbers together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexing.snapshot import medians
from indexing.snapshot.segments import Segment

NUMBERS = st.floats(width=32, min_value=-(2.0**100), max_value=2.0**100)


@settings(max_examples=60, deadline=None)
@given(
    values=arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=NUMBERS),
    size=st.integers(1, 41),
)
def test_they_equal_numpys(values, size):
    def blocks():
        return (values[at : at + size] for at in range(0, len(values), size))

    expected = np.median(values, axis=0)
    with pytest.MonkeyPatch.context() as patch:
        for small in (medians.SMALL, 0):
            patch.setattr(medians, "SMALL", small)
            found = medians.medians(blocks, *values.shape)
            assert found.dtype == np.float32
            assert np.array_equal(found, expected)


def test_by_hand(monkeypatch):
    monkeypatch.setattr(medians, "SMALL", 0)
    values = np.array([[3, -1, 0.5], [1, -2, 0.5], [2, -0.0, 0.25], [10, 0.0, 7]], np.float32)
    assert medians.medians(lambda: iter([values[:3], values[3:]]), 4, 3).tolist() == [2.5, -0.5, 0.5]
    assert medians.medians(lambda: iter([values[:3]]), 3, 3).tolist() == [2, -1, 0.5]
    assert medians.medians(lambda: iter([]), 0, 2).tolist() == [0, 0]


def test_medians_by_bands_are_those_of_all_rows():
    random, empty = np.random.default_rng(3), np.empty((0, 2))
    segments, alike = [], 0
    for rows, shift, step in ((900, 0.0, 1), (400, 0.3, 3), (30, 2.0, 2), (8, -1.0, 1)):
        inputs = np.round(random.normal(shift, 1, (rows, 5)), 1).astype(np.float32)  # many are equal
        band = medians.band_of(inputs) if rows > 100 else None
        ids = np.arange(1, rows + 1)
        segments.append(Segment(ids, ids, np.arange(rows + 1), ids % step == 0, empty, empty, inputs, empty, band=band))
        for some in (segments, segments[-1:]):
            right = np.median(np.concatenate([s.inputs[s.alive] for s in some]), axis=0)
            assert medians.medians_of(some).tolist() == right.astype(np.float32).tolist()
            alike += medians._by_bands(some) is not None
    assert alike >= 2
    low, high = medians.cut(900)
    assert (low, high) == (405, 495)
    assert medians.band_of(segments[0].inputs).tolist() == np.sort(segments[0].inputs, axis=0)[low:high].T.tolist()
