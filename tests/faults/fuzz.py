"""Broken and hostile media against the readers: `python -m tests.faults.fuzz --files 10000 --seed 1 --out report`.

`--only K` makes file K of that seed again and examines it alone, `--write FOLDER` keeps it. The report is one JSON
file; files that led to a finding are kept beside it. Set OMP_NUM_THREADS=1 where others work on the same machine.
"""

import argparse
import json
import platform
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import cv2

from tests.faults import seeds
from tests.faults.cases import Case, case
from tests.faults.pool import Limits, Outcome, add_options, outcomes, require_like


def main(argv: Sequence[str] | None = None) -> int:
    """1 when anything was found, else 0."""
    given = _arguments().parse_args(argv)
    require_like(given.like, (seed.kind for seed in seeds.corpus()))
    cv2.setNumThreads(1)
    make = partial(case, given.seed, like=given.like)
    numbers = range(given.first, given.first + given.files) if given.only is None else [given.only]
    print(f"seed {given.seed}, files {numbers[0]} to {numbers[-1]}, corpus {_digest()}", flush=True)
    limits = Limits(cpu_s=given.cpu, memory_mb=given.memory)
    start, done = time.monotonic(), []
    for outcome in outcomes(make, numbers, given.jobs, limits):
        done.append(outcome)
        _tell(outcome, whole=given.only is not None)
        if given.write or (given.out and outcome.findings):
            _keep(Path(given.write or given.out), make(outcome.number))
    report = {"seed": given.seed, "first": numbers[0], "wall_s": round(time.monotonic() - start, 1), **_report(done)}
    if given.out:
        out = Path(given.out)
        out.mkdir(parents=True, exist_ok=True)
        (out / f"seed{given.seed}-{numbers[0]}.json").write_text(json.dumps(report, indent=1) + "\n")
    found = len(report["findings"])
    print(f"{len(done)} files, {report['accepted']} accepted, {report['refused']} refused, {found} findings")
    return int(bool(found))


def _tell(outcome: Outcome, whole: bool) -> None:
    """Print what was found; with `whole`, also what became of a file that did nothing wrong."""
    for kind, reader, what in outcome.findings:
        print(f"{outcome.number}: {kind} in {reader} of {outcome.kind}, {outcome.mutation}: {what}", flush=True)
    if whole:
        cost = f"{outcome.cpu_s:.2f} s, {outcome.peak_mb:.0f} MB"
        readers = ", ".join(outcome.accepted) or "none"
        print(f"{outcome.kind}, {outcome.mutation}, {outcome.size} bytes: accepted by {readers}; {cost}")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=1000, help="how many")
    parser.add_argument("--like", default="", help="only files made from kinds that begin so, as turning/ or mp4/")
    add_options(parser, memory_mb=Limits.memory_mb)
    parser.add_argument("--out", help="folder for the report and the files that led to a finding")
    parser.add_argument("--write", help="folder to keep every file of this run in")
    return parser


def _report(done: list[Outcome]) -> dict[str, Any]:
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in done:
        kinds[outcome.kind].update(["files", "accepted" if outcome.accepted else "refused", *outcome.accepted])
    accepted = sum(bool(o.accepted) for o in done)
    return {
        "files": len(done),
        "accepted": accepted,
        "refused": len(done) - accepted,
        "versions": _versions(),
        "corpus": _digest(),
        "kinds": {kind: dict(counts) for kind, counts in sorted(kinds.items())},
        "mutations": dict(Counter(o.mutation for o in done)),
        "dearest_cpu": _top(done, "cpu_s"),
        "dearest_memory": _top(done, "peak_mb"),
        "held_mb": [(o.served, round(o.held_mb)) for o in done if o.served % 100 == 0],
        "findings": [vars(o) for o in done if o.findings],
    }


def _top(done: list[Outcome], name: str) -> list[tuple[int, str, str, int, float]]:
    best = sorted(done, key=lambda o: -getattr(o, name))[:10]
    return [(o.number, o.kind, o.mutation, o.size, round(getattr(o, name), 2)) for o in best]


def _versions() -> dict[str, str]:
    names = ("av", "numpy", "scipy", "opencv-python-headless")
    ffmpeg = ".".join(map(str, av.library_versions["libavcodec"]))
    return {"python": platform.python_version(), "libavcodec": ffmpeg, **{name: version(name) for name in names}}


def _digest() -> str:
    return sha256(b"".join(seed.data for seed in seeds.corpus())).hexdigest()[:12]


def _keep(folder: Path, made: Case) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{made.number}-{made.kind.replace('/', '-')}-{made.mutation}{made.suffix}").write_bytes(made.data)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
