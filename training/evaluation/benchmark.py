"""`recommend benchmark`: fit systems, score them, write the report, runs and per-query tables."""

import json
import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation import reliability, stages, summary, trec
from training.evaluation import report as rendering
from training.evaluation.files import write_text
from training.evaluation.published import Row, paper_rows, survey
from training.evaluation.saved import Saved
from training.evaluation.slices import per_query_table, write_per_query
from training.evaluation.trials import Bench, Outcome, run, trials
from training.learning.versions import environment
from training.types import M, System, Tick, V

SCHEMA_VERSION = 1
PACKAGES = ("cliptune", "numpy", "scipy", "torch", "h5py")

SPACE = re.compile(r"\s")
"""What names of sources may hold, and names in TREC files may not."""

Outcomes = dict[str, dict[int, list[Outcome]]]


def benchmark(
    bench: Bench,
    systems: dict[str, System],
    seeds: Sequence[int],
    *,
    out: Path,
    command: str,
    against: str | None = None,
    reason: str = "benchmark",
    tick: Tick = lambda *_: None,
    pairs: Sequence[stages.Pair] = (),
) -> dict[str, Any]:
    """The report of systems on a bench, also written to a folder.

    Parameters
    ----------
    bench: what they are measured on. systems: by name. seeds: fits of each. out: the folder.
    command: for the report. against: compare every system with this one only. reason: for the log of scorings.
    tick: called with a stage, what is done of it and its total. pairs: reported stage by stage.

    Writes report.json, report.md, report.html, per_query/*.csv, trec/*.run and *.qrels (first seed), and appends every
    scoring of evaluated items to evaluated.jsonl. A run that was stopped goes on where it was: finished trials are
    read back when data, configuration and code are the same.
    """
    start = time.monotonic()
    todo = list(trials(bench, list(systems), list(seeds)))
    outcomes: Outcomes = {name: {seed: [] for seed in seeds} for name in systems}
    for done, trial in enumerate(todo):
        tick(f"{trial.system}, seed {trial.seed}, fold {trial.fold}", done, len(todo))
        outcome = run(bench, systems[trial.system], trial, folder=out, reason=reason)
        stages.check_searchable(pairs, trial.system, outcome)
        outcomes[trial.system][trial.seed].append(outcome)
    tick("intervals and tests", len(todo), len(todo))
    scored = {name: summary.collect_scores(bench, kept) for name, kept in outcomes.items()}
    staged = {pair: stages.join_stages(bench, outcomes[pair.first], outcomes[pair.second]) for pair in pairs}
    report = {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "dataset": _dataset(bench),
        "protocol": bench.protocol,
        "split": bench.split,
        "part": bench.part,
        "ranked": bench.ranked,
        "relevance": bench.relevance,
        "folds": bench.folds if bench.split == "folds" else None,
        "seeds": list(seeds),
        "chance": summary.chance(bench, seeds),
        "systems": {n: _system(systems[n], s, outcomes[n]) for n, s in scored.items()},
        "significance": summary.significance(scored, against),
        "stages": [pair._asdict() | {"directions": stages.figures(found)} for pair, found in staged.items()],
        "survey": survey(bench.dataset.name),
        "published": [row._asdict() for row in _published(bench)],
        "collections": _collections(bench, outcomes),
        "versions": environment(PACKAGES),
        "hardware": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "fit_cpu_s": sum(sum(s.seconds) for s in scored.values()),
        "wall_s": time.monotonic() - start,
    }
    _write(bench, outcomes, scored, staged, report, out)
    return report


def _system(system: System, scored: summary.Scored, outcomes: dict[int, list[Outcome]]) -> dict[str, Any]:
    """A system's entry of the report; of a fusion with the weights that its fits chose for the second system."""
    entry = {"config": repr(system)} | summary.figures(scored) | {"reliability": reliability.curve(scored)}
    weights = [outcome.weight for folds in outcomes.values() for outcome in folds]
    if np.isfinite(weights).all():
        entry["fusion_weight"] = {"mean": float(np.mean(weights)), "low": min(weights), "high": max(weights)}
    if isinstance(system, Saved):
        entry["trained_on"] = dict(system.model.trained_on)
    return entry


