"""Send a library to a vector server: all of it once, then what has changed; what is there already is left.

Whoever is killed meanwhile runs the same again. A server says of itself (`State`) what it holds for certain: first that
rows of tracks which changed are on their way, then these rows, then that they are there. In between it serves: what
changed since the state that it names is scored by the library itself.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from indexing.library import Library
from indexing.search.clusters import PER_TRACK, represent, starts_of
from indexing.search.servers import MOST_PLACES, REPRESENTATIVES, WINDOWS, Rows, State, open_server
from indexing.search.servers.address import LOCAL, PUBLISH_S, QUERY_S, Address
from indexing.search.servers.conditions import describe_track
from indexing.search.servers.depth import measure_depth
from indexing.search.servers.remembering import remember
from indexing.search.servers.serving import FRESH_S
from recommender.errors import Argument, BackendError, InputError, LibraryLocked
from recommender.home import data_home
from recommender.types import Array, Modality

PAUSE_S = FRESH_S + QUERY_S
"""Seconds after which no query relies any longer on what a server said of itself before."""
_TRACKS = 1024  # sent together
_STEPS = 16  # times that something is sent between two notes of how far it is
_GROWN = 1.25  # times as many tracks as were measured: measured again


@dataclass(frozen=True)
class Progress:
    """So many of `total` tracks of a modality that are to be sent are on the server."""

    modality: Modality
    done: int
    total: int


@dataclass(frozen=True)
class Published:
    """A modality is there: what the server says of itself, how many tracks were sent, and how many taken away."""

    modality: Modality
    state: State
    sent: int
    removed: int

    def __str__(self) -> str:
        held = f"{self.state.count:,} {self.state.form} of generation {self.state.generation}"
        return f"{self.modality}: {self.sent:,} tracks sent, {self.removed:,} removed; {held} there"


def publish(library: Library, address: Address, *, anew: bool = False) -> Iterator[Progress | Published]:
    """Bring a server up to date with the library, which asks it from then on; LOCAL: which asks none any longer.

    anew: send everything, also in place of another library. Raises InputError where something else is there,
    LibraryLocked while another process publishes, and BackendError.
    """
    if address.kind != LOCAL:
        with _lock(library.uid):
            library.reload()
            for modality in library.modalities:
                yield from _Publishing(library, replace(address, limit_s=PUBLISH_S), modality).run(anew)
    remember(library.uid, address)
    library.reload()


@contextmanager
def _lock(uid: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    data_home().mkdir(parents=True, exist_ok=True)
    handle = FileLock(data_home() / f"publish-{uid}.lock", thread_local=False)
    try:
        handle.acquire(timeout=0)
    except Timeout as error:
        raise LibraryLocked("the library is being published by another process; wait for it or stop it") from error
    try:
        yield
    finally:
        handle.release()


class _Publishing:
    """A modality of a library, on its way to a server."""

    def __init__(self, library: Library, address: Address, modality: Modality) -> None:
        self.library, self.address, self.modality = library, address.of(modality), modality
        self.index = open_server(self.address)
        self.ids = library.ids(modality)
        self.sent = 0

    def run(self, anew: bool) -> Iterator[Progress | Published]:
        """Send what is not there."""
        before, generation = self._begin(anew), self.library.generation
        again, gone, rest = self._left(before)
        if len(again) or len(gone):
            self.index.keep(replace(before, until=generation))
            time.sleep(PAUSE_S)
        for at in range(0, len(gone), _TRACKS):
            self.index.drop(gone[at : at + _TRACKS])
        total = len(again) + len(rest)
        for _ in self._send(again, before.form):
            yield Progress(self.modality, self.sent, total)
        state = replace(before, generation=generation, until=generation)
        for step, last in enumerate(self._send(rest, before.form), start=1):
            if step % _STEPS == 0:
                self.index.keep(replace(state, upto=last))
            yield Progress(self.modality, self.sent, total)
        yield Published(self.modality, self._finish(state, before), self.sent, len(gone))

    def _begin(self, anew: bool) -> State:
        """The state to go on from: the server's own, or that of an index that is made anew."""
        library, state = self.library, self.index.state()
        self._refuse(state, anew)
        known = state is not None and library.changes_since(state.generation) is not None
        if state is None or anew or not known or state.space != library.space:
            return self._clear(state, self._measured())
        if len(self.ids) <= _GROWN * state.tracks:
            return state
        measured = self._measured()
        if measured.form != state.form:
            return self._clear(state, measured)
        return replace(state, rows=measured.rows, near_rows=measured.near_rows, tracks=measured.tracks)

    def _refuse(self, state: State | None, anew: bool) -> None:
        """Raise an error where what is there is not to be replaced."""
        server, yes = Argument("server"), Argument("anew")
        if state is None:
            if self.index.count():
                raise InputError(server, f" {self.address}: something else is there; name another collection")
        elif state.uid != self.library.uid and not anew:
            raise InputError(
                server, f" {self.address}: another library is there; name another collection, or give ", yes
            )
        elif state.until > self.library.generation and state.uid == self.library.uid and not anew:
            raise BackendError(
                f"{self.address} has state {state.until} of the library, this copy is of state "
                f"{self.library.generation}: bring it up to date, or give ",
                yes,
            )

    def _measured(self) -> State:
        """The state of an empty index: in what form tracks are to be sent."""
        library, reached = self.library, measure_depth(self.library, self.modality)
        form, rows, near = WINDOWS, 0, 0
        if reached is not None:
            form, rows, near = REPRESENTATIVES, reached.rows, reached.near_rows
        of_now = library.generation
        return State(library.uid, library.space, of_now, 0, of_now, 0, form, rows, near, len(self.ids))

    def _clear(self, before: State | None, state: State) -> State:
        """The same state, said by an empty index; first that of before says that it is not all there."""
        if before is not None:
            self.index.keep(replace(before, upto=0))
            time.sleep(PAUSE_S)
        self.index.clear(state.space.dim)
        self.index.keep(state)
        return state

    def _left(self, state: State) -> tuple[Array, Array, Array]:
        """Tracks that were sent and changed since, that are gone, and that were never sent; each ascending."""
        changed = self.library.changes_since(state.generation)
        changed = np.empty(0, np.int64) if changed is None else changed
        there, living = np.isin(changed, self.ids), [self.library.ids(one) for one in self.library.modalities]
        gone = changed[~np.isin(changed, np.concatenate(living))]
        if state.upto is None:
            return changed[there], gone, np.empty(0, np.int64)
        return changed[there & (changed <= state.upto)], gone, self.ids[self.ids > state.upto]

    def _send(self, ids: Array, form: str) -> Iterator[int]:
        """Send tracks; the last one of what was sent, again and again."""
        for at in range(0, len(ids), _TRACKS):
            some = ids[at : at + _TRACKS].tolist()
            self.index.put(self._rows(some, form))
            self.sent += len(some)
            yield some[-1]

    def _rows(self, ids: list[int], form: str) -> Rows:
        """What a server holds of tracks."""
        windows = [one.vectors for one in self.library.windows_of(ids)]
        counts = np.array(list(map(len, windows)), np.int64)
        if counts.max() > MOST_PLACES:
            raise BackendError(f"track {ids[int(counts.argmax())]} has more windows than a server takes")
        vectors, said = np.concatenate(windows), [describe_track(track) for track in self.library.tracks_of(ids)]
        if form == REPRESENTATIVES:
            edges = np.concatenate([[0], np.cumsum(counts)])
            vectors, counts = represent(vectors, edges), np.diff(starts_of(edges))
        return Rows(np.array(ids, np.int64), counts, vectors, said)

    def _finish(self, state: State, before: State) -> State:
        """The state of an index that has everything; raises BackendError where it does not have as many rows."""
        counts = [np.diff(one.offsets)[one.alive] for one in self.library.segments(self.modality)]
        most = PER_TRACK if state.form == REPRESENTATIVES else MOST_PLACES
        expected = int(sum(np.minimum(some, most).sum() for some in counts))
        if (held := self.index.count()) != expected:
            raise BackendError(
                f"{self.address} has {held:,} rows where {expected:,} were sent: send all again: ", Argument("anew")
            )
        done = replace(state, count=expected, upto=None)
        if done != before:
            self.index.keep(done)
        return done
