"""The cosine ranker: a section scores the mean cosine of its windows with the query (EmoMV retrieval)."""

from collections.abc import Sequence

import numpy as np

from recommender.rankers.scoring import Scoring
from recommender.rankers.sections import Question, Section, best_section, following_sections, lift
from recommender.types import Array, TrackWindows

NAME = "cosine"


def rank(question: Question, candidates: Sequence[TrackWindows], scoring: Scoring) -> list[Section]:
    """The best section of each candidate; its score is calibrated, or the mean cosine in [-1, 1]."""
    calibrate = scoring.calibrations.get(NAME)
    if calibrate is None and question.arc is None:
        scores = (window_scores(windows.vectors, question.vector) for windows in candidates)
        pairs = zip(scores, candidates, strict=True)
        return [best_section(values, windows.bounds, question.length_s) for values, windows in pairs]
    found = sections(question, candidates)
    told = np.array([section.score for section in found])
    return lift(question.arc, candidates, found, scores=told if calibrate is None else calibrate(told))


def sections(question: Question, candidates: Sequence[TrackWindows]) -> list[Section]:
    """The section of each candidate with the largest mean cosine, which is its score, in [-1, 1]; of a query with an
    arc the one that follows it best."""
    if question.arc is not None and candidates:
        return following_sections(question.arc, candidates, question.length_s)
    scores = ((cosines(windows.vectors, question.vector), windows.bounds) for windows in candidates)
    return [best_section(values, bounds, question.length_s) for values, bounds in scores]


def window_scores(vectors: Array, query: Array) -> Array:
    """Cosine float64 [n] of unit `vectors` [n, dim] with unit `query` [dim], in [-1, 1] whatever was rounded."""
    return np.clip(cosines(vectors, query), -1, 1)


def cosines(vectors: Array, query: Array) -> Array:
    """Cosine float64 [n] of unit `vectors` [n, dim] with unit `query` [dim]."""
    # einsum in float64, not BLAS: the same bits whatever the batch, thread count or machine.
    return np.einsum("nd,d->n", vectors, query, dtype=np.float64)
