"""Worker processes: one item at a time each, so that a worker that dies takes only its own item with it.

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
from math import inf
from multiprocessing.connection import Connection, wait
from typing import Any

from indexing.executors.outcome import Crash
from recommender.errors import CliptuneError

_ONE_THREAD = dict.fromkeys(
    (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "OPENCV_FOR_THREADS_NUM",
    ),
    "1",
)
_AHEAD = 4  # items in flight per worker: one long file delays commits, not the other workers
_STOP_S = 5.0
_READY = "ready"


class _Worker:
    """A spawned process, the pipe to it, and the place in the queue of the item it works on."""

    def __init__(self, function: Callable[[Any, Any], Any], shared: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, function, shared), daemon=True)
        with _environment(_ONE_THREAD), _no_interrupts():
            self.process.start()
        theirs.close()
        self.ready = False
        self.place: int | None = None
        self.limit_s = self.due = inf

    def give(self, place: int, item: Any, limit_s: float) -> None:
        """Send an item that must be done in `limit_s`; a death meanwhile shows when the result is asked for."""
        self.place, self.limit_s, self.due = place, limit_s, time.monotonic() + limit_s
        with suppress(OSError):
            self.pipe.send(item)

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
        return _Run(self.workers, function, shared, iter(items), self.limit or (lambda _: inf)).results()


class _Run:
    """One pass over the items."""

    def __init__(
        self,
        count: int,
        function: Callable[[Any, Any], Any],
        shared: Any,
        items: Iterator[Any],
        limit: Callable[[Any], float],
    ) -> None:
        self.count, self.function, self.shared, self.items, self.limit = count, function, shared, items, limit
        self.workers: list[_Worker] = []
        self.waiting: deque[tuple[int, Any]] = deque()  # items in order, not yet yielded, by place
        self.done: dict[int, Any] = {}
        self.given = 0

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
        """Give items to idle workers, starting workers up to their number, as far as the bound allows."""
        while len(self.waiting) < self.count * _AHEAD:
            worker = self._idle()
            if worker is None and len(self.workers) >= self.count:
                return
            try:
                item = next(self.items)
            except StopIteration:
                return
            if worker is None:
                worker = _Worker(self.function, self.shared)
                self.workers.append(worker)
            self.waiting.append((self.given, item))
            worker.give(self.given, item, self.limit(item))
            self.given += 1

    def _idle(self) -> "_Worker | None":
        """A living worker without an item; those that died while idle are dropped."""
        for worker in [w for w in self.workers if w.place is None]:
            if worker.process.is_alive():
                return worker
            self.workers.remove(worker)
            worker.stop()
        return None

    def _collect(self) -> None:
        """Wait until some worker reports, and take what it says; end those that take too long."""
        pipes = {w.pipe: w for w in self.workers if w.place is not None}
        due = min(w.due for w in pipes.values())
        for pipe in wait(list(pipes), None if due == inf else max(0.0, due - time.monotonic())):
            if isinstance(pipe, Connection):
                self._take(pipes[pipe])
        for worker in [w for w in self.workers if w.place is not None and time.monotonic() > w.due]:
            self._give_up(worker)

    def _take(self, worker: _Worker) -> None:
        place = worker.place
        if place is None:
            return
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            self._bury(worker, place)
            return
        if not worker.ready and message == _READY:
            worker.ready = True
            return
        self.done[place] = message
        worker.place = None

    def _bury(self, worker: _Worker, place: int) -> None:
        """Drop a dead worker; its item becomes a Crash, and `_feed` starts another worker."""
        worker.process.join(_STOP_S)
        code, ready = worker.process.exitcode, worker.ready
        self.workers.remove(worker)
        worker.stop()
        if not ready:
            raise CliptuneError(
                f"a worker process could not start ({_ended(code)}); in a script, call this below "
                'if __name__ == "__main__":'
            )
        self.done[place] = Crash(f"the worker process died on this file ({_ended(code)})")

    def _give_up(self, worker: _Worker) -> None:
        """End a worker that hangs; its item becomes a Crash."""
        place = worker.place
        self.workers.remove(worker)
        worker.stop()
        if place is not None:
            self.done[place] = Crash(f"it was not done after {worker.limit_s:.4g} s, and given up")


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit status {code}"


def _serve(pipe: Connection, function: Callable[[Any, Any], Any], shared: Any) -> None:
    """The life of a worker: ends when the parent closes the pipe, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    with suppress(EOFError, OSError):
        pipe.send(_READY)
        while True:
            pipe.send(function(shared, pipe.recv()))


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """A context in which children inherit `values`: read by the libraries while they are imported."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
