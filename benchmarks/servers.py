"""A library on a vector server: bytes and CPU time a track, requests and CPU time a query, and if answers are equal.

    python benchmarks/servers.py [--music ../shared/data/macleod] [--out docs/results/servers.md]

Made-up tracks of 35 windows as `representatives.py` has them: plain ones, ones of three unlike sections, and ones in
the space of the built-in model, whose emotions lie as those of the music do. Queries are no windows (seed 9; how many
rows are asked for is chosen by others, seed 0). `qdrant` is Qdrant's client without a server, which compares all rows
in NumPy: what is measured is this project's side, what is sent and what comes of it, not how fast a server is. CPU
times, one thread. Needs `pip install '.[qdrant]'`.
"""

import measuring

# isort: split
import json
import os
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from representatives import KINDS, SEED, vectors_of
from scale_data import WINDOWS

from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance import publish as sending
from indexing.search import servers
from indexing.search.ann_tuning import draw_queries
from indexing.search.servers import Rows
from indexing.search.servers.address import Address
from indexing.search.servers.depth import measure_depth
from indexing.search.servers.local import LocalTracks
from indexing.search.servers.rows import row_ids

QUERIES, CUTS = 100, (10, 200)
BOTH, LARGE = ("local", "qdrant"), {20_000: ("local",)}
SIZES = {kind: {4000: BOTH} | (LARGE if kind == "builtin" else {}) for kind in KINDS}
"""Tracks of the libraries by kind, and the servers that they are sent to."""
AT = Address("qdrant", "localhost", 6333, "tracks")
PER_TRACK = ("library", "server", "form", "rows", "vectors kB", "as JSON kB", "made ms", "put ms", "measured s")
PER_QUERY = ("library", "server", "tracks", "equal lists", "found", "requests", "here ms", "asking ms", "alone ms")


@dataclass
class Measured:
    """An index; counts what is asked of it, its CPU time, and bytes of JSON that rows are."""

    index: Any
    asked: Counter[str] = field(default_factory=Counter)
    spent_s: Counter[str] = field(default_factory=Counter)
    bytes: int = 0

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any) -> Any:
            start_s = time.process_time()
            found = getattr(self.index, name)(*given)
            self.spent_s[name] += time.process_time() - start_s
            self.asked[name] += 1
            return found

        return call

    def put(self, rows: Rows) -> None:
        """Put, and weigh."""
        start_s = time.process_time()
        told = [{"track": int(track), **said} for track, said in zip(rows.ids, rows.said, strict=True)]
        owners = np.repeat(np.arange(len(told)), rows.counts)
        batch = {"ids": row_ids(rows).tolist(), "vectors": rows.vectors.tolist(), "payloads": [told[i] for i in owners]}
        self.bytes += len(json.dumps(batch, separators=(",", ":")))
        between_s = time.process_time()
        self.index.put(rows)
        self.spent_s["weigh"] += between_s - start_s
        self.spent_s["put"] += time.process_time() - between_s


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--music", type=Path, default=Path("../shared/data/macleod"))
    args = options.parse_args()
    if not args.music.is_dir():
        raise SystemExit(f"{args.music} is not here: the library in the space of the built-in model is drawn from it")
    warnings.simplefilter("ignore", UserWarning)  # of Qdrant's client: that it is slow without a server
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["CLIPTUNE_HOME"] = scratch
        found = []
        for kind, sizes in SIZES.items():
            vectors = vectors_of(kind, max(sizes), args.music)
            for tracks, names in sizes.items():
                made = make(vectors[: tracks * WINDOWS], Path(scratch) / f"{kind}-{tracks}")
                found.append(measure(f"{KINDS[kind]}, {tracks:,} tracks", names, *made))
    puts, asks = ([row for both in found for row in both[i]] for i in range(2))
    measuring.publish(report(puts, asks), args.out)


def make(vectors: Any, folder: Path) -> tuple[Path, Any]:
    """A library in a folder, and queries for it."""
    folder.mkdir()
    tracks = len(vectors) // WINDOWS
    np.save(folder / "v.npy", vectors)
    names, genres = np.repeat(np.arange(tracks), WINDOWS), ("Rock; Pop", "Ambient")
    lines = [f"{i},{60 + i % 120},{('A minor', 'C major')[i % 2]},{genres[i % 2]},CC BY 4.0\n" for i in names]
    (folder / "ids.csv").write_text("".join(["id,bpm,key,genre,licence\n", *lines]), "utf-8")
    import_vectors(folder / "library", folder / "v.npy", folder / "ids.csv", space="made-up")
    return folder / "library", draw_queries(vectors, SEED)[:QUERIES].astype(np.float64)


