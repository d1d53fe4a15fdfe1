"""An index of tracks on Qdrant: a point a row, by HTTP.

A point's id says which row of which track it is; the point 0, whose vector is zero, says what the collection holds.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from indexing.search.servers import Found, Rows, State
from indexing.search.servers.address import Address, server_errors
from indexing.search.servers.conditions import NUMBERS, TEXTS, conditions_of
from indexing.search.servers.rows import chunks, read_rows, row_ids
from recommender.types import Array, Filter, Range

_STATE, _TRACK = "state", "track"


class QdrantTracks:
    """A `TrackIndex` in a collection that a client reaches."""

    def __init__(self, client: QdrantClient, address: Address) -> None:
        self._client, self._address, self._name = client, address, address.collection

    def clear(self, dim: int) -> None:
        """Make the collection anew."""
        with server_errors(self._address):
            self._client.delete_collection(self._name)
            kind = models.VectorParams(size=dim, distance=models.Distance.DOT)  # of unit vectors the cosine
            self._client.create_collection(self._name, vectors_config=kind)
            integer, number, text = (getattr(models.PayloadSchemaType, one) for one in ("INTEGER", "FLOAT", "KEYWORD"))
            fields = {_TRACK: integer, **dict.fromkeys(NUMBERS, number), **dict.fromkeys(TEXTS, text)}
            for name, schema in fields.items():
                self._client.create_payload_index(self._name, name, schema)

    def put(self, rows: Rows) -> None:
        """Replace the rows of tracks."""
        self.drop(rows.ids)
        said = [{_TRACK: track, **told} for track, told in zip(rows.ids.tolist(), rows.said, strict=True)]
        owners, ids = np.repeat(np.arange(len(said)), rows.counts), row_ids(rows)
        for some in chunks(rows):
            payloads: list[Any] = [said[at] for at in owners[some]]
            points = models.Batch(ids=ids[some].tolist(), vectors=rows.vectors[some].tolist(), payloads=payloads)
            with server_errors(self._address):
                self._client.upsert(self._name, points, wait=True)

    def drop(self, ids: Array) -> None:
        """Delete the rows of tracks."""
        if len(ids):
            mine = models.Filter(must=[_is_one_of(_TRACK, ids.tolist())])
            with server_errors(self._address):
                self._client.delete(self._name, models.FilterSelector(filter=mine), wait=True)

    def keep(self, state: State) -> None:
        """Write the state into point 0."""
        point = models.PointStruct(id=0, vector=[0.0] * state.space.dim, payload={_STATE: str(state)})
        with server_errors(self._address):
            self._client.upsert(self._name, [point], wait=True)

    def state(self) -> State | None:
        """What point 0 says."""
        with server_errors(self._address):
            found = self._of_none(lambda: self._client.retrieve(self._name, [0], with_payload=True))
            payload = found[0].payload if found else None
        return State.read(str(payload[_STATE])) if payload and _STATE in payload else None

    def count(self) -> int:
        """How many points there are beside point 0."""
        with server_errors(self._address):
            rows = models.Filter(must_not=[models.HasIdCondition(has_id=[0])])
            found = self._of_none(lambda: self._client.count(self._name, rows, exact=True))
            return found.count if found else 0

    def tracks(self, query: Array, rows: int, where: Filter | None = None) -> Found:
        """The tracks of the nearest points."""
        with server_errors(self._address):
            asked = _filter(where)
            answer = self._client.query_points(
                self._name, query=query.tolist(), query_filter=asked, limit=rows, with_payload=False
            )
        return read_rows([int(point.id) for point in answer.points], [point.score for point in answer.points])

    def _of_none(self, ask: Any) -> Any:
        """What the collection answers; None where there is none."""
        try:
            return ask()
        except UnexpectedResponse as error:
            if error.status_code != 404:
                raise
        except ValueError as error:  # of a client without a server
            if "not found" not in str(error):
                raise
        return None


def _filter(where: Filter | None) -> models.Filter | None:
    asked = conditions_of(where)
    if not asked:
        return None
    numbers = [models.Filter(should=[_between(name, one) for one in some]) for name, some in asked.numbers.items()]
    return models.Filter(must=[*numbers, *(_is_one_of(name, some) for name, some in asked.texts.items())])


def _between(name: str, within: Range) -> models.FieldCondition:
    ends: Mapping[str, float] = {"gte": within.low, "lte": within.high}
    closed = {end: value for end, value in ends.items() if np.isfinite(value)}
    return models.FieldCondition(key=name, range=models.Range(**closed))


def _is_one_of(name: str, values: list[Any]) -> models.FieldCondition:
    return models.FieldCondition(key=name, match=models.MatchAny(any=values))


def open_index(address: Address) -> QdrantTracks:
    """The collection at an address; nothing is asked yet."""
    with server_errors(address), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a key is sent in the clear: `Address.key` warns itself
        given: Any = {"timeout": round(address.limit_s), "check_compatibility": False}
        return QdrantTracks(QdrantClient(url=address.url, api_key=address.key, **given), address)
