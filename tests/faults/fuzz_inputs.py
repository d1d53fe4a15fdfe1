"""Broken and hostile files other than media: `python -m tests.faults.fuzz_inputs --count 3000 --seed 1`.

Vectors, tables, lists, models and all files of libraries, each given to whatever reads it: a file is taken, or refused
in one line, and whatever it costs stays within a limit. `--only K` examines file K of that seed alone.
"""

import argparse
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tests.faults import inputs, mutations
from tests.faults.cases import Case
from tests.faults.pool import Limits, Outcome, add_options, outcomes, require_like

_BOMBS = 0.05  # share of files that are small and say that they are huge
_SPLIT = "@"  # between the kind of a file, its name there, and nothing else


def case(run: int, number: int, like: str = "") -> Case:
    """File `number` of the run with that seed; with `like`, of a kind that begins so."""
    rng = np.random.default_rng([run, number])
    alike = [seed for seed in inputs.corpus() if seed.kind.startswith(like)]
    count = Counter(seed.kind for seed in alike)
    chances = np.array([count[seed.kind] ** -0.5 for seed in alike])  # many files of a kind: more of it, each less
    seed = alike[int(rng.choice(len(alike), p=chances / chances.sum()))]
    other = alike[int(rng.integers(len(alike)))]
    name = list(mutations.ALL)[int(rng.integers(len(mutations.ALL)))]
    data = mutations.ALL[name](seed.data, rng, other.data) or seed.data[:1]
    if rng.random() < _BOMBS:
        name, data = "nested", b"[" * int(2 ** rng.uniform(4, 20))
    place = f"{_SPLIT}{seed.kind}{_SPLIT}{seed.name.replace('/', chr(1))}"
    return Case(number, f"{seed.kind}/{Path(seed.name).name}", name, place, data[: mutations.LARGEST])


def judge(path: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """What became of a file whose name says of which kind it is."""
    _, kind, name = path.name.split(_SPLIT)
    plain = path.with_name(path.name.partition(_SPLIT)[0] + Path(name).suffix)
    path.rename(plain)
    try:
        return inputs.examine(plain, kind, name.replace(chr(1), "/"))
    finally:
        plain.rename(path)


def main(argv: Sequence[str] | None = None) -> int:
    """1 when anything was found, else 0."""
    given = _arguments().parse_args(argv)
    require_like(given.like, (seed.kind for seed in inputs.corpus()))  # read before processes are forked
    numbers = range(given.first, given.first + given.count) if given.only is None else [given.only]
    print(f"seed {given.seed}, files {numbers[0]} to {numbers[-1]}", flush=True)
    start, done = time.monotonic(), list[Outcome]()
    make = partial(case, given.seed, like=given.like)
    for outcome in outcomes(make, numbers, given.jobs, Limits(cpu_s=given.cpu, memory_mb=given.memory), judge):
        done.append(outcome)
        if len(done) % 500 == 0:
            print(f"{len(done)} files, {time.monotonic() - start:.0f} s", flush=True)
        for kind, reader, what in outcome.findings:
            print(f"{outcome.number}: {kind} in {reader} of {outcome.kind}, {outcome.mutation}: {what}", flush=True)
    accepted, found = sum(bool(one.accepted) for one in done), sum(bool(one.findings) for one in done)
    if given.out:
        kinds = dict(Counter(one.kind for one in done))
        wall_s = round(time.monotonic() - start, 1)
        report = {"seed": given.seed, "files": len(done), "accepted": accepted, "wall_s": wall_s, "kinds": kinds}
        report["findings"] = [vars(one) for one in done if one.findings]
        Path(given.out).write_text(json.dumps(report, indent=1) + "\n")
    peak = max((one.peak_mb for one in done), default=0)
    print(f"{len(done)} files, {accepted} accepted, {len(done) - accepted} refused, {found} findings; {peak:.0f} MB")
    return int(bool(found))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz_inputs", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many")
    parser.add_argument("--like", default="", help="only of kinds that begin so, as library")
    add_options(parser, memory_mb=600)
    parser.add_argument("--out", help="JSON file for the report")
    return parser


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