def measure(kind: str, names: tuple[str, ...], folder: Path, queries: Any) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of both tables for a library on these servers."""
    puts, asks = [], []
    for name in names:
        index = Measured(LocalTracks() if name == "local" else in_memory())
        servers.SERVERS["qdrant"] = lambda address, index=index: index
        with Library.open(folder, backend="exact") as library:
            puts.append([kind, name, *put(library, index)])
            asks += [[kind, name, str(k), *ask(library, index, queries, k)] for k in CUTS]
    return puts, asks


def in_memory() -> Any:
    """Qdrant's client without a server."""
    from qdrant_client import QdrantClient

    from indexing.search.servers.qdrant import QdrantTracks

    return QdrantTracks(QdrantClient(":memory:"), AT)


def put(library: Library, index: Measured) -> list[str]:
    """What it takes to send a library, a track."""

    def timed(*given: Any) -> Any:
        start_s = time.process_time()
        found = measure_depth(*given)
        index.spent_s["measure"] += time.process_time() - start_s
        return found

    sending.measure_depth = timed
    start_s = time.process_time()
    (done,) = [event for event in sending.publish(library, AT) if isinstance(event, sending.Published)]
    all_s = time.process_time() - start_s
    made_s = all_s - sum(index.spent_s.values())
    state, sent, spent = done.state, done.sent, index.spent_s
    form = f"{state.form}, {state.rows:,} asked for" if state.rows else state.form
    kb = (4e-3 * library.space.dim * state.count / sent, index.bytes / sent / 1e3)
    ms = (made_s / sent * 1e3, spent["put"] / sent * 1e3)
    return [form, f"{state.count / sent:.1f}", *(f"{one:.2f}" for one in (*kb, *ms)), f"{spent['measure']:.1f}"]


def ask(library: Library, index: Measured, queries: Any, k: int) -> list[str]:
    """What queries for k tracks cost and find, beside those of the library alone."""
    library.search(queries[0], k, "music")
    index.asked.clear()
    index.spent_s.clear()
    spent, equal, found = Counter[str](), [], []
    server = library.server
    for query in queries:
        answers = {}
        for way, asked in (("server", server), ("alone", None)):
            library.server = asked
            start_s = time.process_time()
            answers[way] = library.search(query, k, "music")
            spent[way] += time.process_time() - start_s
        given, right = answers["server"], answers["alone"]
        equal.append(all(map(np.array_equal, given, right)))
        found.append(float((given.scores >= right.scores[-1] - 1e-6).mean()))
    library.server = server
    each = 1e3 / len(queries)
    asking_s = sum(index.spent_s.values())
    times = ((spent["server"] - asking_s) * each, asking_s * each, spent["alone"] * each)
    requests = index.asked["tracks"] / len(queries)
    return [f"{np.mean(equal):.2f}", f"{np.mean(found):.4f}", f"{requests:.2f}", *(f"{one:.2f}" for one in times)]


def report(puts: list[list[str]], asks: list[list[str]]) -> str:
    """Both tables in markdown."""
    return f"""# A library on a vector server

{measuring.environment("numpy", "qdrant-client")}; tracks of {WINDOWS} windows, {QUERIES} queries. Made by
`python benchmarks/servers.py --out docs/results/servers.md`.

What a track takes:

{table(PER_TRACK, puts)}

`made` is done once for each track that is new or has changed, `put` is the client's part. `measured` is what choosing
the form, and how many rows are asked for, takes for all of the library, again when it has grown by a quarter.

What a query takes:

{table(PER_QUERY, asks)}

`equal lists` is the share of queries with the same tracks, order and scores as an exact search, `found` that of the
best tracks; `here` is this project's CPU time, `asking` the client's (in memory: with the search itself), `alone` that
of an exact search without a server. `requests` are those for rows; what a server holds is asked for beside, once a
second.

No cluster could be run: how fast Qdrant or Milvus answer, and what their approximate indexes miss, is not measured.
"""


def table(names: tuple[str, ...], rows: list[list[str]]) -> str:
    """A table in markdown."""
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
