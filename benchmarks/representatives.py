r"""Representatives against the search of all windows: what is found, what a query costs, what they take.

    python benchmarks/representatives.py --tracks 28600 114400 --work ../representatives \
        --out docs/results/representatives.md

Made-up tracks of 35 windows (`scale_data.py`): plain ones, ones of three unlike sections, and ones in the space of the
built-in model: emotions drawn as those of real music lie (mean and covariance of tracks, and of windows within their
track), encoded by the model. The music is below `--music`, by default ../shared/data/macleod. For each kind
`representatives` and what `auto` took before (`faiss_pq`) are built in a process of its own, and asked the same queries
in turns. The rows are chosen by the queries that building draws; figures are of others (seed 9). One thread, CPU times.
Each kind keeps its figures below `--work`; the report is of all that are there.
"""

import measuring

# isort: split
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scale_data
from scale_data import WINDOWS

from indexing.search.ann_tuning import Settings, draw_queries
from indexing.search.backends.exact import tops
from indexing.search.backends.faiss_flat import load_faiss
from indexing.search.backends.registry import BACKENDS, open_segment
from indexing.search.clusters import PER_TRACK, represent
from indexing.search.tracks import Selection
from indexing.snapshot.segments import Segment
from recommender import Model
from recommender.errors import CliptuneError

BUILT = ("representatives", "faiss_pq")
QUERIES, SEED, DEEP = 200, 9, 200
KINDS = {"plain": "plain", "sections": "unlike sections (spread 2)", "builtin": "built-in space"}
FILTERS = {"1 in 2": 2, "1 in 10": 10, "1 in 120": 120}


def vectors_of(kind: str, tracks: int, music: Path) -> Any:
    """float32 [tracks * 35, d]."""
    if kind == "builtin":
        return emotions(tracks, music)
    return scale_data.windows(0, tracks) if kind == "plain" else scale_data.sections(tracks, 2.0)


def emotions(tracks: int, music: Path) -> Any:
    """Windows in the built-in space, of emotions distributed as those of real tracks."""
    model, found = Model.load(), []
    for path in sorted(p for p in music.rglob("*") if p.suffix in (".ogg", ".mp3", ".wav", ".flac")):
        try:
            found.append(np.asarray(model.analyse(path, "music").affect, np.float64))
        except CliptuneError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not found:
        raise SystemExit(f"no music in {music}")
    means = np.array([each.mean(axis=0) for each in found])
    within = np.concatenate([each - each.mean(axis=0) for each in found])
    rng = np.random.default_rng((SEED, 19))
    drawn = rng.multivariate_normal(means.mean(axis=0), np.cov(means.T), tracks)[:, None]
    drawn = drawn + rng.multivariate_normal(np.zeros(means.shape[1]), np.cov(within.T), (tracks, WINDOWS))
    drawn[..., :2] = np.clip(drawn[..., :2], -1, 1)
    drawn[..., 2:] = np.clip(drawn[..., 2:], within[:, 2:].std() + 1e-2, None)
    return np.ascontiguousarray(model.affect_encoder(drawn.reshape(-1, means.shape[1])), np.float32)


def measure(kind: str, tracks: int, music: str) -> dict[str, Any]:
    """All figures of a kind and size."""
    load_faiss().omp_set_num_threads(1)
    vectors = vectors_of(kind, tracks, Path(music))
    offsets = np.arange(0, len(vectors) + 1, WINDOWS)
    ids, none = np.arange(1, tracks + 1), np.zeros((len(vectors), 0), np.float32)
    segment = Segment(ids, ids, offsets, np.ones(tracks, bool), vectors, none, none, np.zeros((len(vectors), 2)))
    queries = draw_queries(vectors, SEED)[:QUERIES].astype(np.float64)
    with tempfile.TemporaryDirectory() as work:
        indexes, figures = {}, {"kind": kind, "tracks": tracks, "windows": len(vectors)}
        for name in BUILT:
            home = Path(work) / name
            home.mkdir()
            mine, start = replace(segment, home=home), time.process_time()
            BACKENDS[name].build(home, mine, Settings(backend=name))
            opened = open_segment(mine, name)
            built_s = time.process_time() - start
            figures[name] = {"built_s": built_s, "notice": opened.notice, "info": opened.index.describe()}
            indexes[name] = opened.index
        figures["needed"] = needed(segment, queries)
        figures["asked"] = {k: paired(indexes, segment, queries, k=k) for k in (10, 100, DEEP, 1000)}
        figures["filtered"] = {name: filtered(indexes, segment, queries, each) for name, each in FILTERS.items()}
    return figures


