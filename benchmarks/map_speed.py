"""CPU cost, memory and exactness of mAP over many queries, beside torchmetrics' RetrievalMAP in the same run.

    pip install torchmetrics 'torch>=2.13,<2.14'
    python benchmarks/map_speed.py [--queries 10000 --corpus 10000] [--out docs/results/map_speed.md]

CPU time (`time.process_time`) with one thread, the least of three runs. Queries and corpus are random unit vectors with
five labels; both sides score by inner product. The peer gets the first `--peer-queries` queries and is extrapolated
linearly, which favours it (it sorts all its pairs at once). It gets the scores plus 1: RetrievalMAP is wrong for scores
at or below 0. Exactness: against a float64 reference, item by item, of the same scores.
"""

import argparse
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import measuring  # first of all, so that numpy finds one thread
import numpy as np

from training.measures import InnerProducts, SameLabel, mean_average_precision_from_embeddings, per_query
from training.measures.blocks import row_blocks

DIM = 64
LABELS = 5
CHECKED = 200


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--queries", type=int, default=10_000)
    options.add_argument("--corpus", type=int, default=10_000)
    options.add_argument("--peer-queries", type=int, default=1000)
    options.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)  # the child that memory() starts
    args = options.parse_args()
    if args.memory:
        print(*measured_memory(args.queries, args.corpus))
        return
    text = report(args.queries, args.corpus, min(args.peer_queries, args.queries))
    measuring.publish(text, args.out)


def report(queries: int, corpus: int, peer_queries: int) -> str:
    """The table in markdown."""
    query, items, a, b = data(queries, corpus)
    products, labels = InnerProducts(query, items), SameLabel(a, b)
    whole = measuring.cpu(lambda: mean_average_precision_from_embeddings(query, items, a, corpus_labels=b))
    making = measuring.cpu(lambda: sum(len(products[rows]) for rows in row_blocks(queries, corpus)))
    few = slice(0, peer_queries)
    scores = query[few] @ items.T
    given = measuring.cpu(lambda: per_query(scores, SameLabel(a[few], b), ["mAP"])) * queries / peer_queries
    tied = np.round(scores, 3)
    quantised = measuring.cpu(lambda: per_query(tied, SameLabel(a[few], b), ["mAP"])) * queries / peer_queries
    peer, difference = against_peer(scores, a[few], b)
    peer *= queries / peer_queries
    traced, resident, block = memory(queries, corpus)
    worst = worst_error(scores[:CHECKED], labels[:CHECKED])
    lines = [
        f"# mAP over {queries} queries x {corpus} items",
        "",
        f"{measuring.environment('numpy', 'torch', 'torchmetrics')}; {DIM} dimensions, {LABELS} labels. "
        f"Rows marked * are measured on {peer_queries} queries and extrapolated linearly.",
        "",
        "| | CPU s | peer / this |",
        "|---|---|---|",
        f"| torchmetrics RetrievalMAP, scores given * | {peer:.2f} | |",
        f"| ours, scores given * | {given:.2f} | {peer / given:.1f} |",
        f"| ours, from embeddings (making the scores: {making:.2f} s) | {whole:.2f} | {peer / whole:.1f} |",
        f"| ours, scores given, rounded to 3 decimals (ties in nearly every place) * | {quantised:.2f} | "
        f"{peer / quantised:.1f} |",
        "",
        f"Memory from embeddings: {traced / 1e6:.1f} MB allocated at the peak (of which {block / 1e6:.1f} MB are the "
        f"block of scores), resident set +{resident / 1e6:.1f} MB over the loaded embeddings.",
        "",
        f"Exactness: largest difference of a query's average precision from the reference {worst:.1e} "
        f"({CHECKED} queries); mAP from torchmetrics' {difference:.1e}.",
        "",
    ]
    return "\n".join(lines)


def data(queries: int, corpus: int) -> tuple[Any, Any, Any, Any]:
    """Unit vectors float32 [q, d] and [c, d] that lean towards their label's centre, and the labels."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((LABELS, DIM), np.float32)
    a, b = rng.integers(0, LABELS, queries), rng.integers(0, LABELS, corpus)
    vectors = [centres[x] * np.float32(0.3) + rng.standard_normal((len(x), DIM), np.float32) for x in (a, b)]
    query, items = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in vectors)
    return query, items, a, b


def against_peer(scores: Any, a: Any, b: Any) -> tuple[float, float]:
    """CPU seconds of RetrievalMAP on these scores, and the difference of the two mAPs."""
    import torch
    from torchmetrics.retrieval import RetrievalMAP

    torch.set_num_threads(1)
    predictions = torch.from_numpy(scores + np.float32(1)).flatten()
    target = torch.from_numpy(a[:, None] == b).flatten()
    indexes = torch.arange(len(a)).repeat_interleave(len(b))
    theirs = []
    seconds = measuring.cpu(lambda: theirs.append(float(RetrievalMAP()(predictions, target, indexes=indexes))))
    ours = per_query(scores, SameLabel(a, b), ["mAP"])["mAP"].mean()
    return seconds, abs(theirs[0] - ours)


def memory(queries: int, corpus: int) -> tuple[int, int, int]:
    """Peak bytes allocated, growth of the resident set and bytes of a score block, in a fresh process."""
    command = [sys.executable, __file__, "--memory", "--queries", str(queries), "--corpus", str(corpus)]
    root = str(Path(__file__).resolve().parents[1])
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=os.environ | {"PYTHONPATH": root})
    traced, resident, block = map(int, done.stdout.split())
    return traced, resident, block


def measured_memory(queries: int, corpus: int) -> tuple[int, int, int]:
    """See `memory`: the resident set first, since tracing adds to it."""
    import resource

    query, items, a, b = data(queries, corpus)
    rows = next(row_blocks(queries, corpus))
    block = InnerProducts(query, items)[rows].nbytes  # also makes BLAS take its buffers
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mean_average_precision_from_embeddings(query, items, a, corpus_labels=b)
    resident = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    tracemalloc.start()
    mean_average_precision_from_embeddings(query, items, a, corpus_labels=b)
    return tracemalloc.get_traced_memory()[1], resident, block


def worst_error(scores: Any, relevant: Any) -> float:
    """Largest absolute difference of per-query values from `reference`."""
    got = per_query(scores, relevant, ["mAP"])["mAP"]
    return max(abs(value - reference(s, r)) for value, s, r in zip(got, scores, relevant, strict=True))


def reference(scores: Any, relevant: Any) -> float:
    """Average precision in float64 straight from the definition, every group of ties in expectation."""
    total, seen, found = 0.0, 0, 0
    for value in np.unique(scores.astype(np.float64))[::-1]:
        group = relevant[scores == value]
        size, hits = len(group), int(group.sum())
        for place in range(size):
            others = place * (hits - 1) / (size - 1) if size > 1 else 0.0
            total += hits / size * (found + 1 + others) / (seen + place + 1)
        seen, found = seen + size, found + hits
    return total / found


if __name__ == "__main__":
    main()
