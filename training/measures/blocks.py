"""Scores and relevance by blocks of queries, so that memory does not grow with queries x corpus."""

from collections.abc import Iterator
from typing import Literal, Protocol

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.measures.order import Ranking, break_ties, rank

CELLS = 1 << 18
"""Cells of a block: 1 MB of float32 scores, which stays in a core's second-level cache through all passes."""

TiePolicy = Literal["expected", "seed"]


class Blocks(Protocol):
    """A [q, c] table read by slices of rows; every array is one."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> Array: ...


class InnerProducts:
    """Scores [q, c] of query vectors [q, d] with corpus vectors [c, d], computed a block at a time.

    With unit-length vectors these are cosines. Integer and half-precision vectors are computed in float64 and
    float32. Raises InputError for shapes that do not fit or values that are not finite.
    """

    def __init__(self, query: Array, corpus: Array) -> None:
        self.query, self.corpus = _vectors(query, "query"), _vectors(corpus, "corpus")
        if self.query.shape[1] != self.corpus.shape[1]:
            raise InputError(f"query vectors {query.shape} and corpus vectors {corpus.shape} differ in dimension")

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.query), len(self.corpus)

    def __getitem__(self, rows: slice, /) -> Array:
        return self.query[rows] @ self.corpus.T


class SameLabel:
    """Relevance [q, c]: an item is relevant when its label equals the query's; labels [q] and [c] of any kind.

    Missing labels (NaN, None) are refused: InputError.
    """

    def __init__(self, query: Array, corpus: Array) -> None:
        both = [_labels(query, "query"), _labels(corpus, "corpus")]
        if (both[0].dtype.kind in "US") != (both[1].dtype.kind in "US"):
            raise InputError(f"query labels are {both[0].dtype}, corpus labels {both[1].dtype}: they cannot match")
        names, code = np.unique(np.concatenate(both), return_inverse=True)
        code = code.astype(np.min_scalar_type(len(names)))  # narrow codes compare fastest
        self.query, self.corpus = code[: len(both[0])], code[len(both[0]) :]

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.query), len(self.corpus)

    def __getitem__(self, rows: slice, /) -> Array:
        return self.query[rows, None] == self.corpus


def rankings(
    scores: Blocks, relevance: Blocks, own: Array | None = None, *, ties: TiePolicy = "expected", seed: int = 0
) -> Iterator[tuple[slice, Ranking]]:
    """The rankings of all queries, block by block with the rows each block covers.

    `own` int [q] is the column of each query's own item, which then is no candidate (-1: none). Raises InputError
    with one line for shapes that do not fit, an empty corpus, scores that are not finite, relevance that is not bool.
    """
    if ties not in ("expected", "seed"):
        raise InputError(f"unknown treatment of ties {ties!r}: use expected or seed")
    queries, corpus = _shape(scores, relevance)
    own = None if own is None else check_own(own, queries, corpus)
    rng = np.random.default_rng(seed)  # one stream in the order of queries: the block size does not matter
    for rows in row_blocks(queries, corpus):
        ranking = rank(np.asarray(scores[rows]), _relevant(relevance[rows]), _absent(own, rows))
        yield rows, break_ties(ranking, rng) if ties == "seed" else ranking


def counts(relevance: Blocks, own: Array | None = None) -> tuple[Array, Array]:
    """int64 [q], int64 [q]: candidates and relevant items of every query, the own item left out where given."""
    queries, corpus = _shape(relevance, relevance)
    size, hits = np.full(queries, corpus), np.empty(queries, np.int64)
    own = None if own is None else check_own(own, queries, corpus)
    for rows in row_blocks(queries, corpus):
        block = _relevant(relevance[rows])
        hits[rows] = np.count_nonzero(block, axis=1)
        if (absent := _absent(own, rows)) is not None:
            hits[rows][absent[0]] -= block[absent]
    return (size if own is None else size - (own >= 0)), hits


def row_blocks(queries: int, corpus: int) -> Iterator[slice]:
    """Slices of rows of at most CELLS cells each, at least one row."""
    step = max(1, CELLS // max(corpus, 1))
    for start in range(0, queries, step):
        yield slice(start, min(start + step, queries))


def check_own(own: Array, queries: int, corpus: int) -> Array:
    """`own` as int64 [queries], each -1 or a column of the corpus; raises InputError otherwise."""
    own = np.asarray(own)
    if own.shape != (queries,) or own.dtype.kind not in "iu":
        raise InputError(f"own items must be {queries} integers, one per query, not {own.dtype} {own.shape}")
    if (own < -1).any() or (own >= corpus).any():
        raise InputError(f"own items must be -1 or columns 0 to {corpus - 1} of the corpus")
    return own.astype(np.int64)


def _absent(own: Array | None, rows: slice) -> tuple[Array, Array] | None:
    if own is None:
        return None
    has = np.flatnonzero(own[rows] >= 0)
    return has, own[rows][has]


def _shape(scores: Blocks, relevance: Blocks) -> tuple[int, int]:
    shape, other = tuple(scores.shape), tuple(relevance.shape)
    if len(shape) != 2 or shape != other:
        raise InputError(f"scores {shape} and relevance {other} must both be [queries, corpus]")
    queries, corpus = shape
    if not queries:
        raise InputError("no queries: nothing to evaluate")
    if not corpus:
        raise InputError("the corpus is empty: nothing to rank")
    return queries, corpus


def _relevant(block: Array) -> Array:
    block = np.asarray(block)
    if block.dtype != bool:
        raise InputError(f"relevance must be bool, not {block.dtype}")
    return block


def _vectors(values: Array, what: str) -> Array:
    values = np.asarray(values)
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise InputError(f"{what} vectors must be real numbers [n, d], not {values.dtype} {values.shape}")
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float32 if values.dtype == np.float16 else np.float64)
    if not np.isfinite(values.sum()) and not np.isfinite(values).all():
        raise InputError(f"{what} vectors hold NaN or infinite values")
    return values


def _labels(labels: Array, what: str) -> Array:
    values = np.asarray(labels)
    if values.ndim != 1:
        raise InputError(f"{what} labels must be one per item, not of shape {values.shape}")
    if values.dtype.kind not in "biufUS" or (values.dtype.kind == "f" and np.isnan(values).any()):
        raise InputError(f"{what} labels must be numbers or names without missing values")
    return values
