"""Published checkpoints fetched from a server that fails in every way: resumed, checked, refused."""

import errno
import json
import os
from email.message import Message
from pathlib import Path
from threading import Event
from urllib.error import HTTPError
from urllib.request import Request

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

import torch

from checkpoint_server import (
    QUICK,
    endless,
    left,
    loads_as_published,
    refused,
    status,
    tiny_state,
    whole,
)
from recommender import atomic
from recommender.console import word_as_options
from recommender.errors import InputError, ModelError
from recommender.weights import present, pull, record, verify
from recommender.weights.fetch import FetchConfig, _Redirects
from recommender.weights.shelf import folder, weights_path


def test_a_checkpoint_is_fetched_converted_recorded_and_then_left_alone(tiny, server, run) -> None:
    told = []
    pulled = pull("tiny", on_bytes=lambda have, total: told.append((have, total)), config=QUICK)
    assert not pulled.before
    assert told[-1] == (len(server.body), len(server.body))
    assert [have for have, _ in told] == sorted(have for have, _ in told)
    assert left() == ["tiny.json", "tiny.safetensors"]
    assert record("tiny") == pulled.record
    assert pulled.record.source == f"{server.url}/tiny-1.pth"
    loads_as_published()
    assert verify("tiny") == []
    asked = len(server.asked)
    assert pull("tiny", config=QUICK) == (pulled.record, True)
    assert len(server.asked) == asked


@pytest.mark.parametrize("cuts", [(1,), (5000, 1), (40_000, 100, 30_000)])
def test_cut_connections_are_resumed_where_they_were_cut(tiny, server, cuts) -> None:
    server.script = [whole(send=n) for n in cuts]
    pull("tiny", config=QUICK)
    starts = [f"bytes={sum(cuts[:i])}-" if i else None for i in range(len(cuts) + 1)]
    assert [asked for _, asked in server.asked] == starts
    loads_as_published()


def test_a_killed_download_is_resumed_by_the_next_pull(tiny, server) -> None:
    server.script = [whole(send=20_000), *[whole(send=0)] * 3]
    with pytest.raises(ModelError, match=r"cut after 20000 of \d+ bytes, 3 times in a row; what came is kept"):
        pull("tiny", config=QUICK)
    assert left() == ["tiny-1.pth.part", "tiny-1.pth.part.json"]
    assert not present("tiny")
    server.asked.clear()
    pull("tiny", config=QUICK)
    assert server.asked == [("/tiny-1.pth", "bytes=20000-")]
    loads_as_published()


def test_a_server_that_ignores_ranges_sends_all_again(tiny, server) -> None:
    server.script = [whole(send=30_000), whole(ranges=False)]
    pull("tiny", config=QUICK)
    loads_as_published()


@pytest.mark.parametrize("change", [whole(etag='"two"'), status(416)])
def test_parts_of_two_versions_are_never_joined(tiny, server, change) -> None:
    server.body, real = bytes(len(server.body)), server.body
    server.script = [whole(send=30_000), *[status(503)] * 3]
    with pytest.raises(ModelError, match="503"):
        pull("tiny", config=QUICK)
    server.body, server.script = real, [change, whole(etag='"two"')]
    pull("tiny", config=QUICK)
    loads_as_published()


def test_a_part_from_another_address_or_without_a_note_is_not_used(tiny, server) -> None:
    folder().mkdir(parents=True)
    part = folder() / "tiny-1.pth.part"
    for note in (None, "{", json.dumps({"url": "http://other/", "etag": "", "size": 9}), json.dumps({"url": 1})):
        part.write_bytes(b"rubbish")
        if note is not None:
            part.with_name("tiny-1.pth.part.json").write_text(note)
        server.asked.clear()
        pull("tiny", config=QUICK)
        assert server.asked == [("/tiny-1.pth", None)]
        loads_as_published()
        weights_path("tiny").unlink()


def test_busy_and_silent_servers_are_tried_again(tiny, server) -> None:
    server.script = [status(503), status(429), whole(send=9000), status(500)]
    pull("tiny", config=QUICK)
    loads_as_published()
    server.script = [lambda handler: handler.head(200, Content_Length=9)] * 3
    weights_path("tiny").unlink()
    with pytest.raises(ModelError, match="cut after 0 of 9 bytes, 3 times in a row"):
        pull("tiny", config=QUICK)


def test_a_server_that_says_nothing_is_given_up(tiny, server) -> None:
    done = Event()
    server.script = [lambda handler: done.wait(10)] * 3
    line = refused_later(FetchConfig(timeout_s=0.1, tries=2, pause_s=0.0))
    done.set()
    assert "the server is silent, 2 times in a row" in line
    assert "--from FILE" in line


