"""A search index for all that a library holds now, with limits that are kept with it."""

from indexing.library import Library
from indexing.search import ann_files, ann_index
from indexing.search.ann_tuning import Settings, memory_of
from indexing.search.backends import registry
from indexing.search.backends.faiss_flat import load_faiss
from indexing.search.backends.torch_exact import load_torch
from indexing.search.representative_files import Represented
from recommender.errors import LibraryError
from recommender.types import Modality


def rebuild(
    library: Library, memory: str | None = None, recall: float | None = None, *, backend: str | None = None
) -> dict[Modality, ann_files.Built | Represented]:
    """Build with these settings, where given, for the library as committed now, waiting for another builder.

    They are kept with the library. Raises InputError, BackendError where FAISS or torch is wanted and missing,
    LibraryLocked while it is written, and LibraryError.
    """
    given = any(value is not None for value in (memory, recall, backend))
    try:
        old = ann_files.load_settings(library.folder)
    except LibraryError:
        if not given:
            raise
        old = Settings()
    size = old.memory_bytes if memory is None else memory_of(memory)
    name = registry.check(old.backend if backend is None else backend)
    if name.startswith("faiss"):
        load_faiss()
    elif name == "torch":
        load_torch()
    settings = Settings(size, old.recall if recall is None else recall, name)
    with library.writing() as writer:
        if given:
            ann_files.save_settings(library.folder, settings)
        writer.publish(always=True, background=False)
    return ann_index.build(library.folder, wait_s=-1)
