"""Where mAP is lost and won: in the embedding, in the index, and in the rescoring of the first K candidates.

The first stage retrieves by the cosine of its vectors, through `Recommender`; the second stage scores the
first K again. Candidates are per direction: the first K pieces of music of a video, the first K videos of a piece of
music. What is not rescored stays behind them in the order of the cosine.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from recommender.encoders.contract import direction
from recommender.engine import Recommender
from recommender.errors import Argument, InputError
from recommender.memory import MemoryLibrary
from recommender.query import Query
from recommender.types import Array
from training.evaluation.intervals import bootstrap, paired_bootstrap, spread
from training.evaluation.significance import holm, paired_test
from training.evaluation.slices import number
from training.evaluation.summary import directions, query_groups
from training.evaluation.trials import Bench, Outcome, Task
from training.measures import SameLabel, per_query
from training.types import M, V

CUTOFFS = (10, 20, 50)
PERFECT, COSINE, OWN, INDEX = "perfect order", "exact cosine", "own score", "index"


class Pair(NamedTuple):
    """Names of a first stage, which retrieves, and of a second, which rescores."""

    first: str
    second: str


class Stages(NamedTuple):
    """Per direction: the queries' names and emotions [q], and stage -> per-query mAP [seeds, q].

    groups: int64 [q], the sources of the queries, where intervals are over them.
    """

    ids: dict[str, tuple[str, ...]]
    emotion: dict[str, Array]
    values: dict[str, dict[str, Array]]
    groups: dict[str, Array | None]


def parse_pair(text: str, systems: Sequence[str]) -> Pair:
    """The pair that FIRST:SECOND names; raises InputError for anything but two of the systems that run."""
    # A saved model's name may hold colons: the split that fits is taken.
    parts = [Pair(text[:i], text[i + 1 :]) for i, letter in enumerate(text) if letter == ":"]
    known = next((pair for pair in parts if set(pair) <= set(systems)), None)
    if known is not None:
        return known
    among = f"among the systems to run ({', '.join(systems)})"
    if not parts:
        raise InputError(Argument("stages", text), f": write FIRST:SECOND, both {among}")
    wrong = next(name for name in parts[0] if name not in systems)
    raise InputError(Argument("stages", text), f": {wrong or 'an empty name'} is not {among}")


def check_searchable(pairs: Sequence[Pair], name: str, outcome: Outcome) -> None:
    """Raise InputError when `name` is the first stage of a pair, but gave no vectors."""
    for pair in pairs:
        if pair.first == name and not outcome.searchable:
            raise InputError(
                Argument("stages", f"{name}:{pair.second}"),
                f": {name} has no vectors to search with; retrieve with another system",
            )


def reranking_stage(k: int | None) -> str:
    """The name of the stage that scores the first k candidates again, all of them for None."""
    return f"rescored {'all' if k is None else k}"


def before() -> dict[str, str]:
    """Every stage in order, with the one that it is compared with."""
    fixed = {COSINE: PERFECT, OWN: COSINE, INDEX: COSINE}
    return fixed | {reranking_stage(k): INDEX for k in (*CUTOFFS, None)}


class Library:
    """Vectors float32 [c, d] as a library in memory, one window per track, asked as users ask theirs.

    They lie in a shuffled order: the search breaks ties by position, and files may be sorted by emotion.
    """

    def __init__(self, vectors: Array) -> None:
        self.count = len(vectors)
        self.place = np.random.default_rng(0).permutation(self.count)
        self.recommender = Recommender(MemoryLibrary.of_vectors(np.asarray(vectors[self.place], np.float32)))

    def top(self, query: Array, k: int) -> tuple[Array, Array]:
        """Rows int64 [k'] and cosines float32 [k'] of the k best for `query` float64 [d], k' = min(k, c).

        A query of length zero has no direction: everything scores 0.
        """
        if not query.any():
            return self.place[:k], np.zeros(min(k, self.count), np.float32)
        found = self.recommender.retrieve(Query(query, None, 0.0, "music"), k)
        return self.place[found.ids], found.scores


def orders(queries: Array, corpus: Array, own: Array, *, second: Array) -> dict[str, Array]:
    """Scores [q, c] of every stage, larger is better, of query and corpus vectors and both stages' scores [q, c]."""
    exact = direction(np.asarray(queries, np.float64)) @ direction(np.asarray(corpus, np.float64)).T
    library = Library(corpus)
    through = _search(library, queries)
    found = {COSINE: exact, OWN: own, INDEX: through}
    for k in (*CUTOFFS, None):
        first = np.zeros(exact.shape, bool)
        for row, query in zip(first, np.asarray(queries, np.float64), strict=True):
            row[library.top(query, library.count if k is None else k)[0]] = True
        found[reranking_stage(k)] = np.array([reorder(*rows) for rows in zip(through, second, first, strict=True)])
    return found


