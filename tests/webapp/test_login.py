"""The password, where the app listens beyond this machine: who knows it gets in, who guesses waits."""

import asyncio

import pytest

import web_toy
from recommender.errors import InputError
from web_toy import HOST, PORT, TOKEN, client, toy
from webapp import guard, login
from webapp.login import FORM, Login, password_of
from webapp.refusal import Refusal

PASSWORD = "correct horse é"
FORMED = {"Content-Type": FORM.decode(), "Origin": f"http://{HOST}"}


@pytest.fixture
def app(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "WRONG_S", 0.0)
    return toy(web_toy.settings(tmp_path, host="0.0.0.0", password=PASSWORD))


def enter(person, password=PASSWORD, path="/login", **headers):
    return person.post(path, data={"password": password}, headers={**FORMED, **headers})


def test_who_knows_the_password_gets_in_where_they_were(app):
    person = client(app, known=False)
    asked = person.get("/answer?clip=ab")
    assert asked.status_code == 401
    assert '<form method="post">' in asked.text
    assert asked.headers["referrer-policy"] == "same-origin"  # with none the form would be of no origin
    assert "style" not in asked.text  # the policy allows none inside the page
    entered = enter(person, path="/answer?clip=ab")
    assert (entered.status_code, entered.headers["location"]) == (303, "/answer?clip=ab")
    cookie = entered.headers["set-cookie"]
    assert cookie.startswith(f"cliptune-login-{PORT}=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    assert person.get("/api/a").status_code == 200
    assert person.get("/login").headers["location"] == "/"
    assert client(app, known=False).get("/api/a").status_code == 401


def test_behind_a_proxy_with_tls_the_cookie_is_for_tls(tmp_path):
    app = toy(web_toy.settings(tmp_path, host="0.0.0.0", password=PASSWORD, names=("cut.example",)))
    entered = enter(client(app, known=False, host="cut.example"), Origin="https://cut.example")
    assert "Secure" in entered.headers["set-cookie"]


def test_a_token_in_the_address_opens_nothing_then_but_programs_have_it(app):
    assert client(app, known=False).get("/", params={"token": TOKEN}).status_code == 401
    assert client(app).get("/api/a").status_code == 200
    cookies = {"Cookie": f"cliptune-{PORT}={TOKEN}; cliptune-login-{PORT}={TOKEN}"}
    assert client(app, known=False).get("/api/a", headers=cookies).status_code == 401


def test_who_leaves_is_out(app):
    person = client(app, known=False)
    session = enter(person).cookies[f"cliptune-login-{PORT}"]
    assert person.get("/logout").status_code == 405
    assert person.post("/logout", headers={"Origin": "http://evil.example"}).status_code == 403
    assert person.post("/logout").status_code == 303
    headers = {"Cookie": f"cliptune-login-{PORT}={session}"}
    assert client(app, known=False).get("/api/a", headers=headers).status_code == 401


@pytest.mark.parametrize("password", ["", "x", PASSWORD + "x", PASSWORD.upper(), TOKEN])
def test_a_wrong_password_opens_nothing(app, password):
    answer = enter(client(app, known=False), password)
    assert (answer.status_code, answer.headers.get("set-cookie")) == (401, None)
    assert "not the password" in answer.text


def test_what_is_no_form_of_ours_opens_nothing(app):
    person = client(app, known=False)
    assert enter(person, Origin="http://evil.example").status_code == 403
    assert enter(person, Origin="null").status_code == 403
    assert enter(person, path="/api/login").status_code == 401
    assert enter(person, path="/none").status_code == 401
    form = f"password={PASSWORD}"
    assert person.post("/login", content=form, headers={"Content-Type": "text/plain"}).status_code == 415
    assert person.post("/login", content="password=" + "x" * 70_000, headers=FORMED).status_code == 413
    fields = "&".join(["password=x"] * 1000)
    assert person.post("/login", content=fields, headers=FORMED).status_code == 401


def test_a_wrong_password_is_answered_late(app, monkeypatch):
    monkeypatch.setattr(guard, "WRONG_S", 1.5)
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(guard.asyncio, "sleep", sleep)
    enter(client(app, known=False), "wrong")
    enter(client(app, known=False))
    assert [seconds for seconds in slept if seconds] == [1.5]


def test_after_five_wrong_ones_nobody_gets_in_from_there_for_a_while(app):
    person = client(app, known=False)
    assert [enter(person, "wrong").status_code for _ in range(7)] == [401] * 5 + [429] * 2
    assert enter(person).status_code == 429
    assert client(app).get("/api/a").status_code == 200


def test_lockouts_double_end_and_are_of_one_address():
    now = [0.0]
    door = Login(PASSWORD, lambda: now[0])
    for wait in (0, 0, 0, 0, 60, 120, 240, 480, 960, 1920, 3600, 3600):
        assert door.enter("wrong", "192.168.0.9") is None
        assert door.enter(PASSWORD, "192.168.0.8") is not None
        if wait:
            now[0] += wait - 0.5
            with pytest.raises(Refusal, match="try again in 1 sec"):
                door.enter(PASSWORD, "192.168.0.9")
            now[0] += 0.5
    assert door.enter(PASSWORD, "192.168.0.9") is not None
    assert not door._tries


def test_an_address_of_ipv6_is_the_network_of_one_person():
    same = {login._network(a) for a in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9")}
    assert len(same) == 1
    assert login._network("2001:db8:1:3::1") not in same
    assert login._network("::ffff:1.2.3.4") == login._network("1.2.3.4") == "1.2.3.4"
    assert login._network("fe80::1%eth0") == "fe80::/64"
    assert login._network("") == login._network("testclient") == ""


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(login, "_MOST_ADDRESSES", 3)
    monkeypatch.setattr(login, "_MOST_SESSIONS", 2)
    now = [0.0]
    door = Login(PASSWORD, lambda: now[0])
    for k in range(9):
        door.enter("wrong", f"1.2.3.{k}")
    assert list(door._tries) == ["1.2.3.6", "1.2.3.7", "1.2.3.8"]
    first, second, third = (door.enter(PASSWORD, "9.9.9.9") for _ in range(3))
    assert [door.knows(one) for one in (first, second, third, "", "\udcff")] == [False, True, True, False, False]
    now[0] += 12 * 3600 - 1
    assert door.knows(second)
    now[0] += 2
    assert (door.knows(second), door.knows(third)) == (True, False)
    assert third not in str(door._sessions)  # nor is a session kept as it is sent


def test_a_short_password_is_refused():
    with pytest.raises(InputError, match="9 characters"):
        Login("x" * 9)


def test_bodies_of_forms():
    assert password_of(b"a=1&password=a+b%C3%A9%26&c") == "a bé&"
    assert [password_of(body) for body in (b"", b"\xff", b"passwords=x", b"password")] == [""] * 4


def test_no_more_than_some_passwords_are_looked_at_at_a_time(tmp_path):
    app = toy(web_toy.settings(tmp_path, host="0.0.0.0", password=PASSWORD))
    headers = [(b"host", HOST.encode()), (b"content-type", FORM)]
    scope = {"type": "http", "method": "POST", "path": "/login", "raw_path": b"/login", "query_string": b""}

    async def never():
        await asyncio.sleep(60)

    async def ask():
        sent = []

        async def send(message):
            sent.append(message)

        await app({**scope, "headers": headers}, never, send)
        return sent[0]["status"]

    async def many():
        slow = [asyncio.create_task(ask()) for _ in range(guard.MOST_ENTERING)]
        await asyncio.sleep(0)
        assert await asyncio.wait_for(ask(), 1) == 429
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        assert app._entering == 0

    asyncio.run(many())
