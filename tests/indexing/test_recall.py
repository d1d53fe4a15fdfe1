"""Recall is measured against brute force over segments."""

import numpy as np
import pytest
from fakes import of_rows

from indexing.maintenance import recall


def test_brute_force_takes_the_best_window_of_each_recording(monkeypatch):
    vectors = np.eye(4, dtype=np.float32)
    segments = [of_rows(vectors, [3, 8], [0, 3, 4]), of_rows(vectors[:2], [5], [0, 2])]
    queries = np.array([[0.0, 0.6, 0.8, 0.1], [1.0, 0, 0, 0]])
    places = {3: 0, 8: 1, 5: 2}
    for block in (1, 3, 1 << 15):
        monkeypatch.setattr(recall, "_BLOCK", block)
        found = recall.best_of(segments, queries, lambda ids: np.array([places[i] for i in ids.tolist()]), count=3)
        assert found == pytest.approx(np.array([[0.8, 0.1, 0.6], [1, 0, 1]]))
        found = recall.best_of(segments, queries, lambda ids: np.zeros(len(ids), int), count=1)
        assert found == pytest.approx(np.array([[0.8], [1]]))
    segments[0].alive[0] = False
    assert recall.best_of(segments[:1], queries, lambda ids: np.zeros(len(ids), int), count=1)[0] == pytest.approx(
        [0.1]
    )
