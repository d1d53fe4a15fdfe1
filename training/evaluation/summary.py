"""From raw scores to figures: measures per query and per seed, intervals, slices, significance, chance."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from recommender.types import Array
from training.datasets.collections import join_pairs
from training.evaluation.intervals import Summary, bootstrap, bootstrap_of, spread
from training.evaluation.significance import compare
from training.evaluation.slices import by_label, number
from training.evaluation.trials import Bench, Outcome, Task
from training.learning.targets import class_scores, emotion_scores
from training.measures import POINTWISE, SameLabel, chance_levels, per_query
from training.types import EMOTIONS, M, Pairs, V

RANKING = ("mAP", "top@1", "top@3", "top@5", "MRR", "nDCG", "median-rank")
MATCHING = ("accuracy", "F1", "AUC")
PROBABILITY = ("MAE", "MSE", "R2", "Brier", "ECE")
GRADED = ("MAE", "MSE", "R2")
"""Measures of the match score against how near the two emotions lie (`training.learning.targets.emotion_scores`)."""
TESTED = (f"{V} mAP", f"{M} mAP", "accuracy")
RECALL_LEVELS = np.linspace(0, 1, 11)


class Queries(NamedTuple):
    """Per-query values of one seed and direction: measure -> [q], with the queries' names, emotions and groups."""

    values: dict[str, Array]
    ids: tuple[str, ...]
    emotion: Array
    precision: Array


class Direction(NamedTuple):
    """One way of retrieving: scores [q, c] and the emotions (or classes) of queries [q] and corpus [c], which agree
    where one is relevant to the other."""

    scores: Array
    query: Array
    corpus: Array

    def relevant(self) -> Array:
        """bool [q, c]."""
        same: Array = self.query[:, None] == self.corpus
        return same


def directions(task: Task, similarity: Array) -> dict[str, Direction]:
    """Both ways of retrieving in a trial.

    In a corpus of segments with their own sound both modalities share the label; in cross-validation the video's and
    the music's own labels count.
    """
    video = task.corpus.emotion
    music = task.pairs.music_emotion if task.corpus.ids == task.pairs.ids else task.corpus.emotion
    video, music = (np.array(task.classes)[labels] for labels in (video, music))
    return {V: Direction(similarity, video, music), M: Direction(similarity.T, music, video)}


def queries(tasks: Sequence[Task], outcomes: Sequence[Outcome], direction: str) -> Queries:
    """One seed's per-query values, its folds one after the other."""
    values: dict[str, list[Array]] = {name: [] for name in RANKING}
    emotion, precision = [], []
    for task, outcome in zip(tasks, outcomes, strict=True):
        way = directions(task, outcome.similarity)[direction]
        for name, column in per_query(way.scores, SameLabel(way.query, way.corpus), RANKING).items():
            values[name].append(column)
        emotion.append(way.query)
        precision.append(curve(way.scores, way.relevant()))
    ids = tuple(name for task in tasks for name in task.corpus.ids)
    joined = {name: np.concatenate(parts) for name, parts in values.items()}
    return Queries(joined, ids, np.concatenate(emotion), np.vstack(precision))


