"""Connections that say nothing, say it slowly, or what is no HTTP: they end, and a person is served meanwhile."""

import contextlib
import re
import socket
import time

import pytest

from web_toy import PORT, client, exchange, head, serve, settings, toy, wait_for
from webapp import guard
from webapp.connections import Patience

QUICK = Patience(connections=8, head_s=0.4, rest_s=0.3, rest_bytes=1000)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with serve(tmp_path_factory.mktemp("toy"), QUICK) as port:
        yield port


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def ended_after(connection):
    """Seconds until the other side ends a connection, reading what comes."""
    start = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while connection.recv(65536):
            pass
    return time.monotonic() - start


def test_a_person_is_served(port):
    assert exchange(port, head(port, "GET /api/a HTTP/1.1", "Connection: close")).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("said", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET /", b"POST / HTTP/1.1\r\nX: "])
def test_who_does_not_say_what_it_wants_loses_the_connection(port, said):
    with connect(port) as connection:
        connection.sendall(said)
        assert 0.2 < ended_after(connection) < 2


def test_who_says_it_a_byte_at_a_time_does_too(port):
    with connect(port) as connection:
        start, sent = time.monotonic(), 0
        with contextlib.suppress(ConnectionError):
            for byte in head(port, "GET /api/a HTTP/1.1", f"X-Slow: {'x' * 500}"):
                sent += connection.send(bytes([byte]))
                time.sleep(0.02)
        assert time.monotonic() - start < 2
        assert sent < 100


def test_so_does_who_is_slow_after_an_answer(port):
    with connect(port) as connection:
        connection.sendall(head(port))
        assert b"200 OK" in connection.recv(65536)
        connection.sendall(b"G")
        assert 0.2 < ended_after(connection) < 2


def test_a_connection_is_used_again_and_again(port):
    with connect(port) as connection:
        for _ in range(5):
            time.sleep(0.2)
            connection.sendall(head(port, "POST /api/a HTTP/1.1", "Content-Length: 3") + b"abc")
            wait_for(lambda: b'"bytes":3' in connection.recv(65536))
        connection.sendall(head(port) * 3)  # one after the other without waiting
        got = b""
        while got.count(b"200 OK") < 3:
            got += connection.recv(65536)


def test_what_is_refused_is_not_read_to_its_end(port):
    with connect(port) as connection:
        connection.sendall(head(port, "POST /api/a HTTP/1.1", f"Content-Length: {10 << 30}"))
        start, sent = time.monotonic(), 0
        with contextlib.suppress(ConnectionError):
            while sent < 1 << 30:
                sent += connection.send(b"x" * 65536)
        assert time.monotonic() - start < 2
        assert sent < 64 << 20
    answer = exchange(port, head(port, "POST /api/a HTTP/1.1", "Content-Length: 99999999") + b"x" * 100_000)
    assert answer.startswith(b"HTTP/1.1 413")  # who reads while it writes learns why


def test_where_there_are_too_many_the_one_that_waited_longest_goes(tmp_path):
    with serve(tmp_path, Patience(connections=4, head_s=60)) as port, contextlib.ExitStack() as stack:
        idle = []
        for _ in range(4):
            idle.append(stack.enter_context(connect(port)))
            time.sleep(0.05)
        for _ in range(3):
            assert b"200 OK" in exchange(port, head(port, "GET /api/a HTTP/1.1", "Connection: close"))
        idle[-1].settimeout(0.1)
        with pytest.raises(TimeoutError):
            idle[-1].recv(1)
        assert ended_after(idle[0]) < 1


def test_where_all_are_at_work_no_more_are_taken(tmp_path):
    with serve(tmp_path, Patience(connections=2)) as port, contextlib.ExitStack() as stack:
        for _ in range(2):
            busy = stack.enter_context(connect(port))
            busy.sendall(head(port, "POST /api/clips?name=a.mp4 HTTP/1.1", "Content-Length: 10") + b"x")
        wait_for(lambda: len(list((tmp_path / "clips").iterdir())) == 2)
        assert exchange(port, head(port)) == b""
        busy.sendall(b"x" * 9)
        assert b" 201 " in busy.recv(65536)


ODD = {
    b"": b"",
    b"GET /api/a HTTP/1.1\r\n\r\n": b"400",
    b"GET /api/a HTTP/1.0\r\n\r\n": b"400",
    b"GET /api/a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n": b"400",
    b"GET http://evil.example/api/a HTTP/1.1\r\nHost: HOST\r\n\r\n": b"400",
    b"GET //evil.example/ HTTP/1.1\r\nHost: HOST\r\n\r\n": b"400",
    b"CONNECT evil.example:80 HTTP/1.1\r\nHost: HOST\r\n\r\n": b"400",
    b"OPTIONS * HTTP/1.1\r\nHost: HOST\r\n\r\n": b"400",
    b"GET /../api HTTP/1.1\r\nHost: HOST\r\n\r\n": b"400",
    b"GET /\0 HTTP/1.1\r\nHost: HOST\r\n\r\n": b"400",
    b"GET /\xff HTTP/1.1\r\nHost: HOST\r\n\r\n": b"400",
    b"G\0T / HTTP/1.1\r\n\r\n": b"400",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": b"400",
    b"GET / HTTP/1.1\r\nHost: HOST\r\nX: " + b"x" * 20_000 + b"\r\n\r\n": b"400|431",
    b"GET / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n": b"400",
    b"GET / HTTP/1.1\r\nHost: HOST\r\nContent-Length: -1\r\n\r\n": b"400",
    b"POST /api/a HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip\r\n\r\n": b"501|400",
    b"GET / HTTP/1.1\r\nHost: HOST\r\n folded: x\r\n\r\n": b"400|401",
    b"GET /api/a HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n": b"401",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": b"400|505",
}


@pytest.mark.parametrize("sent", ODD, ids=range(len(ODD)))
def test_what_is_no_request_is_refused_with_what_protects_answers(port, sent):
    answer = exchange(port, sent.replace(b"HOST", f"127.0.0.1:{port}".encode()))
    assert re.match(rb"HTTP/1.1 (%s) " % ODD[sent], answer) if ODD[sent] else answer == b"", answer
    assert not answer or b"nosniff" in answer
    assert b"evil" not in answer


def test_a_body_that_is_no_body_ends_the_request(port):
    lines = ("POST /api/a HTTP/1.1", "Transfer-Encoding: chunked")
    assert exchange(port, head(port, *lines) + b"5\r\nabcde\r\n0\r\n\r\n", 1).startswith(b"HTTP/1.1 200")
    for body in (b"zz\r\n", b"-5\r\nabcde\r\n", b"5\r\nabcdefgh\r\n", b"f" * 30 + b"\r\n"):
        assert exchange(port, head(port, *lines) + body).startswith(b"HTTP/1.1 400")
    twice = head(port, "GET /api/a HTTP/1.1") + b"\0\0\0\r\n\r\n"
    assert exchange(port, twice).count(b"HTTP/1.1") == 2


def test_an_answer_that_breaks_off_is_cut_and_told_in_a_report_alone(port, capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path))
    answer = exchange(port, head(port, "GET /api/half HTTP/1.1"))
    assert b"a part" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert b"secret" not in answer
    told = capfd.readouterr()
    assert "secret" not in told.out + told.err
    (report,) = (tmp_path / "reports").iterdir()
    assert "secret of the machine" in report.read_text()
    assert b"200 OK" in exchange(port, head(port, "GET /api/a HTTP/1.1", "Connection: close"))


def test_no_log_tells_who_asked_for_what(tmp_path, capfd):
    with serve(tmp_path) as port:
        exchange(port, head(port, "GET /api/a?search=private HTTP/1.1", "Connection: close"))
    told = capfd.readouterr()
    assert "private" not in told.out + told.err


def test_the_header_of_a_proxy_is_not_believed(tmp_path, monkeypatch):
    """Whoever locks out others, or escapes a lockout, could write it."""
    monkeypatch.setattr(guard, "WRONG_S", 0.0)
    asking = client(toy(settings(tmp_path, password="correct horse")), known=False)
    codes = [
        asking.post("/login", data={"password": "x"}, headers={"X-Forwarded-For": f"1.2.3.{k}"}).status_code
        for k in range(6)
    ]
    assert codes == [401] * 5 + [429]
    assert PORT
