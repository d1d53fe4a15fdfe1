"""Whether a library is whole: catalog, parts, tracks and snapshot checked against each other."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np

from indexing.catalog.queries import Catalog
from indexing.catalog.rows import Held, Live
from indexing.disk import parts
from indexing.disk.durable import library_errors
from indexing.disk.runs import spans
from indexing.library import Library
from indexing.maintenance import compact, derived, recall
from indexing.maintenance.recall import Recall
from indexing.search.ann_files import load_settings
from indexing.snapshot import facts, snapshot
from indexing.snapshot.current import pieces, still_in
from indexing.snapshot.facts import Facts
from indexing.snapshot.gathering import gather
from indexing.snapshot.known import Known, Same
from indexing.snapshot.medians import medians_of
from indexing.snapshot.segments import Segment
from indexing.writing.writer import due
from recommender.errors import LibraryError
from recommender.text import show
from recommender.types import Array, Modality

_UNIT = 1e-3  # vectors are float32: a length off by more is no rounding


@dataclass(frozen=True)
class Problem:
    """Something that is not whole.

    Attributes
    ----------
    kind: catalog, part, content, snapshot, fingerprints or search. text: one line.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass
class Report:
    """What a check found.

    Attributes
    ----------
    problems: what is not whole.
    orphans:  files among the parts that the catalog does not know: harmless, the next writer removes them.
    counts:   tracks, paths, windows and failures by modality, and parts.
    recalls:  of search against brute force, by modality; empty where nothing sound could be compared.
    """

    problems: list[Problem] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    recalls: dict[Modality, Recall] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The report, JSON-ready."""
        told, search = asdict(self), dict[str, Any]()
        for modality, found in told.pop("recalls").items():
            shares = {f"recall_at_{k}": share for k, share in found["at"].items()}
            search[modality] = {"queries": found["queries"]} | shares
        return {"whole": self.whole} | told | {"search": search}


def verify(library: Library) -> list[Problem]:
    """Everything that is wrong with a library as committed now; empty when all is whole.

    Reads the whole parts. Files the catalog does not know are no problem: see `orphans`.
    """
    return examine(library.folder, queries=0).problems


def examine(folder: Path, queries: int = recall.QUERIES, seed: int = 0) -> Report:
    """The report on a library as committed now, which need not be fit to be opened.

    Its search is audited with so many queries (0: not at all).
    """
    report = Report()
    with library_errors(folder, "read the library at"):
        published = snapshot.load_or_none(folder)
        with closing(Catalog.open(folder)) as catalog:
            report.problems += [Problem("catalog", show(line)) for line in catalog.flaws()]
            checker = _Checker(folder, catalog)
            report.counts = checker.counts()
            report.problems += checker.check_store()
            report.problems += checker.check_snapshot(published)
            report.problems += starmap(Problem, derived.flaws(folder, published))
            if queries and not checker.broken:
                report.recalls = checker.recalls(queries, seed)
    least = load_settings(folder).recall - recall.SLACK
    for modality, found in report.recalls.items():
        if found.at[recall.CUTOFFS[0]] < least:
            report.problems.append(Problem("search", f"of {modality} finds too little: {found}"))
    report.orphans = orphans(folder)
    return report


def orphans(folder: Path) -> list[str]:
    """Names of part files that the catalog does not know: left by a killed writer, removed by the next one.

    The library need not be fit to be opened.
    """
    with library_errors(folder, "read the library at"), closing(Catalog.open(folder)) as catalog:
        known = [part.name for part in catalog.parts().values()]
    return [path.name for path in parts.strangers(folder, known)]


def info(library: Library) -> dict[str, Any]:
    """What the library is and holds, JSON-ready: `Library.info`, and whether compaction pays."""
    with library_errors(library.folder, "read the library at"), closing(Catalog.open(library.folder)) as catalog:
        return library.info() | {"compaction": compact.estimate(catalog).as_json()}


class _Checker:
    """The checks of the space that is searched."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.folder, self.catalog = folder, catalog
        self.head = catalog.head()
        self.described = catalog.descriptions()
        self.broken = False
        self.unlike: set[Modality] = set()  # whose snapshot does not hold what the store does

    def counts(self) -> dict[str, Any]:
        """How much there is."""
        held: dict[str, Any] = {m: self.catalog.counts(m) for m in self.described}
        return held | {"parts": len(self.catalog.parts())}

    def recalls(self, queries: int, seed: int) -> dict[Modality, Recall]:
        """What search finds of what the store holds; nothing when the library has moved on meanwhile."""
        with Library(self.folder) as library:
            library.server = None  # what a server finds is no matter of the library's
            if library.generation != self.head.generation:
                return {}
            sound = [m for m in self.described if m not in self.unlike and library.count(m)]
            return {m: recall.recall(library, m, queries, seed=seed) for m in sound}

    def check_store(self) -> Iterator[Problem]:
        """Parts as recorded and sound, and every track's windows in one of them."""
        for held in self.catalog.parts_in_turn():
            columns = self.catalog.beside(held.space).descriptions()[held.modality].columns
            for text in check_part(self.folder, held, columns):
                self.broken = True
                yield Problem("part", text)
        if count := self.catalog.count_pathless():
            yield Problem("content", f"{count} contents belong to no path")

    def check_snapshot(self, published: snapshot.Snapshot | None) -> Iterator[Problem]:
        """The published snapshot is readable, of the present state, and equal to the store."""
        if published is None:
            if self.head.generation or (self.folder / snapshot.MANIFEST).exists():
                yield Problem("snapshot", "missing or damaged; `recommend index repair` makes a new one")
            return
        if not published.shows(self.head) and due(self.folder, self.catalog):
            yield Problem("snapshot", "behind the catalog; `recommend index repair` makes a new one")
        if self.broken:
            return  # nothing sound to compare with
        for modality in self.described:
            for text in self._differing(published, modality):
                self.unlike.add(modality)
                yield Problem("snapshot", f"its {modality} {text}")

    def _differing(self, published: snapshot.Snapshot, modality: Modality) -> Iterator[str]:
        """What of a modality is not as store and catalog have it; one part of the store is in memory at a time."""
        now, current = self.catalog.live(modality), published.shows(self.head)
        kept = published.segments.get(modality)
        if kept is None or (published.uid, published.space_id) != (self.head.uid, self.head.space_id):
            return
        alive = [segment.alive & still_in(now, segment) for segment in kept]
        shown = np.sort(np.concatenate([segment.ids[segment.alive] for segment in kept]))
        still = all(np.array_equal(segment.alive, mine) for segment, mine in zip(kept, alive, strict=True))
        if current and not (still and np.array_equal(shown, now.ids)):
            yield "tracks are not those of the catalog"
            return
        for segment, mine in zip(kept, alive, strict=True):
            yield from self._differing_rows(segment, mine, now, modality=modality)
        if current:
            if not np.array_equal(published.medians[modality], medians_of([replace(s, band=None) for s in kept])):
                yield "medians are not those of the store"
            yield from self._differing_facts(published.facts[modality], modality)

    def _differing_rows(self, kept: Segment, alive: Array, now: Live, *, modality: Modality) -> Iterator[str]:
        """Arrays whose rows, of tracks that are current, are not those of the store."""
        _, here = kept.places(now.ids)
        wanted = Live(*(column[here] for column in now))
        places, _ = kept.places(wanted.ids)
        wanted, places = Live(*(column[alive[places]] for column in wanted)), places[alive[places]]
        if not np.array_equal(np.diff(kept.offsets)[places], wanted.windows):
            yield "windows are not as many as in the store"
            return
        wrong: set[str] = set()
        for mine, columns in pieces(self.folder, self.catalog, wanted, inputs=self.described[modality].inputs):
            rows = spans(kept.offsets[:-1][places[mine]], wanted.windows[mine])
            wrong |= {name for name, values in columns.items() if not np.array_equal(getattr(kept, name)[rows], values)}
        yield from (f"{name} are not those of the store" for name in sorted(wrong))

    def _differing_facts(self, known: Known, modality: Modality) -> Iterator[str]:
        """Facts, and groups of near-duplicates, that are not those of the catalog."""
        if not _groups_fit(known, Same(*self.catalog.same_recording(modality))):
            yield "recordings are not those of the catalog"
        later, wrong = known.later, set[str]()
        for segment, mine in zip(known.segments, known.facts, strict=True):
            places = np.flatnonzero(segment.alive & ~np.isin(segment.ids, later.ids))
            wrong |= set(facts.differing(mine, places, self._gather(modality, segment.ids[places])))
        wrong |= set(facts.differing(later.facts, np.arange(len(later.ids)), self._gather(modality, later.ids)))
        if wrong:
            yield "facts are not those of the catalog"

    def _gather(self, modality: Modality, ids: Array) -> Facts:
        return gather(self.catalog.facts(modality, ids))