def refused_later(config: FetchConfig) -> str:
    with pytest.raises(ModelError) as caught:
        pull("tiny", config=config)
    return word_as_options(caught.value)


def test_on_a_full_disk_the_download_is_kept(tiny, server, monkeypatch) -> None:
    sync = atomic.sync

    def full(path: Path) -> None:
        if path.suffix == ".safetensors":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(path)

    with monkeypatch.context() as patch:
        patch.setattr("recommender.atomic.sync", full)
        with pytest.raises(ModelError, match="no space left on device; check the folder"):
            pull("tiny", config=QUICK)
    assert left() == ["tiny-1.pth.part", "tiny-1.pth.part.json"]
    pull("tiny", config=QUICK)
    assert len(server.asked) == 1
    loads_as_published()


def test_what_a_server_refuses_is_said_at_once(tiny, server) -> None:
    server.script = [status(404)]
    refused(f"cannot fetch {server.url}/tiny-1.pth: the server says 404 Not Found", "--mirror", "--from")
    assert len(server.asked) == 1
    for elsewhere in ("file:///etc/hostname", "ftp://host/file"):
        server.script = [status(302, Location=elsewhere)]
        refused(elsewhere)
    server.shutdown()
    server.server_close()
    refused("connection refused, 3 times in a row")


def test_files_of_the_wrong_size_are_refused(tiny, server) -> None:
    server.script = [endless]
    refused("does not end after", "nothing was kept")
    server.body *= 5
    refused("more than", "not this checkpoint")


def test_wrong_bytes_are_refused(tiny, server) -> None:
    real = server.body
    server.body = bytes(1000)
    refused(f"{server.url}/tiny-1.pth: ")
    server.body = b"<html>Log in to the hotel's network</html>"
    refused(f"{server.url}/tiny-1.pth: ")
    server.body = real[:-200]  # truncated at its source: the server's promise is kept
    refused(f"{server.url}/tiny-1.pth: no whole checkpoint")
    server.body = real
    refused("its SHA-256 is", "not " + "0" * 64, "nothing was kept", sha256="0" * 64)
    refused("--sha256 'abc' is no SHA-256", sha256="abc")
    pull("tiny", config=QUICK)


def test_the_sha256_of_the_first_pull_is_enforced_after(tiny, server) -> None:
    first = pull("tiny", config=QUICK).record
    weights_path("tiny").write_bytes(weights_path("tiny").read_bytes()[:-1] + b"\xff")
    with pytest.raises(ModelError, match=r"damaged or changed; `recommend models pull tiny` mends it"):
        verify("tiny")
    torch.save({"model_state": tiny_state(), "epoch": 8}, tiny)
    good, server.body = server.body, tiny.read_bytes()
    for source in (None, tiny):
        with pytest.raises(ModelError, match=f"not {first.sha256}: not the file that was expected"):
            pull("tiny", source, config=QUICK)
    with pytest.raises(InputError, match="differs from the"):
        pull("tiny", sha256="0" * 64, config=QUICK)
    server.body = good
    assert pull("tiny", config=QUICK, sha256=first.sha256.upper()) == (first, False)
    loads_as_published()


def test_from_a_file_and_from_a_mirror(tiny, server, monkeypatch, run) -> None:
    made = run("models", "pull", "tiny", "--from", tiny)
    assert made.code == 0, made.err
    assert server.asked == []
    assert record("tiny").source == str(tiny)
    loads_as_published()
    weights_path("tiny").unlink()
    monkeypatch.setenv("CLIPTUNE_MIRROR", f"{server.url}/from/here/")
    pull("tiny", config=QUICK)
    weights_path("tiny").unlink()
    pull("tiny", mirror=f"{server.url}/there", config=QUICK)
    assert [path for path, _ in server.asked] == ["/from/here/tiny-1.pth", "/there/tiny-1.pth"]
    for bad in ("file:///etc", "ftp://host/", "http://", "http://a b/", "here", "http://[/"):
        weights_path("tiny").unlink(missing_ok=True)
        with pytest.raises(InputError, match="no address of http or https"):
            pull("tiny", mirror=bad, config=QUICK)
    with pytest.raises(InputError, match="give one"):
        pull("tiny", tiny, mirror=server.url)
    with pytest.raises(ModelError, match="it is a folder, not a file"):
        pull("tiny", tiny.parent)


def test_a_secure_address_leads_to_no_insecure_one() -> None:
    secure = Request("https://host/file")
    with pytest.raises(HTTPError, match="its way to http://host/file is not followed"):
        _Redirects().redirect_request(secure, None, 302, "Found", Message(), "http://host/file")
    followed = _Redirects().redirect_request(secure, None, 302, "Found", Message(), "https://other/file")
    assert followed.host == "other"
