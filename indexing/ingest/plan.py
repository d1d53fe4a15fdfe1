"""What to do with each file found, decided from the catalog before any analysis."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexing.catalog.changes import Linked
from indexing.catalog.rows import Known, Root
from indexing.disk.content_hash import content_hash
from indexing.disk.files import File, below, is_gone
from indexing.ingest.events import Plan
from indexing.ingest.job import Job
from recommender.types import Modality


@dataclass
class Decisions:
    """Files by what is to be done: (path, reason) to skip, links to make, jobs to run, copies to wait for.

    retag: of those that are skipped, the paths whose tags are to be read again.
    """

    skip: list[tuple[str, str]] = field(default_factory=list)
    links: list[tuple[Linked, str]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    wait: list[Job] = field(default_factory=list)
    retag: list[str] = field(default_factory=list)

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
        unchanged = (path for path, _ in out.skip if path in known.files)
        out.retag = [path for path in unchanged if charset or not known.files[path].told]
    return out


def _settle(file: File, known: Known, retry: bool, reanalyse: bool, out: Decisions) -> bool:
    """Whether size and time say that nothing is to be done with a file."""
    stamp, before, failed = (file.size, file.mtime_ns), known.files.get(file.path), known.failed.get(file.path)
    if failed is not None and failed[:2] == stamp and not retry:
        out.skip.append((file.path, f"failed before: {failed[2]}"))
        return True
    if before is not None and before[:2] == stamp and not reanalyse:
        out.skip.append((file.path, "unchanged"))
        return True
    return False


def _digest(file: File, known: Known, needed: bool) -> bytes | None:
    before = known.files.get(file.path)
    if before is not None and before[:2] == (file.size, file.mtime_ns):
        return before.hash
    if not needed:
        return None
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


def mount_of(path: str) -> str:
    """The mount point that holds `path` now; an empty folder elsewhere than before is a disk not mounted."""
    while not os.path.ismount(path) and os.path.dirname(path) != path:  # noqa: PTH120
        path = os.path.dirname(path)  # noqa: PTH120
    return path
