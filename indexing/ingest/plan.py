"""What to do with each file found, decided from the catalog before any analysis."""

import os
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexing.catalog.changes import Linked
from indexing.catalog.rows import Known, KnownFailure, Root
from indexing.disk.content_hash import content_hash
from indexing.disk.files import File, below, is_gone
from indexing.ingest.events import Plan
from indexing.ingest.job import Job
from recommender.types import Modality

_MANY = 5  # files of a folder that stands empty: fewer were rather deleted


@dataclass
class Decisions:
    """Files by what is to be done: (path, reason) to skip, links to make, jobs to run, copies to wait for.

    seen: of those that are skipped, the files of which the catalog lacks something that tells of a change. retag: of
    those that stay as they are, the paths whose tags are to be read again.
    """

    skip: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[Linked, str]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    wait: list[Job] = field(default_factory=list)
    seen: list[File] = field(default_factory=list)
    retag: list[str] = field(default_factory=list)

    @property
    def moved(self) -> set[str]:
        """Paths whose content was found under another name."""
        return {linked.was for linked, _ in self.links if linked.was is not None}

    def plan(self) -> Plan:
        """The totals: copies that wait are not analysed."""
        total = len(self.skip) + len(self.links) + len(self.jobs) + len(self.wait)
        return Plan(total, len(self.jobs), sum(j.file.size for j in self.jobs))


def decide(
    files: Sequence[File],
    known: Known,
    modality: Modality,
    *,
    retry: bool,
    reanalyse: bool,
    charset: str | None = None,
) -> Decisions:
    """What to do with each file, in the order given.

    A hash is computed only where a size makes a known content or a twin possible: a first run over a
    large folder does not read everything twice.
    """
    out = Decisions()
    fresh = [file for file in files if not _settle(file, known, retry, reanalyse, out)]
    twins = {size for size, count in Counter(file.size for file in fresh).items() if count > 1}
    started: set[bytes] = set()
    moved: set[str] = set()
    for file in fresh:
        digest = _digest(file, known, file.size in known.sizes or file.size in twins)
        if digest is not None and digest in known.paths and not reanalyse:
            out.links.append(_link(file, digest, known, moved))
        elif digest is not None and digest in started:
            out.wait.append(Job(file, modality, digest, charset))
        else:
            started |= {digest} if digest is not None else set()
            out.jobs.append(Job(file, modality, digest, charset))
    if modality == "music":
        same = (*(path for path, _ in out.skip), *(linked.file.path for linked, _ in out.links))
        out.retag = [path for path in same if path in known.files and (charset or not known.files[path].told)]
    return out


def _settle(file: File, known: Known, retry: bool, reanalyse: bool, out: Decisions) -> bool:
    """Whether nothing is to be done with a file, as what was seen of it says."""
    before, failed = known.files.get(file.path), known.failed.get(file.path)
    if before is not None and before.stamp.fits(file.stamp) and not reanalyse:
        reason, stamp = "unchanged", before.stamp
    elif failed is not None and not retry and _is_as_it_failed(file, failed):
        reason, stamp = f"failed before: {failed.reason}", failed.stamp
    else:
        return False
    out.skip.append((file.path, reason))
    out.seen += [] if stamp == file.stamp else [file]
    return True


def _is_as_it_failed(file: File, failed: KnownFailure) -> bool:
    if failed.stamp[:2] != file.stamp[:2]:
        return False
    return failed.stamp.fits(file.stamp) or (failed.hash is not None and _hash(file) == failed.hash)


def _digest(file: File, known: Known, needed: bool) -> bytes | None:
    before = known.files.get(file.path)
    if before is not None and before.stamp.fits(file.stamp):
        return before.hash
    return _hash(file) if needed else None


def _hash(file: File) -> bytes | None:
    try:
        return content_hash(Path(file.path))
    except OSError:
        return None  # the worker meets the same error and names it


def _link(file: File, digest: bytes, known: Known, moved: set[str]) -> tuple[Linked, str]:
    """How a file with known content relates to the paths the catalog has for it."""
    before = known.files.get(file.path)
    if before is not None and before.hash == digest:
        return Linked(file, digest), "unchanged"
    for path in known.paths[digest]:
        if path not in moved and path != file.path and missing(path, known):
            moved.add(path)
            return Linked(file, digest, was=path), "renamed"
    return Linked(file, digest), "copy"


def folders_away(known: Known, there: Container[str]) -> dict[str, int]:
    """Folders, and how many files each had, that are all gone at once: as when a disk is away, or another in its place.

    Of what was added, whatever it is, a single file only where that was all; and folders right below it that stand
    empty, as a mount point without its disk does, where they held `_MANY` files or more. `there`: paths that were
    found, or their content under another name.
    """
    paths = [path for path, file in known.files.items() if not file.imported]
    gone = {path for path in paths if path not in there and is_gone(path)}
    found: dict[str, int] = {}
    for root in known.roots if gone else ():
        inside = [path for path in paths if below(path, root.path)]
        if gone.issuperset(inside if root.folder else paths):
            found[root.path] = len(inside)
        counts = Counter(_child(root.path, path) for path in inside if path in gone)
        found |= {place: count for place, count in counts.items() if count >= _MANY and _stands_empty(place)}
    return {place: count for place, count in found.items() if count}


def _child(root: str, path: str) -> str:
    """The file or folder right below `root` that a path is in."""
    return os.path.join(root, path[len(root) :].lstrip(os.sep).partition(os.sep)[0])  # noqa: PTH118


def _stands_empty(folder: str) -> bool:
    """Whether a folder is there and empty, or is a link to what is not there."""
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return os.path.islink(folder)  # noqa: PTH114


def missing(path: str, known: Known) -> bool:
    """Whether a known path is gone although the disk it was on is there."""
    return is_gone(path) and not any(below(path, root) for root in absent_roots(known))


def absent_roots(known: Known) -> list[str]:
    """Roots that are not there, as on an unplugged disk; their tracks are kept."""
    return [root.path for root in known.roots if not _present(root)]


def _present(root: Root) -> bool:
    home = root.path if root.folder else os.path.dirname(root.path)  # noqa: PTH120
    try:
        with os.scandir(home) as entries:
            empty = next(entries, None) is None
    except PermissionError:
        return True
    except OSError:
        return False
    return not empty or mount_of(home) == root.mount


def mounts_below(root: str, files: Iterable[File]) -> list[str]:
    """The mount points inside a folder that hold files: each may be away while the rest is there."""
    folders = {os.path.dirname(file.path) for file in files if below(file.path, root)}  # noqa: PTH120
    for folder in list(folders):
        while (folder := os.path.dirname(folder)) not in folders and folder != os.path.dirname(folder):  # noqa: PTH120
            folders.add(folder)
    return sorted(folder for folder in folders if folder != root and below(folder, root) and os.path.ismount(folder))


def mount_of(path: str) -> str:
    """The mount point that holds `path` now; an empty folder elsewhere than before is a disk not mounted."""
    while not os.path.ismount(path) and os.path.dirname(path) != path:  # noqa: PTH120
        path = os.path.dirname(path)  # noqa: PTH120
    return path
