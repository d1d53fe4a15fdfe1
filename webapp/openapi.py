"""The OpenAPI description of the HTTP API, from what is declared of every operation."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from webapp.operations import ERROR, Operation

_ALWAYS = {
    400: "the request makes no sense",
    401: "no token, or a wrong one",
    403: "it comes from another site",
    404: "there is no such thing",
}
_SOMETIMES = {
    408: "it came too slowly",
    409: "the library is busy, or the work was cancelled",
    413: "it is too large",
    415: "it is no film or picture",
    422: "the file cannot be used",
    429: "too much at once",
    500: "the work failed",
    503: "the machine cannot do it now",
    507: "the disk is full",
}


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """The description, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cliptune", "version": version("cliptune"), "description": _ABOUT},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{"token": []}],
    }


_ABOUT = (
    "What the app does, for programs of this machine: times in seconds, ids as they were told. The token is in the "
    "address that `recommend app` prints."
)


def _operation(one: Operation) -> dict[str, Any]:
    parameters = [_parameter(name, schema, "path") for name, schema in one.in_path.items()]
    parameters += [_parameter(n, s, "query", required=n in one.required) for n, s in one.query.items()]
    told: dict[str, Any] = {"summary": one.summary, "description": f"    {one.example}", "parameters": parameters}
    if one.body is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": one.body}}}
    if one.raw:
        octets = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        told["requestBody"] = {"required": True, "content": octets}
    content = {} if one.status == 204 else {"content": {one.media: {"schema": one.result if _is_json(one) else {}}}}
    told["responses"] = {str(one.status): {"description": "done", **content}}
    codes = {**_ALWAYS, **{code: {**_ALWAYS, **_SOMETIMES}[code] for code in one.refusals}}
    codes |= {413: _SOMETIMES[413]} if one.body is not None else {}
    told["responses"] |= {
        str(code): {"description": why, "content": {"application/json": {"schema": ERROR}}}
        for code, why in codes.items()
    }
    return told


def _is_json(one: Operation) -> bool:
    return one.media == "application/json"


def _parameter(name: str, schema: Any, place: str, *, required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}
