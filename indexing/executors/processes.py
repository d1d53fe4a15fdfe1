"""Worker processes: one item at a time each, so that a worker that dies takes only its own item with it.

Each has its next item already: it does not wait for the parent, which may be storing what it got. An item whose worker
was killed by a signal is tried once more, alone: what killed it may have been its neighbours' need of memory.

Workers are spawned, not forked (threads of BLAS and FAISS do not survive a fork), with single-threaded
numerical libraries: the number of workers then changes no bit of any result.
"""

import multiprocessing
import os
import signal
import threading
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
from recommender.faults import machine_fault
from recommender.logs import getLogger

_log = getLogger(__name__)
_THREADS = (
    "OPENBLAS_NUM_THREADS OMP_NUM_THREADS MKL_NUM_THREADS BLIS_NUM_THREADS VECLIB_MAXIMUM_THREADS "
    "NUMEXPR_NUM_THREADS OPENCV_FOR_THREADS_NUM"
)
_QUEUE = 2  # items that a worker has: the one it works on, and the next
_AHEAD = 4  # items in flight per worker: one long file delays commits, not the other workers
_STOP_S = 5.0
_STARTS = 3  # of workers in a row that a signal may kill before they are ready
_AGAIN = "; run it again, with fewer workers where memory is short: what was finished is kept"
_IN_A_SCRIPT = '; in a script, call this below if __name__ == "__main__":'
_UP, _READY = "up", "ready"
_STARTING = threading.Lock()  # what is set while a process starts is everybody's


@dataclass(frozen=True)
class Crash:
    """The process that worked on an item died, or was ended: what is reported where the function could not.

    `passing`: whether the item may not be to blame: a signal killed the process, or the machine failed.
    """

    reason: str
    passing: bool = False


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
        with _STARTING, _environment(dict.fromkeys(_THREADS.split(), "1")), _no_interrupts():
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
        return _Run(self.workers, pack(function, shared), items, limit=self.limit).results()


def pack(function: Callable[[Any, Any], Any], shared: Any) -> bytes:
    """What a worker process is told to do, as it is sent there."""
    return bytes(ForkingPickler.dumps((function, shared)))


class Host:
    """A worker process for items that come one at a time, under the same rules."""

    def __init__(self, work: bytes) -> None:
        self._run = _Run(1, work)

    def result(self, item: Any, limit_s: float) -> Any:
        """What is made of the item within so many seconds, or a Crash; raises CliptuneError as `Processes.run`."""
        self._run.items, self._run.limit = iter([item]), lambda _: limit_s
        ((_, result),) = self._run.pairs()
        return result

    def kill(self) -> None:
        """End the work while another thread waits for its result: that raises CliptuneError then."""
        self._run.kill()

    def close(self) -> None:
        """End the process."""
        self._run.stop()


class _Run:
    """Passes over items by the same workers."""

    def __init__(
        self, count: int, work: bytes, items: Iterable[Any] = (), *, limit: Callable[[Any], float] | None = None
    ) -> None:
        self.count, self.limit = count, limit or (lambda _: inf)
        self.items, self.work, self.killed = iter(items), work, False
        self.workers: list[_Worker] = []
        self.waiting: deque[tuple[int, Any]] = deque()  # items in order, not yet yielded, by place
        self.again: deque[_Given] = deque()  # that a dead worker had not begun
        self.alone: deque[_Given] = deque()  # that killed their worker
        self.retried: set[int] = set()  # places of these
        self.unready = 0  # workers that died one after another while they started
        self.apart: int | None = None  # the place of the one that is worked on with nothing beside it
        self.done: dict[int, Any] = {}
        self.taken = 0

    def results(self) -> Iterator[tuple[Any, Any]]:
        """The pairs of one pass, after which the workers end."""
        try:
            yield from self.pairs()
        finally:
            self.stop()

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        while True:
            self._feed()
            while self.waiting and self.waiting[0][0] in self.done:
                place, item = self.waiting.popleft()
                yield item, self.done.pop(place)
                self._feed()
            if not self.waiting:
                return
            self._collect()

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()

    def kill(self) -> None:
        self.killed = True
        for worker in list(self.workers):
            with suppress(ValueError):  # it ended meanwhile
                worker.process.kill()

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
        """The next item; None at the end, at the bound, and while one is worked on alone or about to be."""
        if self.apart is not None or (self.alone and any(w.given for w in self.workers)):
            return None
        if self.alone:
            for worker in list(self.workers):
                self._drop(worker)
            self.apart = self.alone[0].place
            return self.alone.popleft()
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
            try:
                self.workers.append(_Worker(self.work))
            except FileNotFoundError:  # the current folder is gone: so it is for any other
                raise
            except OSError as error:
                self._do_with_fewer(machine_fault(error) or str(error.strerror or error).lower())
            else:
                return self.workers[-1]
        return min(self.workers, key=lambda w: len(w.given))

    def _collect(self) -> None:
        """Wait until some worker reports, and take what it says; end those that take too long."""
        self._check()
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
            self.unready = 0
            self._finish(worker, message)
        else:
            worker.start(message)

    def _finish(self, worker: _Worker, result: Any) -> None:
        place = worker.done()
        self.done[place] = result
        self.apart = None if place == self.apart else self.apart

    def _bury(self, worker: _Worker) -> None:
        """Drop a dead worker; what it worked on is tried again, or becomes a Crash."""
        worker.process.join(_STOP_S)
        self._check()
        code = worker.process.exitcode or 0
        if not worker.ready:
            self._do_without(worker, code)
        elif code < 0 and worker.given[0].place not in self.retried:
            _log.info("worker %s: %s; its file is tried again alone", worker.process.pid, _ended(code))
            self.retried.add(worker.given[0].place)
            self.alone.append(worker.given.popleft())
            self.again.extend(worker.given)
            self._drop(worker)
        else:
            self._crash(worker, f"the worker process died on this file ({_ended(code)})", passing=code < 0)

    def _do_without(self, worker: _Worker, code: int) -> None:
        """Drop a worker that died while it started; others get its items, a new one in its place but for so often."""
        self.again.extend(worker.given)
        self._drop(worker)
        self.unready += 1
        if code >= 0 or self.unready > _STARTS:
            self._do_with_fewer(_ended(code), _AGAIN if code < 0 else _IN_A_SCRIPT)

    def _do_with_fewer(self, why: str, hint: str = "") -> None:
        """Go on with the workers that there are; raises CliptuneError where there are none."""
        if not self.workers:
            raise CliptuneError(f"a worker process could not start ({why}){hint}")
        _log.info("%d workers instead of %d: %s", len(self.workers), self.count, why)
        self.count = len(self.workers)

    def _crash(self, worker: _Worker, reason: str, passing: bool = False) -> None:
        """End a worker; its item becomes a Crash, and another worker gets the one after it."""
        _log.info("worker %s ends: %s", worker.process.pid, reason)
        self._finish(worker, Crash(reason, passing))
        self.again.extend(worker.given)
        self._drop(worker)

    def _check(self) -> None:
        if self.killed:
            raise CliptuneError("the work was ended")

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
            pipe.send_bytes(_result(function, shared, pipe.recv()))


def _result(function: Callable[[Any, Any], Any], shared: Any, item: Any) -> memoryview:
    """What the function makes of the item, ready to be sent."""
    try:
        return ForkingPickler.dumps(function(shared, item))
    except MemoryError as error:
        return ForkingPickler.dumps(Crash(str(machine_fault(error)), passing=True))


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
