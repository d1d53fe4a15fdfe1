"""What a library says of itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.disk.durable import tree_bytes
from indexing.search.backends import MATRICES, auto_backend
from indexing.search.backends.registry import Opened
from recommender.types import Modality

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog


def describe(
    folder: Path, catalog: "Catalog", searched: Mapping[Modality, Sequence[Opened]], *, setting: str
) -> dict[str, Any]:
    """What the library in a folder is and holds, JSON-ready: see `indexing.library.Library.info`.

    searched: what searches the segments of each modality. setting: its backend.
    """
    head = catalog.head()
    told = {modality: [one.describe() for one in several] for modality, several in searched.items()}
    largest = max((facts["vectors"] for several in told.values() for facts in several), default=0)
    held = sorted({failure.modality for failure in catalog.failures()} | set(searched))
    return {
        "path": str(folder),
        "space": head.space._asdict(),
        "modalities": {modality: catalog.counts(modality) for modality in held},
        "roots": [root.path for root in catalog.roots()],
        "generation": head.generation,
        "size_bytes": tree_bytes(folder),
        "backend": setting if setting in MATRICES else auto_backend(largest),
        "search": {modality: several[0] | {"setting": setting} for modality, several in told.items() if several},
    }
