"""A file over HTTP or HTTPS, resumed where it was cut: within one call, and by the next call after a kill.

`FILE.part` grows; `FILE.part.json` beside it remembers what it is a part of (address, ETag, size), so that parts of two
versions are never joined.
"""

import http.client
import json
import re
import ssl
import time
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib import request as web
from urllib.parse import urlsplit

from recommender.atomic import write
from recommender.errors import Argument, InputError, ModelError
from recommender.home import model_errors
from recommender.logs import getLogger
from recommender.opening import load_json
from recommender.text import show

OnBytes = Callable[[int, int], None]
"""Called with the bytes at hand and the bytes of the whole file, 0 where the server does not say."""
_log = getLogger(__name__)
_LOCAL = Argument("source", "FILE")


@dataclass(frozen=True)
class FetchConfig:
    """How patient a download is."""

    timeout_s: float = 30.0  # without a byte: then the connection counts as lost
    tries: int = 5  # in a row that bring nothing new; a try that does starts the count again
    pause_s: float = 0.5  # before the second try; doubles each time
    block_bytes: int = 1 << 18  # read at once: small enough for smooth progress


class _Lost(Exception):
    """The connection failed in a way that another try may mend."""


@dataclass(frozen=True)
class _Whole:
    """What a part is a part of; `size` 0 and `etag` "" where the server does not say."""

    url: str
    etag: str
    size: int


def fetch(url: str, part: Path, limit: int, *, on_bytes: OnBytes, config: FetchConfig | None = None) -> None:
    """Returns when all of `url` is in `part`; a part that is there is continued where the server can.

    Raises InputError for an address other than http or https, ModelError when the server refuses, stays silent, or
    sends more than `limit` bytes (the part is then removed; otherwise it is kept for the next call).
    """
    config = config or FetchConfig()
    check_address(url)
    if (_recall(part) or _Whole("", "", 0)).url != url:
        discard(part)
    furthest, silent = _size(part), 0
    _log.info("fetching %s from byte %d on", url, furthest)
    while True:
        try:
            return _attempt(url, part, limit, on_bytes, config)
        except _Lost as lost:
            silent = 0 if _size(part) > furthest else silent + 1
            furthest = max(furthest, _size(part))
            _log.info("%s: %s at byte %d", url, lost, furthest)
            if silent >= config.tries:
                kept = "; what came is kept, the same command goes on from there" if furthest else ""
                told = f"cannot fetch {show(url)}: {lost}, {silent} times in a row{kept} (offline: "
                raise ModelError(told, _LOCAL, ")") from lost
            time.sleep(config.pause_s * 2**silent)


def discard(part: Path) -> None:
    """Remove a part and what is remembered of it."""
    with model_errors(part, "remove"):
        part.unlink(missing_ok=True)
        _note(part).unlink(missing_ok=True)


def check_address(url: str) -> None:
    """Raise InputError unless `url` is an address of http or https with a host."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isascii() and url.isprintable()
    except ValueError:
        good = False
    if not good or " " in url:
        raise InputError(f"'{show(url)}' is no address of http or https (a file on this machine: ", _LOCAL, ")")


def _attempt(url: str, part: Path, limit: int, on_bytes: OnBytes, config: FetchConfig) -> None:
    """One request, from where `part` ends; returns when the file is whole, raises _Lost when it is not."""
    have, whole = _size(part), _recall(part)
    if whole and whole.size and have == whole.size:
        return  # killed after the last byte
    with _open(url, have, whole, part, config) as response:
        total, fresh = _expect(response, have, whole, part)
        if total > limit:
            told = f"{show(url)} is {total / 1e6:.0f} MB, more than {limit / 1e6:.0f} MB"
            raise ModelError(f"{told}: not this checkpoint")
        if fresh:
            have = 0
            _remember(part, _Whole(url, response.headers.get("ETag", ""), total))
        with model_errors(part), open(part, "wb" if fresh else "ab") as file:
            for block in _blocks(response, config.block_bytes):
                have += len(block)
                if have > limit:
                    break
                file.write(block)
                on_bytes(have, total)
    if have > limit:
        discard(part)
        raise ModelError(f"{show(url)} does not end after {limit / 1e6:.0f} MB: not this checkpoint, nothing was kept")
    if total and have < total:
        raise _Lost(f"the connection was cut after {have} of {total} bytes")


def _open(url: str, have: int, whole: _Whole | None, part: Path, config: FetchConfig) -> Any:
    """The response to a request for the bytes from `have` on."""
    headers = {"User-Agent": "cliptune", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if whole and whole.etag and not whole.etag.startswith("W/"):
            headers["If-Range"] = whole.etag
    try:
        return _opener().open(web.Request(url, headers=headers), timeout=config.timeout_s)  # noqa: S310
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416:
                discard(part)
            said, mirror = f"the server says {error.code} {show(error.reason)}", Argument("mirror", "URL")
            if error.code in (408, 416, 429) or error.code >= 500:
                raise _Lost(said) from error
            told = f"cannot fetch {show(url)}: {said}; is the address right ("
            raise ModelError(told, mirror, " for another place, ", _LOCAL, " for a copy)?") from error
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise ModelError(f"cannot fetch {show(url)}: {cause.verify_message}; nothing was fetched") from error
        raise _Lost(_plain(cause)) from error


def _expect(response: Any, have: int, whole: _Whole | None, part: Path) -> tuple[int, bool]:
    """Size of the whole file (0: unknown), and whether this response starts it anew."""
    if response.status != 206:  # the server ignores ranges, or the file has changed
        return response.length or 0, True
    sent = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    known = whole or _Whole("", "", 0)
    if sent is None or int(sent[1]) != have or known.size not in (0, int(sent[2])):
        discard(part)
        raise _Lost("the server sent another part than was asked for")
    if known.etag and response.headers.get("ETag", known.etag) != known.etag:
        discard(part)
        raise _Lost("the file changed on the server")
    return int(sent[2]), False


def _blocks(response: Any, size: int) -> Iterator[bytes]:
    while True:
        try:
            block = response.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise _Lost(_plain(error)) from error
        if not block:
            return
        yield block


def _plain(cause: object) -> str:
    """A network failure in a few words."""
    if isinstance(cause, TimeoutError):
        return "the server is silent"
    if isinstance(cause, OSError) and cause.strerror:
        return show(cause.strerror.lower())
    return show(str(cause)) or "the connection was cut"


class _Redirects(web.HTTPRedirectHandler):
    """Follows to http and https alone, and never from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        scheme = urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme == "http"):
            told = f"{msg}, and its way to {show(newurl)} is not followed"
            raise urllib.error.HTTPError(req.full_url, code, told, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> web.OpenerDirector:
    """HTTP and HTTPS with the environment's proxies; no other scheme."""
    opener = web.OpenerDirector()
    transport = web.ProxyHandler, web.HTTPHandler, web.HTTPSHandler
    for handler in (*transport, web.HTTPDefaultErrorHandler, web.HTTPErrorProcessor, _Redirects):
        opener.add_handler(handler())
    return opener


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _remember(part: Path, whole: _Whole) -> None:
    with model_errors(part):
        part.unlink(missing_ok=True)  # first, so that a note never stands beside the part of another file
        write(_note(part), json.dumps(asdict(whole)))


def _recall(part: Path) -> _Whole | None:
    """What `part` is a part of; None when that is not known, and the part then of no use."""
    try:
        whole = _Whole(**load_json(_note(part)))
    except (OSError, ValueError, TypeError):
        return None
    types = (whole.url, str), (whole.etag, str), (whole.size, int)
    return whole if all(isinstance(value, kind) for value, kind in types) else None
