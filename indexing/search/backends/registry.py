"""What a search backend is, and those there are by name.

One that cannot answer gives way to exact search and says so, never to an error. A new one that searches
all rows is a class and a line in MATRICES; one that builds something first, a class with `build` and `open` and a line
in BACKENDS. The tests of `tests/indexing/contract` then hold for it.
"""

from dataclasses import dataclass, replace
from logging import INFO, WARNING
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from indexing.search.backends import AUTO, FAISS_ROWS, MATRICES, SETTINGS, auto_backend, devices, open_index
from indexing.search.backends.on_device import DeviceIndex
from indexing.search.tracks import MatrixIndex, SegmentIndex
from indexing.snapshot.segments import Segment
from indexing.snapshot.snapshot import RECORD, REPRESENTATIVES
from recommender.errors import BackendError, CliptuneError, InputError, LibraryError
from recommender.logs import getLogger

if TYPE_CHECKING:
    from indexing.search.ann_files import Built
    from indexing.search.ann_tuning import Settings
    from indexing.search.representative_files import Represented

_log = getLogger(__name__)
_BUILT = REPRESENTATIVES  # what `auto` builds for a large library
_HOW = {"faiss_pq": "by codes", REPRESENTATIVES: "by representatives"}
_UNUSABLE = (CliptuneError, OSError, RuntimeError, MemoryError)  # the last two: what FAISS makes of a full GPU


class Backend(Protocol):
    """A way to search a segment. What it builds lies in the segment's folder and goes with it."""

    def build(self, home: Path, segment: Segment, settings: "Settings") -> "Built | Represented":
        """Make what `open` needs in `home`, unless it is there, in a way that may be killed at any instant.

        Raises BackendError where something is not installed, and OSError.
        """
        ...

    def lacks(self, home: Path, segment: Segment, settings: "Settings") -> bool:
        """Whether something is to be built that is not there."""
        ...

    def open(self, home: Path | None, segment: Segment) -> SegmentIndex:
        """The index over a segment; raises BackendError or LibraryError, with what to do, where it cannot be."""
        ...


class Exact:
    """Every window is scored: nothing is built."""

    def __init__(self, name: str) -> None:
        self._name = name

    def build(self, home: Path, segment: Segment, settings: "Settings") -> "Built":
        """Remove what another backend built."""
        from indexing.search.ann_files import remove_codes

        _remove_representatives(home)
        return remove_codes(home, segment.vectors, settings)

    def lacks(self, home: Path, segment: Segment, settings: "Settings") -> bool:
        """Never."""
        return False

    def open(self, home: Path | None, segment: Segment) -> MatrixIndex:
        """The index over a segment; raises BackendError where FAISS or torch is wanted and missing."""
        facts = {"kind": "exact", "backend": self._name, "vectors": len(segment.vectors)}
        index = open_index(segment.vectors, self._name)
        if isinstance(index, DeviceIndex):
            facts["precision"] = index.precision
        return MatrixIndex(segment, index, facts)


class Codes:
    """Windows are found by product-quantised codes and scored exactly."""

    def build(self, home: Path, segment: Segment, settings: "Settings") -> "Built":
        """Codes that reach the recall within the memory, or the note that exact search serves better."""
        from indexing.search.ann_files import build_codes

        _remove_representatives(home)
        return build_codes(home, segment.vectors, settings)

    def lacks(self, home: Path, segment: Segment, settings: "Settings") -> bool:
        """Whether codes may serve and are not there."""
        from indexing.search.ann_files import find_kept
        from indexing.search.ann_tuning import groups_for

        rows, dim = segment.vectors.shape
        return groups_for(rows, dim, settings) is not None and find_kept(home, segment.vectors, settings) is None

    def open(self, home: Path | None, segment: Segment) -> MatrixIndex:
        """The index over a segment; raises BackendError where it was not built or FAISS is missing, LibraryError."""
        from indexing.search.ann_files import describe, open_built

        if home is None:
            raise BackendError("codes are built for what lies on the disk alone")
        codes, built = open_built(home, segment.vectors)
        return MatrixIndex(segment, codes, {"backend": "faiss_pq", **describe(built)})


class Representatives:
    """Tracks are found by a few vectors each; where these do not serve, by windows, as the size of the library says."""

    def build(self, home: Path, segment: Segment, settings: "Settings") -> "Built | Represented":
        """Representatives that reach the recall and cost least, or the note why not, and then codes of windows."""
        from indexing.search.ann_files import build_codes, remove_codes
        from indexing.search.representative_files import build_representatives, tries
        from indexing.search.weighing import is_dear, weigh

        if not tries(len(segment.vectors), len(segment.ids), settings):
            _remove_representatives(home)
            return build_codes(home, segment.vectors, settings)
        made = build_representatives(home, segment, settings)
        if made.why is not None or is_dear(made, settings):
            codes = build_codes(home, segment.vectors, replace(settings, backend=AUTO))
            if made.why is not None or codes.file is None:
                return made
            made = weigh(home, segment, made)
        if made.why is None:
            remove_codes(home, segment.vectors, settings)
        return made

    def lacks(self, home: Path, segment: Segment, settings: "Settings") -> bool:
        """Whether they, or the codes that serve instead, may serve and are not there."""
        from indexing.search.representative_files import find_kept, tries
        from indexing.search.weighing import is_dear

        if tries(len(segment.vectors), len(segment.ids), settings):
            made = find_kept(home, segment, settings)
            if made is None or (made.why is None and not is_dear(made, settings)):
                return made is None
        return Codes().lacks(home, segment, replace(settings, backend=AUTO))

    def open(self, home: Path | None, segment: Segment) -> SegmentIndex:
        """The index over a segment; raises BackendError where it was not built or does not serve, LibraryError."""
        from indexing.search.representative_files import open_representatives

        if home is None:
            raise BackendError("representatives are built for what lies on the disk alone")
        return open_representatives(home, segment)


