"""Exact search on a GPU at up to 1,000,000,000 x 64, beside the processor and the bandwidth of the same machine.

    PYTHONPATH=. python benchmarks/gpu.py [--rows 1000000 10000000 100000000 1000000000] [--seconds 400]
        [--out docs/results/gpu.md]

Needs torch or FAISS, whichever is there, no network and no data; it ends within about `--seconds`, leaves out or makes
smaller what does not fit the time or the memory, and says so. Rows are a mixture of 300 Gaussians of spread 1 around
unit centres, made on the device. A query asks for 3,200 rows, as one for 200 tracks does first; times are the median of
several, answers on the host, scored in float32 from rows there. Where the host has no room for these, "alone": the
device finds which rows can be among the best, and nothing scores them. Without a GPU the processor stands in, which
shows that all of this runs, and nothing of a GPU.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexing.search.backends import exact, faiss_flat, torch_exact
from indexing.search.backends.on_device import DeviceIndex

DIM, GAUSSIANS, DEPTH, BATCH, TRACK, SEED = 64, 300, 3200, 256, 35, 7
SIZES = (10**6, 10**7, 10**8, 10**9)
BLOCK = 1 << 20  # rows made at a time
CHECKED = 4  # queries whose answers are compared with all products in float32
HOST_SHARE = 0.5  # of the host's free memory: what rows in float32 may take there
REPEATS = 7
TORCH = importlib.util.find_spec("torch") is not None
FAISS = importlib.util.find_spec("faiss") is not None


class Clock:
    """How much of the time is left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.perf_counter() + seconds

    def left(self) -> float:
        return self._end - time.perf_counter()


class Row(NamedTuple):
    """A line of the table; seconds, None where not measured."""

    rows: int
    what: str
    gigabytes: float
    loading: float
    single: float
    batch: float | None
    share: float | None
    note: str


def main(argv: list[str] | None = None) -> str:
    """Measure, print the report, and write it where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--seconds", type=float, default=400.0, help="all of it takes no longer")
    parser.add_argument("--out", type=Path, help="also write the report as markdown")
    args = parser.parse_args(argv)
    if not TORCH and not FAISS:
        parser.exit(2, "neither torch nor FAISS is installed: pip install torch, or pip install faiss-gpu\n")
    text = report(args.rows, Clock(args.seconds))
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    print(text)
    return text


def report(sizes: list[int], clock: Clock) -> str:
    speed = bandwidth()
    found, said = [], []
    made, carried = pace(min(BLOCK, max(sizes)))
    for wanted in sorted(sizes):
        rows = fitting(wanted)
        if rows < wanted:
            said.append(f"{wanted:,} rows were made {rows:,}: more do not fit the memory.")
        room = rows * DIM * 4 <= host_bytes() * HOST_SHARE
        if room and rows * (made + 4 * carried) < clock.left() / 2:
            found += on_the_host(rows, speed, clock)
        elif TORCH and rows * made < clock.left() / 2:
            found.append(on_the_device_alone(rows, speed, clock))
        else:
            said.append(
                f"{rows:,} rows were left out: there is no room or no time, of which {clock.left():.0f} s are left."
            )
        if rows < wanted:
            break
    return "\n".join(["# Exact search on a GPU", "", conditions(speed), "", *table(found), "", *said]).rstrip() + "\n"


def pace(rows: int) -> tuple[float, float]:
    """Seconds a row to make it and its code on the device, and to carry it to the host."""
    times = []
    for _ in range(2):  # the first time things are loaded
        start = time.perf_counter()
        block = next(blocks(rows))
        if TORCH:
            torch_exact.encode(block, block.abs().amax(0) / 127, torch_exact.load_torch().int8)
        middle = time.perf_counter()
        np.array(as_numpy(block))
        times = [middle - start, time.perf_counter() - middle]
    return times[0] / rows, times[1] / rows


def device() -> str:
    return "cuda" if TORCH and torch_exact.load_torch().cuda.is_available() else "cpu"


def has_gpu() -> bool:
    return device() == "cuda" or (FAISS and faiss_flat.gpu_usable(faiss_flat.load_faiss()))


def now() -> float:
    """Seconds: of the wall where there is a GPU; of the processor where that stands in, as it may be shared."""
    return time.perf_counter() if has_gpu() else time.process_time()


def fitting(rows: int) -> int:
    """As many rows as fit as int8 beside what a search needs, or as float32 where torch is not there."""
    if not TORCH:
        return min(rows, int(host_bytes() * HOST_SHARE / 2 / (4 * DIM)))
    return min(rows, int(torch_exact.free_bytes(device()) * 0.55 / DIM))


def host_bytes() -> float:
    """Free memory of the host."""
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def median(call: Callable[[], Any], clock: Clock) -> float:
    """Seconds of a call, after one that is not counted; fewer are made where time is short."""
    times: list[float] = []
    for count in range(REPEATS + 1):
        start, began = now(), time.perf_counter()
        call()
        times.append(now() - start)
        if count and (time.perf_counter() - began) * 16 > clock.left():
            break
    return statistics.median(times[1:] or times)


def bandwidth() -> float | None:
    """Bytes a second that copying on the device reads and writes; None without torch."""
    if not TORCH:
        return None
    torch = torch_exact.load_torch()
    one = torch.zeros(1 << (31 if device() == "cuda" else 26), dtype=torch.int8, device=device())
    other = torch.empty_like(one)

    def copy() -> None:
        other.copy_(one)
        float(other[-1])  # waits for it

    return 2 * len(one) / median(copy, Clock(60))


def blocks(rows: int, seed: int = SEED) -> Iterator[Any]:
    """Float32 [m, 64] on the device, of unit length, the same for the same seed and device; numpy's without torch."""
    if not TORCH:
        rng = np.random.default_rng(seed)
        centres = normalise(np.random.default_rng(SEED).standard_normal((GAUSSIANS, DIM), np.float32))
        for at in range(0, rows, BLOCK):
            count = min(BLOCK, rows - at)
            noise = rng.standard_normal((count, DIM), np.float32) / np.float32(DIM**0.5)
            yield normalise(noise + centres[rng.integers(0, GAUSSIANS, count)])
        return
    torch = torch_exact.load_torch()
    where = {"device": device(), "generator": torch.Generator(device()).manual_seed(SEED)}
    centres = torch.nn.functional.normalize(torch.randn(GAUSSIANS, DIM, **where))
    where["generator"].manual_seed(seed)
    for at in range(0, rows, BLOCK):
        count = min(BLOCK, rows - at)
        noise = torch.randn(count, DIM, **where) / DIM**0.5
        yield torch.nn.functional.normalize(noise + centres[torch.randint(GAUSSIANS, (count,), **where)])


