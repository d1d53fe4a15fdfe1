"""`recommend train afclnet`: a retrieval model with AFCLNet from a table of rated pairs of media.

The first stage is regularised linear CCA of the matched pairs, whose cosine finds candidates; AFCLNet, trained on the
scores themselves, rescores them. Figures, weight and calibrations come from grouped folds: pairs that share a file are
never on both sides.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recommender.encoders import Calibration, Matcher
from recommender.encoders.linear import LinearEncoder
from recommender.errors import InputError
from recommender.extractors import EXTRACTORS
from recommender.model.folder import read_manifest
from recommender.model.reranking import Reranking
from recommender.model.retrieval import FeatureSet, RetrievalModel, load
from recommender.text import show
from recommender.types import Array, Modality
from training.evaluation.intervals import bootstrap_of, paired_bootstrap
from training.learning.model_folder import files_of, report_of, writable, write
from training.learning.second_stage import choose_ranker
from training.learning.targets import Scored, is_matched
from training.learning.weighing import weigh
from training.measures import POINTWISE
from training.retrieval.card import write_rated_card
from training.retrieval.rated_pairs import measure_files, read_rated_pairs
from training.retrieval.train import Parts, manifest_of
from training.systems.afclnet.export import reranker
from training.systems.afclnet.reduction import LinearReducer, ReductionConfig, reduce
from training.systems.afclnet.system import OURS, AFCLNet, AFCLNetConfig
from training.systems.logistic import calibration
from training.systems.matching import tensors_of
from training.types import Tick

FOLDS = 5
LEAST = 4 * FOLDS
"""Groups of pairs below which folds say nothing."""
SHOWN = ("MAE", "MSE", "R2")


class Held(NamedTuple):
    """Out-of-fold scores of all n pairs: the cosine of the first stage, AFCLNet's logit."""

    cosine: Array
    logit: Array


@dataclass(frozen=True)
class RatedModel:
    """What training gives: the model, and the files that could not be used with the reason."""

    model: RetrievalModel
    failed: dict[str, str]


def train_rated(
    table: Path,
    out: Path,
    command: str,
    *,
    name: str | None = None,
    seed: int = 0,
    workers: int = 1,
    tick: Tick = lambda *_: None,
) -> RatedModel:
    """A model folder at `out` from the rated pairs in `table` (see `training.retrieval.rated_pairs`).

    Measured features stay in `out`/cache: a stopped run measures only what is new. Raises InputError when the table is
    wrong, too few pairs are left, they all match or none does, or `out` cannot be written.
    """
    pairs = read_rated_pairs(table)
    writable(out)
    sides: list[dict[str, Array]] = []
    failed: dict[str, str] = {}
    modalities: tuple[Modality, ...] = ("video", "music")
    for modality in modalities:
        files = getattr(pairs, modality)
        found, bad = measure_files(
            files, table.parent, modality, cache=out / "cache", workers=workers, tick=_named(tick, modality)
        )
        sides.append(found)
        failed |= bad
    data = check_learnable(pairs.with_features(sides[0], sides[1]), table)
    config = recipe(data)
    held = out_of_fold(data, config, seed, tick=lambda done: tick("cross-validation", done, FOLDS))
    parts, default, figures = assemble_model(data, config, held, seed=seed)
    features = {m: FeatureSet.by(EXTRACTORS[f"builtin-{m}"]) for m in modalities}
    trained_on = {"dataset": table.name, "revision": _revision(table), "pairs": len(data), "seed": seed}
    manifest, weights = manifest_of(
        name or out.resolve().name, features, "afclnet", parts=parts, default=default, trained_on=trained_on
    )
    facts = report_of(manifest, command, config, packages={}) | {
        "scores": "ratings of 1 to 5, as (x - 1) / 4" if pairs.ratings else "0 to 1",
        "affect": list(pairs.dimensions),
        "groups": len(set(data.group.tolist())),
        "failed": failed,
        "seed": seed,
        "cross-validation": figures,
    }
    write(out, files_of(manifest, weights, facts, card=write_rated_card(facts)))
    return RatedModel(load(out, read_manifest(out)), failed)


def check_learnable(data: Scored, table: Path) -> Scored:
    """`data`, refused where nothing can be learnt from it."""
    groups = len(set(data.group.tolist()))
    if groups < LEAST:
        raise InputError(
            f"{show(table)}: {len(data)} usable pairs in {groups} groups that share no file; at least {LEAST} such "
            "groups are needed to train and to measure"
        )
    matched = int(is_matched(data.score).sum())
    if min(matched, len(data) - matched) < FOLDS:
        raise InputError(
            f"{show(table)}: {matched} of {len(data)} pairs match (score of .5 or more); both kinds are needed, at "
            f"least {FOLDS} of each"
        )
    return data


