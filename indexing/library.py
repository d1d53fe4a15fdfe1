"""A library opened for reading: catalog, vectors and store as one consistent state."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from indexing import catalog, schema, snapshot
from indexing.backends import WindowIndex, open_index
from indexing.catalog import Failure, Head, Root
from indexing.durable import translated, tree_bytes
from indexing.locations import CATALOG, existing, library_path
from indexing.search import Segment, best_tracks, checked_query, merged
from recommender.errors import InputError, LibraryError
from recommender.text import shown
from recommender.types import Array, Candidates, Modality, Space, Track, TrackWindows

_PAGE = 1000  # tracks listed per question
_ATTEMPTS = 5  # a writer may replace files between two of our reads; each retry sees a newer whole state


class Library:
    """A library of tracks (or clips): implements `recommender.types.LibraryReader`.

    It shows the state at opening until `reload`, whatever a writer does meanwhile. May be used from several
    threads. Use as a context manager, or `close` it.
    """

    def __init__(self, folder: Path, backend: str = "faiss") -> None:
        self._database: schema.Database | None = None
        self._lock = threading.RLock()
        self.folder = folder
        self._backend = backend
        self.reload()

    @classmethod
    def open(cls, name_or_path: str | Path, space: Space | None = None) -> "Library":
        """The library of that name or folder; raises LibraryNotFound, LibraryError, or SpaceMismatch.

        `space`, where given, must be the library's own.
        """
        library = cls(existing(name_or_path))
        if space is not None and library.space != space:
            library.close()
            from indexing.writer import mismatch

            raise mismatch(library.folder, library.space, space)
        return library

    @classmethod
    def create(cls, name_or_path: str | Path, space: Space) -> "Library":
        """A new, empty library; raises LibraryError when there is one or the folder cannot be written."""
        folder = library_path(name_or_path)
        if (folder / CATALOG).is_file() and (folder / CATALOG).stat().st_size:
            raise LibraryError(f"there is already a library at {shown(folder)}")
        with translated(folder, "make a library at"):
            schema.create(folder, *space)
        return cls.open(folder, space)

    @classmethod
    def open_or_create(cls, name_or_path: str | Path, space: Space) -> "Library":
        """The library of that name or folder, made when absent; raises SpaceMismatch as `open` does."""
        folder = library_path(name_or_path)
        if not schema.is_made(folder):
            with translated(folder, "make a library at"):
                schema.create(folder, *space)
        return cls.open(folder, space)

    def reload(self) -> None:
        """Move on to the newest committed state."""
        with self._lock:
            for attempt in range(_ATTEMPTS):
                self.close()
                try:
                    with translated(self.folder, "read the library at"):
                        self._load()
                    return
                except LibraryError:
                    self.close()
                    if attempt == _ATTEMPTS - 1 or not self._moved_on():
                        raise

    def _load(self) -> None:
        # The manifest first: the catalog read after it is never older than it.
        published = snapshot.load_or_none(self.folder)
        self._database = schema.open_reader(self.folder)
        link = self._database.connection
        self._head = catalog.head(link)
        self._described = catalog.described(link, self._head.space_id)
        self._segments = {m: snapshot.segments_of(self.folder, link, self._head, published, m) for m in self._described}
        fresh = published is not None and published.shows(self._head)
        self._medians = dict(published.medians) if published is not None and fresh else {}
        self._indexes: dict[int, WindowIndex] = {}
        self._seen = self._head

    def _moved_on(self) -> bool:
        """Whether a writer committed since the failed attempt to load, so that another one may succeed."""
        seen: Head | None = getattr(self, "_seen", None)
        try:
            with translated(self.folder, "read the library at"), closing(schema.open_reader(self.folder)) as database:
                self._seen = catalog.head(database.connection)
        except LibraryError:
            return False
        return seen is None or seen != self._seen

    @property
    def is_open(self) -> bool:
        """Whether the catalog can be asked."""
        return self._database is not None

    def close(self) -> None:
        """Let go of the catalog; mapped vectors go with the object."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def __del__(self) -> None:
        if hasattr(self, "_lock"):
            self.close()

    def __enter__(self) -> "Library":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def space(self) -> Space:
        """The space of the library's vectors."""
        return self._head.space

    @property
    def generation(self) -> int:
        """How often the contents had changed at opening."""
        return self._head.generation

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What the library holds, in alphabetical order."""
        return tuple(self._described)

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """Names of the columns of `TrackWindows.inputs`; empty for imported vectors."""
        return self._described[modality].inputs if modality in self._described else ()

    def medians(self, modality: Modality) -> Array:
        """float32 [f]: the library's median of every input column over all windows."""
        with self._lock:
            if modality not in self._medians:
                segments = self._segments.get(modality, [])
                self._medians[modality] = snapshot.medians_of(segments) if segments else np.zeros(0, np.float32)
            return self._medians[modality]

    def count(self, modality: Modality) -> int:
        """Number of distinct searchable tracks."""
        return sum(int(s.alive.sum()) for s in self._segments.get(modality, []))

    def search(self, query: Array, k: int, modality: Modality) -> Candidates:
        """The k distinct tracks whose best window has the largest cosine with `query` [dim]; ties by id."""
        if k < 1:
            raise InputError(f"cannot search for {k} tracks; ask for at least 1")
        vector = checked_query(query, self.space.dim)
        segments = self._segments.get(modality, [])
        return merged([best_tracks(self._index(s), s, vector, k) for s in segments], k)

    def _index(self, segment: Segment) -> WindowIndex:
        with self._lock:
            if id(segment) not in self._indexes:
                self._indexes[id(segment)] = open_index(segment.vectors, self._backend)
            return self._indexes[id(segment)]

    def track(self, track_id: int) -> Track:
        """One track with its copies; raises LibraryError for an unknown id."""
        with self._lock, translated(self.folder, "read the library at"):
            found = catalog.track(self._link(), self._head.space_id, int(track_id))
        if found is None:
            raise LibraryError(f"no track {track_id} in the library at {shown(self.folder)}")
        return found

    def windows(self, track_id: int) -> TrackWindows:
        """The windows of one track; raises LibraryError for an unknown id."""
        for segment in (s for several in self._segments.values() for s in several):
            rows = segment.rows(int(track_id))
            if rows is not None:
                return TrackWindows(
                    segment.bounds[rows], segment.vectors[rows], segment.affect[rows], segment.inputs[rows]
                )
        raise LibraryError(f"no track {track_id} in the library at {shown(self.folder)}")

    def tracks(self, modality: Modality | None = None) -> Iterator[Track]:
        """One Track per path, by modality and path: copies come each with their own path."""
        for wanted in [m for m in self._described if modality in (None, m)]:
            last = ""
            while True:  # page by page: the lock is not held while the caller works
                with self._lock, translated(self.folder, "read the library at"):
                    found = catalog.page(self._link(), self._head.space_id, wanted, last, _PAGE)
                yield from found
                if len(found) < _PAGE:
                    break
                last = found[-1].path

    def failures(self) -> list[Failure]:
        """Files that could not be analysed, with the reason."""
        with self._lock, translated(self.folder, "read the library at"):
            return catalog.all_failures(self._link(), self._head.space_id)

    def roots(self) -> list[Root]:
        """Folders and files that were added, which `ingest.update` looks at."""
        with self._lock, translated(self.folder, "read the library at"):
            return catalog.all_roots(self._link())

    def info(self) -> dict[str, Any]:
        """What the library is and holds, JSON-ready; `searches_on` is None where no FAISS is installed."""
        with self._lock, translated(self.folder, "read the library at"):
            link, space = self._link(), self._head.space_id
            return {
                "path": str(self.folder),
                "space": self.space._asdict(),
                "modalities": {m: catalog.counts(link, space, m) for m in self._held(space)},
                "roots": [root.path for root in catalog.all_roots(link)],
                "generation": self.generation,
                "size_bytes": tree_bytes(self.folder),
                "backend": self._backend,
            }

    def writing(self, space: Space | None = None, wait_s: float = 0.0) -> AbstractContextManager[Any]:
        """A context with the library's one `indexing.writer.Writer`; call `reload` after it."""
        from indexing.writer import writing

        return writing(self.folder, space, wait_s)

    def _held(self, space_id: int) -> list[Modality]:
        failed = {f.modality for f in catalog.all_failures(self._link(), space_id)}
        return sorted(failed | set(self._described))

    def _link(self) -> Any:
        if self._database is None:
            raise LibraryError(f"the library at {shown(self.folder)} was closed")
        return self._database.connection