def normalise(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def as_numpy(block: Any) -> np.ndarray:
    return block.cpu().numpy() if TORCH else block


def asked() -> np.ndarray:
    """The queries, float32 [256, 64]."""
    return as_numpy(next(blocks(BATCH, SEED + 1)))


def on_the_host(rows: int, speed: float | None, clock: Clock) -> list[Row]:
    """All that searches rows which the host holds in float32."""
    vectors, at = np.empty((rows, DIM), np.float32), 0
    for block in blocks(rows):
        vectors[at : at + len(block)] = as_numpy(block)
        at += len(block)
    found = []
    right = [np.sort(exact.best(vectors @ query, min(DEPTH, rows))[1]) for query in asked()[:CHECKED]]
    for name, make in ways(vectors):
        if found and 3 * (found[-1].loading + 10 * found[-1].single) > clock.left():
            found.append(Row(rows, name, 0, 0, 0, None, None, "left out: the time is short"))
            continue
        found.append(of_index(name, make, right, speed=speed, clock=clock))
    return found


def ways(vectors: np.ndarray) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What can search rows that are on the host, by name."""
    if FAISS and faiss_flat.gpu_usable(faiss_flat.load_faiss()):
        yield "FAISS, GPU", lambda: faiss_flat.open_flat(vectors)
    if TORCH:
        for precision in ("fp16", "int8"):
            yield (
                f"torch, {precision}, {device()}",
                lambda precision=precision: torch_exact.open_torch(vectors, precision),
            )
    if FAISS:
        yield "FAISS, processor (knn, as IndexFlatIP)", lambda: faiss_flat.FaissFlat(vectors)
    yield "numpy, processor", lambda: exact.Exact(vectors)


def of_index(name: str, make: Callable[[], Any], right: list[Any], *, speed: float | None, clock: Clock) -> Row:
    """Loading, single queries, a batch, and whether the first answers are right."""
    start, queries = now(), asked()
    index = make()
    loading, count, depth = now() - start, len(index._vectors), min(DEPTH, len(index._vectors))
    answers = [np.sort(index.top(query, depth)[1]) for query in queries[:CHECKED]]
    equal = sum(np.allclose(one, other, atol=2e-6) for one, other in zip(answers, right, strict=True))
    turns = iter(range(10**6))
    single = median(lambda: index.top(queries[next(turns) % BATCH], depth), clock)
    together, note = batch_of(index, depth)
    batch = median(lambda: together(queries), clock) if may_take(BATCH * single, clock) else None
    wide = {"fp16": 2, "int8": 1}.get(getattr(index, "precision", ""), 4)
    share = count * DIM * wide / single / speed if speed and isinstance(index, DeviceIndex) else None
    note = f"{equal} of {CHECKED} right{note}"
    return Row(count, name, count * DIM * wide / 1e9, loading, single, batch, share, note)


def may_take(seconds: float, clock: Clock) -> bool:
    """Whether a call and one that warms up, of at most so many seconds, leave a third of the time."""
    return 3 * seconds < clock.left()


def batch_of(index: Any, depth: int) -> tuple[Callable[[np.ndarray], Any], str]:
    """How an index answers many queries at once, and what is to be said of it."""
    if isinstance(index, DeviceIndex):
        return lambda queries: index.tops(queries, depth), ""
    if isinstance(index, faiss_flat.FaissFlat):
        faiss = faiss_flat.load_faiss()
        return lambda queries: faiss.knn(queries, index._vectors, depth, metric=faiss.METRIC_INNER_PRODUCT), ""
    edges = np.unique([*range(0, len(index._vectors), TRACK), len(index._vectors)])
    return lambda queries: exact.tops(index._vectors, queries, 216, offsets=edges), "; at once by track, 216 of 35 rows"


def on_the_device_alone(rows: int, speed: float | None, clock: Clock) -> Row:
    """Codes of int8 that are made where they are searched."""
    torch, queries, start = torch_exact.load_torch(), asked(), now()
    padded = -(-rows // 32) * 32
    codes = torch.empty((padded, DIM), dtype=torch.int8, device=device())
    scale, at, largest = None, 0, np.zeros(3)
    for block in blocks(rows):
        # the first block's largest part and a tenth; the little that is cut off is counted in the bound of the error
        scale = block.abs().amax(0) * 1.1 / 127 if scale is None else scale
        codes[at : at + len(block)], lengths = torch_exact.encode(block, scale, torch.int8)
        largest, at = np.maximum(largest, lengths), at + len(block)
    codes[rows:] = codes[rows - 1]
    kept = torch_exact.Kept(codes, rows, scale.cpu().numpy().astype(np.float64), *(largest * (1 + 1e-5)).tolist())
    index = torch_exact.TorchRows(np.empty((0, DIM), np.float32), kept)
    loading, turns = now() - start, iter(range(10**6))
    again = len(index.near(queries[:1], DEPTH)[0])
    single = median(lambda: index.near(queries[next(turns) % BATCH][None], DEPTH), clock)
    batch = median(lambda: index.near(queries, DEPTH), clock) if may_take(BATCH * single, clock) else None
    share = rows * DIM / single / speed if speed else None
    note = f"made there, no scores: {again:,} rows would be scored"
    return Row(rows, f"torch, int8, {device()}, alone", rows * DIM / 1e9, loading, single, batch, share, note)


def conditions(speed: float | None) -> str:
    names = [name for name in ("torch", "faiss-cpu", "faiss-gpu", "numpy") if installed(name)]
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    what, where = "no torch", device()
    if TORCH:
        what = (
            torch_exact.load_torch().cuda.get_device_name()
            if where == "cuda"
            else "**no GPU: the processor stands in**"
        )
    moved = f"; copying there moves {speed / 1e9:,.0f} GB/s" if speed else ""
    return (
        f"{date.today().isoformat()}; device: {what}{moved}; {os.cpu_count()} processor cores, {platform.machine()}, "
        f"python {platform.python_version()}; {versions}. {'Wall' if has_gpu() else 'CPU'} times; {DIM} dimensions, "
        f"{DEPTH:,} rows a query, batches of {BATCH}, seed {SEED}; made by `benchmarks/gpu.py`, which says how."
    )


def installed(name: str) -> bool:
    try:
        return bool(version(name))
    except ModuleNotFoundError:
        return False


def table(found: list[Row]) -> list[str]:
    lines = [
        f"| rows | what | GB | loading, s | one query, ms | of bandwidth | {BATCH} at once, ms each | queries/s | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        batch = ("", "") if row.batch is None else (f"{1e3 * row.batch / BATCH:.2f}", f"{BATCH / row.batch:,.0f}")
        share = "" if row.share is None else f"{row.share:.0%}"
        times = f"{row.gigabytes:.2f} | {row.loading:.1f} | {1e3 * row.single:.2f}" if row.single else " | | "
        lines.append(f"| {row.rows:,} | {row.what} | {times} | {share} | {batch[0]} | {batch[1]} | {row.note} |")
    return lines


if __name__ == "__main__":
    main()
