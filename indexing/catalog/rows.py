"""What the catalog answers with, in values that need no database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from indexing.disk.files import Stamp
from recommender.types import Array, Modality

if TYPE_CHECKING:
    from indexing.disk.parts import Part


NEVER = -(1 << 63)
"""A modification time no file has: such a failure is tried again on the next run."""
_NEVER_BEFORE = -1  # in libraries of before


class Live(NamedTuple):
    """The tracks of one modality by ascending id, int64 [t] each: where their windows are stored."""

    ids: Array
    parts: Array
    first_rows: Array
    windows: Array


class Failure(NamedTuple):
    """A file that could not be analysed, as remembered."""

    path: str
    modality: Modality
    reason: str
    at: str


class Root(NamedTuple):
    """A folder (or file) that was added, and the mount point it was on."""

    path: str
    modality: Modality
    folder: bool
    mount: str


class KnownFile(NamedTuple):
    """A path in the catalog."""

    stamp: Stamp
    hash: bytes
    told: bool = True  # whether its tags were looked at for all that the catalog keeps of them

    @property
    def imported(self) -> bool:
        """Whether its vectors came from outside, without a file."""
        return self.stamp[:2] == (0, 0)


class KnownFailure(NamedTuple):
    """A path whose file could not be analysed, as the catalog remembers it."""

    stamp: Stamp
    hash: bytes | None
    reason: str

    @property
    def passing(self) -> bool:
        """Whether it is tried again on the next run."""
        return self.stamp.mtime_ns in (NEVER, _NEVER_BEFORE)


@dataclass
class Known:
    """What the catalog knows of one modality: paths, failures, sizes of files, roots."""

    files: dict[str, KnownFile] = field(default_factory=dict)
    failed: dict[str, KnownFailure] = field(default_factory=dict)
    sizes: set[int] = field(default_factory=set)
    paths: dict[bytes, list[str]] = field(default_factory=dict)
    roots: list[Root] = field(default_factory=list)


class Held(NamedTuple):
    """A part with its tracks: rows of `Catalog.placements`."""

    id: int
    space: int
    modality: Modality
    part: "Part"
    placed: Sequence[Any]

    @property
    def live(self) -> int:
        """Rows that are needed: windows, and a row that describes each track that was not imported."""
        return sum(row.windows + (row.size > 0) for row in self.placed)


class Stored(NamedTuple):
    """A track with the part that it is in, and its paths in order."""

    id: int
    part: int
    hash: bytes
    size: int
    modality: Modality
    paths: list[str]
