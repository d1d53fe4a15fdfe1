"""`emomv-tables`: EmoMV's classification and retrieval, multi-task and single-task, beside what its paper printed."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.datasets import load_pairs
from training.datasets.emomv import COPY, nearest
from training.evaluation import summary
from training.evaluation.intervals import bootstrap_of
from training.evaluation.published import OURS, Row, emotion_accuracy, paper_rows
from training.evaluation.suites import labelled, tables
from training.evaluation.suites.cache import Kept
from training.evaluation.suites.labelled import Place
from training.evaluation.suites.request import Asked, Found
from training.evaluation.suites.tables import Cell, Table
from training.evaluation.trials import FOLDS, Bench
from training.learning.folds import deal_pair_folds
from training.systems import system
from training.systems.logistic import multinomial
from training.systems.prepare import standardiser
from training.types import EMOTIONS, Dataset, M, Pairs, ProtocolName, System, V

NAME = "emomv-tables"
SEEDS = 5
PROTOCOLS: tuple[ProtocolName, ...] = ("paper", "clean")
SETS = ("emomv-c", "emomv-a", "emomv-b")
"""The one that is here in full first."""
RANKS = ("top@1", "top@3", "top@5", "mAP")
TASKS: dict[str, tuple[str, ...]] = {
    "classification": ("accuracy", "F1", "AUC", "music emotion accuracy", "video emotion accuracy"),
    V: tuple(f"{V} {name}" for name in RANKS),
    M: tuple(f"{M} {name}" for name in RANKS),
}
GUESS = "always the commonest emotion"
PUBLISHED_ON = {"emomv-a": "test", "emomv-b": "validation", "emomv-c": "validation"}
PENALTY = 100.0
"""Of the logistic regression of music alone, as in the `evidence` system."""

SHORT = (
    "EmoMV's models and its baseline, trained for emotions as well (multi-task) and for the match alone (single-task). "
    "Under `paper` training stops early on the evaluated set, as published; under `clean` nothing of it is used."
)
HOW = (
    "Fractions: mean ± SD over seeds, 95 % bootstrap interval in brackets (over queries, for classification over "
    "source videos). Published figures are of one run each. Chance is exact for the set at hand."
)
HOW_MUSIC = (
    "What of A and B can be run without pictures: the emotion of the music from its VGGish features, by logistic "
    "regression, which has no randomness. Published is what the multi-task classifier reaches, on the set that it is "
    "evaluated on. Nothing is fitted on a source, or a recording, that is scored. 95 % intervals over source videos."
)


def run(asked: Asked) -> Found:
    """The suite: all tables of all three sets, those that cannot be run with the parts that are missing."""
    folder, seeds = asked.emomv(NAME), asked.numbers(SEEDS)
    sets = [_load(asked, name) for name in SETS]
    here = [data for data in sets if isinstance(data, Dataset) and not labelled.lacking(data)]
    kept = Kept(asked.out, asked.tick, len(here) * len(PROTOCOLS) * len(seeds) * len(set().union(*OURS.values())))
    made = []
    for name, data in zip(SETS, sets, strict=True):
        made += list(_tables(name, data, asked, seeds, kept))
    music = Table("Music alone", HOW_MUSIC, ("fitted on", "scored on", "accuracy", GUESS), _music(sets), "data set")
    facts = [f"data: {folder.name}, " + "; ".join(_revision(name, d) for name, d in zip(SETS, sets, strict=True))]
    facts.append(f"seeds: {len(seeds)} of every system and protocol")
    return Found("EmoMV: the paper's tables", SHORT, facts, [*made, music], kept)


def _load(asked: Asked, name: str) -> Dataset | str:
    """The set, or why nothing of it is there."""
    try:
        return load_pairs(name, asked.emomv(NAME))
    except InputError as error:
        return str(error)


def _revision(name: str, data: Dataset | str) -> str:
    return f"{name} is not here" if isinstance(data, str) else f"{name} revision `{data.revision[:16]}`"


def _tables(name: str, data: Dataset | str, asked: Asked, seeds: Sequence[int], kept: Kept) -> Iterator[Table]:
    """One table per task of a set."""
    missing = "nothing of it" if isinstance(data, str) else labelled.lacking(data)
    found: dict[tuple[str, ProtocolName], dict[str, Cell]] = {}
    chance: dict[str, Cell] = {}
    if not missing and isinstance(data, Dataset):
        for protocol in PROTOCOLS:
            found |= _figures(Bench(data, protocol), asked, seeds, kept)
        chance = dict(summary.chance(Bench(data, "clean"), seeds))
    for task, columns in TASKS.items():
        rows = [tables.Row("chance", chance, "chance")] if chance else []
        for row in paper_rows(name):
            rows += list(_rows(name, row, task, found, missing))
        short = tuple(column.removeprefix(f"{task} ") for column in columns)
        if task != "classification":
            rows = [_shorten(row, task) for row in rows]
        how = "" if task != "classification" else f"Not here: {missing}." if missing else HOW
        yield Table(f"{name}: {task}", how, ("figures", *short), rows, "model")


def _figures(
    bench: Bench, asked: Asked, seeds: Sequence[int], kept: Kept
) -> dict[tuple[str, ProtocolName], dict[str, Cell]]:
    """Cells of every system of the tables under the bench's protocol."""
    place = Place(asked.out / bench.dataset.name / bench.protocol, asked.reason)
    found: dict[tuple[str, ProtocolName], dict[str, Cell]] = {}
    for name in dict.fromkeys(name for names in OURS.values() for name in names):
        outcomes = labelled.trials_of(bench, name, partial(_default, name), seeds=seeds, place=place, kept=kept)
        found[name, bench.protocol] = dict(labelled.cells(summary.collect_scores(bench, outcomes)))
    return found


