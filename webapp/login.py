"""Asking for the password, where the app listens beyond this machine: who was let in, and who tries too often."""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from recommender.errors import InputError
from webapp.refusal import Refusal

LEAST = 10
"""Characters of a password. Five tries, then 24 an hour: one of ten small letters stands for longer than anybody."""
WRONG_S = 1.0
"""Seconds that a wrong password is answered after."""
_FREE, _LOCKED_S, _MOST_LOCKED_S = 5, 60.0, 3600.0  # wrong ones in a row; first and longest lockout, which doubles
_IDLE_S, _MOST_SESSIONS = 12 * 3600.0, 64  # of who was let in
_MOST_ADDRESSES = 10_000
FORM = b"application/x-www-form-urlencoded"


@dataclass
class _Tries:
    wrong: int = 0
    locked_until: float = 0.0


class Login:
    """Who knows the password; it is all in memory, and nobody is let in any more when the app starts again.

    Parameters
    ----------
    password: at least LEAST characters, otherwise InputError is raised. clock: seconds that only go forward.
    """

    def __init__(self, password: str, clock: Callable[[], float] = time.monotonic) -> None:
        if len(password) < LEAST:
            raise InputError(f"the password has {len(password)} characters; give one of {LEAST} or more")
        self._password, self._clock = _digest(password), clock
        self._sessions: OrderedDict[str, float] = OrderedDict()
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def enter(self, password: str, address: str) -> str | None:
        """The name of a new session, or None for a wrong password; raises Refusal, 429, while `address` is locked out.

        Nothing here waits: tries at the same time are counted one after the other.
        """
        who, now = _network(address), self._clock()
        tries = self._tries.get(who, _Tries())
        if now < tries.locked_until:
            left = int(tries.locked_until - now) + 1
            raise Refusal(429, f"too many wrong passwords; try again in {left} seconds")
        if hmac.compare_digest(_digest(password), self._password):
            self._tries.pop(who, None)
            return self._open(now)
        tries.wrong += 1
        if tries.wrong >= _FREE:
            tries.locked_until = now + min(_LOCKED_S * 2.0 ** min(tries.wrong - _FREE, 30), _MOST_LOCKED_S)
        self._tries[who] = tries
        self._tries.move_to_end(who)
        if len(self._tries) > _MOST_ADDRESSES:
            self._tries.popitem(last=False)
        return None

    def knows(self, session: str) -> bool:
        """Whether a session is open; from now on it is again for half a day."""
        now, opened = self._clock(), hashlib.sha256(session.encode("utf-8", "replace")).hexdigest()
        if self._sessions.get(opened, now) <= now:
            self._sessions.pop(opened, None)
            return False
        self._sessions[opened] = now + _IDLE_S
        return True

    def leave(self, session: str) -> None:
        """End a session."""
        self._sessions.pop(hashlib.sha256(session.encode("utf-8", "replace")).hexdigest(), None)

    def _open(self, now: float) -> str:
        session = secrets.token_urlsafe(32)
        self._sessions[hashlib.sha256(session.encode()).hexdigest()] = now + _IDLE_S  # looking it up tells no time
        if len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return session


def password_of(form: bytes) -> str:
    """The password in the body of a form."""
    try:
        fields = parse_qs(form.decode("ascii"), max_num_fields=5, errors="replace")
    except ValueError:
        return ""
    return fields.get("password", [""])[0]


def password_page(line: str = "") -> str:
    """The page that asks for the password; it is sent to the address that it was shown at."""
    told = f'<p role="alert">{line}</p>' if line else ""
    return _PAGE.format(
        title="Password",
        body=f'{told}<form method="post"><label>Password <input type="password" name="password" required autofocus '
        'autocomplete="current-password"></label> <button>Open</button></form>',
    )


def token_page() -> str:
    """The page for those who have no token; the link asks once more as the app's own page, so that the cookie goes."""
    return _PAGE.format(
        title="Not opened yet",
        body="<p>Open the address that <code>recommend app</code> printed where it was started: it holds the token "
        'that lets you in.</p><p>If it is open in this browser already, <a href="">go on</a>.</p>',
    )


_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta name="color-scheme" content="light dark"><title>{title} - cliptune</title></head>'
    "<body><main><h1>{title}</h1>{body}</main></body></html>"
)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _network(address: str) -> str:
    """Who tries: an address, of IPv6 the network of 64 bits that one person has."""
    try:
        number = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = number.ipv4_mapped if number.version == 6 else None
    if mapped is not None or number.version == 4:
        return str(mapped or number)
    return str(ipaddress.ip_network((number, 64), strict=False))