def _published(bench: Bench) -> list[Row]:
    """The published rows that are of what is scored here: figures of a corpus only where that corpus is ranked."""
    if bench.split != "published":
        return []
    rows = paper_rows(bench.dataset.name)
    if bench.corpus is not None:
        return rows
    return [row._replace(figures={n: x for n, x in row.figures.items() if not n.startswith((V, M))}) for row in rows]


def _collections(bench: Bench, outcomes: Outcomes) -> list[dict[str, Any]]:
    """Every collection left out by itself: its name, chance, and each system's measures and share called matched."""
    found = []
    for fold in bench.fold_numbers() if bench.split == "collections" else []:
        alone = replace(bench, only=fold)
        own = {n: {seed: [kept[fold]] for seed, kept in by_seed.items()} for n, by_seed in outcomes.items()}
        figures = {name: summary.figures(summary.collect_scores(alone, by_seed)) for name, by_seed in own.items()}
        entry = {"name": bench.dataset.collections[fold].name, "ranked": alone.ranked}
        chance = summary.chance(alone, list(next(iter(outcomes.values()))))
        kept = {n: {"measures": f["measures"], "called_matched": _called(f["confusion"])} for n, f in figures.items()}
        found.append(entry | {"chance": chance, "systems": kept})
    return found


def _called(confusion: list[list[float]]) -> float:
    """The share of pairs that are called matched."""
    return sum(row[1] for row in confusion) / sum(map(sum, confusion))


def _dataset(bench: Bench) -> dict[str, Any]:
    data = bench.dataset
    counts = {part: len(pairs) for part, pairs in data.pairs.items()}
    if data.corpus is not None:
        counts["retrieval segments"] = len(data.corpus)
    facts = {"name": data.name, "revision": data.revision, "licence": data.licence}
    return facts | {"counts": counts, "missing": list(data.missing)}


def _write(
    bench: Bench,
    outcomes: Outcomes,
    scored: dict[str, summary.Scored],
    staged: dict[stages.Pair, stages.Stages],
    report: dict[str, Any],
    out: Path,
) -> None:
    for folder in ("per_query", "trec"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    tables: dict[str, summary.Scored | stages.Stages] = {**scored}
    tables |= {f"stages.{pair.first}.{pair.second}": found for pair, found in staged.items()}
    for name, found in tables.items():
        columns = found.ranking if isinstance(found, summary.Scored) else found.values
        for direction in (V, M):
            means = {column: values.mean(axis=0) for column, values in columns[direction].items()}
            rows = per_query_table(found.ids[direction], means, found.emotion[direction], names=bench.names)
            write_per_query(out / "per_query" / f"{name}.{direction.replace('->', '-')}.csv", rows)
    _write_trec(bench, outcomes, out / "trec")
    write_text(out / "report.json", json.dumps(report, indent=1, allow_nan=False) + "\n")
    write_text(out / "report.md", rendering.markdown(report))
    write_text(out / "report.html", rendering.page(report))


def _write_trec(bench: Bench, outcomes: Outcomes, folder: Path) -> None:
    """Runs and judgements of the first seed; in cross-validation each query ranks its own fold's items only."""
    for name, by_seed in outcomes.items():
        seed, folds = next(iter(by_seed.items()))
        for direction in (V, M):
            run_rows: dict[str, dict[str, float]] = {}
            judged: dict[str, dict[str, int]] = {}
            for fold, outcome in enumerate(folds):
                task = bench.task(seed, fold)
                way = summary.directions(task, outcome.similarity)[direction]
                ids = tuple(SPACE.sub("_", name) for name in task.corpus.ids)
                run_rows |= trec.run_of(way.scores, ids, ids)
                judged |= trec.qrels_of(way.relevant(), ids, ids)
            short = direction.replace("->", "-")
            trec.write_run(folder / f"{name}.{short}.run", run_rows, name)
            trec.write_qrels(folder / f"{short}.qrels", judged)
