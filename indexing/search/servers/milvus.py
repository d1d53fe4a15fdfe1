"""An index of tracks on Milvus: an entity a row, by gRPC, read as it was last written (consistency "Strong").

An entity's id says which row of which track it is; entity 0, whose vector is zero, says what the collection holds.
"""

import json
import logging
from typing import Any

import numpy as np
from pymilvus import DataType, MilvusClient, MilvusException

from indexing.search.servers import Found, Rows, State
from indexing.search.servers.address import Address, server_errors
from indexing.search.servers.conditions import LONGEST, MOST_TEXTS, NUMBERS, TEXTS, conditions_of
from indexing.search.servers.rows import chunks, read_rows, row_ids
from recommender.types import Array, Filter

logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a traceback of what it raises as well
_ID, _TRACK, _VECTOR, _STATE = "id", "track", "vector", "state"
_NO_COLLECTION = 100  # the code of Milvus for a collection that is not there
_GRAPH = {"M": 16, "efConstruction": 200}  # of HNSW, as Qdrant's own
_MOST_STATE = 4096  # bytes


class MilvusTracks:
    """A `TrackIndex` in a collection that a client reaches."""

    def __init__(self, client: MilvusClient, address: Address) -> None:
        self._client, self._address = client, address
        self._given: dict[str, Any] = {"collection_name": address.collection, "timeout": address.limit_s}

    def clear(self, dim: int) -> None:
        """Make the collection anew."""
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(_ID, DataType.INT64, is_primary=True)
        schema.add_field(_TRACK, DataType.INT64)
        schema.add_field(_VECTOR, DataType.FLOAT_VECTOR, dim=dim)
        schema.add_field(_STATE, DataType.VARCHAR, max_length=_MOST_STATE)
        for name in NUMBERS:
            schema.add_field(name, DataType.DOUBLE, nullable=True)
        for name in TEXTS:
            texts: Any = {"element_type": DataType.VARCHAR, "max_length": 4 * LONGEST, "max_capacity": MOST_TEXTS}
            schema.add_field(name, DataType.ARRAY, **texts)
        indexes = MilvusClient.prepare_index_params()
        indexes.add_index(_VECTOR, index_type="HNSW", metric_type="IP", params=_GRAPH)  # of unit vectors the cosine
        indexes.add_index(_TRACK, index_type="INVERTED")
        with server_errors(self._address):
            self._client.drop_collection(**self._given)
            self._client.create_collection(
                **self._given, schema=schema, index_params=indexes, consistency_level="Strong"
            )

    def put(self, rows: Rows) -> None:
        """Replace the rows of tracks."""
        self.drop(rows.ids)
        said = [_entity(track, told) for track, told in zip(rows.ids.tolist(), rows.said, strict=True)]
        owners, ids = np.repeat(np.arange(len(said)), rows.counts), row_ids(rows)
        for some in chunks(rows):
            all_three = zip(ids[some].tolist(), owners[some].tolist(), rows.vectors[some].tolist(), strict=True)
            entities = [{_ID: row, _VECTOR: vector, **said[at]} for row, at, vector in all_three]
            with server_errors(self._address):
                self._client.upsert(**self._given, data=entities)

    def drop(self, ids: Array) -> None:
        """Delete the rows of tracks."""
        if len(ids):
            with server_errors(self._address):
                self._client.delete(**self._given, filter=f"{_TRACK} in {ids.tolist()}")

    def keep(self, state: State) -> None:
        """Write the state into entity 0."""
        entity = {_ID: 0, _VECTOR: [0.0] * state.space.dim, **_entity(0, {}), _STATE: str(state)}
        with server_errors(self._address):
            self._client.upsert(**self._given, data=[entity])

    def state(self) -> State | None:
        """What entity 0 says."""
        found = self._ask(filter=f"{_ID} == 0", output_fields=[_STATE])
        return State.read(found[0][_STATE]) if found else None

    def count(self) -> int:
        """How many entities there are beside entity 0."""
        found = self._ask(filter=f"{_ID} > 0", output_fields=["count(*)"])
        return int(found[0]["count(*)"]) if found else 0

    def tracks(self, query: Array, rows: int, where: Filter | None = None) -> Found:
        """The tracks of the nearest entities."""
        asked = {"metric_type": "IP", "params": {"ef": rows}}
        with server_errors(self._address):
            (hits,) = self._client.search(
                **self._given,
                data=[query.tolist()],
                anns_field=_VECTOR,
                limit=rows,
                search_params=asked,
                output_fields=[],
                consistency_level="Strong",
                filter=_expression(where),
            )
        return read_rows([hit[_ID] for hit in hits], [hit["distance"] for hit in hits])

    def _ask(self, **asked: Any) -> list[dict[str, Any]]:
        """What the collection answers; nothing where there is none."""
        with server_errors(self._address):
            try:
                return list(self._client.query(**self._given, **asked, consistency_level="Strong"))
            except MilvusException as error:
                if error.code != _NO_COLLECTION:
                    raise
                return []


def _entity(track: int, told: Any) -> dict[str, Any]:
    """The fields of a row beside its id and vector."""
    numbers: dict[str, Any] = {name: told.get(name) for name in NUMBERS}
    return {_TRACK: track, _STATE: "", **numbers, **{name: told.get(name, []) for name in TEXTS}}


def _expression(where: Filter | None) -> str:
    """Conditions as Milvus writes them; texts are quoted as in JSON, so that none can be taken for a part of it."""
    asked, parts = conditions_of(where), []
    for name, ranges in asked.numbers.items():
        either = []
        for within in ranges:
            ends = ((">=", within.low), ("<=", within.high))
            either.append(" and ".join(f"{name} {sign} {value!r}" for sign, value in ends if np.isfinite(value)))
        parts.append(" or ".join(f"({one})" for one in either))
    parts += [f"array_contains_any({name}, {json.dumps(texts)})" for name, texts in asked.texts.items()]
    return " and ".join(f"({part})" for part in parts)


def open_index(address: Address) -> MilvusTracks:
    """The collection at an address."""
    with server_errors(address):
        client = MilvusClient(uri=address.url, token=address.key or "", timeout=address.limit_s)
    return MilvusTracks(client, address)
