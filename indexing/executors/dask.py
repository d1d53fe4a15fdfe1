"""A cluster of workers, by Dask: each hosts processes of the `processes` executor (see `hosting`).

Dask carries items to workers and results back. Which worker gets which item is decided here: Dask gives them to any,
also to one that just came with other sources, and blames what was on a worker that died. So a worker is first asked
what it is made of, each item is bound to one worker, and those of a lost worker go to others.
"""

import json
import logging
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from distributed import Client, Future

from indexing.executors import hosting
from indexing.executors.processes import Crash, pack
from recommender.errors import CliptuneError, InputError
from recommender.logs import getLogger
from recommender.text import show

_log = getLogger(__name__)
_QUEUE = 2  # items per thread of a worker: the one it works on, and the next
_AHEAD = 4  # items in flight per thread: one long file delays commits, not the other workers
_ANSWER_S = 5.0  # in which a scheduler answers, or counts as gone
_FETCH_S = 5.0  # in which a result that is there is brought here
_MEET_S = 60.0  # in which a new worker answers, and has what it is to do
_LOOK_S = 1.0  # between looks at which workers there are
_WAIT_S = 30.0  # for a worker to come, where there is none
_LOSSES = 5  # workers that may be lost while they have an item: then it may be to blame
_TRIES = 3  # of an item by different workers that fail by a fault of their machine
_FAULTS = 5  # files in a row that a worker fails so, and others do not: then it is left out
_KEPT = "what was finished is kept, and the same command goes on"


