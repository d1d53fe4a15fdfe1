"""Whether a library's representatives serve on a server, and how many are to be asked for: measured on the library.

As `indexing.search.representatives.choose` does for one segment, here for all of them together, some tracks at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from indexing.search.ann_tuning import Settings, draw_queries
from indexing.search.backends.exact import tops
from indexing.search.clusters import represent, starts_of
from indexing.search.representatives import DEPTH, ROWS, Look, Reached, reach
from indexing.search.servers.rows import places_of
from indexing.search.tracks import best_among, merge_candidates
from indexing.snapshot.segments import Segment
from recommender.types import Array, Candidates, Modality

QUERIES = 200
"""To measure with."""
_BLOCK = 1 << 14  # tracks represented at a time: 16 MB at 64 dimensions


class Measuring(Protocol):
    """What is asked of a library: `indexing.library.Library`."""

    def segments(self, modality: Modality) -> list[Segment]: ...

    def search_many(self, queries: Array, k: int, modality: Modality, *, exact: bool) -> list[Candidates]: ...

    def recordings(self, ids: Array) -> Array: ...


def measure_depth(library: Measuring, modality: Modality, recall: float = Settings.recall) -> Reached | None:
    """What the fewest rows reach that find all, else the most; None where none serve, or there are too few tracks to
    tell.

    They serve where they find enough: a server is to change no answer, so that it is not enough to lose little score.
    """
    segments = library.segments(modality)
    if sum(int(one.alive.sum()) for one in segments) < 2 * DEPTH:
        return None
    queries = draw_queries(max((one.vectors for one in segments), key=len))[:QUERIES]
    truth = library.search_many(queries, DEPTH, modality, exact=True)
    right = np.array([found.scores for found in truth if len(found.scores) == DEPTH])
    if len(right) < len(truth):  # of so few recordings
        return None
    nearest = _nearest(segments, queries)
    looks = [_look(library, segments, query, owners) for query, owners in zip(queries, nearest, strict=True)]
    steps = [reach(looks, right, rows) for rows in ROWS]
    if not steps[-1].finds(recall):
        return None
    near = next((2 * step.rows for step in steps if step.recall_at_10 >= 1), ROWS[-1])
    found = next((step for step in steps if step.recall_at_200 >= 1), steps[-1])
    return replace(found, near_rows=min(near, found.rows))


def _nearest(segments: Sequence[Segment], queries: Array) -> Array:
    """int64 [q, ROWS[-1]]: whose the nearest representatives are, best first; -1 where there are fewer."""
    owners = np.full((len(queries), ROWS[-1]), -1, np.int64)
    scores = np.full(owners.shape, -np.inf, np.float32)
    for ids, vectors in _represented(segments):
        rows, found = tops(vectors, queries, ROWS[-1])
        both = np.concatenate([scores, found], axis=1)
        order = np.argsort(-both, axis=1, kind="stable")[:, : ROWS[-1]]
        owners = np.take_along_axis(np.concatenate([owners, ids[rows]], axis=1), order, axis=1)
        scores = np.take_along_axis(both, order, axis=1)
    return owners


def _represented(segments: Sequence[Segment]) -> Iterator[tuple[Array, Array]]:
    """Representatives of living tracks, some at a time: int64 [r], whose each is, and float32 [r, dim]."""
    for segment in segments:
        for first in range(0, len(segment.ids), _BLOCK):
            edges = segment.offsets[first : first + _BLOCK + 1]
            starts = edges - edges[0]
            vectors = represent(segment.vectors[edges[0] : edges[-1]], starts)
            tracks = np.repeat(np.arange(len(starts) - 1), np.diff(starts_of(starts)))
            alive = segment.alive[first : first + _BLOCK][tracks]
            yield segment.ids[first : first + _BLOCK][tracks[alive]], vectors[alive]


def _look(library: Measuring, segments: Sequence[Segment], query: Array, owners: Array) -> Look:
    """The tracks that rows are of, best first, each with the place of its first row."""
    ids, ranks = np.unique(owners[owners >= 0], return_index=True)
    parts = []
    for segment in segments:
        at, _ = places_of(segment, ids)
        parts.append(best_among(segment, at, query.astype(np.float64), k=len(at)))
    found = merge_candidates(parts, len(ids), library.recordings)
    return Look(found.scores, ranks[np.searchsorted(ids, found.ids)])
