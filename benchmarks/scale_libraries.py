"""Whole libraries of made-up tracks, a fresh process per figure; part of `scale.py`."""

import measuring

# isort: split
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scale_data
from scale_data import DIM, WINDOWS

from indexing.disk.durable import tree_bytes
from indexing.disk.runs import spans
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.build_index import rebuild
from indexing.search import ann_index
from indexing.snapshot import snapshot
from recommender.types import Filter, Range

BATCH = 50_000  # tracks imported at a time: the table of ids is held as text
ADDED = 100
QUERIES = 200
FILTERS = {"1 in 120": Range(60, 60), "1 in 10": Range(60, 71), "1 in 2": Range(60, 119)}  # of tempi 60 to 179
PEER_WINDOWS = 1_000_000  # above, hnswlib would build for an hour


def of_size(tracks: int, work: Path) -> dict[str, Any]:
    """All figures of a library of that many tracks, made below `work`."""
    home = work / f"library-{tracks:08d}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    lib, copy = str(home / "library"), str(home / "copy")
    imports = [child("importing", lib, at, min(BATCH, tracks - at)) for at in range(0, tracks, BATCH)]
    found: dict[str, Any] = {"tracks": tracks, "windows": tracks * WINDOWS}
    found["import"] = {key: sum(each[key] for each in imports) for key in ("cpu_s", "wall_s")}
    found["import"]["rss_gb"] = max(each["rss_gb"] for each in imports)
    found["before"] = child("querying", lib, "auto", "")
    found["build"] = child("building", lib)
    found["disk"] = disk(Path(lib))
    found["open"], found["parquet"] = child("opening", lib), child("reading", lib)
    found["exact"] = child("batching", lib)
    found["query"] = child("querying", lib, "auto", "")
    found["filtered"] = {name: child("querying", lib, "auto", name) for name in FILTERS}
    truth = [np.array(ids) for ids in found["exact"].pop("ids")]
    for each in (found["before"], found["query"]):
        ids = each.pop("ids")
        each["recall"] = {k: overlap(ids, truth, k) for k in (10, 100)}
    for name, each in found["filtered"].items():
        truth = [np.array(ids) for ids in child("truth", lib, name)["ids"]]
        each["recall"] = {k: overlap(each["ids"], truth, k) for k in (10, 100)}
        del each["ids"]
    found["add"] = child("adding", lib, copy)
    found["behind"] = child("opening", copy)
    found["publish"] = child("publishing", copy)
    shutil.rmtree(copy)
    found["flat"] = child("flat", lib)
    if tracks * WINDOWS <= PEER_WINDOWS:
        found["hnswlib"] = child("hnsw", lib)
    return found


def child(name: str, *arguments: Any, module: str = "scale_libraries") -> Any:
    """What a function of this module, or of another, returns in a fresh process."""
    code = f"import json, {module} as s; print(json.dumps(s.{name}(*json.loads({json.dumps(arguments)!r}))))"
    place = str(Path(__file__).parent)
    paths = os.pathsep.join([place, str(Path(place).parent), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}
    )
    return json.loads(run.stdout)


def overlap(found: list[Any], truth: list[Any], k: int) -> float:
    """The share of the k best that are among the first k found."""
    hits = sum(len(np.intersect1d(mine[:k], right[:k])) for mine, right in zip(found, truth, strict=True))
    return hits / max(1, sum(len(right[:k]) for right in truth))


def importing(lib: str, first: int, tracks: int) -> dict[str, float]:
    """Import tracks; the search index is built later, on its own."""
    ann_index.start = lambda folder: False
    place = Path(lib).parent
    np.save(place / "vectors.npy", scale_data.windows(first, tracks))
    with open(place / "ids.csv", "w", encoding="utf-8") as table:
        table.write("id,path,title,artist,bpm\n")
        for i in range(first, first + tracks):
            line = f"t{i},music/{i % 1000}/t{i}.mp3,Title {i},Artist {i % 999},{60 + i % 120}\n"
            table.write(line * WINDOWS)
    cpu, wall = time.process_time(), time.perf_counter()
    import_vectors(lib, place / "vectors.npy", place / "ids.csv", space="made up")
    spent = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall, "rss_gb": resident()["peak_gb"]}
    (place / "vectors.npy").unlink()
    (place / "ids.csv").unlink()
    return spent


