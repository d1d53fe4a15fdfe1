"""Who may ask the app: its own pages and programs with the token, by a name of its own, and nobody else."""

import asyncio
import json
import os
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as examples
from hypothesis import strategies as st
from starlette.websockets import WebSocketDisconnect

import web_toy
from recommender.errors import InputError
from web_toy import HOST, PORT, TOKEN, client, toy
from webapp import guard
from webapp.addresses import Hosts, file_inside, is_loopback
from webapp.guard import MOST_BODY, Guard
from webapp.refusal import Refusal
from webapp.settings import Settings


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    return toy(web_toy.settings(tmp_path))


EVIL_HOSTS = (
    *("evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", f"127.0.0.1.evil.example:{PORT}", ""),
    *(f"localhost.:{PORT}", f"127.0.0.1:{PORT}@evil.example", f"evil@127.0.0.1:{PORT}", f"0.0.0.0:{PORT}", "[::1]"),
    *(f"2130706433:{PORT}", f"127.1:{PORT}", f"[::ffff:127.0.0.1]:{PORT}", f"192.168.0.1:{PORT}", f"127.0.0.1:{PORT}0"),
)


@pytest.mark.parametrize("host", EVIL_HOSTS)
def test_an_evil_host_is_400(app, host):
    answer = client(app).get("/api/a", headers={"Host": host})
    assert answer.status_code == 400
    assert "host" in answer.json()["error"]


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}", f"[::1]:{PORT}", f"LOCALHOST:{PORT}"])
def test_names_of_this_machine_are_known(app, host):
    assert client(app).get("/api/a", headers={"Host": host}).status_code == 200


def hosts(**more):
    return Hosts(Settings(token=TOKEN, session=None, exports=None, **{"port": PORT, **more}))


@pytest.mark.parametrize(
    ("more", "known", "unknown"),
    [
        ({"port": 80}, ["127.0.0.1", "localhost", "[::1]", "127.0.0.1:80"], ["127.0.0.2", "evil"]),
        ({"names": ("cut.example",)}, ["cut.example", f"cut.example:{PORT}"], ["cut.example:1", "x.cut.example"]),
        ({"names": ("cut.example:443",)}, ["cut.example:443"], ["cut.example", f"cut.example:{PORT}"]),
        ({"host": "192.168.0.7"}, [f"192.168.0.7:{PORT}", HOST], [f"192.168.0.8:{PORT}", "192.168.0.7"]),
        ({"host": "::"}, [f"192.168.0.8:{PORT}", f"[fe80::1]:{PORT}"], ["192.168.0.8", f"a.example:{PORT}"]),
        ({"host": "0.0.0.0"}, [f"192.168.0.8:{PORT}"], [f"192.168.0.8:{PORT}:{PORT}", f"0x7f.1:{PORT}", ""]),
        ({"host": "fe80::2"}, [f"[fe80::2]:{PORT}"], [f"[fe80::3]:{PORT}"]),
    ],
)
def test_hosts_are_those_that_were_named(more, known, unknown):
    checked = hosts(**more)
    assert [checked.check([host.encode()]) for host in known] == known
    for host in unknown:
        with pytest.raises(Refusal, match="host"):
            checked.check([host.encode()])
    for several in ([], [known[0].encode()] * 2):
        with pytest.raises(Refusal):
            checked.check(several)


FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": f"http://127.0.0.1:{PORT + 1}"},
    {"Origin": f"http://localhost:{PORT}"},
    {"Origin": f"http://{HOST}.evil.example"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE", "OPTIONS"])
def test_a_foreign_origin_is_403_even_with_the_token(app, headers, method):
    assert client(app).request(method, "/api/a", headers=headers).status_code == 403


def test_other_sites_may_lead_to_a_page_but_not_put_it_in_theirs(app):
    led = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client(app).get("/answer?top=3", headers=led).status_code == 200
    for change in ({"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Mode": "no-cors"}, {"Origin": "http://evil.example"}):
        assert client(app).get("/answer", headers=led | change).status_code == 403
    assert client(app).post("/answer", headers=led).status_code == 403
    own = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
    assert client(app).post("/api/a", headers=own).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/answer", "/static/a.js", "/media/a", "/api/a", "/api/none", "/none", "/logout"]
)
def test_no_token_is_401(app, path):
    answer = client(app, known=False).get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    if path in ("/", "/answer"):
        assert "recommend app" in answer.text
        assert 'href=""' in answer.text
    else:
        assert "token" in answer.json()["error"]
    assert "recommend app" in client(app, known=False).get(path, headers={"Accept": "text/html,*/*"}).text


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "t", TOKEN.upper(), "\u00ff" * 43])
def test_a_wrong_token_is_401(app, token):
    for headers in (
        {"Authorization": f"Bearer {token}".encode()},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"cliptune-{PORT}={token}".encode()},
        {"Cookie": f"cliptune-{PORT + 1}={TOKEN}; xcliptune-{PORT}={TOKEN}"},
    ):
        assert client(app, known=False).get("/api/a", headers=headers).status_code == 401
    asked = client(app, known=False).get("/", params={"token": token})
    assert (asked.status_code, asked.headers.get("set-cookie")) == (401, None)


