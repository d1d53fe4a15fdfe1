"""The app as a web server: pages, files of the pages, the HTTP API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from webapp.addresses import PAGES
from webapp.api import answers, benchmarks, clips, jobs, libraries, models, picks, renders, scores
from webapp.app import App
from webapp.guard import Guard
from webapp.openapi import describe
from webapp.operations import Call, Operation, reply
from webapp.refusal import Refusal
from webapp.settings import Settings

STATIC = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


async def _describe(call: Call) -> Any:
    return describe(OPERATIONS)


OPERATIONS: Sequence[Operation] = (
    *jobs.OPERATIONS,
    *libraries.OPERATIONS,
    *clips.OPERATIONS,
    *answers.OPERATIONS,
    *renders.OPERATIONS,
    *scores.OPERATIONS,
    *picks.OPERATIONS,
    *models.OPERATIONS,
    *benchmarks.OPERATIONS,
    Operation("GET", "/api/openapi.json", "This description.", _describe, 'curl -H "$T" $A/api/openapi.json'),
)


def make_app(settings: Settings) -> Guard:
    """The whole app, as an ASGI application."""
    server = Starlette(
        routes=_routes(),
        lifespan=_lifespan,
        exception_handlers={Refusal: _refused, HTTPException: _wrong, Exception: _failed},
    )
    server.state.settings = settings
    return Guard(server, settings)


@asynccontextmanager
async def _lifespan(server: Starlette) -> AsyncIterator[None]:
    server.state.app = app = App(server.state.settings)
    app.warm()
    try:
        yield
    finally:
        await app.close()


def _routes() -> list[BaseRoute]:
    by_path: dict[str, dict[str, Operation]] = {}
    for one in OPERATIONS:
        by_path.setdefault(one.path, {})[one.method] = one
    pages = [Route(path, _page) for path in PAGES]
    files = Mount("/static", StaticFiles(directory=STATIC))
    return [*pages, files, *(Route(path, _Resource(known)) for path, known in by_path.items())]


class _Resource:
    """What answers at one address, by method."""

    def __init__(self, known: dict[str, Operation]) -> None:
        self._known = known

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive, send)
        if (one := self._known.get("GET" if request.method == "HEAD" else request.method)) is None:
            also = ["HEAD"] if "GET" in self._known else []
            raise HTTPException(405, headers={"Allow": ", ".join([*self._known, *also])})
        try:
            response = await one(request)
        except Refusal as refusal:
            response = reply({"error": refusal.line}, refusal.status)
        await response(scope, receive, send)


async def _page(request: Request) -> Response:
    return FileResponse(STATIC / "page.html")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101
    return reply({"error": error.line}, error.status)


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    lines = {404: "there is nothing at this address", 405: "this address is not asked with that method"}
    response = reply({"error": lines.get(error.status_code, error.detail)}, error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _failed(request: Request, error: Exception) -> Response:
    from recommender.failing import line_and_code

    assert isinstance(error, Exception)  # noqa: S101
    return reply({"error": line_and_code(error)[0].removeprefix("error: ")}, 500)