def building(lib: str) -> dict[str, Any]:
    """Build the search index, for what the snapshot shows."""
    with Library.open(lib) as library:
        made = rebuild(library)["music"]
        return {**library.info()["search"]["music"], "cpu_s": made.cpu_s, **resident()}


def disk(lib: Path) -> dict[str, int]:
    """Bytes of the parts of a library."""
    homes = list(snapshot.load(lib).crcs)
    names = (snapshot.CODES, f"{snapshot.REPRESENTATIVES}/*")
    index = sum(path.stat().st_size for home in homes for name in names for path in home.glob(name))
    pieces = {"parts": tree_bytes(lib / "parts"), "catalog": sum(p.stat().st_size for p in lib.glob("catalog*"))}
    return {**pieces, "snapshot": sum(map(tree_bytes, homes)) - index, "index": index}


def opening(lib: str) -> dict[str, float]:
    """Opening, and the first query after it; the modules are there already."""
    query = scale_data.mixture(1, 1.0, 5)[0]
    with Library.open(lib) as library:
        library.search(query, 10, "music")
    opens, firsts = [], []
    for _ in range(5):
        start = time.process_time()
        with Library.open(lib) as library:
            opens.append(time.process_time() - start)
            library.search(query, 10, "music")
        firsts.append(time.process_time() - start)
    return {"cpu_s": min(opens), "with_query_cpu_s": min(firsts)}