def test_the_first_address_lets_a_browser_in_and_leaves_no_token_in_it(app):
    person = client(app, known=False)
    answer = person.get(f"/answer?clip=ab&token={TOKEN}&bpm=90-130&key=A+minor")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/answer?clip=ab&bpm=90-130&key=A+minor"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"cliptune-{PORT}={TOKEN};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert person.get("/answer?clip=ab").text == "a page"
    assert person.get("/api/a").status_code == 200
    assert person.get("/api/a", params={"token": "x"}).json()["query"] == "token=x"  # of pages alone
    assert client(app, known=False).get("/api/a", params={"token": TOKEN}).status_code == 401
    assert client(app, known=False).post("/", params={"token": TOKEN}).status_code == 401


def test_tokens_are_compared_in_constant_time(app, monkeypatch):
    compared = []
    real = guard.hmac.compare_digest
    monkeypatch.setattr(guard.hmac, "compare_digest", lambda a, b: compared.append(a) or real(a, b))
    client(app).get("/api/a")
    client(app, known=False).get("/", params={"token": TOKEN})
    client(app, known=False).get("/api/a", headers={"Cookie": f"cliptune-{PORT}=x"})
    assert compared == [TOKEN.encode(), TOKEN.encode(), b"x"]


NEEDED = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def test_every_answer_carries_what_protects_it(app, tmp_path):
    (tmp_path / "static" / "a.js").write_text("let a")
    (tmp_path / "clips" / "a").write_bytes(b"film")
    asked = {
        ("GET", "/"): 200,
        ("HEAD", "/"): 200,
        ("GET", "/api/a"): 200,
        ("GET", "/none"): 404,
        ("DELETE", "/api/a"): 405,
        ("GET", "/api/boom"): 500,
        ("GET", "/a%20b"): 400,
        ("GET", f"/?token={TOKEN}"): 303,
    }
    for (method, path), status in asked.items():
        answer = client(app).request(method, path)
        assert answer.status_code == status, path
        assert {name: answer.headers.get(name) for name in NEEDED} == NEEDED, path
        assert "permissions-policy" in answer.headers
        assert "secret of the machine" not in answer.text
    assert client(app, known=False).get("/").headers["content-security-policy"] == NEEDED["content-security-policy"]
    kept = client(app).get("/static/a.js")
    assert kept.headers["cache-control"] == "no-cache"
    again = client(app).get("/static/a.js", headers={"If-None-Match": kept.headers["etag"]})
    assert (again.status_code, again.headers["x-content-type-options"]) == (304, "nosniff")
    film = client(app).get("/media/a")
    assert "sandbox" in film.headers["content-security-policy"]
    assert film.headers["x-content-type-options"] == "nosniff"


def test_what_nobody_expected_is_reported_and_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))

    async def broken(scope, receive, send):
        raise RuntimeError("secret of the machine")

    answer = client(Guard(broken, web_toy.settings(tmp_path))).get("/api/a")
    assert answer.status_code == 500
    assert answer.json() == {"error": "unexpected RuntimeError; a report is kept in the data folder"}
    (report,) = (tmp_path / "home" / "reports").iterdir()
    assert "secret of the machine" in report.read_text()


def test_small_bodies_come_whole_and_large_ones_not_at_all(app):
    asking = client(app)
    assert asking.post("/api/a", content=b"x" * MOST_BODY).json()["bytes"] == MOST_BODY
    assert asking.post("/api/a", content=b"x" * (MOST_BODY + 1)).status_code == 413
    assert asking.post("/api/a", content=(b"x" * 1000 for _ in range(1000))).status_code == 413
    assert client(app, known=False).post("/api/a", content=b"x" * (MOST_BODY + 1)).status_code == 401


