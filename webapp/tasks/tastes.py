"""What a page says of its owner's taste: whether an answer goes by it, what it likes, and why it does not."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recommender.engine import Recommender
    from recommender.query import Query


def taste_record(asked: "Recommender", folder: str, q: "Query", *, wanted: bool) -> dict[str, Any] | None:
    """The taste of the library in `folder`; None where none was learnt.

    `applied`: whether it moves the scores of this query. `likes`: in words. `films`: that it was learnt on. `why_not`:
    a line where it is wanted and cannot be used.
    """
    from indexing.edits.taste_file import load
    from recommender.errors import LibraryError
    from recommender.rankers.taste import unfit

    try:
        kept = load(Path(folder))
    except LibraryError as error:
        return {"applied": False, "likes": [], "films": 0, "why_not": str(error)}
    if kept is None:
        return None
    applied = asked.taste_for(q) is not None
    fault = unfit(kept.taste, asked.library.space, calibrate=asked.scale is not None)
    fault = fault or f"your taste was learnt on scores by {kept.taste.ranker}, and these come another way"
    why_not = fault if wanted and not applied else None
    return {"applied": applied, "likes": kept.taste.words(), "films": kept.figures.films, "why_not": why_not}
