"""Fits on labelled pairs: trials of a bench, kept as the benchmark keeps them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recommender.errors import InputError
from training.datasets import load_pairs
from training.evaluation import summary
from training.evaluation.suites.cache import Kept
from training.evaluation.trials import Bench, Outcome, Trial, run
from training.learning.folds import deal_pair_folds
from training.learning.loop import quality
from training.systems.rated import without_calibration
from training.types import Dataset, M, Pairs, System, V

RANKED = (f"{V} mAP", f"{M} mAP")

INNER = 3
"""On EmoMV-C one of so many inner folds of the fitted pairs is held out to tune on; all of them would cost three times
as much."""

Make = Callable[[int, int], System]
"""The system that is fitted with a seed on a fold."""


class Place(NamedTuple):
    """Where trials are kept, and why evaluated items are scored."""

    folder: Path
    reason: str


def emomv_c(folder: Path) -> Dataset:
    """EmoMV-C."""
    return load_pairs("emomv-c", folder)


def trials_of(
    bench: Bench, name: str, make: Make, *, seeds: Sequence[int], place: Place, kept: Kept
) -> dict[int, list[Outcome]]:
    """Outcomes by seed, fold by fold, of the system that is called `name` here."""
    found: dict[int, list[Outcome]] = {}
    for seed in seeds:
        found[seed] = []
        for fold in bench.fold_numbers():
            kept.tick(f"{name}, {bench.dataset.name}, seed {seed}, fold {fold}", kept.fits, kept.total)
            outcome = run(bench, make(seed, fold), Trial(name, seed, fold), folder=place.folder, reason=place.reason)
            kept.count(outcome.seconds)
            found[seed].append(outcome)
    return found


def cells(scored: summary.Scored) -> dict[str, dict[str, Any]]:
    """Cells of a table: all figures of `summary.figures`."""
    found: dict[str, dict[str, Any]] = summary.figures(scored)["measures"]
    return found


def lacking(dataset: Dataset) -> str:
    """Why a dataset cannot be benchmarked, or "" where it can: the parts that are missing."""
    try:
        Bench(dataset, "clean")
    except InputError:
        return missing_parts(dataset) or "two parts of pairs"
    return ""


def missing_parts(dataset: Dataset) -> str:
    """What is not on disk, in one line: "labels of test, retrieval; video features of train"."""
    parts: dict[str, list[str]] = {}
    for line in dataset.missing:
        part, _, what = line.split(" (")[0].partition(": no ")
        parts.setdefault(what, []).append(part)
    return "; ".join(f"{what} of {', '.join(names)}" for what, names in parts.items())


def inner_quality(candidate: System, train: Pairs, seed: int) -> float:
    """mAP plus AUC on the first of INNER grouped folds of `train`, fitted on the others."""
    inside, held = deal_pair_folds(train, INNER, seed)[0]
    rest = train.take(held)
    fitted = without_calibration(candidate).fit(train.take(inside), seed)
    return quality(np.asarray(fitted.similarity(rest.video, rest.music)), rest)
