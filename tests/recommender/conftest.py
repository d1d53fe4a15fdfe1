"""Fixtures of published checkpoints."""

from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest


@pytest.fixture
def server(monkeypatch):
    """A server on loopback with a body, a script of answers and a log of what it was asked."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    from checkpoint_server import Handler

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.body, made.script, made.asked = b"", [], []
    made.url = f"http://127.0.0.1:{made.server_address[1]}"
    thread = Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def tiny(server, tmp_path, monkeypatch) -> Path:
    """A published checkpoint "tiny" in the registry, served by `server`; its file."""
    import torch

    from checkpoint_server import tiny_names, tiny_network, tiny_state
    from recommender.weights import CHECKPOINTS, Checkpoint

    file = tmp_path / "tiny-1.pth"
    torch.save({"model_state": tiny_state(), "epoch": 7}, file)
    server.body = file.read_bytes()
    one = Checkpoint(
        "a toy", f"{server.url}/tiny-1.pth", "tiny-1.pth", "CC0", len(server.body), tiny_network, tiny_names
    )
    monkeypatch.setitem(CHECKPOINTS, "tiny", one)
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CLIPTUNE_MIRROR", raising=False)
    return file
