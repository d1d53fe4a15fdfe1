"""What every request passes before the app sees it, and what every answer carries: who may ask, and how much."""

import asyncio
import hmac
from collections import defaultdict
from urllib.parse import parse_qsl, urlencode

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.errors import InputError
from webapp.addresses import PAGES, Hosts, check_origin, check_target, is_loopback
from webapp.login import FORM, WRONG_S, Login, password_of, password_page, token_page
from webapp.refusal import Refusal
from webapp.settings import Settings

RAW = frozenset((("POST", "/api/clips"),))
"""What takes a body of any length, and reads it itself."""
MOST_BODY, BODY_S = 65_536, 10.0
"""Bytes of every other body, and seconds in which it must have come."""
MOST_HEADERS = 16_384
"""Bytes of all headers; what reads them bounds only those that come in several parts."""
MOST_ENTERING = 16
"""Passwords that are looked at at one time; strangers who send theirs slowly take no more connections than that."""

_POLICY = (
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    "object-src 'none'"
)
# Films and pictures of others, should one be opened as a page: nothing in it runs, whatever it is besides.
_MEDIA_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()",
    "cache-control": "no-store",
}


def safe_headers(path: str = "") -> list[tuple[bytes, bytes]]:
    """What every answer carries; files of the app itself may be kept where they are asked for again."""
    own = {"content-security-policy": _MEDIA_POLICY} if path.startswith("/media/") else {}
    own |= {"cache-control": "no-cache"} if path.startswith("/static/") else {}
    return [(name.encode(), value.encode()) for name, value in {**_HEADERS, **own}.items()]


class Guard:
    """The app behind its door, as an ASGI app.

    Raises InputError where it would listen beyond this machine without a password.

    Parameters
    ----------
    app: what is behind. settings: with the port that is listened at.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        if settings.password is None and not is_loopback(settings.host):
            raise InputError(f"{settings.host} can be reached from other machines: give a password, or 127.0.0.1")
        self._app, self._hosts, self._token = app, Hosts(settings), settings.token.encode()
        self._login = None if settings.password is None else Login(settings.password)
        self._entering = 0
        self._cookie = f"cliptune-{'login-' if self._login else ''}{settings.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the app answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(_Request(scope), receive, _Sender(send, scope["path"]))
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "no such thing here"})

    async def _answer(self, request: "_Request", receive: Receive, sender: "_Sender") -> None:
        try:
            response = await self._stop(request, receive)
            if response is not None:
                await response(request.scope, receive, sender)
                return
            if (request.method, request.path) not in RAW:
                receive = _replay(await _read(receive), receive)
            await self._app(request.scope, receive, sender)
        except Exception as error:
            if sender.ended:
                return  # the app told, and kept, what went wrong
            refusal = error if isinstance(error, Refusal) else _unexpected(error)
            if sender.started:
                raise  # the connection is cut: what was sent is no whole answer
            await reply(refusal)(request.scope, receive, sender)

    async def _stop(self, request: "_Request", receive: Receive) -> Response | None:
        """What is answered instead of by the app, None where it may; raises Refusal."""
        if sum(len(name) + len(value) for name, value in request.scope["headers"]) > MOST_HEADERS:
            raise Refusal(431, "the headers are too long")
        check_target(request.raw_path, request.query)
        opens_page = request.method in ("GET", "HEAD") and request.path in PAGES
        check_origin(request.headers, self._hosts.check(request.headers[b"host"]), opens_page=opens_page)
        if self._login is None and opens_page and (told := request.token) is not None:
            return self._take_token(request, told)
        if self._is_known(request):
            return None if self._login is None else self._of_login(self._login, request)
        return await self._turn_away(request, receive)

    async def _turn_away(self, request: "_Request", receive: Receive) -> Response:
        """What strangers are answered: how to get in, and in, with the password."""
        if not request.wants_page:
            raise Refusal(401, "a token is needed: Authorization: Bearer TOKEN")
        if self._login is None:
            return HTMLResponse(token_page(), 401, _CHALLENGE)
        if request.method != "POST" or request.path not in PAGES | {"/login"}:
            return _ask(401)
        if self._entering >= MOST_ENTERING:
            return _ask(429, "Too many are asking; try again.")
        self._entering += 1
        try:
            return await self._enter(self._login, request, receive)
        finally:
            self._entering -= 1

    def _is_known(self, request: "_Request") -> bool:
        if any(self._is_token(value) for value in request.bearers):
            return True
        cookies = request.cookies(self._cookie)
        if self._login is not None:
            return any(self._login.knows(value) for value in cookies)
        return any(self._is_token(value) for value in cookies)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token)

    def _take_token(self, request: "_Request", token: str) -> Response:
        """Let in who opens the address with the token, and show the same page without it: history keeps no secret."""
        if not self._is_token(token):
            return HTMLResponse(token_page(), 401, _CHALLENGE)
        return self._let_in(request.here, token)

    def _let_in(self, url: str, value: str, *, secure: bool = False) -> Response:
        response = RedirectResponse(url, 303)
        response.set_cookie(self._cookie, value, httponly=True, samesite="strict", secure=secure)
        return response

    async def _enter(self, login: Login, request: "_Request", receive: Receive) -> Response:
        if request.headers[b"content-type"] != [FORM]:
            return _ask(415, "Type the password here.")
        password = password_of(await _read(receive))
        try:
            session = login.enter(password, request.address)
        except Refusal as refusal:
            return _ask(refusal.status, f"{refusal.line[:1].upper()}{refusal.line[1:]}.")
        if session is None:
            await asyncio.sleep(WRONG_S)
            return _ask(401, "That is not the password.")
        secure = any(origin.startswith(b"https:") for origin in request.headers[b"origin"])
        return self._let_in("/" if request.path == "/login" else request.here, session, secure=secure)

    def _of_login(self, login: Login, request: "_Request") -> Response | None:
        """What those who are let in are answered at the addresses of the login; None at every other."""
        if request.path == "/login":
            return RedirectResponse("/", 303)
        if request.path != "/logout":
            return None
        if request.method != "POST":
            raise Refusal(405, "ask with POST")
        for session in request.cookies(self._cookie):
            login.leave(session)
        response = RedirectResponse("/", 303)
        response.delete_cookie(self._cookie, httponly=True, samesite="strict")
        return response


class _Request:
    """What is looked at of a request."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.method, self.path = scope, scope["method"], scope["path"]
        self.raw_path: bytes = scope.get("raw_path") or b""
        self.query: bytes = scope["query_string"]
        self.address: str = (scope.get("client") or ("",))[0]
        self.headers: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for name, value in scope["headers"]:
            self.headers[name].append(value)

    @property
    def _fields(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query.decode("latin-1"), keep_blank_values=True)

    @property
    def wants_page(self) -> bool:
        """Whether a person asks, and no program."""
        return self.path in PAGES | {"/login"} or any(b"text/html" in value for value in self.headers[b"accept"])

    @property
    def token(self) -> str | None:
        """The token in the address."""
        return next((value for name, value in self._fields if name == "token"), None)

    @property
    def here(self) -> str:
        """The address, without its host and the token; the path begins with one slash: no other site's."""
        query = urlencode([(name, value) for name, value in self._fields if name != "token"])
        return f"{self.path}?{query}" if query else str(self.path)

    @property
    def bearers(self) -> list[str]:
        """Tokens in the header that programs send."""
        sent = [value.decode("latin-1").partition(" ") for value in self.headers[b"authorization"]]
        return [value.strip() for scheme, _, value in sent if scheme.lower() == "bearer"]

    def cookies(self, name: str) -> list[str]:
        """The values of a cookie; other programs of this machine may have set some of the same name."""
        parts = b";".join(self.headers[b"cookie"]).decode("latin-1").split(";")
        found = (part.strip().partition("=") for part in parts)
        return [value for key, _, value in found if key == name]