def test_there_are_no_web_sockets(app):
    with pytest.raises(WebSocketDisconnect), client(app).websocket_connect("/api/a"):
        pass


def test_beyond_this_machine_there_is_a_password_or_nothing(tmp_path):
    for host in ("0.0.0.0", "::", "192.168.0.7", "example.org", "", "127.evil.example"):
        with pytest.raises(InputError, match="password"):
            toy(web_toy.settings(tmp_path, host=host))
        toy(web_toy.settings(tmp_path, host=host, password="correct horse"))
        assert not is_loopback(host)
    assert all(map(is_loopback, ("127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.9")))


BAD = st.sampled_from(
    [
        *(
            "..",
            "%2e",
            "%2E%2e",
            ".%2e",
            "%00",
            "\x00",
            "\\",
            "%5c",
            "%5C..",
            "//",
            "%2f",
            "%2F..",
            "%252e%252e",
            "..;",
        ),
        *("%c0%ae", "%ff", "\x7f", "%0a", " ", "\n", "a" * 1100, "%", "%u002e", "\u2024", "\uff0e", "\u2215", "~/../"),
    ]
)
PLACES = st.sampled_from(["/", "/static/", "/media/", "/api/", "/media/clips/", "/api/clips/"])
PIECE = st.text("abc019_-.~", max_size=6)


async def ask(app, raw):
    """(status, whether what is behind the guard was asked) of a path as it stands in a request."""
    sent, asked = [], []

    async def behind(scope, receive, send):
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    headers = [(b"host", HOST.encode()), (b"authorization", f"Bearer {TOKEN}".encode())]
    path = unquote(raw.decode("latin-1"))
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": raw, "query_string": b"", "headers": headers}
    await Guard(behind, app)(scope, receive, send)
    return sent[0]["status"], bool(asked)


@seed(20)
@examples(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=PLACES, before=PIECE, bad=BAD, after=PIECE)
def test_no_path_leads_elsewhere(tmp_path, place, before, bad, after):
    raw = f"{place}{before}{bad}{after}".encode()
    status, asked = asyncio.run(ask(web_toy.settings(tmp_path), raw))
    assert (status, asked) == (400, False), raw


@seed(20)
@examples(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=40) | st.text("/.%25ec0f\\a", max_size=20).map(str.encode))
def test_what_passes_is_plain(tmp_path, raw):
    status, asked = asyncio.run(ask(web_toy.settings(tmp_path), raw))
    plain = raw == b"/" or (raw[:1] == b"/" and not {*raw} & {*b"%\\\0"} and b".." not in raw and b"//" not in raw)
    assert asked == (status == 200)
    assert not asked or plain
    assert all(32 < byte < 127 for byte in raw) or not asked


def test_links_out_of_a_folder_are_not_followed(app, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    for folder in ("clips", "static"):
        (tmp_path / folder / "own").write_bytes(b"own")
        (tmp_path / folder / "within").symlink_to("own")
        (tmp_path / folder / "out").symlink_to(tmp_path / "secret")
        (tmp_path / folder / "up").symlink_to(tmp_path)
        (tmp_path / folder / "round").symlink_to("round")
        (tmp_path / folder / "folder").mkdir()
        os.mkfifo(tmp_path / folder / "pipe")
    for place in ("/media", "/static"):
        assert client(app).get(f"{place}/own").content == b"own"
        assert client(app).get(f"{place}/within").content == b"own"
        for name in ("out", "up/secret", "up", "folder", "pipe", "none", "own/none"):
            answer = client(app).get(f"{place}/{name}")
            assert answer.status_code == 404, name
            assert b"secret" not in answer.content
    for name in ("round", "../secret", "a\0b", "/etc/passwd", "x" * 300, "", "."):
        with pytest.raises(Refusal, match="no such file"):
            file_inside(tmp_path / "clips", name)


def test_errors_are_json_for_programs(app):
    assert json.loads(client(app).get("/api/%2e%2e/a").content)["error"].startswith("the path")
    assert client(app).get("/api/a?search=%00").status_code == 400
    assert client(app).get("/api/a?search=" + "x" * 8192).status_code == 400
