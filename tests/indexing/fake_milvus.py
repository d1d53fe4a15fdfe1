"""A strict stand-in for `pymilvus`: what the adapter calls of it, which refuses what Milvus refuses."""

import json
import operator
import re
from enum import Enum
from types import ModuleType
from typing import Any

import numpy as np

MOST = 16_384  # rows of an answer
MOST_EF = 32_768
SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "==": operator.eq, "in": lambda one, of: one in of}
_LIST = r'\[[^\]"]*(?:"(?:[^"\\]|\\.)*"[^\]"]*)*\]'
TOKEN = re.compile(rf"\s*(\(|\)|,|>=|<=|==|>|{_LIST}|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[a-z]\w*)")


class DataType(Enum):
    """Types of fields."""

    INT64, DOUBLE, VARCHAR, ARRAY, FLOAT_VECTOR = range(5)


class MilvusException(Exception):
    """What goes wrong, with a code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"<MilvusException: (code={code}, message={message})>")
        self.code = code


class Schema:
    """The fields of a collection."""

    def __init__(self, auto_id: bool, enable_dynamic_field: bool) -> None:
        assert (auto_id, enable_dynamic_field) == (False, False)
        self.fields: dict[str, tuple[DataType, dict[str, Any]]] = {}

    def add_field(self, name: str, kind: DataType, **options: Any) -> None:
        """One more field."""
        assert re.fullmatch(r"[A-Za-z_]\w{0,254}", name)
        assert name not in self.fields
        assert kind is not DataType.ARRAY or options["max_capacity"] <= 4096
        assert options.get("max_length", 1) <= 65_535
        self.fields[name] = kind, options

    def check(self, entity: dict[str, Any]) -> None:
        """Raise for an entity that does not fit."""
        if entity.keys() != self.fields.keys():
            raise MilvusException(1, f"fields {sorted(entity.keys() ^ self.fields.keys())}")
        for name, (kind, options) in self.fields.items():
            if not _fits(entity[name], kind, options):
                raise MilvusException(1, f"{name}={entity[name]!r} is no {kind.name} {options}")


def _fits(value: Any, kind: DataType, options: dict[str, Any]) -> bool:
    if value is None:
        return bool(options.get("nullable"))
    match kind:
        case DataType.INT64:
            return type(value) is int and abs(value) < 1 << 63
        case DataType.DOUBLE:
            return type(value) is float
        case DataType.VARCHAR:
            return type(value) is str and len(value.encode()) <= options["max_length"]
        case DataType.ARRAY:
            inner = options["element_type"], options
            return len(value) <= options["max_capacity"] and all(_fits(one, *inner) for one in value)
    return len(value) == options["dim"] and all(type(number) is float for number in value)


class Indexes(list[tuple[str, dict[str, Any]]]):
    """What is to be indexed how."""

    def add_index(self, field: str, **options: Any) -> None:
        """One more."""
        self.append((field, options))


class MilvusClient:
    """A server's collections, in `stores` by its address; `down` makes it answer nothing."""

    stores: dict[str, dict[str, tuple[Schema, dict[int, dict[str, Any]]]]] = {}  # noqa: RUF012
    down = False

    def __init__(self, uri: str, token: str, timeout: float) -> None:
        assert 0 < timeout <= 60
        self._held = self.stores.setdefault(uri, {})
        self.token = token
        self._answer()

    create_schema = Schema
    prepare_index_params = Indexes

    def _answer(self) -> None:
        if self.down:
            raise MilvusException(2, "Fail connecting to server, illegal connection params or server unavailable")

    def _rows(self, name: str) -> tuple[Schema, dict[int, dict[str, Any]]]:
        self._answer()
        if name not in self._held:
            raise MilvusException(100, f"can't find collection[database=default][collection={name}]")
        return self._held[name]

    def drop_collection(self, collection_name: str, timeout: float) -> None:
        """Nothing where there is none."""
        self._answer()
        self._held.pop(collection_name, None)

    def create_collection(
        self, collection_name: str, timeout: float, schema: Schema, index_params: Indexes, consistency_level: str
    ) -> None:
        """An empty one."""
        assert {field for field, _ in index_params} <= schema.fields.keys()
        assert consistency_level == "Strong"
        if collection_name in self._held:
            raise MilvusException(1, "there is one")
        self._held[collection_name] = schema, {}

    def upsert(self, collection_name: str, timeout: float, data: list[dict[str, Any]]) -> None:
        """Put entities."""
        schema, rows = self._rows(collection_name)
        for entity in data:
            schema.check(entity)
            rows[entity["id"]] = entity

    def delete(self, collection_name: str, timeout: float, filter: str) -> None:
        """Delete entities."""
        _, rows = self._rows(collection_name)
        for row in [row for row, entity in rows.items() if meets(entity, filter)]:
            del rows[row]

    def query(
        self, collection_name: str, timeout: float, filter: str, output_fields: list[str], consistency_level: str
    ) -> list[dict[str, Any]]:
        """Entities, or how many."""
        _, rows = self._rows(collection_name)
        found = [entity for entity in rows.values() if meets(entity, filter)]
        if output_fields == ["count(*)"]:
            return [{"count(*)": len(found)}]
        return [{"id": entity["id"], **{name: entity[name] for name in output_fields}} for entity in found]

    def search(
        self,
        collection_name: str,
        timeout: float,
        data: list[list[float]],
        anns_field: str,
        limit: int,
        search_params: dict[str, Any],
        output_fields: list[str],
        consistency_level: str,
        filter: str = "",
    ) -> list[list[dict[str, Any]]]:
        """The nearest entities."""
        if not 0 < limit <= MOST or not limit <= search_params["params"]["ef"] <= MOST_EF:
            raise MilvusException(65_535, f"topk [{limit}] is invalid, it should be in range [1, {MOST}]")
        assert (consistency_level, search_params["metric_type"]) == ("Strong", "IP")
        _, rows = self._rows(collection_name)
        some = [entity for entity in rows.values() if not filter or meets(entity, filter)]
        scores = [float(np.dot(np.float32(entity[anns_field]), np.float32(data[0]))) for entity in some]
        order = sorted(range(len(some)), key=lambda i: -scores[i])[:limit]
        return [[{"id": some[i]["id"], "distance": scores[i], "entity": {}} for i in order]]


