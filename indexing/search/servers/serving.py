"""A query to a library that was published on a server: candidates from there, everything else from the snapshot.

The server is asked for the nearest rows; windows of the tracks that these are of are scored exactly, as of
those that were changed since it was published. Where that is not all that must be found, it is asked once more for as
many as it gives; where that is not either, the library searches by itself.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from indexing.search.clusters import PER_TRACK
from indexing.search.representatives import DEPTH, NEAR
from indexing.search.servers import MOST_ROWS, REPRESENTATIVES, Found, State, TrackIndex, open_server
from indexing.search.servers.address import Address
from indexing.search.servers.conditions import without_paths
from indexing.search.servers.rows import places_of
from indexing.search.tracks import Selection, best_among, first_rows, merge_candidates, vector_error
from recommender.errors import Argument, BackendError
from recommender.logs import getLogger
from recommender.types import Array, Candidates, Filter, Modality, Space

REQUESTS = 2
"""To a server, for a query."""
FRESH_S = 1.0
"""Seconds for which what a server says of itself is taken to hold."""
MOST_LATE = 1 << 12
"""Tracks that changed since the library was published, up to which they are scored here with each query."""
_FEW = 1 << 17  # windows of the tracks that a filter leaves, up to which all are scored here: 5 ms at 64 dimensions
_WIDER = 4  # times as many rows are asked for where those did not hold enough
_log = getLogger(__name__)


class Asking(Protocol):
    """What is asked of a library: `indexing.library.Library`."""

    @property
    def uid(self) -> str: ...

    @property
    def space(self) -> Space: ...

    @property
    def generation(self) -> int: ...

    def select(self, modality: Modality, where: Filter | None) -> list[Selection]: ...

    def changes_since(self, generation: int) -> Array | None: ...

    def recordings(self, ids: Array) -> Array: ...


@dataclass
class _Held:
    """An index, what it said of itself and when, which tracks were changed since, and why it is not asked now."""

    index: TrackIndex
    state: State
    late: Array
    hindrance: str | None
    checked_s: float


class _Asked(NamedTuple):
    """A question: the `k` best tracks for `vector` float64 [dim], unit length, among those `chosen`."""

    vector: Array
    k: int
    chosen: Sequence[Selection]


class Serving:
    """The server at an address as one state of a library asks it; may be used from several threads."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._held: dict[Modality, _Held] = {}
        self._lock = threading.Lock()

    def search(
        self, library: Asking, query: Array, k: int, *, modality: Modality, where: Filter | None = None
    ) -> Candidates | None:
        """The k best tracks as `Library.search` finds them; None where the library is to find them by itself.

        So it is where a filter leaves little, for which no server is asked, where the server is of another state and
        where it does not give enough. Raises BackendError where it does not answer, or holds something else.
        """
        asked = _Asked(query, k, library.select(modality, where))
        if where and _windows(asked.chosen) <= _FEW:
            return None
        held, left = self._check(library, modality)
        if held.hindrance is not None:
            _log.warning("%s %s; searched here meanwhile", self.address, held.hindrance)
            return None
        rows = _first_rows(held, asked)
        if where and (told := without_paths(where)) != where:
            rows = math.ceil(1.1 * rows * _windows(library.select(modality, told)) / max(1, _windows(asked.chosen)))
        rows = min(MOST_ROWS, rows)
        while left:
            given = held.index.tracks(query.astype(np.float32), rows, where)
            found = _score(given, held, asked, recordings=library.recordings, ended=given.given < rows)
            if found is not None:
                return found
            left = left - 1 if rows < MOST_ROWS else 0
            rows = min(MOST_ROWS, rows * _WIDER)
        _log.info("%s: too little for %d tracks was given: searched here", self.address, k)
        return None

    def _check(self, library: Asking, modality: Modality) -> tuple[_Held, int]:
        """The index of a modality, of this state, and how many requests are left for a query."""
        with self._lock:
            held, now_s = self._held.get(modality), time.monotonic()
            if held is not None and now_s - held.checked_s < FRESH_S:
                return held, REQUESTS
            index = held.index if held else open_server(self.address.of(modality))
            state = index.state()
            if (why := _refusal(state, library)) or state is None:
                raise BackendError(f"{self.address} {why}: ", Argument("server", self.address, "index publish"))
            late = held.late if held and held.state == state else library.changes_since(state.generation)
            hindrance = _hindrance(state, library, late)
            late = np.empty(0, np.int64) if late is None else late
            self._held[modality] = _Held(index, state, late, hindrance, now_s)
            return self._held[modality], REQUESTS - 1

    def describe(self, library: Asking, modality: Modality) -> dict[str, Any]:
        """What serves, JSON-ready: its address and state, or in `notice` why it does not."""
        told: dict[str, Any] = {"address": str(self.address)}
        try:
            held, _ = self._check(library, modality)
            rows = held.index.count()
        except BackendError as error:
            return told | {"notice": str(error)}
        state = held.state
        told |= {"notice": held.hindrance} if held.hindrance else {}
        told |= {"form": state.form, "rows": rows, "rows_published": state.count}
        return told | {"generation": state.generation, "changed_since": len(held.late)}


