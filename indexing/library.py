"""A library opened for reading: catalog, vectors and store as one consistent state."""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from indexing.catalog.reading import Head, Reading, open_reading
from indexing.catalog.tracks import add_containment
from indexing.disk.durable import library_errors
from indexing.disk.locations import CATALOG, existing, library_path
from indexing.search.backends import registry
from indexing.search.servers.remembering import find_server
from indexing.search.tracks import Selection, merge_candidates
from indexing.snapshot import snapshot
from indexing.snapshot.current import segments_of
from indexing.snapshot.facts import Later
from indexing.snapshot.gathering import gather
from indexing.snapshot.known import Known
from indexing.snapshot.medians import medians_of
from recommender.errors import InputError, LibraryError
from recommender.logs import getLogger
from recommender.memory import check_query
from recommender.text import show
from recommender.types import Array, Candidates, Filter, Modality, Space, Track, TrackWindows

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog
    from indexing.catalog.rows import Failure, Root
    from indexing.snapshot.filtering import Masks
    from indexing.snapshot.segments import Segment

_log = getLogger(__name__)
_PAGE = 1000  # tracks listed per question
_CHOSEN = 8  # filters whose answer is kept: 1 to 6 MB each for a million tracks
_ATTEMPTS = 5  # a writer may replace files between two of our reads; each retry sees a newer whole state