def curve(scores: Array, relevant: Array) -> Array:
    """Interpolated precision [q, 11] at recall 0, .1, ... 1 (the largest precision at that recall or beyond)."""
    order = np.argsort(-scores, axis=1, kind="stable")
    hits = np.take_along_axis(relevant, order, axis=1)
    found = np.cumsum(hits, axis=1)
    precision = found / np.arange(1, scores.shape[1] + 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = found / np.maximum(found[:, -1:], 1)
    answered = np.flatnonzero(hits.any(axis=1))
    rows = np.full((len(scores), len(RECALL_LEVELS)), np.nan)
    for i in answered:
        rows[i] = best[i][np.searchsorted(recall[i], RECALL_LEVELS - 1e-12)]
    return rows


class Scored(NamedTuple):
    """All that one system left behind: per direction the per-query values [seeds, q], and the matching scores.

    `names`: what `emotion` [q] are indices into. `sources`: per direction int64 [q], the queries' sources where
    intervals are over them.
    """

    ids: dict[str, tuple[str, ...]]
    emotion: dict[str, Array]
    ranking: dict[str, dict[str, Array]]
    precision: dict[str, Array]
    truth: list[Array]
    graded: list[Array]
    match: list[Array]
    groups: list[Array]
    emotions: dict[str, list[tuple[Array, Array]]]
    seconds: list[float]
    names: tuple[str, ...] = EMOTIONS
    sources: Mapping[str, Array | None] = MappingProxyType({V: None, M: None})


def query_groups(bench: Bench, tasks: Sequence[Task], order: Array) -> Array | None:
    """int64 [q], in `order`: what the queries were cut from, for a bench of collections; None of another.

    Figures that are to hold on further collections are told by sources; those of one published set by its queries, as
    published.
    """
    if bench.split != "collections":
        return None
    return np.concatenate([task.corpus.source for task in tasks])[order]


def collect_scores(bench: Bench, outcomes: Mapping[int, Sequence[Outcome]]) -> Scored:
    """A system's outcomes, {seed: [fold 0, fold 1, ...]}, brought into one order of queries and pairs."""
    ids: dict[str, tuple[str, ...]] = {}
    emotion: dict[str, Array] = {}
    ranking: dict[str, dict[str, list[Array]]] = {d: {name: [] for name in RANKING} for d in (V, M)}
    precision: dict[str, list[Array]] = {V: [], M: []}
    truth, near, match, groups, seconds = [], [], [], [], []
    guesses: dict[str, list[tuple[Array, Array]]] = {"video": [], "music": []}
    sources: dict[str, Array | None] = {V: None, M: None}
    for seed, folds in sorted(outcomes.items()):
        tasks = bench.tasks(seed)
        for direction in (V, M):
            found = queries(tasks, folds, direction)
            order = np.argsort(np.array(found.ids), kind="stable")  # folds differ by seed, the queries do not
            ids[direction], emotion[direction] = tuple(found.ids[i] for i in order), found.emotion[order]
            sources[direction] = query_groups(bench, tasks, order)
            precision[direction].append(np.nanmean(found.precision, axis=0))
            for name, column in found.values.items():
                ranking[direction][name].append(column[order])
        names = np.array([name for task in tasks for name in task.pairs.ids])
        order = np.argsort(names, kind="stable")
        truth.append(np.concatenate([task.pairs.match for task in tasks])[order])
        near.append(np.concatenate([nearness(task.pairs, len(task.classes)) for task in tasks])[order])
        match.append(np.concatenate([outcome.match for outcome in folds])[order])
        groups.append(np.concatenate([task.pairs.video_source for task in tasks])[order])
        for modality, kept in guesses.items():
            given = [getattr(outcome, f"{modality}_emotions") for outcome in folds]
            if all(len(p) for p in given):
                labels = np.concatenate([getattr(task.pairs, f"{modality}_emotion") for task in tasks])
                kept.append((labels, np.concatenate(given).argmax(axis=1)))
        seconds.append(sum(outcome.seconds for outcome in folds))
    stacked = {d: {name: np.array(rows) for name, rows in columns.items()} for d, columns in ranking.items()}
    curves = {d: np.mean(rows, axis=0) for d, rows in precision.items()}
    return Scored(ids, emotion, stacked, curves, truth, near, match, groups, guesses, seconds, bench.names, sources)


def nearness(pairs: Pairs, labels: int) -> Array:
    """float64 [n]: how near the two labels of every pair lie, of the five emotions or, by their number, of three."""
    scores = emotion_scores() if labels == len(EMOTIONS) else class_scores()
    return np.asarray(scores[pairs.video_emotion, pairs.music_emotion])


def per_query_means(s: Scored) -> dict[str, Array]:
    """What paired tests compare: per-query mAP of both directions and per-pair correctness, means over seeds."""
    right = np.mean([(m >= 0.5) == (t == 1) for m, t in zip(s.match, s.truth, strict=True)], axis=0)
    return {f"{way} mAP": s.ranking[way]["mAP"].mean(axis=0) for way in (V, M)} | {"accuracy": right}


def figures(s: Scored, seed: int = 0) -> dict[str, Any]:
    """A system's entry of the report: every measure with mean, SD over seeds and 95 % interval; slices; confusion."""
    measures: dict[str, Any] = {}
    for direction, columns in s.ranking.items():
        for name, values in columns.items():
            # NaN marks a query without relevant items: the same ones for every seed.
            runs = np.nanmedian(values, axis=1) if name == "median-rank" else np.nanmean(values, axis=1)
            pooled: Summary = "median" if name == "median-rank" else "mean"
            groups = None if pooled == "median" else s.sources[direction]
            interval = bootstrap(values.mean(axis=0), pooled, method="percentile", groups=groups, seed=seed)
            measures[f"{direction} {name}"] = entry(runs, interval.low, interval.high, n=interval.n)
    measures |= {name: _matching(s, name, s.truth, seed) for name in (*MATCHING, *PROBABILITY)}
    measures |= {f"graded {name}": _matching(s, name, s.graded, seed) for name in GRADED}
    for modality, guesses in s.emotions.items():
        if guesses:
            runs = np.array([float(np.mean(truth == guess)) for truth, guess in guesses])
            measures[f"{modality} emotion accuracy"] = entry(runs, float("nan"), float("nan"), n=len(guesses[0][0]))
    return {
        "measures": measures,
        "slices": {d: _slices(s, d, seed) for d in (V, M)},
        "confusion": np.mean([_confusion(t, m) for t, m in zip(s.truth, s.match, strict=True)], axis=0).tolist(),
        "precision_at_recall": {d: [number(x) for x in s.precision[d]] for d in (V, M)},
        "fit_cpu_s": {"mean": float(np.mean(s.seconds)), "total": float(np.sum(s.seconds))},
    }


def entry(runs: Array, low: float, high: float, *, n: int) -> dict[str, Any]:
    """A figure of the report: its mean and SD over `runs` [seeds], its interval, and how many items it is of."""
    over = spread(runs)
    figure = {"mean": over.mean, "sd_over_seeds": number(over.std), "low_95": number(low), "high_95": number(high)}
    return figure | {"n": n, "seeds": over.n}


def _matching(s: Scored, name: str, truths: list[Array], seed: int) -> dict[str, Any]:
    """A matching measure: mean over seeds, with an interval over source videos (pairs of one source hang together)."""
    measure = POINTWISE[name]
    predictions = (np.array(s.match) >= 0.5).astype(np.int64) if measure.predicts == "class" else np.array(s.match)
    runs = np.array([measure.of(t, p) for t, p in zip(truths, predictions, strict=True)])

    def over_seeds(rows: Array) -> float:
        return float(np.mean([measure.of(t[rows], p[rows]) for t, p in zip(truths, predictions, strict=True)]))

    # Resampling adds its own noise to the ECE, which counts all noise as error: the basic interval takes it out again.
    method: Literal["basic", "percentile"] = "basic" if name == "ECE" else "percentile"
    rows = np.arange(len(truths[0]))
    interval = bootstrap_of(over_seeds, rows, method=method, groups=s.groups[0], resamples=500, seed=seed)
    low, high = np.maximum(interval[1:3], 0) if name == "ECE" else interval[1:3]  # maximum: NaN stays NaN
    return entry(runs, low, high, n=len(rows))


def _confusion(truth: Array, score: Array) -> Array:
    """Counts [truth 0/1, decided 0/1]."""
    table = np.zeros((2, 2))
    np.add.at(table, (truth, (score >= 0.5).astype(int)), 1)
    return table


def _slices(s: Scored, direction: str, seed: int) -> dict[str, Any]:
    parts = by_label(s.ranking[direction]["mAP"].mean(axis=0), s.emotion[direction], "mAP", names=s.names, seed=seed)
    shown = ("mAP", "low_95", "high_95")
    return {
        name: {"queries": part.queries, **dict(zip(shown, map(number, part.interval[:3]), strict=True))}
        for name, part in parts.items()
    }


def chance(bench: Bench, seeds: Sequence[int]) -> dict[str, float | None]:
    """The chance level of every measure on the corpora at hand: exact, averaged over the queries of folds and seeds.

    Of the measures of probabilities it is the level of a constant score, the share of matched pairs.
    """
    levels: dict[str, list[float]] = {}
    sizes: list[int] = []
    for seed in seeds if bench.split == "folds" else seeds[:1]:
        for task in bench.tasks(seed):
            sizes.append(len(task.corpus))
            for direction, way in directions(task, np.zeros((len(task.corpus),) * 2)).items():
                for name, level in chance_levels(SameLabel(way.query, way.corpus), RANKING).items():
                    levels.setdefault(f"{direction} {name}", []).append(level)
            half = (np.arange(len(task.pairs)) % 2).astype(np.int64)  # as many of either decision
            for name in MATCHING:
                levels.setdefault(name, []).append(POINTWISE[name].chance(task.pairs.match, half))
    pairs = join_pairs([task.pairs for task in bench.tasks(seeds[0])])
    near = nearness(pairs, len(bench.classes))
    constant = _constant(pairs.match, PROBABILITY)
    constant |= {f"graded {name}": level for name, level in _constant(near, GRADED).items()}
    return {name: number(float(np.average(values, weights=sizes))) for name, values in levels.items()} | constant


def _constant(truth: Array, names: Sequence[str]) -> dict[str, float | None]:
    """What always saying the mean of `truth` reaches in the measures of these names."""
    always = np.full(len(truth), truth.mean())
    # Rounded: R2 and ECE are 0 but for the last bits, and -0 would be printed as such.
    return {name: number(round(POINTWISE[name].of(truth, always), 12) + 0.0) for name in names}


def significance(systems: Mapping[str, Scored], against: str | None, seed: int = 0) -> list[dict[str, Any]]:
    """Paired comparisons on per-query means over seeds, Holm-corrected within each measure."""
    rows = []
    if len(systems) < 2:
        return []
    means = {name: per_query_means(s) for name, s in systems.items()}
    for measure in TESTED:
        columns = {name: values[measure] for name, values in means.items()}
        for c in compare(columns, _groups_of(next(iter(systems.values())), measure), against, seed=seed):
            change = c.difference
            found = {"difference": change.estimate, "low_95": number(change.low), "high_95": number(change.high)}
            rows.append({"measure": measure, "a": c.a, "b": c.b, **found, "p": c.p, "p_holm": c.p_holm})
    return rows


def _groups_of(s: Scored, measure: str) -> Array | None:
    """What resamples and flips of a measure's values keep together: sources, on a bench of collections."""
    ways = {f"{way} mAP": source for way, source in s.sources.items()}
    return ways[measure] if measure in ways else None if s.sources[V] is None else s.groups[0]
