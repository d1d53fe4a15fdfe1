"""Processes that examine one file after the other under limits of time and memory, and are replaced when they die."""

import argparse
import gc
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.cases import Case
from tests.faults.judge import examine

MB = 1 << 20
Judge = Callable[[Path], tuple[list[str], list[tuple[str, str]]]]


@dataclass(frozen=True)
class Limits:
    """What one file may cost."""

    cpu_s: int = 20  # of computing, all readers together
    wall_s: float = 120.0  # a process that waits for ever uses no computing time
    memory_mb: int = 1200  # beyond what the process held before; 100 megapixels of 16-bit RGBA are 800
    address_mb: int = 8192  # of address space: what is asked for and not used counts as well


def add_options(parser: argparse.ArgumentParser, *, memory_mb: int) -> None:
    """The options that every fuzzer takes: which files of which run, and what one may cost."""
    parser.add_argument("--first", type=int, default=0, help="number of the first, to go on where a run ended")
    parser.add_argument("--seed", type=int, default=1, help="of the run")
    parser.add_argument("--only", type=int, help="number of a single file to examine")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--cpu", type=int, default=Limits.cpu_s, help="seconds of computing per file")
    parser.add_argument("--memory", type=int, default=memory_mb, help="MB per file")


def require_like(like: str, kinds: Iterable[str]) -> None:
    """End the program in one line, with 2, where none of `kinds` begins with `like`."""
    kinds = sorted({*kinds})
    if not any(kind.startswith(like) for kind in kinds):
        print(f"--like {like}: no file is made from such a kind; name one of {', '.join(kinds)}", file=sys.stderr)
        raise SystemExit(2)


@dataclass
class Outcome:
    """What became of one file. `findings` are triples: class, reader, detail."""

    number: int
    kind: str
    mutation: str
    size: int
    accepted: list[str] = field(default_factory=list)
    findings: list[tuple[str, str, str]] = field(default_factory=list)
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    held_mb: float = 0.0  # resident when done
    served: int = 0  # files that this process had examined by then


class _Worker:
    """A forked process that takes numbers of files and gives outcomes back, one line of JSON each."""

    def __init__(self, make: Callable[[int], Case], limits: Limits, folder: Path, judge: Judge) -> None:
        down, up = os.pipe(), os.pipe()
        self.number: int | None = None
        self.since = 0.0
        self.pid = os.fork()
        if not self.pid:
            os.close(down[1])
            os.close(up[0])
            try:
                _serve(os.fdopen(down[0]), os.fdopen(up[1], "w"), make, limits, folder, judge)
            finally:
                os._exit(0)
        os.close(down[0])
        os.close(up[1])
        self._give = os.fdopen(down[1], "w")
        self.answers = os.fdopen(up[0])

    def give(self, number: int) -> None:
        self.number, self.since = number, time.monotonic()
        self._give.write(f"{number}\n")
        self._give.flush()

    def end(self) -> int:
        """Stop it whatever it does; its wait status."""
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        self._give.close()
        self.answers.close()
        return status


def outcomes(
    make: Callable[[int], Case], numbers: Iterable[int], jobs: int, limits: Limits, judge: Judge = examine
) -> Iterator[Outcome]:
    """The outcome of each of the numbered files by `judge`, in any order."""
    todo = iter(numbers)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        workers = [_Worker(make, limits, Path(folder), judge) for _ in range(jobs)]
        try:
            for worker in workers:
                _next(worker, todo)
            while busy := [w for w in workers if w.number is not None]:
                ready, _, _ = select.select([w.answers for w in busy], [], [], 0.5)
                for worker in busy:
                    late = time.monotonic() - worker.since > limits.wall_s
                    if worker.answers not in ready and not late:
                        continue
                    line = worker.answers.readline() if worker.answers in ready else ""
                    if line:
                        yield Outcome(**json.loads(line))
                    else:
                        yield _lost(worker, make, late)
                        workers[workers.index(worker)] = worker = _Worker(make, limits, Path(folder), judge)
                    _next(worker, todo)
        finally:
            for worker in workers:
                worker.end()


def _next(worker: _Worker, todo: Iterator[int]) -> None:
    number = next(todo, None)
    worker.number = None
    if number is not None:
        worker.give(number)


def _lost(worker: _Worker, make: Callable[[int], Case], late: bool) -> Outcome:
    """The outcome of a file whose process died or was too late."""
    case = make(worker.number or 0)
    if not late:  # the pipe is closed: it has ended or is about to
        _, status = os.waitpid(worker.pid, os.WNOHANG)
        for _ in range(50):
            if status:
                break
            time.sleep(0.02)
            _, status = os.waitpid(worker.pid, os.WNOHANG)
        number = os.WTERMSIG(status) if status and os.WIFSIGNALED(status) else 0
        name = signal.Signals(number).name if number else f"exit {status}"
        what = ("hang", "?", "limit of computing time") if number == signal.SIGXCPU else ("crash", "?", name)
        worker.answers.close()
    else:
        worker.end()
        what = ("hang", "?", "limit of wall time")
    return Outcome(case.number, case.kind, case.mutation, len(case.data), findings=[what])


def _serve(asked, answers, make: Callable[[int], Case], limits: Limits, folder: Path, judge: Judge) -> None:
    """Examine what is asked for until nobody asks."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders may write what they like
    for served, line in enumerate(asked, 1):
        outcome = _examined(make(int(line)), limits, folder, judge)
        outcome.served = served
        answers.write(json.dumps(asdict(outcome)) + "\n")
        answers.flush()


def _examined(case: Case, limits: Limits, folder: Path, judge: Judge) -> Outcome:
    path = folder / f"{os.getpid()}{case.suffix}"
    path.write_bytes(case.data)
    outcome = Outcome(case.number, case.kind, case.mutation, len(case.data))
    gc.collect()
    before, start = _memory("VmRSS"), _cpu_s()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    _limit(resource.RLIMIT_CPU, int(start) + limits.cpu_s + 1)
    _limit(resource.RLIMIT_AS, int(_memory("VmSize") + limits.address_mb) * MB)
    outcome.accepted, found = judge(path)
    _limit(resource.RLIMIT_AS, resource.RLIM_INFINITY)
    _limit(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
    outcome.findings = [("error" if ": " in what else "absurd", reader, what) for reader, what in found]
    outcome.cpu_s, outcome.peak_mb = _cpu_s() - start, _memory("VmHWM") - before
    if outcome.peak_mb > limits.memory_mb:
        outcome.findings.append(("memory", "?", f"{outcome.peak_mb:.0f} MB"))
    outcome.held_mb = _memory("VmRSS")
    path.unlink()
    return outcome


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory(name: str) -> float:
    """A line of /proc/self/status, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0
