"""Representatives of which many are looked at, beside codes of all windows: codes stay where they cost less.

Looking at up to one in CHEAP costs less than codes of windows that find as much (docs/results/depth.md), so that these
are not built to compare. Beyond, both are asked the same queries in turns, on the library itself.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from indexing.search import ann_files
from indexing.search.ann_tuning import Settings, draw_queries
from indexing.search.backends import AUTO
from indexing.search.backends.exact import tops
from indexing.search.representative_files import Represented, has_faiss, keep, open_representatives
from indexing.search.representatives import DEPTH, EVEN, KEPT, ROWS
from indexing.search.tracks import MatrixIndex, SegmentIndex
from indexing.snapshot.segments import Segment
from recommender.types import Array

CHEAP = 400
"""Of all representatives one in so many."""
QUERIES = 40  # asked of both


def is_dear(made: Represented, settings: Settings) -> bool:
    """Whether codes of windows may cost less than representatives that serve, and were not built to see."""
    if made.reached is None or made.why is not None or made.beside_ms is not None or settings.backend != AUTO:
        return False
    return made.reached.rows > max(ROWS[-1], made.count // CHEAP) and has_faiss()


def weigh(home: Path, segment: Segment, made: Represented) -> Represented:
    """Representatives as they stay in a folder with codes of windows: with both costs, or the note that these are less.

    Whoever is killed meanwhile leaves representatives that serve.
    """
    every = replace(segment, recordings=None, alive=np.ones(len(segment.ids), bool))
    few = open_representatives(home, every)
    codes = MatrixIndex(every, ann_files.open_built(home, segment.vectors)[0], {})
    queries = draw_queries(segment.vectors)[:QUERIES]
    right = tops(every.vectors, queries, DEPTH, offsets=np.unique(every.offsets))[1]
    mine, theirs, kept = _in_turns((few, codes), queries.astype(np.float64), right)
    if mine <= theirs or kept < min(KEPT, made.settings.recall):
        return keep(home, replace(made, beside_ms=theirs))
    why = f"{few.rows:,} of them take {mine} ms of CPU a query, codes of windows {theirs}"
    return keep(home, replace(made, beside_ms=theirs, why=why, size_bytes=0, checksum=None))


def _in_turns(both: tuple[SegmentIndex, SegmentIndex], queries: Array, right: Array) -> tuple[float, float, float]:
    """Milliseconds of CPU of a query for DEPTH tracks by each of two indexes, and what the second keeps of the best.

    Medians over `queries` float64 [q, d]; `right` float32 [q, DEPTH] are the scores of the best tracks.
    """
    spent_ms, kept = np.zeros((len(queries), 2)), []
    for at, query in enumerate(queries):
        for which in (at % 2, 1 - at % 2):
            start_s = time.thread_time()
            scores = both[which].search(query, DEPTH).scores
            spent_ms[at, which] = (time.thread_time() - start_s) * 1e3
            if which:
                kept.append(float(np.mean(scores >= right[at, -1] - EVEN)))
    mine, theirs = np.median(spent_ms, axis=0).tolist()
    return round(mine, 2), round(theirs, 2), float(np.mean(kept))
