"""Libraries whose writer is killed and whose disk loses its power: `python -m tests.faults.kills --kills 500 --seed 1`.

Every operation is done in a world made from the seed: once to its end, which must be what the files say, then again
and again on copies, each time killed (SIGKILL) at one of its steps, half way through a write, or at a random instant,
or with a step that fails (I/O error, full disk). After most kills the power is cut: what was not synced is undone, or
partly kept. The library is then reopened, must hold all that was there and all that was reported, and the operation
done again must end in what the undisturbed one ended in. `--operation NAME` keeps to one, `--out FILE` writes the
report, after every operation. Exit 1 when anything was found, 2 where no power can be cut (`tests.faults.disk`).
"""

import argparse
import errno
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a process with threads must not fork

import numpy as np

from tests.faults import disk
from tests.faults.children import Ended, child
from tests.faults.disk import Disk, Step
from tests.faults.operations import OPERATIONS, World, in_small_batches
from tests.faults.seen import Seen, faults_of_end, faults_when_done, faults_when_reopened, reported_by, seen
from tests.faults.serving import wrong_answers
from tests.faults.written import write_report

ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}
_PLAIN = 0.15  # of the kills leave the power on: what was written is all there, synced or not


@dataclass(frozen=True)
class Case:
    """One fault: what happens at which step, or (without a step) a kill after a share of the time it takes."""

    operation: str
    seed: int
    act: str
    cuts: bool = False
    step: Step | None = None
    share: float = 0.0

    def __str__(self) -> str:
        where = f"at step {self.step.number}, {self.step.name}" if self.step else f"after {self.share:.3f} of its time"
        power = ", then a power cut" if self.cuts else ""
        return f"{self.operation}, seed {self.seed}: {self.act} {where}{power}"


@dataclass
class Tally:
    """What was done and found."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)  # by operation and kind of step
    instants: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)  # those of the kills that a power cut came after
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)  # by operation and error
    steps: dict[str, list[int]] = field(default_factory=dict)  # of each operation, in each round
    missed: int = 0  # done before the kill came
    findings: list[str] = field(default_factory=list)
    first: bool = False  # whether the first finding ends all

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be tried."""
        return self.first and bool(self.findings)

    @property
    def killed(self) -> int:
        """All kills."""
        return self.kills.total() + self.instants.total()

    def note(self, case: Case, ended: Ended) -> None:
        """Count a fault that happened."""
        if case.act in ERRORS:
            self.errors[case.operation, case.act] += 1
            return
        if not ended.killed:
            self.missed += 1
            return
        self.cuts[case.operation] += case.cuts
        if case.step:
            self.kills[case.operation, case.step.name] += 1
        else:
            self.instants[case.operation] += 1

    def find(self, what: str) -> None:
        """Note something that is wrong."""
        self.findings.append(what)
        print(what, flush=True)


class Trial:
    """One operation in one world: its undisturbed course, and faults on copies of the same start."""

    def __init__(self, name: str, seed: int, home: Path) -> None:
        self.name, self.operation, self.world = name, OPERATIONS[name], World(home, seed)
        self.copy = home / "disk" / "library"
        self.disk = Disk(home / "disk", home / "beside")

    def undisturbed(self) -> list[str]:
        """Prepare the world and do the operation once; what is wrong with its end."""
        made = child(lambda: self.operation.make(self.world))
        self.start_over()  # reading is not always nothing: it may migrate
        before = child(lambda: vars(seen(self.copy) if self.operation.readable else Seen({}, {}, {}, None)))
        course = self._run()
        self.steps = self.disk.steps()
        after = child(lambda: vars(seen(self.copy)))
        failed = made.failed or before.failed or course.failed or after.failed
        if failed is None:
            self.before, self.after, self.took_s = Seen(**before.value), Seen(**after.value), course.value["seconds"]
            ended = child(lambda: list(faults_of_end(self.world, self.copy, self.after)))
            failed = ended.failed
        return [f"undisturbed: {failed}"] if failed else [f"undisturbed: {fault}" for fault in ended.value]

    def cases(self, random: np.random.Generator, kills: int, instants: int, *, errors: int) -> list[Case]:
        """Kills at so many of all the steps, at so many random instants, and so many failing steps."""

        def cases(act: str, **where: Any) -> Case:
            return Case(self.name, self.world.seed, act, act not in ERRORS and random.random() >= _PLAIN, **where)

        found = []
        for step in _drawn(self.steps, kills, random):
            halves = step.does == "write" and random.random() < 0.5
            found.append(cases("half" if halves else "kill", step=step))
        found += [cases("kill", share=float(share)) for share in random.uniform(0, 1, instants)]
        failing = _drawn(self.steps, errors, random)
        return found + [cases(str(random.choice(list(ERRORS))), step=step) for step in failing]

    def suffer(self, case: Case) -> tuple[Ended, list[str]]:
        """What came of one fault, and what was wrong afterwards."""
        ended = self._run(case)
        how = ""
        if case.cuts and ended.killed:
            number = case.step.number if case.step else int(1e6 * case.share)
            how = self.disk.cut(np.random.default_rng([case.seed, number]))
        told = ended.value["told"] if ended.value else []
        wrong = [] if ended.failed is None or ended.killed else [f"ended with {ended.failed}"]
        checked = child(lambda: self._check(told or _lines(self.log)))
        wrong += checked.value if checked.failed is None else [f"afterwards: {checked.failed}"]
        return ended, [f"{how}: {fault}" if how else fault for fault in wrong]

    @property
    def log(self) -> Path:
        return self.world.home / "reported"

    def _run(self, case: Case | None = None) -> Ended:
        """The operation on a fresh copy, in a process of its own."""
        self.start_over()
        self.disk.prepare()
        at = case.step.number if case and case.step else 0
        act: str | int = ERRORS.get(case.act, case.act) if case else "kill"

        def work() -> dict[str, object]:
            log = os.open(self.log, os.O_WRONLY | os.O_APPEND)
            self.disk.watch(at, act)
            start, told = time.monotonic(), []
            for event in self.operation.run(self.world, self.copy):
                if (path := reported_by(event)) is not None:
                    told.append(path)
                    os.write(log, os.fsencode(path) + b"\n")
            return {"seconds": time.monotonic() - start, "told": told}

        return child(work, None if at or case is None else case.share * self.took_s, errs=case is not None)

    def start_over(self) -> None:
        """Make the copy what the world's library is."""
        shutil.rmtree(self.copy, ignore_errors=True)
        self.copy.parent.mkdir(exist_ok=True)
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
            found += faults_when_reopened(self.copy, self.before, self.after, told, of=self.operation)
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
        with suppress(Exception):  # whatever is wrong shows again
            trial.operation.prepare(trial.world)
            trial.start_over()
            list(trial.operation.run(trial.world, trial.copy))


