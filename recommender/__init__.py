"""cliptune: a clip and your own music library in, ranked and explained tracks out.

    >>> from indexing import Library
    >>> from recommender import Recommender
    >>> recommender = Recommender(Library.open("default"))
    >>> for r in recommender.recommend("clip.mp4", top=3):
    ...     print(r.rank, r.track.title, round(r.score, 2), r.in_s, r.out_s)

Names are imported on first use, so that `import recommender` costs nothing.
"""

from typing import TYPE_CHECKING

from recommender.exports import lazy

if TYPE_CHECKING:
    from recommender.affect.relative import Scale
    from recommender.engine import Query, Recommender, blend, recommend
    from recommender.errors import (
        Argument,
        BackendError,
        CliptuneError,
        InputError,
        LibraryError,
        LibraryLocked,
        LibraryNotFound,
        MediaError,
        ModelError,
        SpaceMismatch,
    )
    from recommender.extractors.audio.beats import Beats
    from recommender.memory import MemoryLibrary
    from recommender.model import Model
    from recommender.outputs import OUTPUTS
    from recommender.outputs.records import Answer
    from recommender.rankers import RANKERS
    from recommender.sharing import export_model, import_model
    from recommender.types import (
        Affect,
        AffectPair,
        Analyser,
        Analysis,
        Candidates,
        Column,
        Cue,
        Emotions,
        EmotionsPair,
        Features,
        Filter,
        LibraryReader,
        Modality,
        Range,
        Reason,
        Recommendation,
        Space,
        Track,
        TrackWindows,
        unit,
    )

__all__ = [
    "OUTPUTS",
    "RANKERS",
    "Affect",
    "AffectPair",
    "Analyser",
    "Analysis",
    "Answer",
    "Argument",
    "BackendError",
    "Beats",
    "Candidates",
    "CliptuneError",
    "Column",
    "Cue",
    "Emotions",
    "EmotionsPair",
    "Features",
    "Filter",
    "InputError",
    "LibraryError",
    "LibraryLocked",
    "LibraryNotFound",
    "LibraryReader",
    "MediaError",
    "MemoryLibrary",
    "Modality",
    "Model",
    "ModelError",
    "Query",
    "Range",
    "Reason",
    "Recommendation",
    "Recommender",
    "Scale",
    "Space",
    "SpaceMismatch",
    "Track",
    "TrackWindows",
    "blend",
    "export_model",
    "import_model",
    "recommend",
    "unit",
]

__getattr__, __dir__ = lazy(
    __name__,
    __all__,
    (
        "recommender.errors",
        "recommender.types",
        "recommender.memory",
        "recommender.engine",
        "recommender.model",
        "recommender.rankers",
        "recommender.affect.relative",
        "recommender.extractors.audio.beats",
        "recommender.sharing",
        "recommender.outputs",
        "recommender.outputs.records",
    ),
)
