"""Operations of the HTTP API, declared once: routes, checks and the OpenAPI description come from the declaration."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from webapp.refusal import Refusal

if TYPE_CHECKING:
    from webapp.app import App

Schema = Mapping[str, Any]
"""A JSON schema (2020-12)."""

ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{8,64}$"}
TRACK: Schema = {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
SECONDS: Schema = {"type": "number", "minimum": 0, "maximum": 360_000}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 1_000_000}
TEXT: Schema = {"type": "string", "maxLength": 300, "pattern": r"^[^\x00]*$"}
MODEL: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}
LENGTH: Schema = {"type": "string", "pattern": "^(clip|[0-9]{1,5}(\\.[0-9]{1,3})?)$"}
ANYTHING: Schema = {"type": "object"}
STARTED: Schema = {"type": "object", "properties": {"job": {"type": "string"}}, "required": ["job"]}
"""The id of a job that was started."""
ERROR: Schema = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def record(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    """The schema of an object with these members and no other."""
    properties = {**required, **optional}
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def several(of: Schema, most: int = 100) -> Schema:
    """The schema of a list."""
    return {"type": "array", "items": of, "maxItems": most}


@dataclass(frozen=True)
class Call:
    """A request that was checked: what was given, of the path, the query string and the body, by name."""

    app: "App"
    request: Request
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked for.

    Attributes
    ----------
    method, path: of the request, parts of the path such as `{library}`. summary: in one sentence. answer: what does it;
    gives what is JSON-ready, or a response of its own. example: a command line with curl.
    query: parameters of the query string by name; those in `required` must be given. body: of a JSON body; `raw`: the
    body is bytes that `answer` reads itself. status, result: of what it answers; `media`: its type where it is no JSON.
    refusals: further statuses that it may answer with, beside those that every operation may.
    """

    method: str
    path: str
    summary: str
    answer: Callable[[Call], Awaitable[Any]]
    example: str
    query: Mapping[str, Schema] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    body: Schema | None = None
    raw: bool = False
    status: int = 200
    result: Schema = field(default_factory=lambda: ANYTHING)
    media: str = "application/json"
    refusals: tuple[int, ...] = ()

    @cached_property
    def in_path(self) -> dict[str, Schema]:
        """The parts of the path with their schemas."""
        return {name: _PARTS.get(name, ID) for name in re.findall(r"{(\w+)}", self.path)}

    @cached_property
    def _checks(self) -> dict[str, Any]:
        return {name: _Validator(schema) for name, schema in {**self.in_path, **self.query}.items()}

    async def __call__(self, request: Request) -> Response:
        """Check a request, do it, and answer."""
        given = self._of_path(request) | self._of_query(request)
        if self.body is not None:
            given |= await self._of_body(request)
        found = await self.answer(Call(request.app.state.app, request, given))
        if isinstance(found, Response):
            return found
        return Response(status_code=204) if self.status == 204 else reply(found, self.status)

    def _of_path(self, request: Request) -> dict[str, Any]:
        given = {}
        for name, schema in self.in_path.items():
            value = _convert(request.path_params[name], schema)
            if not self._checks[name].is_valid(value):
                raise Refusal(404, f"there is no such {name}")
            given[name] = value
        return given

    def _of_query(self, request: Request) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name in dict.fromkeys(request.query_params):
            if name not in self.query:
                known = ", ".join(self.query) or "none"
                raise Refusal(400, f"unknown parameter {name[:50]!r}; known: {known}")
            values, schema = request.query_params.getlist(name), self.query[name]
            if schema.get("type") == "array":
                given[name] = [_convert(value, schema["items"]) for value in values]
            elif len(values) > 1:
                raise Refusal(400, f"{name} is given {len(values)} times; give it once")
            else:
                given[name] = _convert(values[0], schema)
            _check(self._checks[name], given[name], name)
        if missing := [name for name in self.required if name not in given]:
            raise Refusal(400, f"give {', '.join(missing)}")
        return given

    async def _of_body(self, request: Request) -> dict[str, Any]:
        try:  # the guard has read the body whole, and bounded it
            body = json.loads(await request.body(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise Refusal(400, "the body is no JSON") from None
        _check(_Validator(self.body), body, "the body")
        return dict(body)

    def route(self) -> Route:
        """As Starlette takes it."""
        return Route(self.path, self, methods=[self.method])


_PARTS: dict[str, Schema] = {
    "track": TRACK,
    "number": {"type": "integer", "minimum": 0, "maximum": 10_000},
    "model": MODEL,
    "frame": {"type": "integer", "minimum": 0, "maximum": 360_000_000},
}


def reply(found: Any, status: int = 200) -> Response:
    """JSON of ASCII: a name that is no UTF-8 has no other form."""
    text = json.dumps(found, allow_nan=False, separators=(",", ":"))
    return Response(text.encode("ascii"), status, media_type="application/json")


def _convert(text: str, schema: Schema) -> Any:
    """What a text in an address says, as the schema has it; the text itself where it says nothing of the kind."""
    kind = schema.get("type")
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind in ("integer", "number") and _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if kind == "number" and _NUMBER.fullmatch(text) else text


_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


def _match(check: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    """Patterns as JSON schemas mean them: `$` is the end, and not what stands before a last end of line."""
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


_Validator = extend(Draft202012Validator, {"pattern": _match})


def _check(check: Any, value: Any, name: str) -> None:
    """Raise Refusal, in one line, for a value that is not as its schema says."""
    if (error := next(iter(check.iter_errors(value)), None)) is not None:
        where = ".".join([name, *map(str, error.absolute_path)])
        raise Refusal(400, " ".join(f"{where}: {error.message[:200]}".split()))


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
