"""Addresses of vector servers, their keys, and what the commands say of a server and of one that is gone."""

import json
import logging
import re
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from engines import stand_in
from fakes import clustered
from serving_samples import EACH, put, queries

from indexing.library import Library
from indexing.search import servers
from indexing.search.servers import address, depth, serving
from indexing.search.servers.address import Address, read_address
from indexing.search.servers.local import LocalTracks
from recommender.errors import BackendError, InputError
from running import recommend_apart

KEY = "k3y-of-nobody"


@pytest.mark.parametrize(
    ("text", "meant", "url"),
    [
        ("qdrant://host/films", Address("qdrant", "host", 6333, "films"), "http://host:6333"),
        ("qdrants://host:443/films", Address("qdrant", "host", 443, "films", True), "https://host:443"),
        ("milvus://[::1]/films", Address("milvus", "::1", 19530, "films"), "http://[::1]:19530"),
        ("milvuss://10.0.0.7:1/a_b9/", Address("milvus", "10.0.0.7", 1, "a_b9", True), "https://10.0.0.7:1"),
    ],
)
def test_an_address_says_kind_host_and_collection(text, meant, url):
    assert read_address(text) == meant == read_address(str(meant))
    assert meant.url == url
    assert meant.of("music") == meant
    assert str(meant.of("video")) == f"{meant}_video"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "give local, or an address"),
        ("locals", "give local, or an address"),
        ("pgvector://h/x", "pgvector://h/x: give local, or an address"),
        ("qdran://h/x", "give local, or an address"),
        ("qdrant:///x", "give host and collection"),
        ("qdrant://h", "give host and collection"),
        ("qdrant://h/a/b", "give host and collection"),
        ("qdrant://h/a b", "give host and collection"),
        ("qdrant://h:port/x", "no such address"),
        ("qdrant://h:99999/x", "no such address"),
        ("qdrant://[h/x", "no such address"),
        (f"qdrant://{KEY}@h/x", r"a key is read from \$QDRANT_API_KEY"),
        (f"milvus://root:{KEY}@h/x", r"a key is read from \$MILVUS_TOKEN"),
        (f"qdrant://h/x?api_key={KEY}", r"a key is read from \$QDRANT_API_KEY"),
        (f"http://{KEY}@h/x", "h/x: give local, or an address"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_a_key(text, said):
    with pytest.raises(InputError, match=said) as caught:
        read_address(text)
    assert KEY not in str(caught.value)


def test_a_key_comes_from_the_environment_and_is_warned_of_in_the_clear(monkeypatch, caplog):
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    monkeypatch.delenv("MILVUS_TOKEN", raising=False)
    keys = [read_address(text).key for text in ("qdrants://h/x", "qdrant://localhost/x", "milvus://h/x")]
    assert (keys, caplog.messages) == ([KEY, KEY, None], [])
    assert read_address("qdrant://h/x").key == KEY
    assert caplog.messages == ["qdrant://h:6333/x: its key is sent in the clear; qdrants:// encrypts it"]


def test_what_a_client_says_is_one_line_without_the_key(monkeypatch):
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    with pytest.raises(BackendError) as caught, address.server_errors(Address("qdrant", "h", 1, "x")):
        raise OSError(f"refused {KEY}\nsecond\x1b line")
    assert str(caught.value).startswith("qdrant://h:1/x does not answer as it should (refused ...): see that it runs")
    assert not {"\n", "\x1b"} & set(str(caught.value))
    error = OSError("<of gRPC>")
    error.details = lambda: "Deadline Exceeded"
    with (
        pytest.raises(BackendError, match=r"\(Deadline Exceeded\)"),
        address.server_errors(Address("milvus", "h", 1, "x")),
    ):
        raise error


@pytest.mark.parametrize(("kind", "module"), [("qdrant", "qdrant_client"), ("milvus", "pymilvus")])
def test_a_client_that_is_not_installed_is_said_with_what_to_install(kind, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"indexing.search.servers.{kind}", raising=False)
    with pytest.raises(BackendError, match=rf"{kind}://h:1/x needs {module}: pip install 'cliptune\[{kind}\]'"):
        servers.open_server(Address(kind, "h", 1, "x"))


@pytest.fixture
def folder(tmp_path, monkeypatch, home):
    """A library, and a query for it in `q.npy`."""
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(depth, "QUERIES", 20)
    put(tmp_path / "lib", clustered(40 * EACH, EACH), range(40))
    np.save(tmp_path / "q.npy", queries(1)[0].astype(np.float32))
    return tmp_path / "lib"


def ask(run, folder):
    return run("--vector", folder.parent / "q.npy", "--library", folder, "--format", "json")


def test_the_commands_publish_ask_and_tell(run, folder, monkeypatch):
    index = LocalTracks()
    at = str(stand_in(index, monkeypatch))
    before = ask(run, folder)
    assert run("index", "publish", "--library", folder).err == (
        "error: name the server by --server qdrant://host:port/collection\n"
    )
    done = run("index", "publish", "--library", folder, "--server", at)
    assert (done.code, done.err) == (0, "")
    sent, told = done.out.splitlines()
    assert re.fullmatch(rf"music: 40 tracks sent, 0 removed; {40 * EACH} windows of generation \d+ there", sent)
    assert told == f"candidates come from {at}"
    asked = []
    monkeypatch.setattr(LocalTracks, "tracks", spied(LocalTracks.tracks, asked))
    assert ask(run, folder) == before
    assert len(asked) == 1
    assert run("index", "publish", "--library", folder).out.startswith(
        f"music: 0 tracks sent, 0 removed; {40 * EACH} windows"
    )
    told = said_of_server(run, folder)
    assert (told["address"], told["rows"], told["rows_published"], told["form"]) == (
        at,
        40 * EACH,
        40 * EACH,
        "windows",
    )
    assert at in run("index", "info", "--library", folder).out
    assert f"vector servers          {at}" in run("doctor").out
    assert run("index", "verify", "--library", folder).out == "whole\n"
    assert len(asked) == 1
    index.drop(np.arange(1, 4))
    assert said_of_server(run, folder)["rows"] == 37 * EACH
    assert run("index", "publish", "--library", folder, "--server", "local").out == "the library answers by itself\n"
    asked.clear()
    assert ask(run, folder) == before
    assert asked == []
    assert "none is asked" in run("doctor").out


def said_of_server(run, folder):
    return json.loads(run("index", "info", "--library", folder, "--format", "json").out)["server"]["music"]


def spied(method, asked):
    def call(self, *given):
        asked.append(given)
        return method(self, *given)

    return call


@pytest.mark.parametrize("kind", ["refuses", "is silent"])
def test_a_server_that_is_gone_is_one_line_within_seconds(kind, folder, monkeypatch):
    pytest.importorskip("indexing.search.servers.qdrant", reason="needs Qdrant's client (extra `qdrant`)")
    assert address.QUERY_S <= 2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if kind == "is silent" else 1
        gone = Address("qdrant", "127.0.0.1", port, "tracks", limit_s=0.6 if kind == "is silent" else 2.0)
        with Library.open(folder) as library:
            start_s = time.monotonic()
            with pytest.raises(BackendError, match=rf"^qdrant://127.0.0.1:{port}/tracks does not answer as it should"):
                serving.Serving(gone).search(library, queries(1)[0], 5, modality="music")
            assert time.monotonic() - start_s < 5
            told = serving.Serving(gone).describe(library, "music")
    assert told["notice"].startswith(f"{gone} does not answer")


def test_a_query_to_a_server_that_is_gone_ends_with_one(folder, monkeypatch):
    pytest.importorskip("qdrant_client", reason="needs Qdrant's client: pip install 'cliptune[qdrant]'")
    with Library.open(folder) as library:
        uid = library.uid
    (folder.parent / "home").mkdir(exist_ok=True)
    (folder.parent / "home" / "servers.json").write_text(json.dumps({uid: "qdrant://127.0.0.1:1/tracks"}))
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    ran = recommend_apart("--vector", folder.parent / "q.npy", "--library", folder)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: qdrant://127.0.0.1:1/tracks does not answer as it should (")
    assert ran.err.endswith("or search without it: `recommend index publish --server local`\n")
    assert KEY not in ran.err


@pytest.mark.parametrize(("status", "said"), [(404, None), (403, "403"), (500, "500")])
def test_what_a_server_answers_by_http_is_understood(status, said, monkeypatch):
    qdrant = pytest.importorskip("indexing.search.servers.qdrant", reason="needs Qdrant's client (extra `qdrant`)")
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    keys = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self):
            keys.append(self.headers["api-key"])
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps({"status": {"error": f"no, {KEY}"}, "time": 0}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        index = qdrant.open_index(Address("qdrant", "127.0.0.1", server.server_port, "tracks"))
        if said is None:
            assert (index.state(), index.count()) == (None, 0)
        else:
            with pytest.raises(BackendError, match=said) as caught:
                index.state()
            assert KEY not in str(caught.value)
        server.shutdown()
    assert set(keys) == {KEY}


def test_another_process_that_publishes_is_waited_for(run, folder, monkeypatch):
    from indexing.maintenance.publish import publish

    at = stand_in(LocalTracks(), monkeypatch)
    with Library.open(folder) as library:
        events = publish(library, at)
        next(events)
        ran = run("index", "publish", "--library", folder, "--server", at)
        events.close()
    assert ran.err == "error: the library is being published by another process; wait for it or stop it\n"
    assert run("index", "publish", "--library", folder, "--server", at).code == 0


def test_nothing_of_a_server_is_loaded_where_none_is_asked(folder):
    code = (
        "import sys; from indexing.library import Library; Library.open(sys.argv[1]).count('music');"
        "sys.exit('indexing.search.servers.serving' in sys.modules or 'qdrant_client' in sys.modules)"
    )
    import subprocess

    assert subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode == 0


def test_a_query_tells_its_log_why_the_library_searched(folder, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    index = LocalTracks()
    at = stand_in(index, monkeypatch)
    monkeypatch.setattr(serving, "FRESH_S", -1.0)
    with Library.open(folder) as library:
        from indexing.maintenance.publish import publish

        list(publish(library, at))
        state = index.state()
        index.clear(16)
        index.keep(state)
        assert len(library.search(queries(1)[0], 30, "music").ids) == 30
    assert f"{at}: too little for 30 tracks was given: searched here" in caplog.messages
