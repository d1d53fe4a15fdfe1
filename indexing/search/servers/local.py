"""An index of tracks in the memory of this process: what a server has to do, said plainly. Others are held to it."""

import numpy as np

from indexing.search.backends.exact import best
from indexing.search.servers import MOST_ROWS, Found, Rows, Said, State
from indexing.search.servers.address import Address
from indexing.search.servers.conditions import Conditions, conditions_of
from indexing.search.servers.rows import group_rows
from recommender.errors import BackendError
from recommender.types import Array, Filter


class LocalTracks:
    """A `TrackIndex` that compares a query with every row."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[Array, Said]] = {}
        self._state: str | None = None

    def clear(self, dim: int) -> None:
        """Forget everything."""
        self._rows, self._state = {}, None

    def put(self, rows: Rows) -> None:
        """Hold these rows of their tracks."""
        parts = np.split(rows.vectors, np.cumsum(rows.counts)[:-1])
        self._rows |= dict(zip(rows.ids.tolist(), zip(parts, rows.said, strict=True), strict=True))

    def drop(self, ids: Array) -> None:
        """Forget tracks."""
        for track in ids.tolist():
            self._rows.pop(track, None)

    def keep(self, state: State) -> None:
        """Say this from now on."""
        self._state = str(state)

    def state(self) -> State | None:
        """What it was last told to say."""
        return None if self._state is None else State.read(self._state)

    def count(self) -> int:
        """How many rows there are."""
        return sum(len(vectors) for vectors, _ in self._rows.values())

    def tracks(self, query: Array, rows: int, where: Filter | None = None) -> Found:
        """The tracks of the nearest rows."""
        if rows > MOST_ROWS:
            raise BackendError(f"{rows} rows are more than the {MOST_ROWS} that a server gives at once")
        asked = conditions_of(where)
        some = {track: vectors for track, (vectors, said) in self._rows.items() if _meets(said, asked)}
        if not some:
            return group_rows(np.empty(0, np.int64), np.empty(0, np.float32))
        owners = np.repeat(np.array(list(some), np.int64), list(map(len, some.values())))
        at, scores = best(np.concatenate(list(some.values())) @ query, rows)
        return group_rows(owners[at], scores)


def _meets(said: Said, asked: Conditions) -> bool:
    for name, ranges in asked.numbers.items():
        value = said.get(name)
        if not isinstance(value, float) or not any(low <= value <= high for low, high in ranges):
            return False
    return all(set(texts) & set(_listed(said.get(name))) for name, texts in asked.texts.items())


def _listed(texts: float | list[str] | None) -> list[str]:
    return texts if isinstance(texts, list) else []


def open_index(address: Address) -> LocalTracks:
    """A new, empty one."""
    return LocalTracks()
