"""Whether a library is whole: catalog, parts, contents and snapshot checked against each other."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from indexing import catalog, schema, snapshot, store
from indexing.durable import translated
from indexing.files import trouble
from indexing.library import Library
from indexing.schema import contents, parts, tracks
from indexing.search import Segment
from recommender.errors import LibraryError
from recommender.text import shown
from recommender.types import Array, Modality

_UNIT = 1e-3  # vectors are float32: a length off by more is no rounding


@dataclass(frozen=True)
class Problem:
    """Something that is not whole: a kind (catalog, part, content, track, snapshot) and one line."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def verify(library: Library) -> list[Problem]:
    """Everything that is wrong with a library as committed now; empty when all is whole.

    Reads the whole store. Files the catalog does not know are no problem: see `orphans`.
    """
    problems: list[Problem] = []
    with translated(library.folder, "read the library at"):
        published = snapshot.load_or_none(library.folder)
        with closing(schema.open_reader(library.folder)) as database:
            problems += _catalog(database.connection)
            checker = _Checker(library, database.connection)
            problems += checker.check_store()
            problems += checker.check_snapshot(published)
    return problems


def orphans(library: Library) -> list[str]:
    """Names of part files that the catalog does not know: left by a killed writer, removed by the next one."""
    with closing(schema.open_reader(library.folder)) as database:
        known = [p.name for p in catalog.known_parts(database.connection).values()]
    return [path.name for path in store.strangers(library.folder, known)]


def info(library: Library) -> dict[str, Any]:
    """What the library is and holds, JSON-ready; see `Library.info`."""
    return library.info()


def _catalog(link: sa.Connection) -> Iterator[Problem]:
    for (line,) in link.exec_driver_sql("PRAGMA integrity_check").all():
        if line != "ok":
            yield Problem("catalog", shown(str(line)))
    for row in link.exec_driver_sql("PRAGMA foreign_key_check").all():
        yield Problem("catalog", f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there")


class _Checker:
    """The checks of the space that is searched."""

    def __init__(self, library: Library, link: sa.Connection) -> None:
        self.folder, self.link = library.folder, link
        self.head = catalog.head(link)
        self.described = catalog.described(link, self.head.space_id)
        self.broken = False

    def check_store(self) -> Iterator[Problem]:
        """Parts as recorded and sound, and every track's windows in one of them."""
        infos = catalog.known_parts(self.link)
        for row in self.link.execute(sa.select(parts).order_by(parts.c.id)).all():
            inputs = catalog.described(self.link, row.space)[row.modality].columns
            for text in self._part(infos[row.id], row.id, inputs):
                self.broken = True
                yield Problem("part", text)
        unused = (
            sa.select(sa.func.count()).select_from(contents).where(contents.c.id.not_in(sa.select(tracks.c.content)))
        )
        if count := self.link.execute(unused).scalar():
            yield Problem("content", f"{count} contents belong to no path")

    def _part(self, part: store.Part, part_id: int, columns: tuple[str, ...]) -> Iterator[str]:
        path = self.folder / store.FOLDER / part.name
        try:
            if store.checksum(path) != part.checksum:
                yield f"{part.name} is not as it was written (its checksum differs)"
                return
            rows = store.read_part(self.folder, part, columns)
        except LibraryError as error:
            yield str(error)
            return
        except OSError as error:
            yield trouble(str(path), str(error.strerror).lower())
            return
        for name, array in vars(rows).items():
            if not np.isfinite(array).all():
                yield f"{part.name} holds numbers that are not finite in {name}"
        if len(rows) and np.abs(np.linalg.norm(rows.vectors, axis=1) - 1).max() > _UNIT:
            yield f"{part.name} holds vectors that are not of unit length"
        yield from self._contents(part, part_id, rows)

    def _contents(self, part: store.Part, part_id: int, rows: store.Rows) -> Iterator[str]:
        """Every content that the catalog places in a part is there: its hash on each of its windows, in order."""
        c = contents.c
        query = sa.select(c.hash, c.first_row, c.windows).where(c.part == part_id).order_by(c.first_row)
        placed = self.link.execute(query).all()
        first = np.array([r.first_row for r in placed], np.int64)
        count = np.array([r.windows for r in placed], np.int64)
        if not len(first):
            return
        if (count < 1).any() or (first < 0).any() or int((first + count).max()) > len(rows):
            yield f"{part.name} is shorter than the catalog says"
            return
        at = snapshot.spans(first, count)
        hashes = np.frombuffer(b"".join(r.hash for r in placed), np.uint8).reshape(len(placed), -1)
        wrong = (rows.hashes[at] != np.repeat(hashes, count, axis=0)).any(axis=1)
        wrong |= rows.window[at] != at - np.repeat(first, count)
        if wrong.any() or len(np.unique(at)) != len(at):
            yield f"{part.name} does not hold {int(wrong.sum()) or 'some'} windows where the catalog says"

    def check_snapshot(self, published: snapshot.Snapshot | None) -> Iterator[Problem]:
        """The published snapshot is readable, of the present state, and equal to the store."""
        if published is None:
            if self.head.generation or (self.folder / snapshot.MANIFEST).exists():
                yield Problem("snapshot", "missing or damaged; the next change of the library makes a new one")
            return
        if not published.shows(self.head):
            yield Problem("snapshot", "behind the catalog; the next change of the library makes a new one")
        if self.broken:
            return  # nothing sound to compare with
        for modality in self.described:
            yield from self._segment(published, modality)

    def _segment(self, published: snapshot.Snapshot, modality: Modality) -> Iterator[Problem]:
        kept = snapshot.segments_of(self.folder, self.link, self.head, published, modality)
        (truth,) = snapshot.segments_of(self.folder, self.link, self.head, None, modality)
        ids = np.concatenate([s.ids[s.alive] for s in kept])
        if not np.array_equal(np.sort(ids), truth.ids):
            yield Problem("snapshot", f"its {modality} tracks are not those of the catalog")
            return
        for segment in kept:
            for name in ("vectors", "affect", "inputs", "bounds"):
                if not _equal(segment, truth, getattr(segment, name), getattr(truth, name)):
                    yield Problem("snapshot", f"its {modality} {name} are not those of the store")
        medians = published.medians.get(modality, np.empty(0, np.float32))
        if published.shows(self.head) and not np.array_equal(medians, snapshot.medians_of([truth])):
            yield Problem("snapshot", f"its {modality} medians are not those of the store")


def _equal(segment: Segment, truth: Segment, mine: Array, theirs: Array) -> bool:
    """Whether the rows of a segment's living tracks equal those of the same tracks in the store."""
    places = np.searchsorted(truth.ids, segment.ids[segment.alive])
    counts = np.diff(segment.offsets)[segment.alive]
    if not np.array_equal(counts, np.diff(truth.offsets)[places]):
        return False
    source = snapshot.spans(segment.offsets[:-1][segment.alive], counts)
    target = snapshot.spans(truth.offsets[:-1][places], counts)
    return bool(np.array_equal(mine[source], theirs[target]))
