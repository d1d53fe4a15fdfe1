"""The rankers with AFCLNet: the cosine chooses each candidate's section, the network scores it."""

from collections.abc import Sequence

import numpy as np

from recommender.errors import Argument, InputError
from recommender.rankers import cosine
from recommender.rankers.scoring import Scoring
from recommender.rankers.sections import Question, Section, lift
from recommender.types import Array, TrackWindows


def afclnet(question: Question, candidates: Sequence[TrackWindows], scoring: Scoring) -> list[Section]:
    """Sections by AFCLNet's calibrated score."""
    found, logits = _score(question, candidates, scoring, "afclnet")
    return lift(question.arc, candidates, found, scores=scoring.calibrations["afclnet"](logits))


def fusion(question: Question, candidates: Sequence[TrackWindows], scoring: Scoring) -> list[Section]:
    """Sections by the calibrated score of AFCLNet and cosine together."""
    found, logits = _score(question, candidates, scoring, "fusion")
    if scoring.fusion is None:
        raise _unable("fusion")
    fused = scoring.fusion(np.array([section.score for section in found]), logits)
    return lift(question.arc, candidates, found, scores=scoring.calibrations["fusion"](fused))


def _score(
    question: Question, candidates: Sequence[TrackWindows], scoring: Scoring, name: str
) -> tuple[list[Section], Array]:
    """The cosine's sections and AFCLNet's logits [c], each the mean over the section's windows."""
    if scoring.reranker is None:
        raise _unable(name)
    if question.side is None:
        told = f"the ranker '{name}' needs the query's features, of a clip that looks for music or of music for clips: "
        like, cosines = Argument("like"), Argument("ranker", "cosine")
        raise InputError(f"{told}a bare vector, a blend and ", like, " have none; use ", cosines)
    found = cosine.sections(question, candidates)
    if not found:
        return found, np.zeros(0)
    first = scoring.first.get(question.target, 0)
    rows = [w.inputs[s.first : s.last + 1, first:] for w, s in zip(candidates, found, strict=True)]
    asked, stored = question.side[None], np.vstack(rows)
    sides = (asked, stored) if question.target == "music" else (stored, asked)
    logits = scoring.reranker.logits(*sides)
    starts = np.cumsum([0, *(len(r) for r in rows[:-1])])
    return found, np.add.reduceat(logits, starts) / np.array([len(r) for r in rows])


def _unable(name: str) -> InputError:
    told = f"the ranker '{name}' needs a library of a model with AFCLNet (`recommend train`): imported vectors and "
    return InputError(f"{told}other models are ranked by cosine alone (", Argument("ranker", "cosine"), ")")
