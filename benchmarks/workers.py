"""What a second process gains when a library is analysed, what each needs in memory, and that no bit changes.

    python benchmarks/workers.py ../shared/data/music [--workers 2] [--copies 3] [--out docs/results/workers.md]

Wall-clock time of `ingest.add` of the same files into a new library, starting the processes included, by one worker and
by `--workers`, in alternation: rented cores change their speed from one second to the next, so each gain is that of
one round, and the median and quartiles over all rounds are given.

Beside it, in the same rounds, what the machine gives at best: how often a loop of integer arithmetic, which shares
neither memory nor files with anyone, is done by one process and by `--workers` processes in the same time. Where that
is below the number of workers, the cores are not idle or not whole.
Memory: the largest resident set of any worker.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import measuring
import numpy as np

from indexing import ingest
from indexing.ingest.suffixes import SUFFIXES
from indexing.library import Library
from recommender import Model
from recommender.types import TrackWindows

ROUNDS = 7
LOOP = """
import time
start, total = time.perf_counter(), 0
for i in range(20_000_000):
    total += i * i & 7
print(time.perf_counter() - start)
"""


class Run(NamedTuple):
    """Seconds on the wall and of the workers' CPUs, and what was found, by path."""

    wall_s: float
    cpu_s: float
    found: dict[str, TrackWindows]


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--copies", type=int, default=6, help="how often each file is there, cut to differ")
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        music = Path(scratch) / "music"
        copied(args.folder, music, args.copies)
        measuring.publish(report(music, Path(scratch), args.workers), args.out)


def copied(folder: Path, music: Path, copies: int) -> None:
    """Fill `music` with `copies` of every file of `folder`; a byte more at the end makes each its own content."""
    music.mkdir()
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES["music"]:
            for copy in range(copies):
                target = music / f"{copy} {path.name}"
                shutil.copyfile(path, target)
                with target.open("ab") as file:
                    file.write(bytes(copy))


def report(music: Path, scratch: Path, workers: int) -> str:
    """The table in markdown."""
    load = os.getloadavg()[0]
    runs: dict[int, list[Run]] = {1: [], workers: []}
    best: list[float] = []
    for k in range(ROUNDS):
        best.append(workers * loop(1) / loop(workers))
        for n, done in runs.items():
            done.append(run(music, scratch / f"library {n} {k}", n))
    gain = [one.wall_s / several.wall_s for one, several in zip(*runs.values(), strict=True)]
    wall = {n: quartiles([r.wall_s for r in done]) for n, done in runs.items()}
    cpu = {n: quartiles([r.cpu_s for r in done]) for n, done in runs.items()}
    first = runs[1][0].found
    same = all(equal(first, r.found) for done in runs.values() for r in done)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    windows = sum(len(w.bounds) for w in first.values())
    share = statistics.median(gain) / statistics.median(best)
    return "\n".join(
        [
            "# Workers",
            "",
            f"{measuring.environment('numpy', 'av')} per process, {len(os.sched_getaffinity(0))} cores, load average "
            f"{load:.1f} before the first run; {len(first)} files, {windows} windows. Made by",
            f"`python benchmarks/workers.py ../shared/data/music --workers {workers} --out docs/results/workers.md`.",
            f"Median (quartiles) of {ROUNDS} alternating rounds.",
            "",
            "| workers | wall s | CPU s |",
            "|---|---|---|",
            *(f"| {n} | {wall[n]} | {cpu[n]} |" for n in runs),
            "",
            "| | one process / several |",
            "|---|---|",
            f"| {workers} workers | {quartiles(gain, 2)} |",
            f"| a loop that shares nothing | {quartiles(best, 2)} |",
            "",
            f"The workers gain {share:.0%} of what the machine gave. Largest resident set of a worker: {peak:.0f} MB. "
            f"All {ROUNDS * len(runs)} runs gave {'the same bits' if same else '**different results**'}.",
            "",
        ]
    )


def quartiles(values: list[float], digits: int = 1) -> str:
    """The median and, in brackets, the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def loop(processes: int) -> float:
    """Seconds that `LOOP` takes in each of `processes` Python processes at once, on average."""
    command = [sys.executable, "-I", "-c", LOOP]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    return statistics.mean(float(process.communicate()[0]) for process in started)


def run(music: Path, place: Path, workers: int) -> Run:
    """Analyse `music` into a new library at `place`."""
    model = Model.load()
    library = Library.create(place, model.space)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    failed = [e for e in ingest.add(library, [music], model, workers=workers) if isinstance(e, ingest.Failed)]
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if failed:
        raise SystemExit(f"{failed[0]}")
    found = {Path(track.path).name: library.windows_of([track.id])[0] for track in library.tracks("music")}
    return Run(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, found)


def equal(a: dict[str, TrackWindows], b: dict[str, TrackWindows]) -> bool:
    """Whether both hold the same files with the same windows, vectors, affect and features, bit by bit."""
    return a.keys() == b.keys() and all(
        np.array_equal(x, y) for name in a for x, y in zip(a[name], b[name], strict=True)
    )


if __name__ == "__main__":
    main()
