"""Executors: a function over many items, results in order, a crash confined to its item."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from indexing.executors.processes import Crash, Processes
from recommender.errors import InputError

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

EXECUTORS: dict[str, Callable[[int, Limit | None], Executor]] = {"processes": Processes, "inline": Inline}


def open_executor(name: str, workers: int, limit: Limit | None = None) -> Executor:
    """The executor of that name with that many workers; raises InputError for an unknown name.

    `limit` says how many seconds an item may take where it runs in a process of its own, which is then killed.
    """
    if name not in EXECUTORS:
        raise InputError(f"unknown executor {name!r}; there are: {', '.join(sorted(EXECUTORS))}")
    if workers < 1:
        raise InputError(f"cannot work with {workers} workers; give at least 1")
    return EXECUTORS[name](workers, limit)