def reorder(base: Array, second: Array, first: Array) -> Array:
    """Scores float64 [c] that put the items where `first` [c] is true by `second` [c] before the others by `base` [c].

    Ties of either stay ties.
    """
    rank = np.empty(len(base))
    rank[~first] = np.unique(base[~first], return_inverse=True)[1]
    rank[first] = len(base) + np.unique(second[first], return_inverse=True)[1]
    return rank


def _search(library: Library, queries: Array) -> Array:
    """Cosines float32 [q, c] as the recommender's search gives them for the whole corpus."""
    scores = np.empty((len(queries), library.count), np.float32)
    for row, query in zip(scores, np.asarray(queries, np.float64), strict=True):
        rows, cosines = library.top(query, library.count)
        row[rows] = cosines
    return scores


def of_task(task: Task, first: Outcome, second: Outcome) -> dict[str, dict[str, Array]]:
    """Per direction, stage -> per-query mAP [q] of one trial."""
    found = {}
    ways, own = directions(task, second.similarity), directions(task, first.similarity)
    vectors = {V: (first.video_vectors, first.music_vectors), M: (first.music_vectors, first.video_vectors)}
    for name, way in ways.items():
        relevant = SameLabel(way.query, way.corpus)
        scores = orders(*vectors[name], own[name].scores, second=way.scores)
        found[name] = {stage: per_query(s, relevant, ["mAP"])["mAP"] for stage, s in scores.items()}
    return found


def join_stages(
    bench: Bench, first: Mapping[int, Sequence[Outcome]], second: Mapping[int, Sequence[Outcome]]
) -> Stages:
    """Both stages' outcomes, {seed: [fold 0, fold 1, ...]}, as per-query values in one order of the queries."""
    ids: dict[str, tuple[str, ...]] = {}
    emotion: dict[str, Array] = {}
    values: dict[str, dict[str, list[Array]]] = {d: {stage: [] for stage in before()} for d in (V, M)}
    groups: dict[str, Array | None] = {V: None, M: None}
    for seed in sorted(first):
        tasks = bench.tasks(seed)
        parts = [of_task(*trial) for trial in zip(tasks, first[seed], second[seed], strict=True)]
        names = [name for task in tasks for name in task.corpus.ids]
        order = np.argsort(np.array(names), kind="stable")  # folds differ by seed, the queries do not
        for way, columns in values.items():
            ids[way] = tuple(names[i] for i in order)
            labels = [directions(task, np.zeros((0, 0)))[way].query for task in tasks]
            emotion[way] = np.concatenate(labels)[order]
            groups[way] = query_groups(bench, tasks, order)
            for stage, rows in columns.items():
                rows.append(np.concatenate([part[way][stage] for part in parts])[order])
    joined = {d: {s: np.array(rows) for s, rows in c.items()} for d, c in values.items()}
    return Stages(ids, emotion, joined, groups)


def figures(found: Stages, seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Per direction an entry per stage: mAP, and its difference to the stage before with interval and p."""
    return {way: _entries(columns, found.groups[way], seed) for way, columns in found.values.items()}


def _entries(columns: Mapping[str, Array], groups: Array | None, seed: int) -> list[dict[str, Any]]:
    means = {stage: rows.mean(axis=0) for stage, rows in columns.items()}
    # NaN, a query without relevant items, stays NaN.
    means[PERFECT] = means[COSINE] * 0 + 1
    entries = [_entry(stage, rows, means, groups=groups, seed=seed) for stage, rows in columns.items()]
    again = [entry for entry in entries if entry["compared_with"] == INDEX]
    for entry, corrected in zip(again, holm([entry["p"] for entry in again]), strict=True):
        entry["p_holm"] = corrected
    return entries


def _entry(stage: str, rows: Array, means: Mapping[str, Array], *, groups: Array | None, seed: int) -> dict[str, Any]:
    """One stage; against the perfect order there is nothing to test."""
    other = before()[stage]
    over = spread(np.nanmean(rows, axis=1))
    level = bootstrap(means[stage], method="percentile", groups=groups, seed=seed)
    change = paired_bootstrap(means[stage], means[other], groups=groups, seed=seed)
    entry: dict[str, Any] = {"stage": stage, "mAP": over.mean, "sd_over_seeds": number(over.std)}
    entry |= {"low_95": number(level.low), "high_95": number(level.high), "queries": level.n, "compared_with": other}
    entry |= {"difference": change.estimate, "difference_low_95": number(change.low)}
    p = None if other == PERFECT else paired_test(means[stage], means[other], groups, seed=seed).p
    return entry | {"difference_high_95": number(change.high), "p": p, "p_holm": None}
