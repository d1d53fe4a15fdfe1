r"""How many representatives have to be looked at as a library grows, what that costs, and codes of windows beside it.

    python benchmarks/representatives_depth.py --library ../million/library --tracks 200000 400000 800000 \
        --builtin 28600 57200 --work ../depth --out docs/results/depth.md

The first tracks of the largest segment of a library that `million.py` grew, and made-up tracks in the space of the
built-in model (`representatives.py`). For every size representatives and codes of all windows are built in a process of
its own. What so many rows find is told for the queries that building draws (seed 0), by which it chooses, and for
others (seed 9); times are of the CPU, one thread, all asked in turns with the codes of windows. Each size keeps its
figures below `--work`; the report is of all that are there.
"""

import measuring

# isort: split
import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import representatives as made_up
from scale_data import WINDOWS

from indexing.search import ann_files, representative_files, representatives
from indexing.search.ann_tuning import Settings, draw_queries
from indexing.search.backends.exact import tops
from indexing.search.backends.faiss_flat import load_faiss
from indexing.search.backends.faiss_pq import FaissPQ
from indexing.search.backends.registry import BACKENDS, open_segment
from indexing.search.clusters import represent, starts_of
from indexing.search.representatives import DEPTH, RepresentativeIndex, reach
from indexing.snapshot import snapshot
from indexing.snapshot.segments import Segment
from recommender.types import Array

ROWS = (1000, 2000, 3000, 4000, 5000, 6500, 8000, 10_000, 13_000, 16_000, 20_000, 25_000)
CHOICE, HELD_OUT = 0, 9  # seeds of queries
QUERIES, TIMED = 200, 60
SETTINGS = Settings(backend="faiss_pq")
COMMAND = (
    "python benchmarks/representatives_depth.py --library ../million/library --tracks 200000 400000 800000 "
    "--builtin 28600 57200 --work ../depth --out docs/results/depth.md"
)
SHORT = """
## What follows

- Plain tracks need few more as they become more: 2,500 at 200,000 and at 400,000 tracks. At 800,000 they would need
  3,000, and need 5,000: codes of so many representatives lie in lists, of which a query reads one in sixteen, and from
  5,000 rows on one in eight ("asked" is what a query as it is finds; the columns before, what the order of all shows).
  To read twice as many with 4,000 would save about a tenth of the time there (by hand); that was left.
- Codes of windows in lists are tuned for the best 100 windows. Where they read enough to find as much of the best 200
  tracks, they cost more, and where they are scanned, four times as much; they take 4 to 16 times as long to build. As
  dear as these at the same recall is one representative in 180 at 200,000 tracks, one in 110 at 800,000: up to one in
  400 they are not built to compare.
- In the built-in space twice the tracks need some 1.5 times the representatives, so that these save the more the larger
  a library is. No codes reach the recall there.
- What is chosen with seed 0 holds for seed 9.
"""


def part_of(library: str, tracks: int) -> Segment:
    """The first tracks of a library's largest segment, its arrays mapped."""
    whole = snapshot.load(Path(library)).segments["music"][0]
    per_track = {key: getattr(whole, key)[:tracks] for key in ("ids", "parts", "alive")}
    rows = int(whole.offsets[tracks])
    per_window = {key: getattr(whole, key)[:rows] for key in ("vectors", "affect", "inputs", "bounds")}
    return replace(whole, **per_track, **per_window, offsets=whole.offsets[: tracks + 1], recordings=None, home=None)


def built_in(tracks: int, music: str) -> Segment:
    """Tracks in the space of the built-in model."""
    vectors = made_up.emotions(tracks, Path(music))
    ids, none = np.arange(1, tracks + 1), np.zeros((len(vectors), 0), np.float32)
    offsets, bounds = np.arange(0, len(vectors) + 1, WINDOWS), np.zeros((len(vectors), 2))
    return Segment(ids, ids, offsets, np.ones(tracks, bool), vectors, none, none, bounds)


def of_library(library: str, tracks: int) -> dict[str, Any]:
    return measure(part_of(library, tracks), "made up")


def of_built_in(tracks: int, music: str) -> dict[str, Any]:
    return measure(built_in(tracks, music), "built-in space")


