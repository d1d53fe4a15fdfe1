"""Worker processes: one item at a time each, so that a worker that dies takes only its own item with it.

Each has its next item already: it does not wait for the parent, which may be storing what it got.

Workers are spawned, not forked (threads of BLAS and FAISS do not survive a fork), with single-threaded
numerical libraries: the number of workers then changes no bit of any result.
"""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

from recommender.errors import CliptuneError
from recommender.logs import getLogger

_log = getLogger(__name__)
_THREADS = (
    "OPENBLAS_NUM_THREADS OMP_NUM_THREADS MKL_NUM_THREADS BLIS_NUM_THREADS VECLIB_MAXIMUM_THREADS "
    "NUMEXPR_NUM_THREADS OPENCV_FOR_THREADS_NUM"
)
_QUEUE = 2  # items that a worker has: the one it works on, and the next
_AHEAD = 4  # items in flight per worker: one long file delays commits, not the other workers
_STOP_S = 5.0
_UP, _READY = "up", "ready"


@dataclass(frozen=True)
class Crash:
    """The process that worked on an item died, or was ended: what is reported where the function could not."""

    reason: str


class _Given(NamedTuple):
    """An item, its place in the order, and the seconds it may take."""

    place: int
    item: Any
    limit_s: float


class _Worker:
    """A spawned process, the pipe to it, and what it was given: first what it works on.

    What it does is sent once it is up: large arguments of a new process would keep the parent until it reads them.
    """

    def __init__(self, work: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _environment(dict.fromkeys(_THREADS.split(), "1")), _no_interrupts():
            self.process.start()
        theirs.close()
        self.work, self.ready, self.due = work, False, inf
        self.given: deque[_Given] = deque()

    def give(self, given: _Given) -> None:
        """Send an item, now or when the worker is ready; a death meanwhile shows when the result is asked for."""
        self.given.append(given)
        if len(self.given) == 1:
            self._begun()
        if self.ready:
            self._send(given.item)

    def done(self) -> int:
        """Take the item off that a result came for; its place."""
        place = self.given.popleft().place
        self._begun()
        return place

    def start(self, message: object) -> None:
        """Answer a starting worker: with the work when it is up, with its items when it has understood that."""
        self.ready = message == _READY
        if not self.ready:
            with suppress(OSError):
                self.pipe.send_bytes(self.work)
            return
        for given in self.given:
            self._send(given.item)

    def _send(self, item: object) -> None:
        with suppress(OSError):
            self.pipe.send(item)

    def _begun(self) -> None:
        self.due = time.monotonic() + self.given[0].limit_s if self.given else inf

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.pipe.close()
        if self.process.is_alive():
            self.process.terminate()
        self.process.join(_STOP_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class Processes:
    """See `indexing.executors.Executor`."""

    def __init__(self, workers: int = 1, limit: Callable[[Any], float] | None = None) -> None:
        self.workers, self.limit = workers, limit

    def run(self, function: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Pairs (item, result) in the order of `items`; raises CliptuneError when no worker can start."""
        return _Run(self, ForkingPickler.dumps((function, shared)), iter(items)).results()


class _Run:
    """One pass over the items."""

    def __init__(self, executor: Processes, work: memoryview, items: Iterator[Any]) -> None:
        self.count, self.limit = executor.workers, executor.limit or (lambda _: inf)
        self.items, self.work = items, bytes(work)
        self.workers: list[_Worker] = []
        self.waiting: deque[tuple[int, Any]] = deque()  # items in order, not yet yielded, by place
        self.again: deque[_Given] = deque()  # that a dead worker had not begun
        self.done: dict[int, Any] = {}
        self.taken = 0

    def results(self) -> Iterator[tuple[Any, Any]]:
        try:
            while True:
                self._feed()
                while self.waiting and self.waiting[0][0] in self.done:
                    place, item = self.waiting.popleft()
                    yield item, self.done.pop(place)
                    self._feed()
                if not self.waiting:
                    return
                self._collect()
        finally:
            for worker in self.workers:
                worker.stop()

    def _feed(self) -> None:
        """Give items to workers, as far as the bound allows."""
        while self._room() and (given := self._next()) is not None:
            self._worker().give(given)

    def _room(self) -> bool:
        """Whether a worker could take an item; those that died without one are dropped."""
        for worker in [w for w in self.workers if not w.given and not w.process.is_alive()]:
            self._drop(worker)
        return len(self.workers) < self.count or any(len(w.given) < _QUEUE for w in self.workers)

    def _next(self) -> _Given | None:
        """The next item; None at the end and at the bound."""
        if self.again:
            return self.again.popleft()
        if len(self.waiting) >= self.count * _AHEAD:
            return None
        for item in self.items:
            self.waiting.append((self.taken, item))
            self.taken += 1
            return _Given(self.taken - 1, item, self.limit(item))
        return None

    def _worker(self) -> _Worker:
        """The worker with the fewest items, a new one rather than a busy one."""
        if len(self.workers) < self.count and all(w.given for w in self.workers):
            self.workers.append(_Worker(self.work))
            return self.workers[-1]
        return min(self.workers, key=lambda w: len(w.given))

    def _collect(self) -> None:
        """Wait until some worker reports, and take what it says; end those that take too long."""
        pipes = {w.pipe: w for w in self.workers if w.given}
        due = min(w.due for w in pipes.values())
        for pipe in wait(list(pipes), None if due == inf else max(0.0, due - time.monotonic())):
            if isinstance(pipe, Connection):
                self._take(pipes[pipe])
        for worker in [w for w in self.workers if time.monotonic() > w.due]:
            self._crash(worker, f"it was not done after {worker.given[0].limit_s:.4g} s, and given up")

    def _take(self, worker: _Worker) -> None:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if worker.ready:
            self.done[worker.done()] = message
        else:
            worker.start(message)

    def _bury(self, worker: _Worker) -> None:
        """Drop a dead worker; what it worked on becomes a Crash."""
        worker.process.join(_STOP_S)
        code = worker.process.exitcode
        if not worker.ready:
            self._drop(worker)
            raise CliptuneError(
                f"a worker process could not start ({_ended(code)}); in a script, call this below "
                'if __name__ == "__main__":'
            )
        self._crash(worker, f"the worker process died on this file ({_ended(code)})")

    def _crash(self, worker: _Worker, reason: str) -> None:
        """End a worker; its item becomes a Crash, and another worker gets the one after it."""
        _log.info("worker %s ends: %s", worker.process.pid, reason)
        self.done[worker.done()] = Crash(reason)
        self.again.extend(worker.given)
        self._drop(worker)

    def _drop(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        worker.stop()


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"


def _serve(pipe: Connection) -> None:
    """The life of a worker: ends when the parent closes the pipe, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    with suppress(EOFError, OSError):
        pipe.send(_UP)
        function, shared = pipe.recv()
        pipe.send(_READY)
        while True:
            pipe.send(function(shared, pipe.recv()))


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """A context in which children inherit `values`: read by the libraries while they are imported."""
    before = {name: os.environ[name] for name in values if name in os.environ}
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(before)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """A context whose children start with SIGINT blocked, so that Ctrl-C cannot hit them while importing."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
