"""What is no longer there: told, kept where a disk may be away, and taken out of the library otherwise."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from indexing.catalog.changes import Gone
from indexing.catalog.rows import Known, Root
from indexing.catalog.writer import CatalogWriter
from indexing.disk.files import below, is_gone, trouble
from indexing.ingest import plan
from indexing.ingest.events import Event, Removed, Warned
from indexing.ingest.plan import Decisions
from indexing.ingest.scan import Found
from indexing.writing.writer import Writer
from recommender.errors import Argument
from recommender.text import show
from recommender.types import Modality

_CHUNK = 500  # catalog-only changes per transaction
Kept = dict[str, int | None]
"""Folders that stay though their files are gone, with how many these are; None where nothing is there to count in."""


@dataclass
class Task:
    """One modality of a run: what was found, what the catalog knows, what follows, and what stays though it is gone."""

    modality: Modality
    paths: list[str]
    found: Found
    known: Known
    decisions: Decisions
    kept: Kept


def problems(task: Task, sweeping: bool) -> Iterator[Event]:
    """What the scan could not look at; when sweeping, a root file that vanished is not a problem but news."""
    yield from _away(task.kept)
    for problem in task.found.problems:
        if not (sweeping and problem.path in task.paths and is_gone(problem.path)):
            yield problem


def _away(kept: Kept) -> Iterator[Event]:
    """The lines about what stays though it is gone."""
    for path, files in kept.items():
        if files is None:
            yield Warned(path, trouble(path, "it is not there (an unplugged disk?); its tracks stay in the library"))
        else:
            gone = f"none of the {files} files of {show(path)} is there (an unplugged disk?)"
            advice = Argument("prune", command="index update")
            yield Warned(path, f"{gone}; its tracks stay in the library", advice)


def remember_roots(writer: Writer, task: Task, sweeping: bool) -> None:
    """Record as roots the paths that held any file, for `update`, and disks that are mounted inside."""
    roots = [] if sweeping else [p for p in task.paths if any(below(file.path, p) for file in task.found.files)]
    for path in roots:
        folder = Path(path).is_dir()
        mount = plan.mount_of(path if folder else os.path.dirname(path))  # noqa: PTH120
        writer.apply(partial(CatalogWriter.add_root, root=Root(path, task.modality, folder, mount)))
    known = {*roots, *(root.path for root in task.known.roots)}
    for mount in {m for path in task.paths for m in plan.mounts_below(path, task.found.files)} - known:
        writer.apply(partial(CatalogWriter.add_root, root=Root(mount, task.modality, True, mount)))


def sweep(writer: Writer, task: Task, prune: bool) -> Iterator[Event]:
    """Take out of the library what is no longer on disk; with `prune` whatever it is."""
    known = writer.reading(lambda catalog: catalog.known(task.modality))
    kept = task.kept
    if missing(known, kept) and not prune:  # look again: the run may have taken hours
        kept = dict.fromkeys(plan.absent_roots(known)) | kept
        kept |= plan.folders_away(known, task.decisions.moved) | plan.folders_away(task.known, task.decisions.moved)
        yield from _away({path: files for path, files in kept.items() if path not in task.kept})
    for chunk in chunks(missing(known, kept)):
        writer.commit([Gone(p) for p in chunk], task.modality)
        yield from (Removed(p) for p in chunk)
    for root in known.roots:
        if is_gone(root.path) and root.path not in kept and (prune or not root.folder):
            writer.apply(partial(CatalogWriter.drop_roots, under=root.path))


def missing(known: Known, kept: Iterable[str]) -> list[str]:
    """What was analysed or failed, and is gone, but for what stays; imported tracks may never have been files."""
    imported = {path for path, file in known.files.items() if file.imported}
    gone = (p for p in {*known.files, *known.failed} - imported if is_gone(p))
    return sorted(p for p in gone if not any(below(p, place) for place in kept))


def chunks(paths: list[str]) -> Iterator[list[str]]:
    """`paths`, so many at a time as one transaction changes."""
    for at in range(0, len(paths), _CHUNK):
        yield paths[at : at + _CHUNK]