def measure(segment: Segment, kind: str) -> dict[str, Any]:
    """All figures of a segment."""
    load_faiss().omp_set_num_threads(1)
    found: dict[str, Any] = {"kind": kind, "tracks": len(segment.ids), "windows": len(segment.vectors)}
    with tempfile.TemporaryDirectory() as work:
        index = by_representatives(segment, Path(work) / "few", found)
        windows = by_windows(replace(segment, home=Path(work) / "all"), found)
        most = min(ROWS[-1], len(index.vectors))
        steps = [*(rows for rows in ROWS if rows < most), most]
        for name, seed in (("choice", CHOICE), ("held out", HELD_OUT)):
            queries = draw_queries(segment.vectors, seed)[:QUERIES]
            truth = tops(segment.vectors, queries, DEPTH, offsets=segment.offsets)[1]
            looks = [representatives._look(index, query, most) for query in queries]
            found[name] = [vars(reach(looks, truth, rows)) for rows in steps]
        few = draw_queries(segment.vectors, HELD_OUT)[:TIMED].astype(np.float64)
        found["cost"] = in_turns(index, windows, few, truth[:TIMED], steps=steps)
        found["deeper"] = deeper(windows, draw_queries(segment.vectors, HELD_OUT)[:QUERIES], truth)
    return found


def deeper(index: Any, queries: Array, truth: Array) -> list[dict[str, float]]:
    """What codes of windows in lists keep of the best tracks where more lists are read, and what that costs."""
    codes = index.windows
    if not isinstance(codes, FaissPQ) or not codes.layout.lists:
        return []
    found = []
    for times in (1, 2, 4, 8):
        codes.layout = replace(codes.layout, probes=times * codes.layout.probes)
        kept, lost, start = [], [], time.thread_time()
        for query, right in zip(queries.astype(np.float64), truth, strict=True):
            scores = index.search(query, DEPTH).scores
            kept.append(float((scores >= right[-1] - 1e-6).mean()))
            lost.append(float(right[-1] - scores[-1]))
        spent_ms = (time.thread_time() - start) / len(queries) * 1e3
        told = {"probes": codes.layout.probes, "kept": np.mean(kept), "lost": np.mean(lost), "ms": spent_ms}
        found.append({**told, "error": np.std(kept) / math.sqrt(len(kept))})
        codes.layout = replace(codes.layout, probes=codes.layout.probes // times)
    return found


def by_representatives(segment: Segment, home: Path, found: dict[str, Any]) -> RepresentativeIndex:
    """Representatives, and codes for them as building makes them, whether they serve or not."""
    home.mkdir()
    start = time.process_time()
    vectors = represent(segment.vectors, segment.offsets)
    made = time.process_time()
    coded = len(vectors) >= representative_files.CODED
    built = ann_files.build_codes(home, vectors, replace(SETTINGS, backend="faiss_pq" if coded else "exact"))
    found["few"] = {"made_s": made - start, "codes_s": time.process_time() - made, "codes": str(built)}
    found["few"]["size_bytes"] = built.size_bytes + vectors.nbytes
    nearest = representative_files._index(home, vectors)
    return RepresentativeIndex(segment, vectors, starts_of(segment.offsets), nearest, 0, 0)


def by_windows(segment: Segment, found: dict[str, Any]) -> Any:
    """Codes of all windows."""
    assert segment.home is not None
    segment.home.mkdir()
    start = time.process_time()
    BACKENDS["faiss_pq"].build(segment.home, segment, SETTINGS)
    opened = open_segment(segment, "faiss_pq")
    told = opened.index.describe()
    keys = ("kind", "size_bytes", "lists", "probes", "extra")
    found["all"] = {"built_s": time.process_time() - start, **{key: told.get(key) for key in keys}}
    return opened.index


def in_turns(
    index: RepresentativeIndex, windows: Any, queries: Array, truth: Array, *, steps: list[int]
) -> dict[str, Any]:
    """CPU milliseconds of a query for 200 tracks by so many rows, and by codes of windows, the last: ratio with its
    interval, and what is kept of the best tracks by a search as it is, in which lists of codes may miss some."""
    spent, kept = np.zeros((len(queries), len(steps) + 1)), np.zeros((len(queries), len(steps) + 1))
    for at, query in enumerate(queries):
        for turn in range(len(steps) + 1):
            one = (at + turn) % (len(steps) + 1)
            index.rows = steps[one] if one < len(steps) else 0
            start = time.thread_time()
            scores = (index if one < len(steps) else windows).search(query, DEPTH).scores
            spent[at, one] = (time.thread_time() - start) * 1e3
            kept[at, one] = (scores >= truth[at, -1] - 1e-6).mean()
    ratios = np.log(spent[:, :-1] / spent[:, -1:])
    middle, half = ratios.mean(axis=0), 1.96 * ratios.std(axis=0) / math.sqrt(len(queries))
    interval = np.exp([middle, middle - half, middle + half]).T.tolist()
    return {"ms": np.median(spent, axis=0).tolist(), "ratio": interval, "kept": kept.mean(axis=0).tolist()}


def child(name: str, work: Path, *arguments: Any) -> None:
    """Measure in a process of its own, and keep the figures."""
    code = f"import json, representatives_depth as d; print(json.dumps(d.{name}(*{arguments!r})))"
    run = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent)
    work.mkdir(parents=True, exist_ok=True)
    tracks = next(one for one in arguments if isinstance(one, int))
    (work / f"{name}-{tracks:08d}.json").write_bytes(run.stdout)


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("--library", type=Path, help="one that `million.py` grew")
    parser.add_argument("--tracks", type=int, nargs="*", default=[], help="of its largest segment")
    parser.add_argument("--builtin", type=int, nargs="*", default=[], help="tracks in the built-in space")
    parser.add_argument("--music", type=Path, default=Path("../shared/data/macleod"), help="for the built-in space")
    parser.add_argument("--work", type=Path, required=True, help="where figures are kept")
    given = parser.parse_args()
    for tracks in given.builtin:
        child("of_built_in", given.work, tracks, str(given.music.resolve()))
    for tracks in given.tracks:
        child("of_library", given.work, str(given.library.resolve()), tracks)
    measuring.publish(report(given.work), given.out)


