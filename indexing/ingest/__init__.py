"""Files and vectors into a library, as a stream of events: `add`, `update`, `upgrade`, `remove`.

Names are imported on first use, so that the events cost nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexing.ingest.events import Event, Failed, Ingested, Plan, Planned, Recoded, Removed, Skipped, Warned
    from indexing.ingest.run import Choices, add, remove, update, upgrade

__all__ = [
    "Choices",
    "Event",
    "Failed",
    "Ingested",
    "Plan",
    "Planned",
    "Recoded",
    "Removed",
    "Skipped",
    "Warned",
    "add",
    "remove",
    "update",
    "upgrade",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from indexing.ingest import events, run

        return getattr(events if hasattr(events, name) else run, name)
    raise AttributeError(f"module 'indexing.ingest' has no attribute {name!r}")
