"""What a cluster costs on one machine: a library made by Dask's workers against one made by worker processes.

    python benchmarks/cluster.py ../shared/data/music [--workers 2] [--copies 2] [--out docs/results/cluster.md]

Wall-clock time of `ingest.add` of the same files into a new library, in alternation, the order changed from round to
round: rented cores change their speed from one second to the next. The cluster is up before; connecting to it, asking
its workers for their sources and starting the processes they host are part of each run.

One machine alone: what Dask and the hosting cost, not what more machines gain. Needs `pip install '.[cluster]'`.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import measuring
from workers import copied, equal, quartiles

from indexing import ingest
from indexing.library import Library
from recommender import Model
from recommender.types import TrackWindows

ROUNDS = 6


class Run(NamedTuple):
    """Seconds on the wall, and what was found, by path."""

    wall_s: float
    found: dict[str, TrackWindows]


def main() -> None:
    import dask
    from distributed import LocalCluster

    options = measuring.parser(__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--copies", type=int, default=2, help="how often each file is there, cut to differ")
    args = options.parse_args()
    one_each = {"n_workers": args.workers, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        tempfile.TemporaryDirectory() as scratch,
        dask.config.set({"distributed.worker.daemon": False}),
        LocalCluster(**one_each) as cluster,
    ):
        music = Path(scratch) / "music"
        copied(args.folder, music, args.copies)
        measuring.publish(report(music, f"dask:{cluster.scheduler_address}", args.workers), args.out)


def report(music: Path, cluster: str, workers: int) -> str:
    """The table in markdown."""
    load = os.getloadavg()[0]
    runs: dict[str, list[Run]] = {"processes": [], cluster: []}
    for k in range(ROUNDS):
        for executor in list(runs) if k % 2 else list(runs)[::-1]:
            runs[executor].append(run(music, music.parent / f"{executor[:4]} {k}", executor, workers=workers))
    own, theirs = runs.values()
    share = [a.wall_s / b.wall_s for a, b in zip(own, theirs, strict=True)]
    same = all(equal(own[0].found, one.found) for done in runs.values() for one in done)
    wall = [quartiles([one.wall_s for one in done]) for done in (own, theirs)]
    windows = sum(len(found.bounds) for found in own[0].found.values())
    return "\n".join(
        [
            "# A cluster of workers, on one machine",
            "",
            f"{measuring.environment('numpy', 'av', 'distributed')} per process, {len(os.sched_getaffinity(0))} cores, "
            f"load average {load:.1f} before the first run; {len(own[0].found)} files, {windows} windows. Made by",
            f"`python benchmarks/cluster.py ../shared/data/music --workers {workers} --out docs/results/cluster.md`.",
            f"Median (quartiles) of {ROUNDS} alternating rounds.",
            "",
            f"| {workers} workers | wall s |",
            "|---|---|",
            f"| processes | {wall[0]} |",
            f"| dask | {wall[1]} |",
            "",
            f"Throughput of the cluster against `processes`, round by round: {quartiles(share, 2)}, at least .9 asked "
            f"({verdict(share)}). All {2 * ROUNDS} runs gave "
            f"{'the same bits' if same else '**different results**'}.",
            "",
            "Both on the same cores: this is what Dask and the hosting cost. What more machines gain was not measured,",
            "for want of more machines.",
            "",
        ]
    )


def verdict(share: list[float]) -> str:
    """Whether nine tenths are kept: surely where three rounds of four keep them."""
    if statistics.quantiles(share, n=4)[0] >= 0.9:
        return "kept"
    return "not surely" if statistics.median(share) >= 0.9 else "**missed**"


def run(music: Path, place: Path, executor: str, *, workers: int) -> Run:
    """Analyse `music` into a new library at `place`."""
    model = Model.load()
    library, start = Library.create(place, model.space), time.perf_counter()
    count = workers if executor == "processes" else None  # all that the cluster has
    events = ingest.add(library, [music], model, workers=count, executor=executor)
    failed = [event for event in events if isinstance(event, ingest.Failed)]
    wall_s = time.perf_counter() - start
    if failed:
        raise SystemExit(f"{failed[0]}")
    found = {Path(track.path).name: library.windows_of([track.id])[0] for track in library.tracks("music")}
    return Run(wall_s, found)


if __name__ == "__main__":
    main()
