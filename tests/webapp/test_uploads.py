"""Clips that are sent: kept whole, under a name made from their bytes; all else is refused and leaves nothing."""

import asyncio
import contextlib
import errno
import hashlib
import socket
import threading
import time
from collections import namedtuple

import pytest
from starlette.requests import Request

import web_toy
from indexing.ingest.suffixes import SUFFIXES
from recommender.atomic import PARTIAL
from web_toy import SMALL, client, exchange, head, serve, toy, wait_for
from webapp import uploads
from webapp.refusal import Refusal
from webapp.settings import Limits
from webapp.uploads import display_name, receive

FILM = bytes(range(256)) * 500  # 128 kB
EVIL = "\x1b]0;gone\x07\u202ecod.4pm"


@pytest.fixture
def clips(tmp_path):
    (tmp_path / "clips").mkdir(exist_ok=True)
    return tmp_path / "clips"


@pytest.fixture
def send(tmp_path):
    """`send(bytes, name, **headers)`: the answer."""
    asking = client(toy(web_toy.settings(tmp_path, limits=SMALL)))
    return lambda body, name="a.mp4", **headers: asking.post(
        "/api/clips", params={"name": name}, content=body, headers=headers
    )


def test_a_clip_is_kept_under_the_name_of_its_bytes(send, clips):
    for name in ("a.mp4", "../../b.MP4", f"/etc/{EVIL}.mp4", "a\\..\\b.mp4", "é%2e%2e.mp4"):
        answer = send(FILM, name)
        digest = hashlib.sha256(FILM).hexdigest()
        assert answer.json() == {"file": f"{digest[:16]}.mp4", "sha256": digest, "size": len(FILM)}, name
    assert [path.read_bytes() for path in clips.iterdir()] == [FILM]
    assert send(iter([FILM[:1000], b"", FILM[1000:]])).json()["sha256"] == digest


@pytest.mark.parametrize(
    "name", ["a.exe", "a", "", ".mp4/", "a.mp4.html", "a.mp4\0", "a.m3u8", "a.svg", "mp4", "a.mp4 "]
)
def test_what_is_no_clip_by_its_name_is_415(send, clips, name):
    assert send(FILM, name).status_code == (400 if "\0" in name else 415)
    assert not list(clips.iterdir())


def test_every_kind_of_clip_that_folders_are_looked_at_for_may_be_sent():
    assert {uploads.check_name(f"A{suffix.upper()}") for suffix in SUFFIXES["video"]} == SUFFIXES["video"]


def test_names_are_shown_so_that_they_forge_nothing():
    assert display_name(f"C:\\films/{EVIL}") == "\\x1b]0;gone\\x07\\u202ecod.4pm"
    assert display_name("a\nb\udcff\u2028.mp4") == "a\\nb\\xff\\u2028.mp4"
    long = display_name("x" * 5000 + ".mp4")
    assert (len(long) <= 204, long[-8:]) == (True, "x....mp4")


def test_too_much_is_413_whether_told_ahead_or_not(send, clips, tmp_path):
    answer = send(b"x", **{"Content-Length": str(10 << 30)})
    assert (answer.status_code, "0.0 GB" in answer.json()["error"]) == (413, True)
    assert send(b"x" * (SMALL.upload_bytes + 1)).status_code == 413
    assert send(b"x" * 1000 for _ in range(1000)).status_code == 413
    assert send(b"x" * SMALL.upload_bytes).status_code == 201
    for length in ("-1", "1e3", "", "\u0661".encode(), "9" * 30):
        assert send(b"x", **{"Content-Length": length}).status_code == 400, length
    assert len(list(clips.iterdir())) == 1


def asked(parts, *, ends=True, pause_s=0.0, name="a.mp4"):
    """A request whose body comes in parts, and then ends, or is cut off."""
    left = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    left.append({"type": "http.request", "body": b"", "more_body": False} if ends else {"type": "http.disconnect"})

    async def give():
        await asyncio.sleep(pause_s)
        return left.pop(0)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": f"name={name}".encode()}
    return Request(scope, give)


def refused(request, folder, limits=SMALL, used_bytes=0):
    """The status that an upload is refused with; nothing of it is left."""
    with pytest.raises(Refusal) as caught:
        asyncio.run(receive(request, folder, limits, used_bytes=used_bytes))
    assert not list(folder.iterdir())
    return caught.value.status


def test_what_is_cut_or_empty_is_400(clips):
    assert refused(asked([b"x" * 1000], ends=False), clips) == 400
    assert refused(asked([]), clips) == 400
    assert refused(asked([b"", b""]), clips) == 400


def test_what_is_idle_or_slow_is_408(clips):
    assert refused(asked([b"x"], pause_s=0.5), clips) == 408
    start = time.monotonic()
    assert refused(asked([b"x"] * 1000, pause_s=0.05), clips) == 408
    assert time.monotonic() - start < 2
    quick_then_slow = [b"x" * 100_000, *[b"x"] * 1000]  # as much on average as is asked for, in all
    assert refused(asked(quick_then_slow, pause_s=0.05), clips) == 408
    steady = asked([b"x" * 100] * 20, pause_s=0.04)
    assert asyncio.run(receive(steady, clips, SMALL, used_bytes=0)).size == 2000