def _remove_representatives(home: Path) -> None:
    if (home / REPRESENTATIVES).exists():
        from indexing.search.representative_files import remove_representatives

        remove_representatives(home)


BACKENDS: dict[str, Backend] = {
    **{name: Exact(name) for name in MATRICES},
    "faiss_pq": Codes(),
    REPRESENTATIVES: Representatives(),
}


def check(name: str) -> str:
    """`name`; raises InputError where it is neither AUTO nor of a backend."""
    if name != AUTO and name not in BACKENDS:
        raise InputError(f"unknown search backend {name!r}; there are: {', '.join((AUTO, *BACKENDS))}")
    return name


def builder(name: str) -> Backend:
    """What builds for a library of that setting."""
    return BACKENDS[_BUILT if name == AUTO else check(name)]


def takes_batches(name: str) -> bool:
    """Whether an index may search batches for a library of that setting: on the processor none is opened for them."""
    return name == "torch" or devices.is_likely()


def setting(folder: Path) -> str:
    """What the library in `folder` is set to: a name of BACKENDS or AUTO, which a damaged setting counts as."""
    if not (folder / SETTINGS).exists():
        return AUTO
    from indexing.search.ann_files import load_settings

    try:
        return check(load_settings(folder).backend)
    except (InputError, LibraryError) as error:
        _log.warning("the search backend is left to the size of the library: %s", error)
        return AUTO


class Candidate(NamedTuple):
    """A backend that may answer, and why it."""

    backend: str
    why: str


@dataclass(frozen=True)
class Opened:
    """What answers for a segment, in a line why it does, and why that is not what was asked for, where it is not."""

    index: SegmentIndex
    notice: str | None
    why: str

    def describe(self) -> dict[str, Any]:
        """The facts of the index, with `why` and, where there is one, `notice`."""
        return self.index.describe() | {"why": self.why} | ({"notice": self.notice} if self.notice else {})


def open_segment(segment: Segment, name: str = AUTO) -> Opened:
    """What searches a segment by the backend of that name; where it cannot, another, which a line in the log says."""
    notice, tried = None, _candidates(segment, name)
    for (one, why), then in zip(tried, [*tried[1:], Candidate("exact", "")], strict=True):
        try:
            opened = Opened(BACKENDS[one].open(segment.home, segment), notice, why)
            _log.info("%d windows are searched by %s: %s", len(segment.vectors), one, why)
            return opened
        except _UNUSABLE as error:
            how = "windows are searched" if one == REPRESENTATIVES else f"search is {_HOW.get(then.backend, 'exact')}"
            notice = f"{how}, without {one}: {error}"
            as_found = (name, one) == (AUTO, REPRESENTATIVES) and isinstance(error, BackendError)
            _log.log(INFO if as_found else WARNING, notice)
    return Opened(BACKENDS["exact"].open(segment.home, segment), notice, "what else there is cannot answer")


def _candidates(segment: Segment, name: str) -> list[Candidate]:
    """Backends to try in turn. For what came since the last snapshot, in memory, nothing is ever built."""
    if name in MATRICES or (name not in (AUTO, REPRESENTATIVES) and segment.home is not None):
        return [Candidate(name, "it is set")]
    exactly = auto_backend(len(segment.vectors))
    size = f"{len(segment.vectors):,} windows; numpy searches up to {FAISS_ROWS:,}, FAISS or a GPU from there on"
    serving = devices.Serving(None, size) if exactly == "exact" or name == REPRESENTATIVES else devices.find()
    tried = [Candidate(serving.backend, serving.why)] if serving.backend else []
    if segment.home is not None:
        tried += _built(segment.home, name, serving.why)
    return [*tried, Candidate("exact" if serving.backend else exactly, serving.why)]


def _built(home: Path, name: str, why: str) -> list[Candidate]:
    """Backends for which something was built, or that are asked for."""
    found = []
    if name == REPRESENTATIVES:
        found.append(Candidate(REPRESENTATIVES, "it is set"))
    elif (home / REPRESENTATIVES).exists():
        found.append(Candidate(REPRESENTATIVES, f"they were built and find enough; {why}"))
    if (home / RECORD).exists():
        from indexing.search.ann_files import has_codes

        found += [Candidate("faiss_pq", f"codes were built; {why}")] if has_codes(home) else []
    return found
