"""In this very process, one after the other: for tests and debugging (a crash is then everyone's)."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Inline:
    """See `indexing.executors.Executor`; `workers` and `limit` are ignored."""

    def __init__(self, workers: int = 1, limit: Callable[[Any], float] | None = None) -> None:
        self.workers = workers

    def run(self, function: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Pairs (item, result) in order."""
        for item in items:
            yield item, function(shared, item)