class Library(AbstractContextManager["Library"]):
    """A library of tracks (or clips): implements `recommender.types.LibraryReader`. Made by `open` or `create`.

    Attributes
    ----------
    folder: where it lies. backend: what searches it exactly. server: what is asked for candidates first, or None.

    It shows the state at opening until `reload`, whatever a writer does meanwhile. May be used from several
    threads. Use as a context manager, or `close` it.

    Where the snapshot is current, queries read it: the catalog is asked, with sqlite3, for its state and how sure the
    facts of a shown track are, through SQLAlchemy only by what lists or counts (`tracks`, `failures`, `roots`, `info`).
    """

    def __init__(self, folder: Path, backend: str | None = None) -> None:
        self._reading: Reading | None = None
        self._catalog: Catalog | None = None
        self._lock = threading.RLock()
        self.folder = folder
        self._wished = None if backend is None else registry.check(backend)
        self.reload()

    @classmethod
    def open(cls, name_or_path: str | Path, space: Space | None = None, *, backend: str | None = None) -> "Library":
        """The library of that name or folder; raises LibraryNotFound, LibraryError, or SpaceMismatch.

        `space`, where given, must be the library's own. `backend` searches instead of what is kept with the library
        (`recommend index build --backend`): a name of `search.backends.registry.BACKENDS`, or "auto".
        """
        library = cls(existing(name_or_path), backend)
        if space is not None and library.space != space:
            library.close()
            from indexing.writing.writer import mismatch

            raise mismatch(library.folder, library.space, space)
        return library

    @classmethod
    def create(cls, name_or_path: str | Path, space: Space) -> "Library":
        """A new, empty library; raises LibraryError when there is one or the folder cannot be written."""
        folder = library_path(name_or_path)
        if (folder / CATALOG).is_file() and (folder / CATALOG).stat().st_size:
            raise LibraryError(f"there is already a library at {show(folder)}")
        return cls.open_or_create(folder, space)

    @classmethod
    def open_or_create(cls, name_or_path: str | Path, space: Space) -> "Library":
        """The library of that name or folder, made when absent; raises SpaceMismatch as `open` does."""
        from indexing.catalog import schema

        folder = library_path(name_or_path)
        if not schema.is_made(folder):
            with library_errors(folder, "make a library at"):
                schema.create(folder, space.model, space.revision, dim=space.dim)
        return cls.open(folder, space)

    def reload(self) -> None:
        """Move on to the newest committed state."""
        with self._lock:
            for attempt in range(_ATTEMPTS):
                self.close()
                try:
                    with library_errors(self.folder, "read the library at"):
                        self._load()
                    return
                except LibraryError:
                    self.close()
                    if attempt == _ATTEMPTS - 1 or not self._move_on():
                        raise

    def _load(self) -> None:
        # The manifest first: the catalog read after it is never older than it.
        published = snapshot.load_or_none(self.folder)
        self._reading = open_reading(self.folder)
        self._head = self._reading.head()
        self._indexes: dict[Modality, list[registry.Opened]] = {}
        self._medians: dict[Modality, Array] = {}
        self._facts: dict[Modality, Known] = {}
        self._before: dict[Modality, tuple[Known, int]] = {}  # of the snapshot, where it is behind
        self._masks: dict[Modality, Masks] = {}
        self._chosen: dict[tuple[Modality, Filter | None], list[Selection]] = {}
        if published is not None and published.shows(self._head):
            self._described = dict(published.descriptions)
            self._segments = dict(published.segments)
            self._medians |= published.medians
            self._facts |= published.facts
        else:
            self._load_tail(published)
        self._seen, self.server = self._head, find_server(self._head.uid)

    def _load_tail(self, published: snapshot.Snapshot | None) -> None:
        """Load what the catalog has, from the snapshot as far as it goes and from the store."""
        state = "is behind" if published is not None else "cannot be used"
        _log.info("%s: its snapshot %s, the rest comes from the catalog and the parts", self.folder, state)
        with self.catalog() as catalog:
            self._described = catalog.descriptions()
            found = {m: segments_of(self.folder, catalog, published, modality=m) for m in self._described}
        self._segments = {modality: segments for modality, (segments, _) in found.items()}
        for modality, (_, count) in found.items():
            if published is not None and count and published.facts[modality].is_whole:
                self._before[modality] = published.facts[modality], published.generation

    def _move_on(self) -> bool:
        """Whether a writer committed since the failed attempt to load, so that another one may succeed."""
        seen: Head | None = getattr(self, "_seen", None)
        try:
            with library_errors(self.folder, "read the library at"), closing(open_reading(self.folder)) as reading:
                self._seen = reading.head()
        except LibraryError:
            return False
        return seen is None or seen != self._seen

    @property
    def is_open(self) -> bool:
        """Whether the catalog can be asked."""
        return self._reading is not None

    def close(self) -> None:
        """Let go of the catalog; mapped vectors go with the object."""
        with self._lock:
            if self._catalog is not None:
                self._catalog.close()
            if self._reading is not None:
                self._reading.close()
            self._catalog = self._reading = None

    def __del__(self) -> None:
        if hasattr(self, "_lock"):
            self.close()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def space(self) -> Space:
        """The space of the library's vectors."""
        return self._head.space

    @property
    def uid(self) -> str:
        """Which library it is; the same of its copies."""
        return self._head.uid

    @property
    def generation(self) -> int:
        """How often its tracks had changed at opening."""
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
                segments = self.segments(modality)
                self._medians[modality] = medians_of(segments) if segments else np.zeros(0, np.float32)
            return self._medians[modality]

    def segments(self, modality: Modality) -> "list[Segment]":
        """The snapshot's tracks, and those that came since."""
        return self._segments.get(modality, [])

    def count(self, modality: Modality, where: Filter | None = None) -> int:
        """Number of distinct searchable tracks that meet all conditions."""
        return sum(int(segment.alive.sum()) for segment in self._chosen_of(modality, where))

    def ids(self, modality: Modality, where: Filter | None = None) -> Array:
        """int64 [t], ascending: the searchable tracks that meet all conditions."""
        found = [segment.ids[segment.alive] for segment in self._chosen_of(modality, where)]
        return found[0] if len(found) == 1 else np.sort(np.concatenate([np.empty(0, np.int64), *found]), kind="stable")

    def _chosen_of(self, modality: Modality, where: Filter | None) -> "list[Segment]":
        """The segments, of which only the tracks are alive that meet all conditions."""
        return [one.segment for one in self.select(modality, where)] if where else self.segments(modality)

    def spellings(self, entries: Collection[str]) -> dict[str, set[str]]:
        """entries: files, folders and ids, as people write them; by each, how the library spells it."""
        with self._lock, library_errors(self.folder, "read the library at"):
            return self._open().spellings(entries)

    def recordings(self, ids: Array) -> Array:
        """int64 [n]: the recording that each track is of, the id of one of its near-duplicates, or its own."""
        wanted = np.asarray(ids, np.int64)
        out = wanted.copy()
        for segment in (s for several in self._segments.values() for s in several):
            if segment.recordings is not None:
                places, here = segment.places(wanted)
                out[here] = segment.recordings[places]
        return out

    def search(self, query: Array, k: int, modality: Modality, *, where: Filter | None = None) -> Candidates:
        """The k tracks of distinct recordings, among those that meet all conditions, whose best window has the
        largest cosine with `query` [dim]; ties by id."""
        if k < 1:
            raise InputError(f"cannot search for {k} tracks; ask for at least 1")
        vector = check_query(query, self.space.dim)
        if self.server and (given := self.server.search(self, vector, k, modality=modality, where=where)):
            return given
        opened = self._search(modality)
        chosen = self.select(modality, where) if where else [None] * len(opened)
        found = [one.index.search(vector, k, some) for one, some in zip(opened, chosen, strict=True)]
        return merge_candidates(found, k, self.recordings)

    def search_many(
        self, queries: Array, k: int, modality: Modality, *, where: Filter | None = None, exact: bool = False
    ) -> list[Candidates]:
        """What `search` or an `exact` one finds, k tracks each for `queries` [q, dim]; in batches without `where`."""
        if (where and not exact) or k < 1:
            return [self.search(query, k, modality, where=where) for query in queries]
        from indexing.search.batch import search_segments

        vectors = np.array([check_query(query, self.space.dim) for query in queries]).reshape(-1, self.space.dim)
        opened = [] if exact and not registry.takes_batches(self.backend) else self._search(modality)
        segments, indexes = self._chosen_of(modality, where), [one.index for one in opened]
        columns = search_segments(segments, vectors, k, indexes=indexes, exact=exact)
        return [merge_candidates([found[i] for found in columns], k, self.recordings) for i in range(len(vectors))]

    def select(self, modality: Modality, where: Filter | None) -> list[Selection]:
        """Of every segment the tracks that meet all conditions; remembered for the last few filters."""
        segments = self.segments(modality)
        with self._lock:
            chosen = self._chosen.pop((modality, where), None)
            if chosen is None:
                masks = self._masks_of(modality).of(where) if where else [True] * len(segments)
                chosen = list(map(Selection, segments, masks))
            self._chosen[modality, where] = chosen
            if len(self._chosen) > _CHOSEN:
                del self._chosen[next(iter(self._chosen))]
            return chosen

    def changes_since(self, generation: int) -> Array | None:
        """int64 [n], ascending: tracks that came, changed or went since `generation`; None where not known."""
        with self._lock, library_errors(self.folder, "read the library at"):
            return self._open().changes_since(generation)

    def _masks_of(self, modality: Modality) -> "Masks":
        """What tells which tracks meet a filter; facts that changed since the snapshot are asked of the catalog."""
        if modality not in self._masks:
            from indexing.snapshot.filtering import Masks

            later = list[Later]()
            known, since = self._before.get(modality, (self._facts.get(modality), -1))
            if modality not in self._facts:
                with self.catalog() as catalog:
                    ids = catalog.changes(modality, since)
                    later.append(Later(ids, gather(catalog.facts(modality, ids))))
            self._masks[modality] = Masks(self.segments(modality), known, later)
        return self._masks[modality]

    @property
    def backend(self) -> str:
        """What it is set to be searched by: a backend's name or "auto"; `info` says what answers."""
        return self._wished or registry.setting(self.folder)

    def _search(self, modality: Modality) -> list[registry.Opened]:
        """What searches each segment, opened by the first search."""
        with self._lock:
            if modality not in self._indexes:
                self._indexes[modality] = [registry.open_segment(s, self.backend) for s in self.segments(modality)]
            return self._indexes[modality]

    def tracks_of(self, ids: Sequence[int]) -> list[Track]:
        """These tracks with their copies, in this order; raises LibraryError for an unknown id."""
        with self._lock, library_errors(self.folder, "read the library at"):
            look_up = self._snapshot_track if self._facts else self._catalog_track
            return add_containment([look_up(int(key)) or self._unknown(key) for key in ids], self._open().containment)

    def _snapshot_track(self, track_id: int) -> Track | None:
        """A track as the snapshot has it, and the catalog where only that knows."""
        reading = self._open()
        for modality, known in self._facts.items():
            if known.find(track_id) is not None:
                return known.track(track_id, modality, reading.facts(track_id))
        return None

    def _catalog_track(self, track_id: int) -> Track | None:
        """A track as the catalog has it."""
        with self.catalog() as catalog:
            return catalog.track(track_id)

    def windows_of(self, ids: Sequence[int]) -> list[TrackWindows]:
        """The windows of these tracks, in this order; raises LibraryError for an unknown id.

        Views of the snapshot's arrays: nothing is copied, and only what is read of them is fetched from the disk.
        """
        found: dict[int, TrackWindows] = {}
        for segment in (s for several in self._segments.values() for s in several):
            found |= segment.windows_of(ids)
        return [found.get(int(track_id)) or self._unknown(track_id) for track_id in ids]

    def _unknown(self, track_id: int) -> NoReturn:
        raise LibraryError(f"no track {track_id} in the library at {show(self.folder)}")

    def tracks(self, modality: Modality | None = None) -> Iterator[Track]:
        """One Track per path, by modality and path: copies come each with their own path."""
        for wanted in [m for m in self._described if modality in (None, m)]:
            last = ""
            while True:  # page by page: the lock is not held while the caller works
                with self.catalog() as catalog:
                    found = add_containment(catalog.page(wanted, last, _PAGE), self._open().containment)
                yield from found
                if len(found) < _PAGE:
                    break
                last = found[-1].path

    def failures(self) -> "list[Failure]":
        """Files that could not be analysed, with the reason."""
        with self.catalog() as catalog:
            return catalog.failures()

    def roots(self) -> "list[Root]":
        """Folders and files that were added, which `ingest.update` looks at."""
        with self.catalog() as catalog:
            return catalog.roots()

    def info(self) -> dict[str, Any]:
        """What the library is and holds, JSON-ready; `backend` is what searches the largest of it exactly.

        `search` says by modality what searches the snapshot and where (`device`), with the recall measured when it was
        built, what it is set to (`setting`), why that answers (`why`), why it is not what is set (`notice`); `server`
        what is asked first, None where nothing is.
        """
        from indexing.search.telling import describe

        searched, asked = {m: self._search(m) for m in self._segments}, self.server
        with self.catalog() as catalog:
            told = describe(self.folder, catalog, searched, setting=self.backend)
        return told | {"server": asked and {m: asked.describe(self, m) for m in self._segments}}

    @contextmanager
    def catalog(self) -> Iterator["Catalog"]:
        """A context with the catalog in the state that the library shows; other threads wait for its end.

        Raises LibraryError where the library is closed or the catalog cannot be read.
        """
        from indexing.catalog.queries import Catalog

        with self._lock, library_errors(self.folder, "read the library at"):
            if self._catalog is None:
                self._catalog = Catalog.of(self._open(), self._head.space_id)
            yield self._catalog

    def writing(self, space: Space | None = None, wait_s: float = 0.0) -> AbstractContextManager[Any]:
        """A context with the library's one `indexing.writing.writer.Writer`; call `reload` after it."""
        from indexing.writing.writer import writing

        return writing(self.folder, space, wait_s)

    def _open(self) -> Reading:
        if self._reading is None:
            raise LibraryError(f"the library at {show(self.folder)} was closed")
        return self._reading