class Dask:
    """See `indexing.executors.Executor`."""

    def __init__(self, address: str, workers: int | None, limit: Callable[[Any], float] | None = None) -> None:
        self.address, self.workers, self.limit = _find(address), workers, limit

    def run(self, function: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Pairs (item, result) in order; raises CliptuneError without a scheduler that answers, or workers to use.

        A result whose `machine` is true tells of a fault of the worker's machine: another worker tries the item, too.
        """
        with _connection(self.address) as client:
            run = _Run(self, client, pack(function, shared), iter(items))
            try:
                yield from run.results()
            finally:
                run.end()


@dataclass(eq=False)
class _Given:
    """An item, its place in the order, the seconds it may take, and what befell it."""

    place: int
    item: Any
    limit_s: float
    losses: int = 0
    tried: list[str] = field(default_factory=list)


@dataclass(eq=False)
class _Worker:
    """A worker of the cluster that may be used: what it was given, and files in a row that it failed and others did."""

    address: str
    threads: int
    given: list[_Given] = field(default_factory=list)
    faults: int = 0

    @property
    def load(self) -> float:
        return len(self.given) / self.threads


class _Run:
    """One pass over the items."""

    def __init__(self, executor: Dask, client: Client, work: bytes, items: Iterator[Any]) -> None:
        self.client, self.address, self.work, self.items = client, executor.address, work, items
        self.most, self.limit = executor.workers or inf, executor.limit or (lambda _: inf)
        self.key, self.here = uuid.uuid4().hex, hosting.describe()
        self.workers: dict[str, _Worker] = {}
        self.left_out: dict[str, str] = {}  # by address: why
        self.looked, self.used = -inf, time.monotonic()  # when workers were looked for, and one could be used
        self.under_way: dict[str, tuple[Future[Any], _Worker, _Given]] = {}
        self.inbox: SimpleQueue[Future[Any]] = SimpleQueue()
        self.waiting: deque[tuple[int, Any]] = deque()  # items in order, not yet yielded, by place
        self.again: deque[_Given] = deque()  # of lost workers
        self.done: dict[int, Any] = {}
        self.taken, self.exhausted = 0, False

    def results(self) -> Iterator[tuple[Any, Any]]:
        while True:
            self._look()
            self._feed()
            while self.waiting and self.waiting[0][0] in self.done:
                place, item = self.waiting.popleft()
                yield item, self.done.pop(place)
                self._feed()
            if not self.waiting and self.exhausted:
                return
            self._collect()

    def end(self) -> None:
        """Stop what workers do for this run."""
        for future, _, _ in self.under_way.values():
            future.release()
        with suppress(Exception):
            if self.client.status == "running":
                self.client.run(hosting.finish, self.key, on_error="ignore", callback_timeout=_ANSWER_S)

    def _threads(self) -> dict[str, int]:
        """Address and threads of all workers; raises CliptuneError where the scheduler does not answer."""
        try:
            return dict(self.client.nthreads(callback_timeout=2 * _ANSWER_S))
        except (OSError, TimeoutError) as error:
            raise CliptuneError(f"the Dask scheduler at {show(self.address)} is gone; {_KEPT}") from error

    def _ask(self, workers: list[str], function: Callable[..., Any], *args: Any) -> dict[str, Any]:
        """What workers answer, or the error they met, by address; the next look tells where the scheduler is gone."""
        try:
            options = {"on_error": "return", "callback_timeout": _MEET_S}
            return dict(self.client.run(function, *args, workers=workers, **options))
        except (OSError, TimeoutError) as error:
            return dict.fromkeys(workers, error)

    def _look(self) -> None:
        """Now and then: who is there, who is new, and who is lost."""
        now = time.monotonic()
        if now - self.looked < _LOOK_S:
            return
        there = self._threads()
        for address in self.workers.keys() - there:
            self._lose(self.workers[address], "it is gone", blame=True)
        self.left_out = {address: why for address, why in self.left_out.items() if address in there}
        if new := [address for address in there if address not in self.workers and address not in self.left_out]:
            self._meet(new, there)
        if not there and not self.taken and self.looked == -inf:
            _log.warning("the cluster has no workers yet; one is waited for %.0f s", _WAIT_S)
        self.looked = now
        if self.workers:
            self.used = now
        elif self.left_out and len(self.left_out) == len(there) and not self.taken:
            raise CliptuneError(f"no worker of the cluster can be used: {next(iter(self.left_out.values()))}")
        elif now - self.used > _WAIT_S:
            why = next(iter(self.left_out.values()), f"start some (dask worker {self.address})")
            raise CliptuneError(f"the Dask scheduler at {show(self.address)} has no workers to use: {why}; {_KEPT}")

    def _meet(self, new: list[str], threads: dict[str, int]) -> None:
        """Ask workers what they are made of before anything else; those that are made alike are prepared."""
        answers = self._ask(new, hosting.describe)
        alike = []
        for address, there in answers.items():
            if why := self._objection(there):
                self._leave_out(address, why)
            elif isinstance(there, dict):
                alike.append(address)
        if not alike:
            return
        done = self._ask(alike, hosting.prepare, self.key, self.work)
        for address in (address for address in alike if done[address] is None):
            self.workers[address] = _Worker(address, threads[address])

    def _objection(self, there: dict[str, str] | Exception) -> str | None:
        """Why a worker that says this of itself cannot be used, or None."""
        if isinstance(there, TimeoutError):
            return f"it did not answer within {_MEET_S:.0f} s"
        if isinstance(there, OSError):  # gone again
            return None
        if isinstance(there, Exception):
            return f"it has no cliptune of this version ({show(str(there))}); install what is installed here"
        for name in self.here.keys() & there.keys() - {hosting.HOST, hosting.DAEMON}:
            if there[name] != self.here[name]:
                told = f"{name} {there[name]} instead of {self.here[name]}"
                return f"{there[hosting.HOST]} has {told}: its numbers could differ; install what is installed here"
        if there[hosting.DAEMON]:
            return "it may start no processes; start it with DASK_DISTRIBUTED__WORKER__DAEMON=False"
        return None

    def _leave_out(self, address: str, why: str) -> None:
        self.left_out[address] = f"worker {address}: {why}"
        _log.warning("left out: %s", self.left_out[address])

    def _feed(self) -> None:
        """Give items to workers, as far as the bound allows."""
        while (worker := self._free()) and (given := self._next()):
            self._give(worker, given)

    def _free(self) -> _Worker | None:
        """The worker with the fewest items for its size, None where none could take one more."""
        if len(self.under_way) >= self.most:
            return None
        free = [worker for worker in self.workers.values() if worker.load < _QUEUE]
        return min(free, key=lambda worker: worker.load, default=None)

    def _next(self) -> _Given | None:
        if self.again:
            return self.again.popleft()
        threads = sum(worker.threads for worker in self.workers.values())
        if len(self.waiting) >= min(threads, self.most) * _AHEAD:
            return None
        for item in self.items:
            self.waiting.append((self.taken, item))
            self.taken += 1
            return _Given(self.taken - 1, item, self.limit(item))
        self.exhausted = True
        return None

    def _give(self, worker: _Worker, given: _Given) -> None:
        future = self.client.submit(
            hosting.serve, self.key, given.item, given.limit_s, workers=[worker.address], pure=False
        )
        worker.given.append(given)
        self.under_way[future.key] = future, worker, given
        future.add_done_callback(self.inbox.put)

    def _collect(self) -> None:
        """Wait for a result, but no longer than until the next look."""
        try:
            future = self.inbox.get(timeout=_LOOK_S)
        except Empty:
            return
        if future.key not in self.under_way:
            return
        _, worker, given = self.under_way[future.key]
        try:
            result, failure = future.result(timeout=_FETCH_S), None
        except TimeoutError:  # it is lost with its worker, or comes later
            self.inbox.put(future)
            self.looked = -inf
            return
        except Exception as error:
            result, failure = None, error
        del self.under_way[future.key]
        worker.given.remove(given)
        if failure is not None:
            self._fail(worker, given, failure)
        elif getattr(result, "machine", False):
            self._try_elsewhere(worker, given, result)
        else:
            self._finish(worker, given, result)

    def _finish(self, worker: _Worker, given: _Given, result: Any) -> None:
        """Keep a result; who failed this item before is left out where that is so again and again."""
        self.done[given.place] = result
        worker.faults = 0
        for one in [self.workers[address] for address in given.tried if address in self.workers]:
            one.faults += 1
            if one.faults >= _FAULTS:
                why = f"{one.faults} files in a row failed there and not elsewhere; check its mounts, memory and disk"
                self._exclude(one, why)

    def _fail(self, worker: _Worker, given: _Given, failure: Exception) -> None:
        """Take back an item that nothing came of, which is not its fault."""
        if isinstance(failure, hosting.Unknown):  # the next look meets it again
            self.again.append(given)
            self._lose(worker, "it was started anew", blame=False)
        elif isinstance(failure, CliptuneError):
            self.again.append(given)
            self._exclude(worker, str(failure))
        else:  # whatever Dask says of a worker, or a scheduler, that is lost
            self._blame(given, f"{type(failure).__name__}: {failure}")
            self.looked = -inf

    def _try_elsewhere(self, worker: _Worker, given: _Given, result: Any) -> None:
        """Have another worker try an item that failed by a fault of a machine."""
        given.tried.append(worker.address)
        others = [other for other in self.workers.values() if other.address not in given.tried]
        if others and len(given.tried) < _TRIES:
            self._give(min(others, key=lambda other: (other.faults, other.load)), given)
        else:
            self.done[given.place] = replace(result, reason=f"{result.reason} (worker {worker.address})")

    def _exclude(self, worker: _Worker, why: str) -> None:
        """Use a worker no more; raises CliptuneError where there is no other."""
        self._leave_out(worker.address, why)
        self._lose(worker, why, blame=False)
        if not self.workers:
            raise CliptuneError(f"no worker of the cluster can be used: {self.left_out[worker.address]}")

    def _lose(self, worker: _Worker, why: str, *, blame: bool) -> None:
        """Do without a worker; others get its items."""
        _log.info("worker %s: %s", worker.address, why)
        del self.workers[worker.address]
        for key, (future, _, given) in [entry for entry in self.under_way.items() if entry[1][1] is worker]:
            del self.under_way[key]
            future.release()
            if blame:
                self._blame(given, why)
            else:
                self.again.append(given)

    def _blame(self, given: _Given, why: str) -> None:
        """Try an item again whose worker was lost, but for so often."""
        given.losses += 1
        if given.losses <= _LOSSES:
            self.again.append(given)
        else:
            reason = f"{given.losses} workers of the cluster were lost with this file ({show(why)})"
            self.done[given.place] = Crash(reason, passing=True)


def _find(address: str) -> str:
    """The address of a scheduler, also where a file of its tells it; raises InputError."""
    if not address:
        raise InputError("where is the Dask scheduler? Give its address, such as tcp://host:8786, or its file")
    if "://" in address or not Path(address).is_file():
        return address
    try:
        return str(json.loads(Path(address).read_bytes())["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{show(address)} is no scheduler file of Dask ({type(error).__name__})") from error


@contextmanager
def _connection(address: str) -> Iterator[Client]:
    """A context with a client, in which Dask is silent: what matters is told here. It stays so where it broke off."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    client = _connect(address)
    try:
        yield client
    finally:
        whole = client.status == "running"
        with suppress(Exception):
            client.close(timeout=_ANSWER_S if whole else 0.1)
        if whole:
            logger.setLevel(level)


def _connect(address: str) -> Client:
    """A client; raises CliptuneError where no scheduler answers."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of versions that differ: those that matter are compared here
            return Client(address, timeout=_ANSWER_S, set_as_default=False)
    except Exception as error:
        why = show(str(error)).partition("\n")[0] or type(error).__name__
        raise CliptuneError(f"no Dask scheduler answers at {show(address)} ({why}); start it, or check it") from error