def test_what_a_session_keeps_is_bounded(clips):
    used = SMALL.kept_bytes - 1000
    assert refused(asked([b"x" * 1001]), clips, used_bytes=used) == 413
    assert asyncio.run(receive(asked([b"x" * 1000]), clips, SMALL, used_bytes=used)).size == 1000
    (clips / f"{PARTIAL}other").write_bytes(b"x" * 500)
    with pytest.raises(Refusal, match="remove some"):
        asyncio.run(receive(asked([b"x" * 501]), clips, SMALL, used_bytes=used))


Usage = namedtuple("Usage", "total used free")


def test_a_disk_that_is_nearly_full_is_507(clips, monkeypatch):
    free = [5000]

    def usage(path):
        return Usage(10_000, 0, free[0] - sum(one.stat().st_size for one in path.iterdir()))

    monkeypatch.setattr(uploads.shutil, "disk_usage", usage)
    limits = Limits(spare_bytes=1000)
    assert refused(asked([b"x" * 4001]), clips, limits) == 507
    assert asyncio.run(receive(asked([b"x" * 4000]), clips, limits, used_bytes=0)).size == 4000
    (kept,) = clips.iterdir()
    kept.unlink()
    monkeypatch.setattr(uploads, "_CHECKED", 1000)
    monkeypatch.setattr(uploads, "_WRITTEN", 100)

    def shrink():
        for _ in range(100):
            free[0] -= 100  # somebody else writes, too
            yield b"x" * 100

    parts = shrink()
    monkeypatch.setattr(uploads._Upload, "_keep", lambda self, data, file: [file.write(data), next(parts)])
    assert refused(asked([b"x" * 100] * 100), clips, limits) == 507
    assert len(list(parts)) > 50


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_disk_that_fails_is_507(clips, monkeypatch, code):
    class Full(uploads.FileIO):
        def write(self, data):
            raise OSError(code, "no more")

    monkeypatch.setattr(uploads, "FileIO", Full)
    assert refused(asked([b"x"]), clips) == 507


def test_a_folder_that_is_gone_is_507(tmp_path):
    with pytest.raises(Refusal) as caught:
        asyncio.run(receive(asked([b"x"]), tmp_path / "none", SMALL, used_bytes=0))
    assert caught.value.status == 507


def test_an_upload_that_is_cancelled_leaves_nothing_and_writes_no_closed_file(clips, monkeypatch):
    written = threading.Event()
    real = uploads._Upload._keep

    def slow(self, data, file):
        written.set()
        time.sleep(0.2)
        real(self, data, file)

    monkeypatch.setattr(uploads._Upload, "_keep", slow)
    monkeypatch.setattr(uploads, "_WRITTEN", 1)

    async def cancelled():
        task = asyncio.create_task(receive(asked([b"x"] * 5), clips, SMALL, used_bytes=0))
        while not written.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert not list(clips.iterdir())


def post(port, length, name="a.mp4"):
    return head(port, f"POST /api/clips?name={name} HTTP/1.1", f"Content-Length: {length}")


def test_over_a_socket_uploads_that_misbehave_end_and_leave_nothing(tmp_path):
    with serve(tmp_path, limits=SMALL) as port:
        clips = tmp_path / "clips"
        assert b" 413 " in exchange(port, post(port, 10 << 30)).splitlines()[0]
        assert b" 408 " in exchange(port, post(port, 1000) + b"x").splitlines()[0]
        assert b" 415 " in exchange(port, post(port, 5, "a.txt") + b"12345", 2).splitlines()[0]
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(SMALL.uploads)]
            for connection in held:
                connection.sendall(post(port, 1000) + b"x")
            wait_for(lambda: len(list(clips.iterdir())) == SMALL.uploads)
            assert b" 429 " in exchange(port, post(port, 1000) + b"x" * 1000, 0.1).splitlines()[0]
        wait_for(lambda: not list(clips.iterdir()))  # cut off
        sent = post(port, len(FILM)) + FILM
        assert b" 201 " in exchange(port, sent, 0.5).splitlines()[0]
        assert [path.read_bytes() for path in clips.iterdir()] == [FILM]


def test_four_at_once_are_written_whole(clips):
    bodies = [bytes([k]) * 50_000 for k in range(4)]

    async def all_of_them():
        limits = Limits(spare_bytes=0, uploads=4)
        asks = [asked([body[:25_000], body[25_000:]], pause_s=0.01) for body in bodies]
        return await asyncio.gather(*(receive(one, clips, limits, used_bytes=0) for one in asks))

    found = asyncio.run(all_of_them())
    assert [one.path.read_bytes() for one in found] == bodies
    assert len(list(clips.iterdir())) == 4