def _groups_fit(known: Known, same: Same) -> bool:
    """Whether tracks are searched by the recordings `same`, and those that share one are known to."""
    fit, all_of = True, [np.empty((2, 0), np.int64)]
    for segment in known.segments:
        asked = same.recordings(segment.ids)
        mine, theirs = (segment.ids if one is None else one for one in (segment.recordings, asked))
        fit = fit and np.array_equal(mine[segment.alive], theirs[segment.alive])
        all_of.append(np.stack([segment.ids, theirs])[:, segment.alive])
    ids, of = np.concatenate(all_of, axis=1)
    _, which, counts = np.unique(of, return_inverse=True, return_counts=True)
    return fit and bool(np.isin(ids[counts[which] > 1], known.same.ids).all())


def check_part(folder: Path, held: Held, columns: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with one part: its file, the numbers in it, and whether it holds what the catalog places there."""
    part = held.part
    try:
        parts.check_written(folder, part)
        rows = parts.read_part(folder, part, columns)
    except LibraryError as error:
        yield str(error)
        return
    for name, array in vars(rows).items():
        if not np.isfinite(array).all():
            yield f"{part.name} holds numbers that are not finite in {name}"
    if len(rows) and np.abs(np.linalg.norm(rows.vectors, axis=1) - 1).max() > _UNIT:
        yield f"{part.name} holds vectors that are not of unit length"
    yield from _misplaced(held, rows)


def _misplaced(held: Held, rows: parts.Rows) -> Iterator[str]:
    """Every track that the catalog places in a part is there: its hash on each of its windows, in order."""
    part, placed = held.part, held.placed
    first = np.array([r.first_row for r in placed], np.int64)
    count = np.array([r.windows for r in placed], np.int64)
    if not len(first):
        return
    if (count < 1).any() or (first < 0).any() or int((first + count).max()) > len(rows):
        yield f"{part.name} is shorter than the catalog says"
        return
    at = spans(first, count)
    hashes = np.frombuffer(b"".join(r.hash for r in placed), np.uint8).reshape(len(placed), -1)
    wrong = (rows.hashes[at] != np.repeat(hashes, count, axis=0)).any(axis=1)
    wrong |= rows.window[at] != at - np.repeat(first, count)
    ends = np.minimum(first + count, len(rows) - 1)
    longer = (rows.window[ends] == count) & (rows.hashes[ends] == hashes).all(axis=1)
    if wrong.any() or longer.any() or len(np.unique(at)) != len(at):
        yield f"{part.name} does not hold {int(wrong.sum()) or 'some'} windows where the catalog says"