def recipe(data: Scored) -> AFCLNetConfig:
    """Our recipe for the pairs as they are: affect as the table has it, no pairs that nobody rated."""
    config = replace(OURS, fresh=False, calibration_folds=0)
    if data.video_affect.shape[1] == 0:
        shape = replace(OURS.shape, inputs="objective", auxiliary=False)
        return replace(config, shape=shape, affect=replace(OURS.affect, scaled=False))
    return config


def cosine_stage(data: Scored) -> LinearEncoder:
    """Regularised linear CCA of the matched pairs as an encoder."""
    found = reduce(data.video, data.music, data.score, config=ReductionConfig("cca", components=8, ridge=100.0), seed=0)
    if not isinstance(found, LinearReducer):
        raise InputError("the first stage must be linear")
    tensors = tensors_of("video", (found.video.weights, found.video.bias))
    return LinearEncoder({}, tensors | tensors_of("music", (found.music.weights, found.music.bias)))


def out_of_fold(data: Scored, config: AFCLNetConfig, seed: int, *, tick: Callable[[int], None]) -> Held:
    """Scores of every pair by stages that never saw its files."""
    cosine, logit = np.empty(len(data)), np.empty(len(data))
    for number, (inside, rows) in enumerate(data.folds(FOLDS, seed)):
        tick(number)
        part, rest = data.take(inside), data.take(rows)
        cosine[rows] = Matcher(cosine_stage(part), Calibration(1.0, 0.0)).cosine(rest.video, rest.music)
        logit[rows] = AFCLNet("afclnet", config).fit_scored(part, seed).logit(rest.video, rest.music)
    tick(FOLDS)
    return Held(cosine, logit)


def assemble_model(data: Scored, config: AFCLNetConfig, held: Held, *, seed: int) -> tuple[Parts, str, dict[str, Any]]:
    """The model fitted on all pairs, its default ranker and the out-of-fold figures of every ranker."""
    fusion = weigh(held.cosine, held.logit, lambda tried: -_error(tried(*held), data.score))
    scores = {"cosine": held.cosine, "afclnet": held.logit, "fusion": fusion(*held)}
    calibrations = {ranker: calibration(x, data.score) for ranker, x in scores.items()}
    figures = {ranker: _figures(data, calibrations[ranker](x)) for ranker, x in scores.items()}
    errors = {ranker: (calibrations[ranker](x) - data.score) ** 2 for ranker, x in scores.items()}
    gains = {ranker: _gain(errors["cosine"], errors[ranker], data.group) for ranker in ("afclnet", "fusion")}
    default = choose_ranker(gains)
    network = reranker(AFCLNet("afclnet", config).fit_scored(data, seed))
    matcher = Matcher(cosine_stage(data), calibrations.pop("cosine"))
    return Parts(matcher, Reranking(network, fusion, calibrations)), default, figures


def _gain(cosine: Array, other: Array, group: Array) -> dict[str, float]:
    """By how much less the squared errors `other` [n] are than those of the cosine, paired, over groups."""
    found = paired_bootstrap(cosine, other, groups=group)
    return {"mean": found.estimate, "low_95": found.low}


def _error(score: Array, truth: Array) -> float:
    """Mean squared error of the calibrated score."""
    return float(np.mean((calibration(score, truth)(score) - truth) ** 2))


def _figures(data: Scored, score: Array) -> dict[str, Any]:
    """MAE, MSE and R2 of the score, AUC of the match, with 95 % intervals over groups and chance levels."""
    rows = np.arange(len(data))
    found = {}
    matched = is_matched(data.score).astype(np.int64)
    for name, truth in (*((n, data.score) for n in SHOWN), ("AUC", matched)):
        measure = POINTWISE[name]
        interval = bootstrap_of(
            lambda r, m=measure, t=truth: float(m.of(t[r], score[r])), rows, groups=data.group, resamples=500, seed=0
        )
        chance = float(measure.chance(truth, np.full(len(truth), truth.mean()))) if name != "AUC" else 0.5
        figure = {"mean": float(measure.of(truth, score)), "low_95": interval.low, "high_95": interval.high}
        found[name] = figure | {"chance": chance}
    return found


def _revision(table: Path) -> str:
    return hashlib.sha256(table.read_bytes()).hexdigest()


def _named(tick: Tick, modality: Modality) -> Callable[[int, int], None]:
    return lambda done, total: tick(f"measuring {modality}", done, total)
