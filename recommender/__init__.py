"""cliptune: a clip and your own music library in, ranked and explained tracks out.

    >>> from indexing import Library
    >>> from recommender import Recommender
    >>> recommender = Recommender(Library.open("default"))
    >>> for r in recommender.recommend("clip.mp4", top=3):
    ...     print(r.rank, r.track.title, round(r.score, 2), r.in_s, r.out_s)

Names are imported on first use, so that `import recommender` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recommender.engine import Query, Recommender, blend, recommend
    from recommender.errors import CliptuneError
    from recommender.model import Model
    from recommender.types import Affect, Reason, Recommendation, Track

__all__ = [
    "Affect",
    "CliptuneError",
    "Model",
    "Query",
    "Reason",
    "Recommendation",
    "Recommender",
    "Track",
    "blend",
    "recommend",
]

_HOMES = {
    "recommender.engine": ("Query", "Recommender", "blend", "recommend"),
    "recommender.errors": ("CliptuneError",),
    "recommender.model": ("Model",),
    "recommender.types": ("Affect", "Reason", "Recommendation", "Track"),
}


def __getattr__(name: str) -> Any:
    import importlib

    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'recommender' has no attribute {name!r}")
