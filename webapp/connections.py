"""Connections that hold nothing up: how many there are, and how long each may take to say what it wants.

uvicorn waits for ever for the end of a request's head, and reads to its end a body that was refused. Both are bounded
here, below the app: whoever opens connections and says nothing (or says it a byte at a time) loses them, and a person's
browser gets in.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import h11
from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from webapp.guard import MOST_HEADERS, safe_headers


@dataclass(frozen=True)
class Patience:
    """What a connection may take.

    Attributes
    ----------
    connections: at one time. head_s: seconds from its start, or from an answer, to the end of the next request's head.
    rest_s, rest_bytes: for which the rest of a request that was answered early is still read, so that the other side,
    which may not read before it has written, learns of the answer.
    """

    connections: int = 128
    head_s: float = 10.0
    rest_s: float = 1.0
    rest_bytes: int = 1 << 20


def server_config(app: ASGIApp, patience: Patience | None = None, **more: Any) -> Config:
    """How uvicorn serves `app`: no log of who asked for what, no header of a proxy believed, no web sockets.

    What goes wrong in `app` is reported by the guard, in the data folder; uvicorn would print it with all names in it.
    """
    kept = patience or Patience()

    class Connection(_Connection):
        patience = kept

    return Config(
        app,
        http=Connection,
        ws="none",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=MOST_HEADERS,
        **more,
    )


class _Connection(H11Protocol):
    """One connection; `_waits_for` is what its timer runs for: a head, the rest of a request, or nothing."""

    patience: Patience
    _waits_for: str | None = None
    _timer: asyncio.TimerHandle | None = None
    _rest = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; where there are too many, the one that has waited for longest goes, or else this one."""
        if len(self.connections) >= self.patience.connections and not self._make_room():
            transport.abort()
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._waits_for == "rest":
            self._rest += len(data)
            if self._rest > self.patience.rest_bytes:
                self.transport.pause_reading()
                return
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """An answer is sent."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close; where an answer is under way, it is cut."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        told = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close"), *safe_headers()]
        for event in (
            h11.Response(status_code=400, headers=told, reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii")),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _watch(self) -> None:
        """Start the timer of what is now waited for, unless it runs."""
        waits_for = None if self.transport.is_closing() else self._state()
        if waits_for == self._waits_for:
            return
        self._stop_timer()
        self._waits_for, self._rest = waits_for, 0
        if waits_for is not None:
            seconds = self.patience.head_s if waits_for == "head" else self.patience.rest_s
            self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _state(self) -> str | None:
        if self.conn.their_state is h11.IDLE:
            return "head"
        answered = self.cycle is not None and self.cycle.response_complete
        return "rest" if answered and self.conn.their_state is h11.SEND_BODY else None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._waits_for = None

    def _make_room(self) -> bool:
        waiting = [one for one in self.connections if isinstance(one, _Connection) and one._timer is not None]
        oldest = min(waiting, key=lambda one: one._timer.when() if one._timer else 0.0, default=None)
        if oldest is not None:
            oldest.transport.abort()
            self.connections.discard(oldest)
        return oldest is not None
