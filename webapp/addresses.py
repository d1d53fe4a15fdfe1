"""What of an address is looked at before anything else: its path and query, the host it names, and where it was asked.

Ids are letters and digits, so that no path needs an escape: whatever is written with one (`%2e`, `%00`, `%5c`) is none
of ours, and no second reading of it, here or in a proxy, can make it a different path.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from webapp.refusal import Refusal
from webapp.settings import Settings

PAGES = frozenset(("/", "/answer", "/film", "/picks", "/models", "/benchmarks"))
"""Paths that people open; every other one is asked for by a page of ours, or by a program."""
_PATH = re.compile(rb"/|(/[A-Za-z0-9_~:@-][A-Za-z0-9._~:@-]*)+")
_MOST_PATH, _MOST_QUERY = 1024, 8192  # bytes
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ANY = ("0.0.0.0", "::")  # noqa: S104 (compared with, not listened on)


def check_target(path: bytes, query: bytes) -> None:
    """Raise Refusal, 400, for a path or query that no page of ours asks for.

    `path`: as sent, escapes and all.
    """
    if len(path) > _MOST_PATH or len(query) > _MOST_QUERY:
        raise Refusal(400, "the address is too long")
    if not _PATH.fullmatch(path) or b".." in path:
        raise Refusal(400, "the path holds what no address of this app has")
    if re.search(rb"%00|[\x00-\x20\x7f-\xff]", query):
        raise Refusal(400, "the query holds what no address of this app has")


def is_loopback(host: str) -> bool:
    """Whether what listens at `host` can be asked from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Hosts:
    """The hosts that the app may be called by, as the header Host has them.

    A site of strangers can have its own name lead here (DNS rebinding): its pages then ask with that name, which is not
    in the list. A number leads nowhere else: any is taken where the app listens at every address of the machine.
    """

    def __init__(self, settings: Settings) -> None:
        own = settings.host if ":" not in settings.host.strip("[]") else f"[{settings.host.strip('[]')}]"
        named = [*_LOOPBACK, own, *settings.names]
        self._known = {name.lower() for name in named if settings.port == 80 or name in settings.names}
        self._known |= {f"{name}:{settings.port}".lower() for name in named if not re.search(r":\d+$", name)}
        self._any = settings.host.strip("[]") in _ANY
        self._ends = tuple({f":{settings.port}", *([""] if settings.port == 80 else [])})

    def check(self, given: list[bytes]) -> str:
        """The one host of a request, in small letters; raises Refusal, 400, where it is none of the app's."""
        host = given[0].decode("latin-1").lower() if len(given) == 1 else ""
        if host not in self._known and not (self._any and self._is_number(host)):
            raise Refusal(400, "the app is not known by that host; open the address that the command printed")
        return host

    def _is_number(self, host: str) -> bool:
        for end in self._ends:
            try:
                ipaddress.ip_address(host.removesuffix(end).strip("[]"))
            except ValueError:
                continue
            return host.endswith(end)
        return False


def check_origin(headers: Mapping[bytes, list[bytes]], host: str, *, opens_page: bool) -> None:
    """Raise Refusal, 403, for a request that a page of another origin made; `opens_page`: or led the browser to.

    Another port of this machine is another origin, too, though the same site: cookies go there and come from there.
    """
    own = {f"{scheme}://{host}".encode("latin-1") for scheme in ("http", "https")}
    foreign = any(origin.lower() not in own for origin in headers.get(b"origin", []))
    site = {*headers.get(b"sec-fetch-site", [])} - {b"same-origin", b"none"}
    led = (
        opens_page
        and headers.get(b"sec-fetch-mode") == [b"navigate"]
        and headers.get(b"sec-fetch-dest") == [b"document"]
    )
    if foreign or (site and not led):
        raise Refusal(403, "a page of another site asked for this; only the app's own pages may")


def file_inside(folder: Path, name: str) -> Path:
    """The regular file `name` of `folder`; raises Refusal, 404, where there is none or a link leads out of it."""
    try:
        path = (folder / name).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise Refusal(404, "there is no such file") from None
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise Refusal(404, "there is no such file")
    return path