def report(work: Path) -> str:
    """The tables in markdown, of all figures that are kept."""
    found = [json.loads(path.read_text("utf-8")) for path in work.glob("of_*.json")]
    found.sort(key=lambda each: (each["kind"], each["tracks"]))
    head = [
        "# Representatives to look at as a library grows",
        "",
        f"{measuring.environment('numpy', 'faiss-cpu')}. Made by `{COMMAND}`.",
        f"{QUERIES} queries each: seed {CHOICE} are those by which building chooses, seed {HELD_OUT} others, of which",
        f"{TIMED} are timed. CPU times of one thread on a busy machine, all rows and the codes asked in turns: read",
        "the ratios to codes of windows, or to an exact search where no codes reach the recall (geometric mean, 95 %).",
        "Standard errors in brackets; lost: score of the 200th track below the right one.",
        "",
    ]
    return "\n".join([*head, *(line for each in found for line in table(each))]) + SHORT


def table(x: dict[str, Any]) -> list[str]:
    """One size."""
    few, every = x["few"], x["all"]
    made = (
        f"made in {few['made_s']:.0f} s of CPU, their codes in {few['codes_s']:.0f}, {few['size_bytes'] / 1e6:,.0f} MB"
    )
    codes = f"{every['kind']}, built in {every['built_s']:.0f} s, {(every['size_bytes'] or 0) / 1e6:,.0f} MB"
    lines = [
        f"## {x['tracks']:,} tracks, {x['kind']}",
        "",
        f"Representatives: {made}. Codes of windows: {codes}; "
        f"{x['cost']['kept'][-1]:.4f} of the best {DEPTH} in {x['cost']['ms'][-1]:.1f} ms.",
        *(
            f"- reading {one['probes']:,} of {every['lists']:,} lists: {one['kept']:.4f} ({one['error']:.4f}) of the "
            f"best {DEPTH}, {max(0, one['lost']):.5f} lost, {one['ms']:.1f} ms"
            for one in x.get("deeper", [])
        ),
        "",
        "| rows | seed 0: best 200 (error), lost | seed 9: best 10, 100, 200 (error), lost | asked: 200, ms | ratio |",
        "|---|---|---|---|---|",
    ]
    columns = (x["choice"], x["held out"], x["cost"]["kept"], x["cost"]["ms"], x["cost"]["ratio"])
    for mine, other, kept, ms, ratio in zip(*columns, strict=False):
        near = f"{other['recall_at_10']:.4f}, {other['recall_at_100']:.4f}, "
        cells = [f"{mine['rows']:,}", deep(mine), near + deep(other), f"{kept:.4f}, {ms:.1f}"]
        lines.append(f"| {' | '.join(cells)} | {ratio[0]:.2f} ({ratio[1]:.2f} to {ratio[2]:.2f}) |")
    return [*lines, ""]


def deep(reached: dict[str, Any]) -> str:
    return f"{reached['recall_at_200']:.4f} ({reached['errors'][0]:.4f}), {reached['lost_at_200']:.5f}"


if __name__ == "__main__":
    main()
