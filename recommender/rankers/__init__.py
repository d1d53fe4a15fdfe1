"""Rankers score the candidates' sections against a query. A new one is a file and a line in RANKERS."""

from recommender.errors import InputError
from recommender.rankers import cosine
from recommender.rankers.sections import Ranker, Section

RANKERS: dict[str, Ranker] = {"cosine": cosine.rank}

__all__ = ["RANKERS", "Ranker", "Section", "get"]


def get(name: str) -> Ranker:
    """The ranker called `name`; raises InputError listing the known ones."""
    try:
        return RANKERS[name]
    except KeyError:
        raise InputError(f"unknown ranker '{name}'; known: {', '.join(sorted(RANKERS))}") from None
