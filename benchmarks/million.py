r"""One library that grows to a million tracks of 35 windows: what each step costs, and what it finds.

At each size: importing (in batches of 50,000 tracks), building its search index, opening, queries for 100 tracks with
and without filters against exact search, and 10,000 more tracks added to a copy that shares its files; at the last one
verification, and IndexFlatIP over as many of its windows as `--flat` says. A fresh process per figure, one thread;
times are of the CPU unless they are called wall. Memory is the process's own (RssAnon, sampled every 20 ms), and beside
it the largest resident set (VmHWM), which counts mapped files too. Figures are kept below `--work` as they come; the
library and its figures of one size are not made again. Stops where less than `--leave` GB would be free.

    python benchmarks/million.py --tracks 50000 200000 500000 1000000 --work ../million
"""

import measuring

# isort: split
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scale_data
import scale_libraries
from scale_data import DIM, WINDOWS
from scale_libraries import FILTERS, child, disk, overlap, resident

from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.verify import examine
from indexing.search import ann_index

BATCH, ADDED = 50_000, 10_000  # tracks
TRACK_BYTES = 45_000  # of a library while it grows, merging included


@contextmanager
def peak() -> Iterator[dict[str, float]]:
    """A context whose dictionary has the most memory of its own, in GB, that the process had inside."""
    found, ended = {"own_peak_gb": 0.0}, threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            found["own_peak_gb"] = max(found["own_peak_gb"], resident()["own_gb"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()
        found["own_peak_gb"] = max(found["own_peak_gb"], resident()["own_gb"])
        found["peak_gb"] = resident()["peak_gb"]


def measure(call: Callable[[], Any]) -> dict[str, float]:
    """CPU and wall seconds of a call, and its memory."""
    with peak() as found:
        cpu, wall = time.process_time(), time.perf_counter()
        call()
        spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return {**found, **spent}


def write_input(place: Path, first: int, tracks: int) -> None:
    """Vectors and ids of some tracks, written in pieces: their making is not measured."""
    out = np.lib.format.open_memmap(place / "vectors.npy", "w+", np.float32, (tracks * WINDOWS, DIM))
    for at in range(0, tracks, 2000):
        some = min(2000, tracks - at)
        out[at * WINDOWS : (at + some) * WINDOWS] = scale_data.windows(first + at, some)
    out.flush()
    with open(place / "ids.csv", "w", encoding="utf-8") as table:
        table.write("id,path,title,artist,bpm\n")
        for i in range(first, first + tracks):
            line = f"t{i},music/{i % 1000}/t{i}.mp3,Title {i},Artist {i % 999},{60 + i % 120}\n"
            table.write(line * WINDOWS)


def preparing(place: str, first: int, tracks: int) -> None:
    write_input(Path(place), first, tracks)


def importing(lib: str) -> dict[str, float]:
    """Import what was prepared; the search index is built later, on its own."""
    ann_index.start = lambda folder: False
    place = Path(lib).parent
    return measure(lambda: import_vectors(lib, place / "vectors.npy", place / "ids.csv", space="made up"))


def building(lib: str) -> dict[str, Any]:
    """The search index of every segment, for what the snapshot shows."""
    spent = measure(lambda: ann_index.build(Path(lib)))
    with Library.open(lib) as library:
        told = [one.describe() for one in library._search("music")]
        return {**spent, "segments": [one["vectors"] for one in told], "by": [describe(one) for one in told]}


def describe(told: dict[str, Any]) -> str:
    """What searches a segment, in a few words."""
    if told["kind"] == "representatives":
        return f"{told['rows']:,} of {told['representatives']:,} representatives"
    return told["kind"] if "recall_at_10" in told else told["backend"]


def opening(lib: str) -> dict[str, float]:
    return scale_libraries.opening(lib)


def verifying(lib: str) -> dict[str, Any]:
    """Verification without its own queries."""
    found: list[str] = []
    spent = measure(lambda: found.extend(map(str, examine(Path(lib), queries=0).problems)))
    return {**spent, "problems": found}


def flat(lib: str, rows: int) -> dict[str, float]:
    """IndexFlatIP over the first windows: the best 400 of each query, as many as ours asks for."""
    import faiss

    faiss.omp_set_num_threads(1)
    index, left = faiss.IndexFlatIP(DIM), rows
    with Library.open(lib) as library:
        for segment in library.segments("music"):
            for at in range(0, min(left, len(segment.vectors)), 1 << 18):
                index.add(np.ascontiguousarray(segment.vectors[at : min(at + (1 << 18), left)]))
            left = rows - index.ntotal
    few = scale_libraries.queries(1)[:10]
    spent = measuring.cpu(lambda: [index.search(query[None], 400) for query in few], 2)
    return {"rows": index.ntotal, "cpu_ms": spent / len(few) * 1e3, **resident()}


def here(name: str, *arguments: Any) -> Any:
    """What a function of this module returns in a fresh process."""
    return child(name, *arguments, module="million")


def grow(lib: Path, first: int, last: int) -> dict[str, float]:
    """Import tracks up to a number: the sum of times, the most of memory."""
    batches = []
    for at in range(first, last, BATCH):
        here("preparing", str(lib.parent), at, min(BATCH, last - at))
        batches.append(here("importing", str(lib)))
    return {key: (max if key.endswith("gb") else sum)(each[key] for each in batches) for key in batches[0]}


def add_to_copy(lib: Path, first: int) -> dict[str, Any]:
    """10,000 tracks added to a copy that shares the files of the library, and the bytes that were written."""
    copy = lib.parent / "copy" / "library"
    shutil.copytree(lib, copy, copy_function=lambda a, b: (shutil.copy2 if "catalog" in a else os.link)(a, b))
    here("preparing", str(copy.parent), first, ADDED)
    spent = here("importing", str(copy))
    written = (p.stat() for p in copy.glob("snapshots/**/*") if p.is_file())
    spent["snapshot_mb"] = sum(s.st_size for s in written if s.st_nlink == 1) / 1e6
    spent["open"] = here("opening", str(copy))
    shutil.rmtree(copy.parent)
    return spent


def together(lib: str) -> dict[str, Any]:
    """Batches of 200 as they are searched and exactly, in turns; whether the first give what single queries give."""
    spent: dict[bool, list[float]] = {True: [], False: []}
    with Library.open(lib) as library:
        for exact in spent:
            library.search_many(scale_libraries.queries(2)[:2], 100, "music", exact=exact)
        for seed, order in ((1, (False, True)), (3, (True, False))):
            asked = scale_libraries.queries(seed)
            for exact in order:
                start = time.process_time()
                found = library.search_many(asked, 100, "music", exact=exact)
                spent[exact].append((time.process_time() - start) / len(asked) * 1e3)
        single = [library.search(query, 100, "music").ids.tolist() for query in asked]
    same = [one.ids.tolist() for one in found] == single
    return {"exact_ms": spent[True], "cpu_ms": spent[False], "same": same}


class Kept:
    """Figures of one size, written as each of them comes; what is there is not made again."""

    def __init__(self, note: Path, **told: Any) -> None:
        self._note = note
        self.found: dict[str, Any] = json.loads(note.read_text(encoding="utf-8")) if note.exists() else told

    def put(self, name: str, make: Callable[[], Any]) -> None:
        if name not in self.found:
            self.found[name] = make()
            self._note.write_text(json.dumps(self.found, indent=1), encoding="utf-8")


def of_size(lib: Path, first: int, tracks: int) -> None:
    """All figures of a library that is grown from `first` tracks to more."""
    kept = Kept(note_of(lib.parent, tracks), tracks=tracks, windows=tracks * WINDOWS, **{"from": first})
    kept.put("import", lambda: grow(lib, first, tracks))
    kept.put("build", lambda: here("building", str(lib)))
    kept.put("disk", lambda: disk(lib))
    kept.put("open", lambda: here("opening", str(lib)))
    kept.put("add", lambda: add_to_copy(lib, tracks))
    kept.put("exact", lambda: child("batching", str(lib)))
    kept.put("batch", lambda: here("together", str(lib)))
    for name in ("", *FILTERS):
        kept.put(f"query {name}".strip(), lambda name=name: asked(lib, name, kept.found["exact"]["ids"]))


def asked(lib: Path, name: str, exact: Any) -> dict[str, Any]:
    """Single queries under a filter, or none, and what they find of what an exact search finds."""
    each: dict[str, Any] = child("querying", str(lib), "auto", name)
    right = [np.array(ids) for ids in (child("truth", str(lib), name)["ids"] if name else exact)]
    each["recall"] = {k: overlap(each["ids"], right, k) for k in (10, 100)}
    del each["ids"]
    return each


def note_of(work: Path, tracks: int) -> Path:
    return work / f"{tracks:08d}.json"


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--tracks", type=int, nargs="+", default=[50_000, 200_000, 500_000, 1_000_000])
    options.add_argument("--work", type=Path, required=True, help="figures and the library; 30 GB for a million")
    options.add_argument("--leave", type=float, default=16, help="GB of the disk to leave free")
    options.add_argument("--flat", type=int, default=10_000_000, help="windows that IndexFlatIP holds in memory")
    args = options.parse_args()
    work = args.work.resolve()
    lib, made = work / "library", 0
    lib.parent.mkdir(parents=True, exist_ok=True)
    for tracks in args.tracks:
        begun = note_of(work, tracks).exists()
        if not begun and shutil.disk_usage(work).free - (tracks - made) * TRACK_BYTES < args.leave * 1e9:
            print(f"{tracks:,} tracks would leave less than {args.leave:g} GB: stopped", file=sys.stderr)
            break
        of_size(lib, made, tracks)
        made = tracks
    last = Kept(note_of(work, made))
    last.put("verify", lambda: here("verifying", str(lib)))
    last.put("flat", lambda: here("flat", str(lib), args.flat))
    measuring.publish(report(work), args.out)


def report(work: Path) -> str:
    """A table of all that is kept."""
    sizes = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(work.glob("0*.json"))]
    rows: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        ("windows", lambda x: f"{x['windows']:,}"),
        ("importing from the size before, CPU s (wall)", lambda x: seconds(x["import"])),
        ("... own memory, with mapped files, GB", lambda x: memory(x["import"])),
        ("building its search index, CPU s (wall)", lambda x: seconds(x["build"])),
        ("... own memory, with mapped files, GB", lambda x: memory(x["build"])),
        ("segments, windows", lambda x: "; ".join(f"{n:,} ({by})" for n, by in zip(*segments(x), strict=True))),
        ("disk: Parquet, snapshot, index, catalog, MB", lambda x: ", ".join(f"{n / 1e6:,.0f}" for n in pieces(x))),
        ("opening, CPU ms", lambda x: f"{x['open']['cpu_s'] * 1e3:.0f}"),
        *[(f"query{name}: CPU ms", lambda x, at=at: f"{x[at]['cpu_ms']:.1f}") for name, at in NAMES.items()],
        *[(f"query{name}: wall p50 / p95 / p99, ms", lambda x, at=at: walls(x[at])) for name, at in NAMES.items()],
        *[(f"query{name}: recall@10 / @100", lambda x, at=at: recalls(x[at])) for name, at in NAMES.items()],
        ("... in an exact batch of 200, CPU ms", lambda x: f"{x['exact']['cpu_ms']:.1f}"),
        ("... in a batch of 200, and exactly in turns, CPU ms", batches),
        ("adding 10,000 tracks, CPU s (wall)", lambda x: seconds(x["add"])),
        ("... own memory, with mapped files, GB", lambda x: memory(x["add"])),
        ("... snapshot written, MB", lambda x: f"{x['add']['snapshot_mb']:,.0f}"),
        ("verifying, CPU s (wall); own memory, with mapped files, GB", verified),
        ("IndexFlatIP over its first windows, for 400, CPU ms; own memory, GB", peer),
    ]
    lines = ["| tracks | " + " | ".join(f"{x['tracks']:,}" for x in sizes) + " |", "|---|" + "---|" * len(sizes)]
    return "\n".join([*lines, *(f"| {name} | " + " | ".join(map(show, sizes)) + " |" for name, show in rows)])


