"""Vector servers: an index of tracks on other machines, which a library asks for candidates.

A server holds some unit vectors a track and what filters read of it. It is derived: made anew by `recommend index
publish`, and refused where it is not of the library that asks. Scores, ties, order and reasons come from the library's
own snapshot (`indexing.search.servers.serving`), so that what a server says decides only which tracks are looked at.
Servers' own grouping of rows by track is never used: it may give fewer tracks than there are, without an error.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import NamedTuple, Protocol

from indexing.search.servers.address import Address
from recommender.errors import BackendError
from recommender.types import Array, Filter, Space

MOST_ROWS = 16_384
"""Rows that are asked for at once, at most: Milvus refuses more."""
MOST_PLACES = 1 << 16
"""Rows of one track, at most: the lower bits of a row's id say which of its track's it is."""
_FORMAT = 1

Said = Mapping[str, float | list[str]]
"""What a server is told of a track, by the name of the fact: a number, or texts; what is unknown is left out."""


@dataclass(frozen=True)
class Rows:
    """Rows for a server: all of some tracks.

    Attributes
    ----------
    ids:     int64 [t], the tracks. counts: int64 [t], how many rows each has.
    vectors: float32 [r, dim], unit length, track by track.
    said:    [t], of every track.
    """

    ids: Array
    counts: Array
    vectors: Array
    said: list[Said]


class Found(NamedTuple):
    """What a server found.

    Attributes
    ----------
    ids:    int64 [t], distinct tracks, best first. counts: int64 [t], how many rows of each were among those given.
    given:  how many rows there were in all; fewer than asked for mean that there are no more.
    least:  the inner product of the last of them; infinite where there are none.
    """

    ids: Array
    counts: Array
    given: int
    least: float


@dataclass(frozen=True)
class State:
    """What a server holds, as it says itself.

    Attributes
    ----------
    uid, space, generation: the library, and the state of it that the rows are of. count: how many rows.
    until: later states of which some rows may be, while or after something was published: those of tracks that were
        changed between `generation` and `until`.
    upto:  tracks with higher ids are still to be sent; None where all are there.
    form:  `REPRESENTATIVES` of tracks, or their `WINDOWS`. rows, near_rows: to ask for, where they are
        representatives, for `DEPTH` tracks and for `NEAR` (`indexing.search.representatives`).
    tracks: how many there were when this was measured.
    """

    uid: str
    space: Space
    generation: int
    count: int
    until: int
    upto: int | None
    form: str
    rows: int
    near_rows: int
    tracks: int

    def __str__(self) -> str:
        return json.dumps({"format": _FORMAT, **asdict(self), "space": list(self.space)})

    @classmethod
    def read(cls, text: str) -> "State":
        """What `str` wrote; raises BackendError for anything else."""
        try:
            told = json.loads(text)
            if told.pop("format") != _FORMAT:
                raise ValueError("of another version")
            return cls(**{**told, "space": Space(*told["space"])})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BackendError(f"what the server says of itself is not understood ({error})") from error


REPRESENTATIVES, WINDOWS = "representatives", "windows"


class TrackIndex(Protocol):
    """An index of tracks. What fails raises BackendError, in one line that names the server."""

    def clear(self, dim: int) -> None:
        """Make it anew, empty, for vectors of so many dimensions."""
        ...

    def put(self, rows: Rows) -> None:
        """Hold these rows of their tracks and no others; twice is as once. They can be found when it returns."""
        ...

    def drop(self, ids: Array) -> None:
        """Hold no rows of these tracks, int64 [t], any longer."""
        ...

    def keep(self, state: State) -> None:
        """Say this of itself from now on."""
        ...

    def state(self) -> State | None:
        """What it was last told to say of itself, None where there is nothing; one request."""
        ...

    def count(self) -> int:
        """How many rows it holds; 0 where there is no such index."""
        ...

    def tracks(self, query: Array, rows: int, where: Filter | None = None) -> Found:
        """The tracks of the `rows` nearest rows, at most MOST_ROWS, by inner product with `query` float32 [dim].

        Those alone whose numbers and names meet `where`; what it says of files is none of a server's business. May
        give fewer, and miss some. One request, which takes seconds at the most.
        """
        ...


Opener = Callable[[Address], TrackIndex]


def _open(kind: str) -> Opener:
    def opened(address: Address) -> TrackIndex:
        try:
            module = import_module(f"indexing.search.servers.{kind}")
        except ImportError as error:
            raise BackendError(f"{address} needs {error.name}: pip install 'cliptune[{kind}]'") from error
        index: TrackIndex = module.open_index(address)
        return index

    return opened


SERVERS: dict[str, Opener] = {kind: _open(kind) for kind in ("local", "qdrant", "milvus")}
"""What opens an index of tracks, by the kind of its address; `local` holds it in the memory of this process."""


def open_server(address: Address) -> TrackIndex:
    """The index at an address; raises BackendError where what it needs is not installed or nothing answers."""
    return SERVERS[address.kind](address)
