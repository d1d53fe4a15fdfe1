"""What a second process gains when a library is analysed, what each needs in memory, and that no bit changes.

    python benchmarks/workers.py ../shared/data/music [--workers 2] [--copies 3] [--out docs/results/workers.md]

Wall-clock time of `ingest.add` of the same files into a new library, starting the processes included, by one worker and
by `--workers`; the median of three alternating runs. The machine must be idle: the load beside the figures says
whether it was. What shared caches and clock rates take away shows as more CPU seconds for the same work.
Memory: the largest resident set of any worker.
"""

import os
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import measuring
import numpy as np

from indexing import ingest
from indexing.files import SUFFIXES
from indexing.library import Library
from recommender import Model
from recommender.types import TrackWindows

RUNS = 3


class Run(NamedTuple):
    """Seconds on the wall and of the workers' CPUs, and what was found, by path."""

    wall_s: float
    cpu_s: float
    found: dict[str, TrackWindows]


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--copies", type=int, default=3, help="how often each file is there, cut to differ")
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
    for k in range(RUNS):
        for n, done in runs.items():
            done.append(run(music, scratch / f"library {n} {k}", n))
    wall, cpu = (
        {n: statistics.median(getattr(r, name) for r in done) for n, done in runs.items()} for name in Run._fields[:2]
    )
    first = runs[1][0].found
    same = all(equal(first, r.found) for done in runs.values() for r in done)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    windows = sum(len(w.bounds) for w in first.values())
    return "\n".join(
        [
            "# Workers",
            "",
            f"{measuring.environment('numpy', 'av')} per process, {len(os.sched_getaffinity(0))} cores, load average "
            f"{load:.1f} before the first run; {len(first)} files, {windows} windows. Made by",
            f"`python benchmarks/workers.py ../shared/data/music --workers {workers} --out docs/results/workers.md`.",
            "",
            "| workers | wall s | CPU s | one / this |",
            "|---|---|---|---|",
            *(f"| {n} | {wall[n]:.1f} | {cpu[n]:.1f} | {wall[1] / wall[n]:.2f} |" for n in runs),
            "",
            f"Largest resident set of a worker: {peak:.0f} MB. All {RUNS * len(runs)} runs gave "
            f"{'the same bits' if same else '**different results**'}.",
            "",
        ]
    )


def run(music: Path, place: Path, workers: int) -> Run:
    """Analyse `music` into a new library at `place`."""
    model = Model.load()
    library = Library.create(place, model.space)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    failed = [e for e in ingest.add(library, [music], model, workers=workers) if isinstance(e, ingest.Failed)]
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if failed:
        raise SystemExit(f"{failed[0]}")
    found = {Path(track.path).name: library.windows(track.id) for track in library.tracks("music")}
    return Run(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, found)


def equal(a: dict[str, TrackWindows], b: dict[str, TrackWindows]) -> bool:
    """Whether both hold the same files with the same windows, vectors, affect and features, bit by bit."""
    return a.keys() == b.keys() and all(
        np.array_equal(x, y) for name in a for x, y in zip(a[name], b[name], strict=True)
    )


if __name__ == "__main__":
    main()
