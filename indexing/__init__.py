"""A music library on disk: catalog, Parquet store, vector search, ingestion.

Names are imported on first use, so that `import indexing` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexing.library import Library

__all__ = ["Library"]


def __getattr__(name: str) -> Any:
    if name == "Library":
        from indexing.library import Library

        return Library
    raise AttributeError(f"module 'indexing' has no attribute {name!r}")