def _first_rows(held: _Held, asked: _Asked) -> int:
    """How many rows are asked for at first, those included of what has changed since."""
    state = held.state
    rows = rows_for(state, asked.k) if state.form == REPRESENTATIVES else first_rows(asked.k, state.count)
    return rows + PER_TRACK * len(held.late) + 1


def _score(
    given: Found, held: _Held, asked: _Asked, *, recordings: Callable[[Array], Array], ended: bool
) -> Candidates | None:
    """The k best of the tracks given and of those that changed, None where others may be better.

    ended: whether there are no more rows, as far as the server says.
    """
    parts, useful, tracks = [], 0, 0
    for segment in (one.segment for one in asked.chosen):
        (places, which), (late, _) = places_of(segment, given.ids), places_of(segment, held.late)
        every = np.union1d(places, late)
        useful, tracks = useful + int(given.counts[which[~np.isin(places, late)]].sum()), tracks + len(every)
        parts.append(best_among(segment, every, asked.vector, k=asked.k))
    found = merge_candidates(parts, asked.k, recordings)
    if ended and tracks == sum(map(_tracks, asked.chosen)):
        return found
    if len(found.ids) < asked.k:
        return None
    if held.state.form == REPRESENTATIVES:
        return found if useful >= rows_for(held.state, asked.k) else None
    margin = 2e-6 + vector_error(len(asked.vector))
    return found if found.scores[-1] > given.least + margin else None


def rows_for(state: State, k: int) -> int:
    """How many representatives are looked at for k tracks."""
    return state.near_rows if k <= NEAR else math.ceil(state.rows * max(1.0, k / DEPTH))


def _refusal(state: State | None, library: Asking) -> str | None:
    """Why a server is not the library's, None where it is."""
    if state is None:
        return "holds nothing of this library; send it"
    if state.uid != library.uid:
        return "holds another library; publish this one elsewhere"
    if state.space != library.space:
        return f"holds vectors of the model '{state.space.model}' revision {state.space.revision}; send those of now"
    return None


def _hindrance(state: State, library: Asking, late: Array | None) -> str | None:
    """Why a server cannot be asked for the state of the library that is open, None where it can."""
    if state.until > library.generation:
        return f"has state {state.until} of the library, {library.generation} is open: open it again, or update it"
    if state.upto is not None:
        return f"does not have all (tracks up to {state.upto}): let that end, or run `recommend index publish` again"
    if late is None or len(late) > MOST_LATE:
        many = "many" if late is None else f"{len(late):,}"
        return f"lacks {many} tracks that changed since: run `recommend index publish`"
    return None


def _windows(chosen: Sequence[Selection]) -> int:
    return sum(one.windows for one in chosen)


def _tracks(chosen: Selection) -> int:
    """How many of the tracks have windows."""
    segment = chosen.segment
    return int((np.diff(segment.offsets)[segment.alive] > 0).sum())
