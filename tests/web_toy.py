"""A small app behind the guard, and a server of it in a thread, for tests of who may ask and how long it may take."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from webapp.addresses import PAGES, file_inside
from webapp.connections import Patience, server_config
from webapp.guard import Guard, reply
from webapp.refusal import Refusal
from webapp.settings import Limits, Settings
from webapp.uploads import receive

PORT = 8471
TOKEN = "t" * 43
HOST = f"127.0.0.1:{PORT}"


def settings(folder: Path, **given: Any) -> Settings:
    """Settings of an app whose session lies in `folder`."""
    (folder / "clips").mkdir(exist_ok=True)
    (folder / "static").mkdir(exist_ok=True)
    return Settings(**{"token": TOKEN, "session": folder, "exports": folder, "port": PORT, **given})


def toy(given: Settings) -> Guard:
    """Pages, an API that echoes, files of the session, uploads, and what goes wrong, behind the guard."""

    async def page(request: Request) -> Response:
        return PlainTextResponse("a page")

    async def echo(request: Request) -> Response:
        body = await request.body()
        return JSONResponse({"path": request.url.path, "query": request.url.query, "bytes": len(body)})

    async def media(request: Request) -> Response:
        path = file_inside(given.session / "clips", request.path_params["name"])
        return Response(path.read_bytes(), media_type="video/mp4")

    async def upload(request: Request) -> Response:
        kept = await receive(request, given.session / "clips", given.limits, used_bytes=0)
        return JSONResponse({"file": kept.path.name, "sha256": kept.sha256, "size": kept.size}, 201)

    async def refuse(request: Request, refusal: Exception) -> Response:
        return reply(refusal)

    async def boom(request: Request) -> Response:
        raise RuntimeError("secret of the machine")

    async def half(request: Request) -> Response:
        async def parts() -> Any:
            yield b"a part"
            raise RuntimeError("secret of the machine")

        return StreamingResponse(parts())

    routes = [Route(path, page) for path in PAGES]
    routes += [Route("/api/clips", upload, methods=["POST"]), Route("/media/{name}", media)]
    routes += [
        Route("/api/boom", boom),
        Route("/api/half", half),
        Route("/api/{rest:path}", echo, methods=["GET", "POST"]),
    ]
    routes += [Mount("/static", StaticFiles(directory=given.session / "static"))]
    return Guard(Starlette(routes=routes, exception_handlers={Refusal: refuse}), given)


def client(app: ASGIApp, *, known: bool = True, host: str = HOST) -> TestClient:
    """A client of `app`, with the token or without."""
    headers = {"Authorization": f"Bearer {TOKEN}"} if known else {}
    return TestClient(app, base_url=f"http://{host}", headers=headers, follow_redirects=False)


@contextmanager
def serve(folder: Path, patience: Patience | None = None, **given: Any) -> Iterator[int]:
    """A context in which the toy is served by a thread; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(server_config(toy(settings(folder, port=port, **given)), patience))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started)
            yield port
        finally:
            server.should_exit = True
            thread.join(20)
    assert not thread.is_alive()


def wait_for(done: Any, most_s: float = 10.0) -> None:
    """Wait until `done()`; raises TimeoutError."""
    end = time.monotonic() + most_s
    while not done():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)


def head(port: int, first: str = "GET /api/a HTTP/1.1", *lines: str) -> bytes:
    """The head of a request that may ask."""
    return "\r\n".join([first, f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {TOKEN}", *lines, "", ""]).encode()


def exchange(port: int, sent: bytes, most_s: float = 10.0) -> bytes:
    """What is answered to some bytes, until the other side closes or `most_s` are over."""
    with socket.create_connection(("127.0.0.1", port), timeout=most_s) as connection:
        got = b""
        try:
            connection.sendall(sent)
            while part := connection.recv(65536):
                got += part
        except (ConnectionError, TimeoutError):
            pass
        return got


SMALL = Limits(upload_bytes=300_000, kept_bytes=500_000, uploads=2, idle_s=0.3, slowest=1000, spare_bytes=0)
