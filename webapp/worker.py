"""A process that does tasks, one after the other: a JSON object a line in, several out.

In: `{"id": 1, "task": "answer", "arguments": {...}}`, `{"cancel": 1}`. Out, each with the id: `{"stage": [verb, done,
total]}`, `{"line": text}`, and last `{"result": ...}` or `{"error": line, "status": 422}`. Where its reader goes, so
does it.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from webapp.tasks import TASKS, Tell

if TYPE_CHECKING:
    from recommender.errors import Argument

_GRACE_S = 5.0  # what is under way may end by itself when nobody waits for it any more
_EVERY_S = 0.1  # between two reports of progress
CANCELLED = 499


class _Told(Tell):
    """Progress of one task, as lines."""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send, self._next, self._verb = send, 0.0, ""

    def stage(self, verb: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now >= self._next or verb != self._verb or done >= total:
            self._next, self._verb = now + _EVERY_S, verb
            self._send(stage=[verb, done, total])

    def line(self, text: str) -> None:
        self._send(line=text)


class _Warnings(logging.Handler):
    """What the packages warn of, as lines of the task that is under way."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())


class _Worker:
    def __init__(self, out: Any) -> None:
        self._out, self._lock = out, threading.Lock()
        self._tasks: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._current: int | None = None
        self._cancelled = set[int]()

    def _send(self, **told: Any) -> None:
        with self._lock:
            self._out.write(json.dumps({"id": self._current, **told}, allow_nan=False) + "\n")
            self._out.flush()

    def read(self) -> None:
        """Take in what is asked for, until nobody asks any more; then end."""
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if "cancel" not in message:
                self._tasks.put(message)
                continue
            self._cancelled.add(message["cancel"])  # it may not have begun
            if message["cancel"] == self._current:
                os.kill(os.getpid(), signal.SIGINT)
        self._tasks.put(None)
        if self._current is not None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(_GRACE_S)
            os._exit(1)

    def work(self) -> None:
        """Do what is asked for."""
        while True:
            try:
                message = self._tasks.get()
                if message is None:
                    return
                self._current = message["id"]
                if self._current in self._cancelled:
                    raise KeyboardInterrupt
                self._do(message)
            except KeyboardInterrupt:
                if self._current is not None:
                    self._send(error="cancelled", status=CANCELLED)
            finally:
                self._current = None

    def _do(self, message: dict[str, Any]) -> None:
        tell = _Told(self._send)
        handler = _Warnings(tell.line)
        for name in ("recommender", "indexing", "training"):
            logging.getLogger(name).handlers = [handler]
        try:
            self._send(result=TASKS[message["task"]].run(message["arguments"], tell))
        except Exception as error:
            line, status = line_and_status(error)
            self._send(error=line, status=status)


def line_and_status(error: Exception) -> tuple[str, int]:
    """The line about an error, and the HTTP status that says the same."""
    from recommender import errors, failing
    from recommender.text import show
    from webapp.refusal import Refusal

    if isinstance(error, Refusal):
        return error.line, error.status
    statuses = {
        errors.InputError: 400,
        errors.LibraryNotFound: 404,
        errors.LibraryLocked: 409,
        errors.PassingError: 503,
        errors.MediaError: 422,
        errors.FitError: 422,
    }
    if isinstance(error, errors.CliptuneError):
        return show(error.word(_say)), next((s for kind, s in statuses.items() if isinstance(error, kind)), 500)
    return failing.line_and_code(error)[0].removeprefix("error: "), 500


def _say(argument: "Argument") -> str:
    """An argument in words: nobody types it here."""
    words = argument.name.replace("_", " ") + ("" if argument.value is None else f" {argument.value}")
    return words if argument.command is None else f"`recommend {argument.command}`, {words}".removesuffix(", ")


def main() -> None:
    """Work until standard input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what libraries print is no part of the conversation
    signal.signal(signal.SIGINT, signal.default_int_handler)
    worker = _Worker(out)
    threading.Thread(target=worker.read, daemon=True).start()
    worker.work()


if __name__ == "__main__":
    main()
