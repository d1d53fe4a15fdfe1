"""A job: a task that was asked for, from its beginning to its end."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from webapp.events import Events
from webapp.refusal import Refusal

SOON, LATER = 0, 1
"""Priorities: what somebody waits for, and what is made ahead."""
_LINES = 50
_EVERY_S = 0.2  # between two events of one job


@dataclass(eq=False)
class Job:
    """A task that was asked for.

    Attributes
    ----------
    id, kind, arguments: which task, with what. about: of what, for people: library, clip, track, name.
    state: waiting, running, done, failed or cancelled. verb, done, total: how far it is. lines: what should be known.
    stop: set to cancel it. refusal: why it failed. result: what came of it. then: called when it is over.
    """

    kind: str
    arguments: Mapping[str, Any]
    about: Mapping[str, Any]
    events: Events
    priority: int = SOON
    id: str = field(default_factory=lambda: token_hex(8))
    state: str = "waiting"
    verb: str = ""
    done: int = 0
    total: int = 0
    lines: list[str] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: Refusal | None = None
    result: Any = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    then: Callable[["Job"], None] | None = None
    _since: float = 0.0
    _told: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.ended.is_set()

    def begin(self) -> None:
        """Its turn has come."""
        self.state = "running"
        self._tell()

    def advance(self, verb: str, done: int, total: int) -> None:
        """It is so far."""
        if verb != self.verb or done < self.done:
            self._since = time.monotonic()
        self.verb, self.done, self.total = verb, done, total
        if time.monotonic() - self._told >= _EVERY_S:
            self._tell()

    def note(self, line: str) -> None:
        """Something that should be known."""
        self.lines = [*self.lines, line][-_LINES:]
        self._tell()

    def finish(self, result: Any) -> None:
        """It is done."""
        self._end("done", result=result)

    def fail(self, status: int, line: str) -> None:
        """It came to nothing."""
        if self.stop.is_set():
            self._end("cancelled", Refusal(409, "it was cancelled"))
        else:
            self._end("failed", Refusal(status, line))

    def _end(self, state: str, refusal: Refusal | None = None, result: Any = None) -> None:
        if self.is_over:
            return
        self.state, self.refusal, self.result = state, refusal, result
        if self.then is not None:
            self.then(self)
        self.ended.set()
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self.events.publish("job", self.record(result=False))

    def record(self, *, result: bool = True) -> dict[str, Any]:
        """As JSON; `result`: with what came of it."""
        passed_s = time.monotonic() - self._since
        left_s = passed_s / self.done * (self.total - self.done) if self.done and self.state == "running" else None
        told = {
            "id": self.id,
            "kind": self.kind,
            "about": dict(self.about),
            "state": self.state,
            "verb": self.verb,
            "done": self.done,
            "total": self.total,
            "rate": round(self.done / passed_s, 3) if left_s is not None and passed_s > 0 else None,
            "left_s": None if left_s is None else round(left_s, 1),
            "lines": self.lines,
            "error": None if self.refusal is None else self.refusal.line,
        }
        return told | ({"result": self.result} if result else {})
