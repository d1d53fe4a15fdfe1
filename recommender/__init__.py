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
    from recommender.engine import Recommender, recommend
    from recommender.errors import (
        Argument,
        BackendError,
        CliptuneError,
        FitError,
        InputError,
        LibraryError,
        LibraryLocked,
        LibraryNotFound,
        MediaError,
        ModelError,
        PassingError,
        SpaceMismatch,
    )
    from recommender.extractors.audio.beats import Beats
    from recommender.films.cues import MusicCue, Scene
    from recommender.films.scenes import Film, SceneWish, read_film
    from recommender.films.score import compose
    from recommender.memory import MemoryLibrary
    from recommender.model import Model
    from recommender.outputs import OUTPUTS
    from recommender.outputs.records import Answer
    from recommender.query import Query, blend
    from recommender.rankers import RANKERS
    from recommender.sharing import export_model, import_model
    from recommender.types import (
        Affect,
        AffectPair,
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

__all__ = ["Query", "Recommender", "blend", "recommend", "unit"]
__all__ += ["Affect", "AffectPair", "Cue", "Emotions", "EmotionsPair", "Reason", "Recommendation", "Scale", "Track"]
__all__ += ["Candidates", "Filter", "LibraryReader", "MemoryLibrary", "Modality", "Range", "Space", "TrackWindows"]
__all__ += ["RANKERS", "Analysis", "Beats", "Column", "Features", "Model", "export_model", "import_model"]
__all__ += ["OUTPUTS", "Answer", "Film", "MusicCue", "Scene", "SceneWish", "compose", "read_film"]
__all__ += ["Argument", "BackendError", "CliptuneError", "FitError", "InputError", "LibraryError"]
__all__ += ["LibraryLocked", "LibraryNotFound", "MediaError", "ModelError", "PassingError", "SpaceMismatch"]

_MODULES = ["errors", "types", "rankers", "model", "query", "engine", "memory"]
_MODULES += ["affect.relative", "extractors.audio.beats", "sharing", "outputs", "outputs.records"]
_MODULES += ["films.cues", "films.scenes", "films.score"]

__getattr__, __dir__ = lazy(__name__, __all__, _MODULES)
