"""A music library on disk: catalog, Parquet store, vector search, ingestion.

Names are imported on first use, so that `import indexing` costs nothing.
"""

from typing import TYPE_CHECKING

from recommender.exports import lazy

if TYPE_CHECKING:
    from indexing import ingest
    from indexing.beats import beats_of
    from indexing.ingest import Choices, Event, Failed, Ingested, Plan, Planned, Recoded, Removed, Skipped, Warned
    from indexing.ingest.import_vectors import import_vectors
    from indexing.library import Library
    from indexing.maintenance.repair import repair
    from indexing.maintenance.verify import Problem, verify

__all__ = ["Library", "Problem", "beats_of", "import_vectors", "ingest", "repair", "verify"]
__all__ += ["Choices", "Event", "Failed", "Ingested", "Plan", "Planned", "Recoded", "Removed", "Skipped", "Warned"]

_MODULES = ["library", "ingest", "ingest.import_vectors", "beats", "maintenance.verify", "maintenance.repair"]

__getattr__, __dir__ = lazy(__name__, __all__, _MODULES)
