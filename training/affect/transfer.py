"""How far the music model carries: to another soundfont, and between rated piano pieces and rated pop songs."""

from pathlib import Path

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training import datasets
from training.affect.agreement import pearson, standardise
from training.affect.cross_validation import across
from training.affect.feature_table import FeatureTable
from training.affect.fit import Progress, Report, problem
from training.affect.music_terms import MUSIC, SHARED, SHARED_WITHOUT_LEVEL, WITH_LEVEL
from training.affect.nested import cross_validate, fit_chosen, group_folds, leave_one_group_out
from training.affect.pmemo_columns import RAW, derive_columns, measure
from training.affect.terms import AXES, Axis, Terms
from training.datasets import DATASETS, Ratings
from training.evaluation.intervals import bootstrap_of

DEALS = 1000
"""Random orders of the ratings behind a chance level: its 95th percentile is then known to about .01."""

FIGURES: tuple[tuple[str, Axis, Terms, Terms], ...] = (
    ("valence", "valence", MUSIC, SHARED),
    ("arousal", "arousal", MUSIC, SHARED_WITHOUT_LEVEL),
    ("arousal_with_level", "arousal", WITH_LEVEL, SHARED),
)
"""Name, axis, terms within one corpus, terms between corpora; level does not enter valence."""


def soundfont_figures(here: FeatureTable, there: FeatureTable, ratings: Ratings) -> Report:
    """Trained on the renderings `here`, tested on those of `there`, the series tested left out of the training.

    `r` keeps the statistics of the training soundfont; `r_own_z` standardises the test renderings by themselves, as
    z-scores over a user's own library do. Intervals resample whole series.
    """
    return {name: _to_soundfont(terms, axis, here, there, ratings) for name, axis, terms, _ in FIGURES}


def _to_soundfont(terms: Terms, axis: Axis, here: FeatureTable, there: FeatureTable, ratings: Ratings) -> Report:
    task, other = (problem(terms, table, ratings, axis=axis) for table in (here, there))
    folds = leave_one_group_out(task.groups)
    _, models = cross_validate(task.table.items, task.y, task.signs, groups=task.groups, folds=folds, seed=0)
    x, y = task.table.items, other.table.items
    shifted = (y - y.mean(axis=0)) / _scale(y) * _scale(x) + x.mean(axis=0)
    plain, own = across(models, folds, y), across(models, folds, shifted)
    return {**_with_interval(plain, task.y, ratings), "r_own_z": pearson(own, task.y)}


def corpora_figures(ratings: Ratings, files: list[Path], data: Path, *, progress: Progress) -> Report | None:
    """VGMIDI to PMEmo and back through the shared columns, each corpus z-scored by itself; None without PMEmo.

    files: the rendered pieces of `ratings`.
    """
    folder = DATASETS["pmemo"].folder
    if not (data / folder).is_dir():
        return None
    songs = datasets.load("pmemo", data)
    missing = [c for c in RAW if c not in songs.columns]
    if missing:
        raise InputError(f"{data / folder}: no column {missing[0]!r}")
    pop = derive_columns(songs.values[:, [songs.columns.index(c) for c in RAW]])
    piano = derive_columns(_measure(files, progress))
    return {
        "songs": len(songs),
        "table_columns": len(RAW),
        "columns": {name: sum(s != 0 for s in shared.signs(axis)) for name, axis, _, shared in FIGURES},
        "to_pmemo": _between(piano, ratings, pop, songs),
        "from_pmemo": _between(pop, songs, piano, ratings),
    }


def _measure(files: list[Path], progress: Progress) -> Array:
    rows = []
    for done, path in enumerate(files, 1):
        rows.append(measure(path))
        progress("shared columns", done, len(files))
    return np.array(rows)


def _between(source: FeatureTable, rated: Ratings, target: FeatureTable, truth: Ratings) -> Report:
    """The figures of models of all of `rated`, on `truth`; the ridge strength comes from folds of `rated`."""
    found: Report = {}
    for name, axis, _, terms in FIGURES:
        column = AXES.index(axis)
        task = problem(terms, source, rated, axis=axis)
        x, z = _z(task.table.items), _z(terms.table(target).select(task.table.columns).items)
        model, _ = fit_chosen(x, task.y, task.signs, np.asarray(task.groups), 0)
        y = standardise(truth.affect[:, column])
        out, _ = cross_validate(x, task.y, task.signs, groups=task.groups, folds=_outer(rated), seed=0)
        found[name] = {
            **_with_interval(model.deviation(z), y, truth),
            "r_within_training_corpus": pearson(out, task.y),
            "r_signs_alone": pearson(z @ task.signs, y),
            **_chance(model.deviation(z), y),
        }
    return found


def _outer(ratings: Ratings) -> Array:
    """Folds for the figure within a corpus: a group left out in turn, or a tenth of the groups where there are many."""
    few = len(set(ratings.groups)) <= 20
    return leave_one_group_out(ratings.groups) if few else group_folds(ratings.groups, 10, 0)


def _with_interval(predicted: Array, truth: Array, ratings: Ratings) -> Report:
    found = bootstrap_of(pearson, predicted, truth, groups=np.asarray(ratings.groups))
    return {"r": found.estimate, "low": found.low, "high": found.high}


def _chance(predicted: Array, truth: Array) -> Report:
    """Correlation with the true ratings dealt out at random: mean and 95th percentile."""
    rng = np.random.default_rng(0)
    dealt = np.array([pearson(predicted, rng.permutation(truth)) for _ in range(DEALS)])
    return {"chance_r_mean": float(dealt.mean()), "chance_r_95": float(np.quantile(dealt, 0.95))}


def _z(x: Array) -> Array:
    return np.asarray((x - x.mean(axis=0)) / _scale(x))


def _scale(x: Array) -> Array:
    return np.maximum(x.std(axis=0), 1e-9)
