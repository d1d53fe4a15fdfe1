"""The cosine ranker: a section scores the mean cosine of its windows with the query (EmoMV retrieval)."""

from collections.abc import Sequence

import numpy as np

from recommender.rankers.sections import Section, best_run, span
from recommender.types import Array, TrackWindows


def rank(query: Array, candidates: Sequence[TrackWindows], length_s: float) -> list[Section]:
    """The best section of each candidate; its score is clipped to [0, 1] (a negative cosine is no fit)."""
    return [best_run(window_scores(windows.vectors, query), span(windows.bounds, length_s)) for windows in candidates]


def window_scores(vectors: Array, query: Array) -> Array:
    """Cosine float64 [n] of unit `vectors` [n, dim] with unit `query` [dim], in [0, 1]."""
    # einsum in float64, not BLAS: the same bits whatever the batch, thread count or machine.
    return np.clip(np.einsum("nd,d->n", vectors, query, dtype=np.float64), 0, 1)