def _default(name: str, seed: int, fold: int) -> System:
    return system(name)


def _rows(
    name: str, row: Row, task: str, found: dict[tuple[str, ProtocolName], dict[str, Cell]], missing: str
) -> Iterator[tables.Row]:
    """The published row of a model, then ours."""
    ours = row.systems[0] if task == "classification" else row.systems[-1]
    figures: dict[str, Cell] = {**row.figures, **emotion_accuracy(name, row.label)}
    yield tables.Row(row.label, figures | {"figures": "published"}, "published")
    if missing:
        yield tables.Row(ours, {"figures": f"not here: {missing}"})
        return
    for protocol in PROTOCOLS:
        yield tables.Row(ours, found[ours, protocol] | {"figures": f"ours, `{protocol}`"})


def _shorten(row: tables.Row, task: str) -> tables.Row:
    """The row with the columns of one direction under their measures' own names."""
    return tables.Row(row.label, {name.removeprefix(f"{task} "): cell for name, cell in row.cells.items()}, row.kind)


def _music(sets: Sequence[Dataset | str]) -> list[tables.Row]:
    """Emotion of the music alone: scored on validation, or on folds of train where the former is not there."""
    rows = []
    for name, data in zip(SETS, sets, strict=True):
        said = emotion_accuracy(name, "EmoMV, multi-task")["music emotion accuracy"]
        cells: dict[str, Cell] = {"fitted on": "published", "scored on": PUBLISHED_ON[name], "accuracy": said}
        rows.append(tables.Row(name, cells, "published"))
        train = None if isinstance(data, str) else data.pairs.get("train")
        if isinstance(data, str) or train is None or not train.music.shape[1]:
            rows.append(tables.Row(name, {"fitted on": "not here: music features of train"}))
            continue
        held = data.pairs.get("validation")
        if held is None or not held.music.shape[1]:
            rows.append(
                _accuracy(name, f"{FOLDS} grouped folds of train", "the fold left out", _on_folds(train), train)
            )
        else:
            rows.append(_accuracy(name, "train without sources of validation", "validation", _right(train, held), held))
    return rows


def _accuracy(name: str, fitted_on: str, scored_on: str, right: Array, pairs: Pairs) -> tables.Row:
    """A row with the share of right answers [n] and its interval over sources."""
    interval = bootstrap_of(lambda rows: float(rows.mean()), right, groups=pairs.music_source)
    cell = summary.entry(np.array([interval.estimate]), interval.low, interval.high, n=interval.n)
    guess = float(np.bincount(pairs.music_emotion).max() / len(pairs))
    return tables.Row(name, {"fitted on": fitted_on, "scored on": scored_on, "accuracy": cell, GUESS: guess})


def _on_folds(train: Pairs) -> Array:
    right = np.empty(len(train))
    for inside, held in deal_pair_folds(train, FOLDS, 0):
        right[held] = _right(train.take(inside), train.take(held))
    return right


def _right(train: Pairs, held: Pairs) -> Array:
    """float64 [n]: 1 where the emotion of the music of `held` is told, fitted on music of other sources alone.

    In EmoMV-A's published split some sources are in both parts, and some songs have several names.
    """
    known = np.concatenate([held.music_source, held.video_source])
    train = train.take(~np.isin(train.music_source, known) & (nearest(train.music, held.music) < COPY))
    prepare = standardiser(train.music)
    weight = np.ones(len(train))
    model = multinomial(prepare(train.music), train.music_emotion, len(EMOTIONS), penalty=PENALTY, sample_weight=weight)
    return np.asarray(model(prepare(held.music)).argmax(axis=1) == held.music_emotion, np.float64)
