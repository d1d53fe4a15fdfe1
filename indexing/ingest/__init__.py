"""Files and vectors into a library, as a stream of events: `add`, `update`, `upgrade`, `remove`.

Names are imported on first use, so that the events cost nothing.
"""

from typing import TYPE_CHECKING

from recommender.exports import lazy

if TYPE_CHECKING:
    from indexing.ingest.events import (
        Event,
        Failed,
        Ingested,
        LeftOut,
        PartlyRead,
        Plan,
        Planned,
        Recoded,
        Removed,
        Skipped,
        Warned,
    )
    from indexing.ingest.run import Choices, add, remove, update, upgrade

__all__ = ["Choices", "Event", "Failed", "Ingested", "LeftOut", "PartlyRead", "Plan", "Planned", "Recoded", "Removed"]
__all__ += ["Skipped", "Warned", "add", "remove", "update", "upgrade"]

__getattr__, __dir__ = lazy(__name__, __all__, ["events", "run"])
