"""Rankers score the candidates' sections against a query. A new one is a file and a line in RANKERS."""

from recommender.errors import InputError
from recommender.rankers import cosine, reranking
from recommender.rankers.arcs import Arc, worth
from recommender.rankers.scoring import FITS, PLAIN, SIDE, Scoring
from recommender.rankers.sections import Question, Ranker, Section, follows

RANKERS: dict[str, Ranker] = {"cosine": cosine.rank, "afclnet": reranking.afclnet, "fusion": reranking.fusion}
"""Rankers by name: what `Recommender(ranker=...)` takes."""

__all__ = [
    "FITS",
    "PLAIN",
    "RANKERS",
    "SIDE",
    "Arc",
    "Question",
    "Ranker",
    "Scoring",
    "Section",
    "follows",
    "get",
    "worth",
]


def get(name: str) -> Ranker:
    """The ranker called `name`; raises InputError listing the known ones."""
    try:
        return RANKERS[name]
    except KeyError:
        raise InputError(f"unknown ranker '{name}'; known: {', '.join(sorted(RANKERS))}") from None
