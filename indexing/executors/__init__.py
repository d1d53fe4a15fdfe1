"""Executors: a function over many items, results in order, a crash confined to its item."""

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from indexing.executors.processes import Crash, Processes
from recommender.errors import CliptuneError, InputError

__all__ = ["EXECUTORS", "Crash", "Executor", "open_executor"]


class Executor(Protocol):
    """Runs `function(shared, item)` for every item."""

    def run(self, function: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Pairs (item, result) in the order of `items`, each as soon as it and all before it are done.

        `function` must be importable by name and must not raise; where the process that ran it died, or took longer
        than an item may, the result is a `Crash`. A bounded number of items is in flight. Closing the iterator stops
        the work.
        """
        ...


class Inline:
    """In this very process, for tests and debugging: a crash is then everyone's; `workers` and `limit` are ignored."""

    def __init__(self, workers: int = 1, limit: Callable[[Any], float] | None = None) -> None:
        self.workers = workers

    def run(self, function: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Pairs (item, result) in order."""
        for item in items:
            yield item, function(shared, item)


Limit = Callable[[Any], float]
"""Seconds that an item may take."""


def _on_this_machine(kind: type[Processes] | type[Inline]) -> "Opener":
    def opened(address: str, workers: int | None, limit: Limit | None) -> Executor:
        if address:
            raise InputError(f"only the executor dask has an address; {address!r} is one too many")
        return kind(workers or default_workers(), limit)

    return opened


def _dask(address: str, workers: int | None, limit: Limit | None) -> Executor:
    try:
        from indexing.executors.dask import Dask
    except ImportError as error:
        raise CliptuneError(f"a cluster of workers needs Dask ({error}): pip install 'cliptune[cluster]'") from error
    return Dask(address, workers, limit)


Opener = Callable[[str, int | None, Limit | None], Executor]
EXECUTORS: dict[str, Opener] = {
    "processes": _on_this_machine(Processes),
    "inline": _on_this_machine(Inline),
    "dask": _dask,
}


def open_executor(name: str, workers: int | None = None, limit: Limit | None = None) -> Executor:
    """The executor of that name, with an address "dask:ADDRESS"; raises InputError for an unknown name.

    `workers`: how many items are worked on at once; None takes one per core of this machine, or all that a cluster has.
    `limit` says how many seconds an item may take where it runs in a process of its own, which is then killed.
    """
    kind, _, address = name.partition(":")
    if kind not in EXECUTORS:
        raise InputError(f"unknown executor {kind!r}; there are: {', '.join(sorted(EXECUTORS))}")
    if workers is not None and workers < 1:
        raise InputError(f"cannot work with {workers} workers; give at least 1")
    return EXECUTORS[kind](address, workers, limit)


def default_workers() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
