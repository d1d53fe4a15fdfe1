r"""Search at scale: what it costs and finds, next to plain FAISS and hnswlib, and whole libraries of growing size.

Needs the project with `cpu`, and hnswlib. `vectors` searches a matrix of 1M x 64: our exact batches against
IndexFlatIP, what `index build` chooses for several recalls against IndexFlatIP and, at broad Gaussians, hnswlib.
`libraries` imports made-up tracks of 35 windows (mixtures of 300 Gaussians: windows around their track, tracks around
their genre) and measures a fresh process per figure. Parts may be run one by one: each keeps its figures below
`--work`, and the report is of all that are there. One thread; times are of the CPU unless said otherwise.

    python benchmarks/scale.py vectors libraries --tracks 10000 100000 200000 --work ../scale \
        --out docs/results/scale.md
"""

import measuring

# isort: split
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scale_libraries
import scale_report
from scale_data import DIM, SPREADS, mixture

from indexing.search.ann_tuning import Held, Settings, measure, tune
from indexing.search.backends.exact import tops
from indexing.search.backends.faiss_pq import FaissPQ

QUERIES = 200
HNSW = {"M": 16, "ef_construction": 100}  # half the usual effort: recall suffices, and it is the peer's gain


def vectors(rows: int, work: Path, peers: bool) -> None:
    """Figures of every mixture."""
    for name, spread in SPREADS.items():
        kept(work, f"vectors-{name}", lambda spread=spread: of_mixture(rows, spread))
    if peers:
        kept(work, "hnswlib", lambda: hnswlib_of(rows, SPREADS["broad"]))


def of_mixture(rows: int, spread: float) -> dict[str, Any]:
    """Flat search, batches, and ours at three recalls, on one mixture."""
    import faiss

    faiss.omp_set_num_threads(1)
    corpus, held = drawn(rows, spread)
    queries = held.queries
    flat = faiss.IndexFlatIP(DIM)
    flat.add(corpus)
    found: dict[str, Any] = {"rows": rows, "spread": spread, "queries": QUERIES}
    found["flat_ms"] = per_query(lambda q: flat.search(q[None], 100), queries[:50])
    found["product_ms"] = per_query(lambda q: corpus @ q, queries[:50])
    found["batch"] = batches(flat, corpus, mixture(256, spread, 2))
    found["ours"] = [ours(corpus, held, recall) for recall in (0.999, 0.99, 0.95)]
    found["flat_again_ms"] = per_query(lambda q: flat.search(q[None], 100), queries[:50])
    return found


def drawn(rows: int, spread: float) -> tuple[Any, Held]:
    """The rows of a mixture, and further draws from it as queries, with their 100 best rows."""
    corpus, queries = mixture(rows, spread, 0), mixture(QUERIES, spread, 1)
    return corpus, Held(queries, tops(corpus, queries, 100)[0])


def batches(flat: Any, corpus: Any, queries: Any) -> dict[str, float]:
    """CPU seconds of a batch of 256 for 100 rows each, and whether both found the same scores."""
    theirs, mine = flat.search(queries, 100)[0], tops(corpus, queries, 100)[1]
    return {
        "flat_s": measuring.cpu(lambda: flat.search(queries, 100)),
        "ours_s": measuring.cpu(lambda: tops(corpus, queries, 100)),
        "difference": float(np.abs(theirs - mine).max()),
    }


def ours(corpus: Any, held: Held, recall: float) -> dict[str, Any]:
    """What `index build` makes for a recall, tuned on its own held-out queries, measured on these."""
    start = time.process_time()
    made = tune(corpus, Settings(recall=recall))
    built_s = time.process_time() - start
    if made is None:
        return {"asked": recall, "kind": "exact", "built_s": built_s}
    codes, layout, tuning = made
    index = FaissPQ(corpus, codes, layout)
    reached = measure(index, held)
    ten = per_query(lambda q: index.top(q, 10), held.queries)
    return {
        **vars(reached),
        **vars(layout),
        "asked": recall,
        "tuned_recall": tuning.recall,
        "kind": "lists" if layout.lists else "scan",
        "query_10_ms": ten,
        "built_s": built_s,
    }


def hnswlib_of(rows: int, spread: float) -> dict[str, Any]:
    """hnswlib: building, and recall and time for several `ef`; flat search beside it."""
    import faiss
    import hnswlib

    corpus, held = drawn(rows, spread)
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatIP(DIM)
    flat.add(corpus)
    index = hnswlib.Index(space="ip", dim=DIM)
    index.init_index(max_elements=len(corpus), random_seed=0, **HNSW)
    index.set_num_threads(1)
    start = time.process_time()
    index.add_items(corpus)
    found: dict[str, Any] = {**HNSW, "built_s": time.process_time() - start, "points": []}
    for ef in (20, 50, 100, 200, 400, 800, 1600):
        index.set_ef(ef)
        rows = np.array([index.knn_query(q, k=10)[0][0] for q in held.queries])
        share = float(np.mean([len(np.intersect1d(a, b[:10])) / 10 for a, b in zip(rows, held.truth, strict=True)]))
        ms = per_query(lambda q: index.knn_query(q, k=10), held.queries)
        found["points"].append({"ef": ef, "recall_at_10": share, "query_10_ms": ms})
        if share >= 0.99:
            break
    found["flat_ms"] = per_query(lambda q: flat.search(q[None], 10), held.queries[:50])
    return found


def per_query(search: Callable[[Any], object], queries: Any, repeats: int = 3) -> float:
    """CPU milliseconds a query, the least of several rounds."""
    return measuring.cpu(lambda: [search(query) for query in queries], repeats) / len(queries) * 1e3


def kept(work: Path, name: str, make: Callable[[], dict[str, Any]]) -> None:
    """Measure and keep the figures below `work`."""
    start = time.perf_counter()
    found = make()
    work.mkdir(parents=True, exist_ok=True)
    (work / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name}: {time.perf_counter() - start:.0f} s, at most {peak:.1f} GB", file=sys.stderr)


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("parts", nargs="*", help="vectors, libraries; without any, the report of what is there")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tracks", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--work", type=Path, required=True, help="figures, libraries; gigabytes")
    parser.add_argument("--no-peers", action="store_true", help="without hnswlib, which builds for minutes")
    parser.add_argument("--keep", action="store_true", help="keep the libraries")
    choices = parser.parse_args()
    work = choices.work.resolve()
    if "vectors" in choices.parts:
        vectors(choices.rows, work, not choices.no_peers)
    if "libraries" in choices.parts:
        for tracks in choices.tracks:
            kept(work, f"library-{tracks:08d}", lambda tracks=tracks: scale_libraries.of_size(tracks, work))
            if not choices.keep:
                shutil.rmtree(work / f"library-{tracks:08d}")
    measuring.publish(scale_report.report(work), choices.out)


if __name__ == "__main__":
    main()