def reading(lib: str) -> dict[str, float]:
    """Reading the store's Parquet, a part at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    parts = sorted(Path(lib).glob("parts/*.parquet"))

    def read() -> None:
        for part in parts:
            pq.read_table(part, use_threads=False)

    return {"cpu_s": measuring.cpu(read, 2), "parts": len(parts)}


def queries(seed: int) -> Any:
    """float32 [200, 64]: windows of tracks that are not in the library."""
    return scale_data.windows(0, QUERIES, 1000 + seed)[::WINDOWS]


def querying(lib: str, backend: str, kind: str) -> dict[str, Any]:
    """Single queries for 100 tracks: time, memory, and what was found; `kind` names a filter."""
    where = Filter(bpm=FILTERS[kind]) if kind else None
    before = resident()
    with Library(Path(lib), backend) as library:
        for query in queries(2)[:20]:
            library.search(query, 100, "music", where=where)
        walls, ids = [], []
        cpu = time.process_time()
        for query in queries(1):
            start = time.perf_counter()
            ids.append(library.search(query, 100, "music", where=where).ids.tolist())
            walls.append(time.perf_counter() - start)
        cpu = time.process_time() - cpu
        p50, p95, p99 = (np.quantile(walls, [0.5, 0.95, 0.99]) * 1e3).tolist()
        after = {f"{key}_before": value for key, value in before.items()} | resident()
        return {"cpu_ms": cpu / QUERIES * 1e3, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "ids": ids, **after}


def batching(lib: str) -> dict[str, Any]:
    """The same queries as one batch, exactly."""
    with Library.open(lib) as library:
        library.search_many(queries(2)[:2], 100, "music", exact=True)
        start = time.process_time()
        found = library.search_many(queries(1), 100, "music", exact=True)
        spent = time.process_time() - start
    return {"cpu_ms": spent / QUERIES * 1e3, "ids": [each.ids.tolist() for each in found]}


def truth(lib: str, kind: str) -> dict[str, Any]:
    """What an exact search under a filter finds, by brute force over the tracks that meet it."""
    with Library.open(lib) as library:
        chosen, asked, best = library.ids("music", Filter(bpm=FILTERS[kind])), queries(1).T, []
        for segment in library.segments("music"):
            places, _ = segment.places(chosen)
            for some in np.array_split(places, 1 + len(places) // 20_000):
                counts = np.diff(segment.offsets)[some]
                products = segment.vectors[spans(segment.offsets[some], counts)] @ asked
                best.append((segment.ids[some], np.maximum.reduceat(products, np.cumsum(counts) - counts, axis=0)))
        ids, scores = (np.concatenate(column) for column in zip(*best, strict=True))
    return {"ids": [ids[np.lexsort((ids, -column))[:100]].tolist() for column in scores.T]}


def adding(lib: str, copy: str) -> dict[str, float]:
    """Adding 100 tracks to a copy that shares the vectors, and opening it again: the least of three times."""
    ann_index.start = lambda folder: False
    place = Path(copy).parent
    shutil.copytree(lib, copy, copy_function=lambda a, b: (shutil.copy2 if "catalog" in a else os.link)(a, b))
    costs = []
    for round_ in range(4):
        np.save(place / "added.npy", scale_data.windows(0, ADDED, 3 + round_))
        lines = "".join(f"new{round_}-{i}\n" * WINDOWS for i in range(ADDED))
        (place / "added.csv").write_text("id\n" + lines, encoding="utf-8")
        start = time.process_time()
        import_vectors(copy, place / "added.npy", place / "added.csv", space="made up")
        added = time.process_time() - start
        Library.open(copy).close()
        costs.append((added, time.process_time() - start))
    both = np.min(costs[1:], axis=0).tolist()  # the first imports modules
    return dict(zip(("cpu_s", "with_opening_cpu_s"), both, strict=True))


def publishing(lib: str) -> dict[str, float]:
    """Writing the snapshot anew, as after many such additions."""
    start = time.process_time()
    with Library.open(lib).writing() as writer:
        writer.publish(always=True, background=False)
    return {"cpu_s": time.process_time() - start}


def corpus(lib: str) -> Any:
    """The vectors of a library."""
    return np.concatenate([segment.vectors for segment in snapshot.load(Path(lib)).segments["music"]])


def flat(lib: str) -> dict[str, float]:
    """IndexFlatIP over the same windows: the best 400 of each query, as many as ours asks for."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(DIM)
    index.add(corpus(lib))
    few = queries(1)[:20]
    spent = measuring.cpu(lambda: [index.search(query[None], 400) for query in few], 2)
    return {"cpu_ms": spent / len(few) * 1e3, **resident()}


def hnsw(lib: str) -> dict[str, Any]:
    """hnswlib over the same windows: building, memory, and single queries for 10 windows."""
    import hnswlib

    vectors = corpus(lib)
    exact = [np.argsort(-(vectors @ query))[:10] for query in queries(1)]
    index = hnswlib.Index(space="ip", dim=DIM)
    index.init_index(max_elements=len(vectors), M=16, ef_construction=100, random_seed=0)
    index.set_num_threads(1)
    start = time.process_time()
    index.add_items(vectors)
    spent = time.process_time() - start
    for ef in (10, 20, 50, 100, 200, 400, 800):
        index.set_ef(ef)
        found = [index.knn_query(query, k=10)[0][0] for query in queries(1)]
        share = overlap(found, exact, 10)
        if share >= 0.95:
            break
    per_query = measuring.cpu(lambda: [index.knn_query(query, k=10) for query in queries(1)]) / QUERIES * 1e3
    return {"built_s": spent, "ef": ef, "recall_at_10": share, "cpu_ms": per_query, **resident()}


def resident() -> dict[str, float]:
    """Memory of this process in GB: its own, what it has mapped of files, and the most of both."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    held = {line.split(":")[0]: int(line.split()[1]) / 1e6 for line in lines if line.endswith("kB")}
    return {"own_gb": held["RssAnon"], "mapped_gb": held["RssFile"], "peak_gb": held["VmHWM"]}
