"""Libraries killed at every write point and at random instants: `python -m tests.faults.kills --kills 500 --seed 1`.

Every operation is done in a world made from the seed: once to its end, then again and again on copies, each time
killed (SIGKILL) at one point or instant, or with a step that fails (I/O error, full disk). The library is then
reopened, must hold all that was there and all that was reported, and the operation done again must end in what the
undisturbed one ended in. `--operation NAME` keeps to one, `--sample N` draws that many cases, `--out FILE` writes the
report, after every round. Exit 1 when anything was found.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a process with threads must not fork

import numpy as np

from tests.faults.children import Ended, child
from tests.faults.operations import (
    OPERATIONS,
    Seen,
    World,
    faults_when_done,
    faults_when_reopened,
    in_small_batches,
    reported_by,
    seen,
)
from tests.faults.points import Points
from tests.faults.serving import wrong_answers
from tests.faults.written import write_report

ERRORS = ("EIO", "ENOSPC")


@dataclass(frozen=True)
class Case:
    """One fault: what happens at which step, or (without a step) a kill after a share of the time it takes."""

    operation: str
    seed: int
    act: str
    step: int = 0
    name: str = ""
    share: float = 0.0

    def __str__(self) -> str:
        where = f"at step {self.step}, {self.name}" if self.step else f"after {self.share:.3f} of its time"
        return f"{self.operation}, seed {self.seed}: {self.act} {where}"


@dataclass
class Tally:
    """What was done and found."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)  # by operation and point
    instants: Counter[str] = field(default_factory=Counter)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)  # by operation and error
    missed: int = 0  # done before the kill came
    findings: list[str] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """All kills."""
        return self.kills.total() + self.instants.total()

    def note(self, case: Case, ended: Ended) -> None:
        """Count a fault that happened."""
        if case.act == "kill" and not ended.killed:
            self.missed += 1
        elif case.act != "kill":
            self.errors[case.operation, case.act] += 1
        elif case.step:
            self.kills[case.operation, case.name] += 1
        else:
            self.instants[case.operation] += 1


class Trial:
    """One operation in one world: its undisturbed course, and faults on copies of the same start."""

    def __init__(self, name: str, seed: int, home: Path) -> None:
        self.name, self.operation, self.world = name, OPERATIONS[name], World(home, seed)
        self.copy = home / "library"

    def undisturbed(self) -> list[str]:
        """Prepare the world and do the operation once; the names of its steps."""
        made = child(lambda: self.operation.prepare(self.world))
        self.start_over()  # reading is not always nothing: it may migrate
        before = child(lambda: vars(seen(self.copy) if self.operation.readable else Seen({}, {}, {}, None)))
        course = self._run(Points())
        after = child(lambda: vars(seen(self.copy)))
        if failed := made.failed or before.failed or course.failed or after.failed:
            raise RuntimeError(f"{self.name}, seed {self.world.seed}: {failed}")
        self.before, self.after = Seen(**before.value), Seen(**after.value)
        self.names, self.took_s = course.value["names"], course.value["seconds"]
        return self.names

    def cases(self, random: np.random.Generator, instants: int, errors: bool) -> list[Case]:
        """A kill at one step of each name, `instants` kills at any time; with `errors`, each of them at such a step."""
        places: dict[str, list[int]] = {}
        for step, name in enumerate(self.names, start=1):
            places.setdefault(name, []).append(step)
        found = [
            Case(self.name, self.world.seed, act, int(random.choice(steps)), name)
            for name, steps in places.items()
            for act in (("kill", *ERRORS) if errors else ("kill",))
            if act == "kill" or "half" not in name
        ]
        shares = random.uniform(0, 1, instants)
        return found + [Case(self.name, self.world.seed, "kill", share=float(share)) for share in shares]

    def suffer(self, case: Case) -> tuple[Ended, list[str]]:
        """What came of one fault, and what was wrong afterwards."""
        points = Points(case.step, case.act)
        ended = self._run(points, None if case.step else case.share * self.took_s)
        told = ended.value["told"] if ended.value else []
        wrong = [] if ended.failed is None or ended.killed else [f"ended with {ended.failed}"]
        checked = child(lambda: self._check(told or _lines(self.log)))
        wrong += checked.value if checked.value is not None else [f"afterwards: {checked.failed}"]
        return ended, wrong

    @property
    def log(self) -> Path:
        return self.world.home / "reported"

    def _run(self, points: Points, kill_after_s: float | None = None) -> Ended:
        """The operation on a fresh copy, in a process of its own."""
        self.start_over()

        def work() -> dict[str, object]:
            log = os.open(self.log, os.O_WRONLY | os.O_APPEND)
            points.install()
            start, told = time.monotonic(), []
            for event in self.operation.run(self.world, self.copy):
                if (path := reported_by(event)) is not None:
                    told.append(path)
                    os.write(log, os.fsencode(path) + b"\n")
            return {"names": points.names, "seconds": time.monotonic() - start, "told": told}

        return child(work, kill_after_s)

    def start_over(self) -> None:
        """Make the copy what the world's library is."""
        shutil.rmtree(self.copy, ignore_errors=True)
        if self.world.base.exists():
            shutil.copytree(self.world.base, self.copy)
        self.log.write_bytes(b"")
        self.world.notes.unlink(missing_ok=True)

    def _check(self, told: list[str]) -> list[str]:
        told = [] if self.name == "upgrade" else told  # what it reports is there once all of it is
        found = self.world.notes.read_text("utf-8").splitlines() if self.world.notes.exists() else []
        if self.name == "build":
            found += wrong_answers(self.copy)
        if self.operation.readable:
            found += faults_when_reopened(self.copy, self.before, self.after, told, self.operation.damaged)
        self.operation.once_more(self.world, self.copy)
        if self.name == "build":
            found += wrong_answers(self.copy)
        return found + list(faults_when_done(self.copy, self.after))


