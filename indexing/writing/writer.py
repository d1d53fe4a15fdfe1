"""The one writer of a library: takes the lock, commits batches, publishes snapshots, clears what a kill left."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from indexing.catalog.changes import Analysed, Change
from indexing.catalog.queries import Catalog
from indexing.catalog.writer import CatalogWriter
from indexing.disk import parts
from indexing.disk.durable import PARTIAL, library_errors
from indexing.disk.locations import BACKUP
from indexing.disk.lock import lock, now
from indexing.duplicates import groups
from indexing.snapshot import snapshot
from indexing.snapshot.publishing import publish_snapshot
from recommender.errors import Argument, LibraryError, SpaceMismatch
from recommender.text import show
from recommender.types import Analysis, Modality, Space

T = TypeVar("T")

_PUBLISH_ROWS = 20_000  # windows; below this a tail costs an opening reader little
_SMALL_ROWS = 200_000  # windows of a snapshot that is published whenever anything changed: 0.3 s


@dataclass
class Writer:
    """An open, locked library being written in the catalog's space, which may differ from the space searched now."""

    folder: Path
    catalog: CatalogWriter
    space: Space
    unpublished: int = 0
    sources: dict[Modality, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.versions = groups.Versions(self.folder, self.space_id)

    @property
    def space_id(self) -> int:
        """The space that is written."""
        return self.catalog.space_id

    def reading(self, question: Callable[[CatalogWriter], T]) -> T:
        """The answer of the catalog to a question, in a transaction of its own."""
        with library_errors(self.folder, "read the library at"), self.catalog.transaction():
            return question(self.catalog)

    def describe(self, modality: Modality, columns: Sequence[str], inputs: Sequence[str], *, source: str) -> None:
        """Record the columns of a modality, once, and what measures them from here on.

        Raises LibraryError when the columns are not the recorded ones.
        """
        self.sources[modality] = source
        absent = [c for c in inputs if c not in columns]
        if absent:
            raise LibraryError(f"the model reads {', '.join(absent)}, which its analysis of {modality} does not give")
        with library_errors(self.folder, "write to the library at"), self.catalog.transaction():
            known = self.catalog.descriptions().get(modality)
            if known is None:
                self.catalog.add_description(modality, columns, inputs)
            elif known != (tuple(columns), tuple(inputs)):
                raise LibraryError(
                    f"the model gives other {modality} features than this library was indexed with, under the same "
                    "revision; run ",
                    Argument("reanalyse", command="index update"),
                    " in a new library",
                )

    def commit(self, batch: Sequence[Change], modality: Modality) -> None:
        """Make a batch durable, all or nothing; raises LibraryError and leaves the library as it was."""
        analysed = [c for c in batch if isinstance(c, Analysed)]
        part = self._write_part([(c.hash, c.analysis) for c in analysed], modality) if analysed else None

        def change(catalog: CatalogWriter) -> list[str]:
            dead, fingerprints = catalog.apply(modality, batch, part=part, at=now())
            self.versions.take(catalog, fingerprints)
            return dead

        try:
            self.apply(change, [part] if part else [])
        except BaseException:
            self.versions.forget()
            raise
        self.unpublished += 0 if part is None else part.rows
        if self.unpublished > max(_PUBLISH_ROWS, self._published_rows()):
            self.publish(always=True)

    def apply(self, change: Callable[[CatalogWriter], list[str] | None], fresh: Sequence[parts.Part] = ()) -> None:
        """Run one transaction over the catalog; `change` returns names of parts nothing refers to any more, if any.

        On an error the `fresh` parts, written for it, are removed again.
        """
        try:
            with library_errors(self.folder, "write to the library at"), self.catalog.transaction():
                dead = change(self.catalog) or ()
        except BaseException:
            self.discard([p.name for p in fresh])
            raise
        self.discard(dead)

    def publish(self, always: bool = False, background: bool = True, *, whole: bool = False) -> None:
        """Publish a snapshot of what is committed in the space that is searched; a search index is built after it.

        Where little has changed since a large one, readers take that from the store, and the next to publish writes
        it: adding a few tracks costs the same in any library. `always` writes it now, `whole` all of it as one;
        without `background` nothing is built.
        """
        with library_errors(self.folder, "read the library at"), self.catalog.transaction():
            if always or due(self.folder, self.catalog):
                publish_snapshot(self.folder, self.catalog, whole=whole)
            self.versions.save(self.catalog)
        self.unpublished = 0
        if background and self._published_rows() > _SMALL_ROWS:
            from indexing.search import ann_index

            ann_index.start(self.folder)

    def discard(self, names: Iterable[str]) -> None:
        """Remove part files; what cannot be removed now is removed by the next writer."""
        for name in names:
            with suppress(OSError):
                (self.folder / parts.FOLDER / name).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove what a killed writer left: parts the catalog does not know, what is unfinished; nothing of others."""
        known = [part.name for part in self.reading(Catalog.parts).values()]
        begun = (*self.folder.glob(PARTIAL + "*"), *self.folder.glob(f"*/{PARTIAL}*"))
        with library_errors(self.folder, "write to the library at"):
            for path in (*parts.strangers(self.folder, known), *begun, self.folder / BACKUP):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            published = snapshot.load_or_none(self.folder)
            if published is not None:
                snapshot.remove_others(self.folder, set(published.crcs))

    def regroup(self) -> None:
        """Group versions anew where that was done by other rules; the next writer tries where it cannot be now."""
        with suppress(LibraryError), library_errors(self.folder, "read the library at"), self.catalog.transaction():
            groups.regroup(self.folder, self.catalog)

    def _write_part(self, items: list[tuple[bytes, Analysis]], modality: Modality) -> parts.Part:
        columns, source = items[0][1].features.columns, self.sources.get(modality, "")
        return parts.write_part(self.folder, parts.rows_of(items), columns, source=source, blobs=parts.blobs_in(items))

    def _published_rows(self) -> int:
        published = snapshot.load_or_none(self.folder)
        return 0 if published is None else published.living


def due(folder: Path, catalog: Catalog) -> bool:
    """Whether a snapshot is to be published: the last one is small, of another space, lacks facts, or is far behind."""
    head, old = catalog.head(), snapshot.load_or_none(folder)
    if old is None or not old.is_whole or (old.uid, old.space_id) != (head.uid, head.space_id):
        return True
    rows = old.living
    if rows <= _SMALL_ROWS:
        return True
    newest = max((int(s.parts.max()) for _, s in old.homes() if len(s.parts)), default=0)
    fresh, total = catalog.beside(head.space_id).windows_after(newest)
    return fresh + (rows + fresh - total) > _PUBLISH_ROWS


@contextmanager
def writing(folder: Path, space: Space | None = None, wait_s: float = 0.0, *, switch: bool = False) -> Iterator[Writer]:
    """A context with the library's Writer; the lock is held inside.

    `space` must be the library's own, else SpaceMismatch; with `switch` the writer stages into that space,
    invisible to readers until `CatalogWriter.adopt`.
    """
    with lock(folder, wait_s):
        with library_errors(folder, "open the library at"):
            catalog = CatalogWriter.open(folder)
        try:
            with library_errors(folder, "open the library at"), catalog.transaction():
                head = catalog.head()
                if space is None or space == head.space:
                    catalog = catalog.beside(head.space_id)
                elif switch:
                    catalog.stage(space)
                else:
                    raise mismatch(folder, head.space, space)
            writer = Writer(folder, catalog, space or head.space)
            writer.clear()
            writer.regroup()
            yield writer
        finally:
            catalog.close()


def mismatch(folder: Path, stored: Space, asked: Space) -> SpaceMismatch:
    """The error that says which space a library is in, which was asked for, and what to do."""

    def words(space: Space) -> str:
        return f"{space.model} revision {space.revision} ({space.dim} dimensions)"

    return SpaceMismatch(
        f"the library at {show(folder)} was indexed with {words(stored)}, not with {words(asked)}; use that model, "
        "or move the library to the other one: ",
        Argument("model", "M", "index upgrade"),
    )