def needed(segment: Segment, queries: Any) -> dict[str, int]:
    """Representatives to look at for shares of the best 200 tracks, whatever was built; and what making them takes."""
    start = time.process_time()
    made = represent(segment.vectors, segment.offsets)
    spent = time.process_time() - start
    truth = tops(segment.vectors, queries, DEEP, offsets=segment.offsets)[0]
    ranks = []
    for query, best in zip(queries.astype(np.float32), truth, strict=True):
        scores = made @ query
        mine = scores.reshape(-1, PER_TRACK)[best].max(axis=1)
        ranks.append(len(scores) - np.searchsorted(np.sort(scores), mine, side="right"))
    placed = np.sort(np.concatenate(ranks)) + 1
    shares = {str(share): int(placed[int(np.ceil(share * len(placed))) - 1]) for share in (0.99, 0.998, 0.999)}
    return {**shares, "made_us": round(spent / len(segment.ids) * 1e6)}


def paired(indexes: Any, segment: Segment, queries: Any, *, k: int, where: Selection | None = None) -> dict[str, Any]:
    """CPU milliseconds and what was kept of the right tracks, both asked in turns; and the interval of their ratio."""
    allowed = segment if where is None else where.segment
    right = best(allowed, queries, k)
    spent: dict[str, list[float]] = {name: [] for name in indexes}
    kept: dict[str, list[float]] = {name: [] for name in indexes}
    lost: dict[str, list[float]] = {name: [] for name in indexes}
    for at, (query, scores) in enumerate(zip(queries, right, strict=True)):
        for name in sorted(indexes, reverse=bool(at % 2)):
            start = time.thread_time()
            found = indexes[name].search(query, k, where)
            spent[name].append((time.thread_time() - start) * 1e3)
            assert len(found.ids) == len(scores), f"{len(found.ids)} of {len(scores)} tracks"
            kept[name].append(float((found.scores >= scores[-1] - 1e-6).mean()))
            lost[name].append(float(scores[-1] - found.scores[-1]))
    ratios = np.log(np.array(spent[BUILT[0]]) / np.array(spent[BUILT[1]]))
    middle, half = ratios.mean(), 1.96 * ratios.std() / np.sqrt(len(ratios))
    means = {
        name: {"ms": float(np.median(spent[name])), "kept": np.mean(kept[name]), "lost": np.mean(lost[name])}
        for name in indexes
    }
    return {**means, "ratio": np.exp([middle, middle - half, middle + half]).tolist()}


def best(segment: Segment, queries: Any, k: int) -> list[Any]:
    """For every query the scores of the k best living tracks, best first."""
    counts = np.diff(segment.offsets)
    rows = np.repeat(segment.alive, counts)
    edges = np.concatenate([[0], np.cumsum(counts[segment.alive])])
    vectors = segment.vectors if segment.alive.all() else segment.vectors[rows]
    return list(tops(vectors, queries, k, offsets=edges)[1])


def filtered(indexes: Any, segment: Segment, queries: Any, each: int) -> dict[str, Any]:
    """The same among one track in so many, drawn."""
    allowed = np.random.default_rng((SEED, each)).random(len(segment.ids)) < 1 / each
    return paired(indexes, segment, queries[:100], k=DEEP, where=Selection(segment, allowed))


def child(kind: str, tracks: int, music: Path, work: Path) -> None:
    """Measure in a process of its own."""
    code = f"import json, representatives as r; print(json.dumps(r.measure({kind!r}, {tracks}, {str(music)!r})))"
    run = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent)
    work.mkdir(parents=True, exist_ok=True)
    (work / f"{kind}-{tracks:08d}.json").write_bytes(run.stdout)


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--tracks", type=int, nargs="*", default=[], help="sizes of the plain kind; the first of all")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--music", type=Path, default=Path("../shared/data/macleod"), help="for the built-in space")
    parser.add_argument("--work", type=Path, required=True, help="where figures are kept")
    choices = parser.parse_args()
    if choices.tracks and "builtin" in choices.kinds and not choices.music.is_dir():
        raise SystemExit(f"no folder {choices.music}: give --music, or leave the built-in space out of --kinds")
    for tracks in choices.tracks:
        for kind in choices.kinds if tracks == choices.tracks[0] else {"plain"} & set(choices.kinds):
            child(kind, tracks, choices.music.resolve(), choices.work.resolve())
    from representatives_report import report

    measuring.publish(report(choices.work.resolve()), choices.out)


if __name__ == "__main__":
    main()