def _lines(path: Path) -> list[str]:
    return [os.fsdecode(line) for line in path.read_bytes().split(b"\n") if line]


def trials(names: Sequence[str], first: int, rounds: int) -> Iterator[Trial]:
    """Every operation in as many worlds as there are rounds; a world is removed when the next one is asked for."""
    for seed in range(first, first + rounds):
        for name in names:
            with tempfile.TemporaryDirectory(prefix="cliptune-kills-") as home:
                yield Trial(name, seed, Path(home))


def warm_up(names: Sequence[str]) -> None:
    """Do every operation once in this process: what is imported and compiled then is there in each that it forks."""
    for trial in trials(names, 0, 1):
        trial.operation.prepare(trial.world)
        trial.start_over()
        list(trial.operation.run(trial.world, trial.copy))


def suffered(trial: Trial, cases: list[Case], tally: Tally) -> None:
    """Let a trial suffer some cases, into the tally."""
    for case in cases:
        ended, wrong = trial.suffer(case)
        tally.note(case, ended)
        for fault in wrong:
            tally.findings.append(f"{case}: {fault}")
            print(tally.findings[-1], flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """1 when anything was found, else 0."""
    given = _arguments().parse_args(argv)
    names = given.operation or list(OPERATIONS)
    random, tally, start, rounds = np.random.default_rng(given.seed), Tally(), time.monotonic(), 0
    in_small_batches()
    warm_up(names)
    while rounds < given.rounds or (tally.killed < given.kills and not given.sample):
        for trial in trials(names, given.seed + rounds, 1):
            trial.undisturbed()
            cases = trial.cases(random, given.instants, errors=rounds < given.error_rounds)
            if given.sample:
                cases = _drawn(cases, given.sample, random)
            suffered(trial, cases, tally)
        rounds += 1
        print(f"round {rounds}: {_summary(tally)}, {time.monotonic() - start:.0f} s", flush=True)
        if given.out:
            write_report(Path(given.out), list(argv if argv is not None else sys.argv[1:]), tally)
    return int(bool(tally.findings))


def _drawn(cases: list[Case], count: int, random: np.random.Generator) -> list[Case]:
    return [cases[i] for i in sorted(random.choice(len(cases), min(count, len(cases)), replace=False))]


def _summary(tally: Tally) -> str:
    errors = tally.errors.total()
    return f"{tally.killed} kills, {errors} failing steps, {tally.missed} too late, {len(tally.findings)} findings"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=500, help="at least so many in all")
    parser.add_argument("--rounds", type=int, default=5, help="at least so many worlds, and kills at each point")
    parser.add_argument("--instants", type=int, default=6, help="kills at random instants per operation and round")
    parser.add_argument("--error-rounds", type=int, default=1, help="rounds with failing steps too")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--sample", type=int, default=0, help="only so many cases per operation and round")
    parser.add_argument("--operation", action="append", choices=list(OPERATIONS), help="only this one")
    parser.add_argument("--out", help="file for the report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
