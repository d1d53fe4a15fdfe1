"""Progress of long work on stderr: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from typing import Any, Self

from recommender.text import printable

EVERY_S = 10.0
"""Seconds between two lines where stderr is not a terminal (a log, a pipe)."""


class Progress:
    """A context manager: `expect` so many files, `step` after each, `note` a line that stays.

    Stages are not shown before `patience_s` have passed.
    """

    def __init__(self, verb: str, patience_s: float = 0.0) -> None:
        self.verb, self.total, self.done = verb, 0, 0
        self._bar: Any = None
        self._start = self._printed = time.monotonic()
        self._shown_from = self._start + patience_s

    def __enter__(self) -> Self:
        return self

    def expect(self, total: int) -> None:
        """So many files will come: the bar appears."""
        self.total = total
        if not sys.stderr.isatty() or not total or self._bar is not None:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        done = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        pace = (TextColumn("{task.fields[rate]}"), TimeRemainingColumn(compact=True))
        self._bar = RichProgress(*done, *pace, console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self.verb, total=total, rate="")

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def stage(self, verb: str, done: int, total: int) -> None:
        """Work in stages: `done` of `total` steps of the stage called `verb`."""
        if time.monotonic() < self._shown_from:
            return
        if self.total != total or done < self.done:
            self._start = time.monotonic()
            self.expect(total)
        self.verb, self.done = verb, done
        self._show()

    def step(self) -> None:
        """One more file is done."""
        self.done += 1
        self._show()

    def _show(self) -> None:
        if self._bar is not None:
            self._bar.update(
                self._task, description=self.verb, completed=self.done, total=self.total, rate=self._rate()
            )
        elif time.monotonic() - self._printed >= EVERY_S:
            self._printed = time.monotonic()
            print(f"{self.verb}: {self.done}/{self.total}, {self._rate()}, {self._eta()} left", file=sys.stderr)

    def note(self, line: str) -> None:
        """A line above the bar."""
        if self._bar is not None:
            self._bar.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
        else:
            print(printable(line), file=sys.stderr)

    def elapsed_s(self) -> float:
        return time.monotonic() - self._start

    def _rate(self) -> str:
        return f"{self.done / max(self.elapsed_s(), 1e-3):.1f}/s"

    def _eta(self) -> str:
        left = self.elapsed_s() / max(self.done, 1) * (self.total - self.done)
        return f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