def suffered(trial: Trial, cases: list[Case], tally: Tally) -> None:
    """Let a trial suffer some cases, into the tally."""
    for case in cases:
        if tally.is_over:
            return
        ended, wrong = trial.suffer(case)
        tally.note(case, ended)
        for fault in wrong:
            tally.find(f"{case}: {fault}")


def main(argv: Sequence[str] | None = None) -> int:
    """1 when anything was found, else 0."""
    words = list(sys.argv[1:] if argv is None else argv)
    given = _arguments().parse_args(words)
    if not disk.is_watched():
        return disk.watched("tests.faults.kills", words)
    names = given.operation or list(OPERATIONS)
    random, tally, start, rounds = np.random.default_rng(given.seed), Tally(first=given.first), time.monotonic(), 0
    in_small_batches()
    warm_up(names)
    while (rounds < given.rounds or tally.killed < given.kills) and not tally.is_over:
        for trial in trials(names, given.seed + rounds, 1):
            _try(trial, given, random, tally=tally)
            if given.out:
                write_report(Path(given.out), words, tally)
        rounds += 1
        print(f"round {rounds}: {_summary(tally)}, {time.monotonic() - start:.0f} s", flush=True)
        if not tally.killed and tally.findings:
            break
    return int(bool(tally.findings))


def _try(trial: Trial, given: argparse.Namespace, random: np.random.Generator, *, tally: Tally) -> None:
    """The undisturbed course of a trial, and faults where that has an end."""
    if tally.is_over:
        return
    if wrong := trial.undisturbed():
        for fault in wrong:
            tally.find(f"{trial.name}, seed {trial.world.seed}: {fault}")
        return
    tally.steps.setdefault(trial.name, []).append(len(trial.steps))
    trial.steps = [step for step in trial.steps if given.among in step.name]
    cases = trial.cases(random, given.steps, given.instants, errors=given.errors)
    suffered(trial, cases, tally)


def _drawn(steps: Sequence[Step], count: int, random: np.random.Generator) -> list[Step]:
    """So many of the steps, in turn: half of all of them alike, the others of kinds that are drawn first."""
    if not steps:
        return []
    kinds: dict[str, list[Step]] = {}
    for step in steps:
        kinds.setdefault(step.name, []).append(step)
    found = [steps[i] for i in random.choice(len(steps), min((count + 1) // 2, len(steps)), replace=False)]
    for kind in random.choice(list(kinds), min(count - len(found), len(kinds)), replace=False):
        found.append(kinds[kind][int(random.integers(len(kinds[kind])))])
    return sorted(found, key=lambda step: step.number)


def _summary(tally: Tally) -> str:
    errors, cuts = tally.errors.total(), tally.cuts.total()
    return (
        f"{tally.killed} kills, {cuts} of them with a power cut, {errors} failing steps, {tally.missed} too late, "
        f"{len(tally.findings)} findings"
    )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=500, help="at least so many in all")
    parser.add_argument("--rounds", type=int, default=1, help="at least so many worlds of each operation")
    parser.add_argument("--steps", type=int, default=10, help="of each operation and round, at which it is killed")
    parser.add_argument("--among", default="", help="only steps whose name holds this word are drawn")
    parser.add_argument("--instants", type=int, default=2, help="kills at random instants per operation and round")
    parser.add_argument("--errors", type=int, default=4, help="failing steps per operation and round")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--operation", action="append", choices=list(OPERATIONS), help="only this one")
    parser.add_argument("--first", action="store_true", help="end with the first finding")
    parser.add_argument("--out", help="file for the report")
    return parser


if __name__ == "__main__":
    sys.exit(main())