class _Sender:
    """Sends an answer with the headers that each must have."""

    def __init__(self, send: Send, path: str) -> None:
        self._send, self._path = send, path
        self.started = self.ended = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            own = [(name.lower(), value) for name, value in message.get("headers", [])]
            kept = {name for name, _ in own}
            added = [(name, value) for name, value in safe_headers(self._path) if name not in kept]
            message = {**message, "headers": own + added}
        elif message["type"] == "http.response.body":
            self.ended = not message.get("more_body", False)
        await self._send(message)


def reply(refusal: Refusal) -> Response:
    """A refusal as JSON."""
    headers = _CHALLENGE if refusal.status == 401 else {}
    return JSONResponse({"error": refusal.line}, refusal.status, headers)


_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="cliptune"'}


def _ask(status: int, line: str = "") -> Response:
    """The page that asks for the password; without a referrer a form would tell no origin, and be refused."""
    return HTMLResponse(password_page(line), status, {"Referrer-Policy": "same-origin", **_CHALLENGE})


async def _read(receive: Receive) -> bytes:
    """A body that is small; raises Refusal where it is not, or comes late or in part."""
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(BODY_S):
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise Refusal(400, "the request ended early")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > MOST_BODY:
                    raise Refusal(413, f"the body has more than {MOST_BODY:,} bytes")
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {BODY_S:.0f} seconds") from None
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read, then what comes after: that the other side left."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


def _unexpected(error: Exception) -> Refusal:
    from recommender.failing import keep_report

    keep_report(error)
    return Refusal(500, f"unexpected {type(error).__name__}; a report is kept in the data folder")