NAMES = {" for 100 tracks": "query", **{f", filtered to {name}": f"query {name}" for name in FILTERS}}


def seconds(x: dict[str, float]) -> str:
    return f"{x['cpu_s']:.1f} ({x['wall_s']:.0f})"


def memory(x: dict[str, float]) -> str:
    return f"{x['own_peak_gb']:.2f}, {x['peak_gb']:.2f}"


def segments(x: dict[str, Any]) -> tuple[list[int], list[str]]:
    return x["build"]["segments"], x["build"]["by"]


def pieces(x: dict[str, Any]) -> list[int]:
    return [x["disk"][key] for key in ("parts", "snapshot", "index", "catalog")]


def walls(x: dict[str, Any]) -> str:
    return " / ".join(f"{x[key]:.1f}" for key in ("p50_ms", "p95_ms", "p99_ms"))


def recalls(x: dict[str, Any]) -> str:
    return " / ".join(f"{share:.4f}" for share in x["recall"].values())


def batches(x: dict[str, Any]) -> str:
    if "batch" not in x:
        return ""
    return ", ".join(f"{np.mean(x['batch'][key]):.1f}" for key in ("cpu_ms", "exact_ms"))


def verified(x: dict[str, Any]) -> str:
    if "verify" not in x:
        return ""
    return f"{seconds(x['verify'])}; {memory(x['verify'])}; {len(x['verify']['problems'])} problems"


def peer(x: dict[str, Any]) -> str:
    return f"{x['flat']['cpu_ms']:.0f} ({x['flat']['rows']:,}); {x['flat']['own_gb']:.2f}" if "flat" in x else ""


if __name__ == "__main__":
    main()
