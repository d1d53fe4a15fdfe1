"""A music library on disk: catalog, Parquet store, vector search, ingestion.

Names are imported on first use, so that `import indexing` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexing.beats import beats_of
    from indexing.library import Library

__all__ = ["Library", "beats_of"]


def __getattr__(name: str) -> Any:
    if name == "Library":
        from indexing.library import Library

        return Library
    if name == "beats_of":
        from indexing.beats import beats_of

        return beats_of
    raise AttributeError(f"module 'indexing' has no attribute {name!r}")
