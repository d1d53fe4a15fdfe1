"""Vector servers for tests: those that are registered, and ones that fail in the ways that servers do."""

import sys
from typing import Any

import fake_milvus
import pytest

from indexing.search import servers
from indexing.search.servers import MOST_ROWS, Found, State, TrackIndex
from indexing.search.servers.address import Address
from indexing.search.servers.local import LocalTracks
from recommender.errors import BackendError


class Counting:
    """A `TrackIndex` that counts what is asked of it by the name of the method."""

    def __init__(self, index: TrackIndex) -> None:
        self._index = index
        self.asked: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._index, name)

        def call(*given: Any) -> Any:
            self.asked.append((name, given))
            return method(*given)

        return call

    def requests(self) -> int:
        """Requests that queries made since this was asked."""
        names = [name for name, _ in self.asked]
        self.asked.clear()
        return names.count("tracks") + names.count("state")


class Strict(LocalTracks):
    """Refuses more rows than servers give, gives the best `share` of them, and may be `late`: of the state before."""

    def __init__(self, share: float = 1.0, late: bool = False) -> None:
        super().__init__()
        self.share, self.late = share, late
        self.before: State | None = None

    def keep(self, state):
        self.before = super().state()
        super().keep(state)

    def state(self):
        return self.before if self.late else super().state()

    def tracks(self, query, rows, where=None):
        if rows > MOST_ROWS:
            raise BackendError(f"topk {rows}")
        return super().tracks(query, max(1, int(self.share * rows)), where)


class Gone(LocalTracks):
    """Answers nothing."""

    def state(self):
        raise BackendError("does not answer")

    def tracks(self, query, rows, where=None) -> Found:
        raise BackendError("does not answer")


def stand_in(index: TrackIndex, monkeypatch: pytest.MonkeyPatch) -> Address:
    """The address at which an index is for music, and an empty one for clips."""
    clips = LocalTracks()
    opened = {"tracks": index, "tracks_video": clips}
    monkeypatch.setitem(servers.SERVERS, "qdrant", lambda address: opened[address.collection])
    return Address("qdrant", "localhost", 6333, "tracks")


def server_at(kind: str, monkeypatch: pytest.MonkeyPatch) -> Address:
    """The address of a server of that kind, empty, which lives as long as the test."""
    if kind == "local":
        return stand_in(LocalTracks(), monkeypatch)
    if kind == "milvus":
        monkeypatch.setitem(sys.modules, "pymilvus", fake_milvus.as_module())
        monkeypatch.delitem(sys.modules, "indexing.search.servers.milvus", raising=False)
        monkeypatch.setattr(fake_milvus.MilvusClient, "stores", {})
        return Address("milvus", "localhost", 19530, "tracks")
    client = pytest.importorskip("qdrant_client", reason="needs Qdrant's client: pip install 'cliptune[qdrant]'")
    from indexing.search.servers.qdrant import QdrantTracks

    in_memory = client.QdrantClient(":memory:")
    monkeypatch.setitem(servers.SERVERS, "qdrant", lambda address: QdrantTracks(in_memory, address))
    return Address("qdrant", "localhost", 6333, "tracks")
