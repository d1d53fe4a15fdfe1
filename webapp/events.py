"""What happens, told to every page that listens."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from webapp.refusal import Refusal

LISTENERS = 50
_WAITING = 1000  # events that a page may be behind; then it is let go of, and begins anew
_ALIVE_S = 15.0


class Events:
    """Server-sent events, the same for all pages."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[bytes | None]] = set()

    def publish(self, event: str, told: Any) -> None:
        """Tell all pages."""
        message = f"event: {event}\ndata: {json.dumps(told)}\n\n".encode("ascii")
        for queue in tuple(self._listeners):
            if queue.qsize() < _WAITING:
                queue.put_nowait(message)
            else:
                self._listeners.discard(queue)
                queue.put_nowait(None)

    def tell_change(self, what: str) -> None:
        """Tell all pages that libraries, clips or picks are others now."""
        self.publish("changed", {"what": what})

    def listen(self) -> AsyncIterator[bytes]:
        """What is told from now on. Raises Refusal where too many listen."""
        if len(self._listeners) >= LISTENERS:
            raise Refusal(429, f"{LISTENERS} pages listen already; close one")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._listeners.add(queue)
        return self._follow(queue)

    async def _follow(self, queue: "asyncio.Queue[bytes | None]") -> AsyncIterator[bytes]:
        try:
            yield b"retry: 1000\n\n"
            while True:
                try:
                    message = await asyncio.wait_for(queue.get(), _ALIVE_S)
                except TimeoutError:
                    message = b": alive\n\n"  # finds out whether the page is still there
                if message is None:
                    return
                yield message
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End what all pages listen to."""
        for queue in self._listeners:
            queue.put_nowait(None)