def meets(entity: dict[str, Any], text: str) -> bool:
    """Whether an entity meets an expression; raises for what is none."""
    tokens = TOKEN.findall(text)
    if "".join(tokens).replace(" ", "") != text.replace(" ", ""):
        raise MilvusException(1100, f"cannot parse expression: {text}")
    found = _any(entity, tokens)
    if tokens:
        raise MilvusException(1100, f"cannot parse expression: {text}")
    return found


def _any(entity: dict[str, Any], tokens: list[str]) -> bool:
    found = _all(entity, tokens)
    while tokens[:1] == ["or"]:
        tokens.pop(0)
        found = _all(entity, tokens) or found
    return found


def _all(entity: dict[str, Any], tokens: list[str]) -> bool:
    found = _one(entity, tokens)
    while tokens[:1] == ["and"]:
        tokens.pop(0)
        found = _one(entity, tokens) and found
    return found


def _one(entity: dict[str, Any], tokens: list[str]) -> bool:
    first = tokens.pop(0)
    if first == "(":
        found = _any(entity, tokens)
        assert tokens.pop(0) == ")"
        return found
    if first == "array_contains_any":
        _, name, _, texts, _ = (tokens.pop(0) for _ in range(5))
        return not set(entity[name]).isdisjoint(json.loads(texts))
    sign, right, left = tokens.pop(0), json.loads(tokens.pop(0)), entity[first]
    return left is not None and bool(SIGNS[sign](left, right))


def as_module() -> ModuleType:
    """It as the module that is imported."""
    made = ModuleType("pymilvus")
    vars(made).update(DataType=DataType, MilvusClient=MilvusClient, MilvusException=MilvusException)
    return made
