"""The app, served on a free port of this machine, over a small library."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

import numpy as np
import pytest
from browsing import PATIENCE_MS, Watched, browser

import media_samples
from webapp.commands import listen
from webapp.settings import Limits, Settings

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"


class Reply(NamedTuple):
    """What a request was answered with; `body` as JSON where it is such."""

    status: int
    body: Any
    headers: dict[str, str]


class Served:
    """The app as a program of this machine sees it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.address = f"http://127.0.0.1:{settings.port}"
        self.opened = f"{self.address}/?token={settings.token}"

    def ask(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Reply:
        """Send a request with the token."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.settings.token}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(self.address + path, data, sent, method=method)  # noqa: S310 (the address is ours)
        try:
            with urlopen(request, timeout=120) as found:  # noqa: S310
                return _reply(found.status, found.read(), dict(found.headers.items()))
        except HTTPError as error:
            return _reply(error.code, error.read(), dict(error.headers.items()))

    def get(self, path: str, **query: Any) -> Any:
        """The body of what answers a GET, which must be a success."""
        found = self.ask("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path)
        assert found.status == 200, found
        return found.body

    def listen(self) -> Any:
        """The stream of what happens; close it."""
        sent = {"Authorization": f"Bearer {self.settings.token}"}
        return urlopen(Request(f"{self.address}/api/events", headers=sent), timeout=60)  # noqa: S310

    def drop(self, clip: Path) -> dict[str, Any]:
        """A clip that was uploaded and looked at."""
        found = self.ask("POST", f"/api/clips?{urlencode({'name': clip.name})}", raw=clip.read_bytes())
        assert found.status == 201, found
        return self.wait(lambda: self.get(f"/api/clips/{found.body['id']}"), lambda it: it["state"] != "looking")

    def finish(self, job: str) -> dict[str, Any]:
        """A job, when it is over."""
        return self.wait(lambda: self.get(f"/api/jobs/{job}"), lambda it: it["state"] not in ("waiting", "running"))

    def wait(self, look: Any, enough: Any) -> Any:
        """What `look` finds, when it is `enough`."""
        for _ in range(600):
            if enough(found := look()):
                return found
            time.sleep(0.1)
        raise AssertionError(f"nothing came of it: {found}")


@pytest.fixture(scope="module")
def window(served) -> Iterator[tuple[Any, Watched]]:
    """A browser with the app's cookie, and what happens in it: no fault, and nothing asked of anybody else."""
    with browser() as started:
        context = started.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(PATIENCE_MS)
        watched = Watched(context)
        page = context.new_page()
        page.goto(served.opened)
        page.get_by_role("heading", level=1).wait_for()
        page.close()
        yield context, watched
        assert watched.faults == []
        assert {urlsplit(url).netloc for url in watched.requests} == {urlsplit(served.address).netloc}


@pytest.fixture
def page(window) -> Iterator[Any]:
    made = window[0].new_page()
    yield made
    made.close()


def _reply(status: int, body: bytes, headers: dict[str, str]) -> Reply:
    named = {name.lower(): value for name, value in headers.items()}
    is_json = named.get("content-type", "").startswith("application/json")
    return Reply(status, json.loads(body) if is_json else body, named)


@pytest.fixture(scope="session")
def whole_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of three parts of six seconds: a lake that hardly moves, a mosaic that slides, a ball; it hums."""
    fps, shade = 10, np.full((48, 64, 3), (60, 110, 190), np.uint8)
    lake = [shade + np.uint8(i // 6) for i in range(6 * fps)]
    stones = np.kron(np.random.default_rng(7).integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    mosaic = [np.roll(stones, i, axis=1) for i in range(6 * fps)]
    y, x = np.mgrid[:48, :64][..., None]
    ball = [np.where(np.hypot(x - 8 - 0.8 * i, y - 24) < 9, (255, 210, 40), (15, 5, 30)) for i in range(6 * fps)]
    pictures = [*lake, *mosaic, *(one.astype(np.uint8) for one in ball)]
    place = tmp_path_factory.mktemp("film") / "three parts.mp4"
    return media_samples.clip(place, pictures, fps=fps, y=media_samples.tone(18.0, level=0.05))


@pytest.fixture(scope="module")
def library(served) -> str:
    """The id of the library of four tracks."""
    return next(one["id"] for one in served.get("/api/libraries")["libraries"] if one["name"] == "indexed")


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, home: Path, indexed: str, music_folder: Path, clip_folder: Path
) -> Iterator[Served]:
    """The app with the library `indexed`; music and clips of the tests, and reports, may be looked into."""
    import uvicorn

    from webapp.connections import server_config
    from webapp.server import make_app

    listening = listen("127.0.0.1", 0)
    place = tmp_path_factory.mktemp("served")
    settings = Settings(
        token="t" * 43,
        session=place / "session",
        exports=place / "exports",
        port=listening.getsockname()[1],
        music_folders=(music_folder,),
        clip_folders=(clip_folder,),
        reports=(RESULTS,),
        limits=Limits(spare_bytes=0),
    )
    settings.session.mkdir()
    server = uvicorn.Server(server_config(make_app(settings), lifespan="on", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield Served(settings)
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive(), "the app does not end"
