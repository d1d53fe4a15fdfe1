"""A toy checkpoint, and a server on loopback that serves it well or badly."""

import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
import torch
from torch import nn

from recommender.console import word_as_options
from recommender.errors import InputError, ModelError
from recommender.weights import load, present, pull
from recommender.weights.fetch import FetchConfig
from recommender.weights.shelf import folder

QUICK = FetchConfig(timeout_s=2.0, tries=3, pause_s=0.0, block_bytes=1 << 12)
Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Serves `server.body` with ranges, unless `server.script` holds another answer for this request."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        script = self.server.script
        (script.pop(0) if script else whole())(self)

    def log_message(self, *args: object) -> None:
        pass

    def head(self, code: int, **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


def whole(ranges: bool = True, send: int | None = None, etag: str = '"one"') -> Answer:
    """All of the body, or only `send` bytes of what was promised."""

    def answer(handler: Handler) -> None:
        body, asked = handler.server.body, re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(asked[1]) if ranges and asked and handler.headers.get("If-Range", etag) == etag else 0
        if start:
            sent = f"bytes {start}-{len(body) - 1}/{len(body)}"
            handler.head(206, Content_Length=len(body) - start, Content_Range=sent, ETag=etag)
        else:
            handler.head(200, Content_Length=len(body), ETag=etag)
        handler.wfile.write(body[start:][:send])

    return answer


def status(code: int, **headers: object) -> Answer:
    """An answer without a body."""
    return lambda handler: handler.head(code, Content_Length=0, **headers)


def endless(handler: Handler) -> None:
    """Bytes without end or promise."""
    handler.head(200)
    try:
        while True:
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        return


def tiny_network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 256), nn.BatchNorm1d(256), nn.Linear(256, 8))


def tiny_state() -> dict[str, torch.Tensor]:
    """Random weights of the tiny network under published names, with a classifier that is dropped."""
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.rand(t.shape, generator=generator) for name, t in tiny_network().state_dict().items()}
    state["1.num_batches_tracked"] = torch.tensor(3)
    return {f"net.{name}": t for name, t in state.items()} | {"head.weight": torch.ones(4, 8)}


def tiny_names(state):
    return {name.removeprefix("net."): t for name, t in state.items() if not name.startswith("head.")}


def left() -> list[str]:
    """Names of what lies where checkpoints live, but for the lock."""
    return sorted(path.name for path in folder().glob("*") if path.suffix != ".lock")


def refused(*words: str, **arguments: object) -> str:
    """The line with which a pull is refused; it holds the words, and nothing is kept."""
    with pytest.raises((ModelError, InputError)) as caught:
        pull("tiny", config=QUICK, **arguments)
    line = word_as_options(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line
    assert left() == []
    assert not present("tiny")
    return line


def loads_as_published() -> None:
    wanted = tiny_names(tiny_state())
    found = load("tiny").state_dict()
    assert list(found) == list(tiny_network().state_dict())
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor)
