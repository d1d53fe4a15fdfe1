"""A search index for all that a library holds now, with limits that are kept with it."""

from indexing.library import Library
from indexing.search import ann_index
from indexing.search.ann_tuning import Settings, memory_of
from recommender.errors import LibraryError
from recommender.types import Modality


def rebuild(
    library: Library, memory: str | None = None, recall: float | None = None
) -> dict[Modality, ann_index.Built]:
    """Build with these settings, where given, for the library as committed now, waiting for another builder.

    They are kept with the library. Raises InputError, LibraryLocked while it is written, and LibraryError.
    """
    given = memory is not None or recall is not None
    try:
        old = ann_index.load_settings(library.folder)
    except LibraryError:
        if not given:
            raise
        old = Settings()
    size = old.memory_bytes if memory is None else memory_of(memory)
    settings = Settings(size, old.recall if recall is None else recall)
    with library.writing() as writer:
        if given:
            ann_index.save_settings(library.folder, settings)
        writer.publish(always=True, background=False)
    return ann_index.build(library.folder, wait_s=-1)
