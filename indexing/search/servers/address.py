"""Where a server is: `qdrant://host:port/collection`, its key from the environment, and what is said when it fails."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from recommender.errors import Argument, BackendError, CliptuneError, InputError
from recommender.logs import getLogger
from recommender.text import show
from recommender.types import Modality

LOCAL = "local"
"""In place of an address: no server, the library answers by itself."""
QUERY_S, PUBLISH_S = 2.0, 60.0
"""Seconds that a request may take, of a query and while publishing."""
_PORTS = {"qdrant": 6333, "milvus": 19530}
_KEYS = {"qdrant": "QDRANT_API_KEY", "milvus": "MILVUS_TOKEN"}  # as their own clients' guides call them
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")  # what Milvus takes
_EXAMPLE = "qdrant://host:6333/collection"
_log = getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """A collection on a server: `kind` (a name of SERVERS), by TLS where it is `safe`. limit_s: for a request."""

    kind: str
    host: str = ""
    port: int = 0
    collection: str = ""
    safe: bool = False
    limit_s: float = QUERY_S

    def __str__(self) -> str:
        if self.kind == LOCAL:
            return LOCAL
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}{'s' if self.safe else ''}://{host}:{self.port}/{self.collection}"

    @property
    def url(self) -> str:
        """As HTTP clients write it, without the collection."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.safe else ''}://{host}:{self.port}"

    @property
    def key(self) -> str | None:
        """The server's key, None where the environment has none; warns where others could read it on its way."""
        key = os.environ.get(_KEYS[self.kind]) or None
        if key and not self.safe and self.host not in _LOOPBACK:
            _log.warning("%s: its key is sent in the clear; %ss:// encrypts it", self, self.kind)
        return key

    def of(self, modality: Modality) -> "Address":
        """Where the tracks of a modality are: music in the collection itself, clips in one beside it."""
        return self if modality == "music" else replace(self, collection=f"{self.collection}_{modality}")


def read_address(text: str) -> Address:
    """What a person's text means: LOCAL or an address; raises InputError, in which no key is repeated."""
    if text == LOCAL:
        return Address(LOCAL)
    what = Argument("server")
    try:
        parts = urlsplit(text)
        kind, port = parts.scheme, parts.port
    except ValueError as error:
        raise InputError(what, f": no such address ({error}); give one such as {_EXAMPLE}") from None
    plain = kind if kind in _PORTS else kind[:-1]
    if kind not in (plain, f"{plain}s") or plain not in _PORTS:
        known = ", ".join(f"{name}://, {name}s://" for name in _PORTS)
        raise InputError(what, f" {show(text.partition('@')[2] or text)}: give {LOCAL}, or an address ({known})")
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError(what, f": an address alone, such as {_EXAMPLE}; a key is read from ${_KEYS[plain]}")
    name = parts.path.strip("/")
    if not parts.hostname or not _NAME.fullmatch(name):
        raise InputError(what, f" {show(text)}: give host and collection (letters, digits, _), such as {_EXAMPLE}")
    return Address(plain, parts.hostname, port or _PORTS[plain], name, kind != plain)


@contextmanager
def server_errors(address: Address) -> Iterator[None]:
    """A context in which whatever a server's client raises becomes a BackendError of one line, without the key."""
    try:
        yield
    except CliptuneError:
        raise
    except Exception as error:  # clients raise those of HTTP, gRPC and of their own
        key = os.environ.get(_KEYS.get(address.kind, ""), "")
        told = getattr(error, "details", None)  # what of a gRPC error says something
        lines = str(told() if callable(told) else error).strip().splitlines() or [type(error).__name__]
        reason = show((lines[0].replace(key, "...") if key else lines[0])[:160])
        raise BackendError(
            f"{address} does not answer as it should ({reason}): see that it runs and is reached from here, or search "
            "without it: ",
            Argument("server", LOCAL, "index publish"),
        ) from error
