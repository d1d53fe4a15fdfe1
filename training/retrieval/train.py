"""`recommend train retrieval`: a system fitted on a dataset's training pairs, saved as a model folder with its card."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recommender.encoders import Matcher
from recommender.errors import Argument, InputError
from recommender.model.folder import FORMAT, read_manifest
from recommender.model.reranking import Reranking
from recommender.model.retrieval import FeatureSet, RetrievalModel, load, revision_of
from recommender.rankers.scoring import Fusion
from recommender.types import Modality
from training.datasets.collections import join_extra
from training.evaluation.benchmark import benchmark
from training.evaluation.saved import Saved
from training.evaluation.trials import Bench
from training.learning.model_folder import CARD, REPORT, as_json, files_of, pack, report_of, writable, write
from training.learning.second_stage import MARGIN, choose_ranker
from training.retrieval.card import card
from training.systems.afclnet.export import reranker
from training.systems.afclnet.system import FittedAFCLNet
from training.systems.fusion import FittedFusion
from training.systems.fusion import Fusion as FusionSystem
from training.types import EMOTIONS, Collection, Dataset, Extra, Fitted, M, System, Tick, V


class Parts(NamedTuple):
    """What of a fitted system a model folder holds."""

    matcher: Matcher
    reranking: Reranking | None


def parts_of(fitted: Fitted, name: str) -> Parts:
    """The parts of a fitted system that the product can run; raises InputError where there are none."""
    if isinstance(fitted, Matcher):
        return Parts(fitted, None)
    if isinstance(fitted, FittedFusion) and isinstance(fitted.first, Matcher):
        second = fitted.second
        if isinstance(second, FittedAFCLNet):
            fusion = Fusion(fitted.weight, fitted.first_scale, fitted.second_scale)
            calibrations = {"afclnet": second.calibration, "fusion": fitted.calibration}
            return Parts(fitted.first, Reranking(reranker(second), fusion, calibrations))
    raise InputError(f"{name} scores pairs without vectors to search with: train another system")


def rankers_of(system: System) -> dict[str, System]:
    """The systems whose figures the rankers of a trained `system` have."""
    if isinstance(system, FusionSystem):
        return {"cosine": system.first, "afclnet": system.second, "fusion": system}
    return {"cosine": system}


def train_retrieval(
    dataset: Dataset,
    system: System,
    out: Path,
    *,
    command: str,
    name: str | None = None,
    seed: int = 0,
    extra: Extra | None = None,
    further: bool = False,
    seeds: Sequence[int] = (0, 1, 2),
    reason: str | None = None,
    tick: Tick = lambda *_: None,
) -> RetrievalModel:
    """The model that was fitted on all training pairs and written to `out`, with figures in its card.

    The figures are those of every ranker on each collection left out, where the dataset has several (`further`: their
    labelled music without pictures is given as well), else of grouped cross-validation within train. They choose the
    default of either direction (`choose_ranker`). Where a `reason` is given also the saved model is scored on the
    dataset's evaluated part, which appends to `out`/evaluated.jsonl. Raises InputError when the system has no vectors
    to search with, the training pairs are not all there, their labels are not the five emotions that a model names, or
    `out` cannot be written. Nothing is written then.
    """
    if dataset.labels != EMOTIONS:
        raise InputError(
            f"{dataset.name} has the labels {', '.join(dataset.labels)}, and a retrieval model names the five emotions:"
            " build the dataset without ",
            Argument("classes", "three"),
        )
    if reason and dataset.collections:
        raise InputError("all of several data sets is learnt from: nothing is left to score the saved model on")
    writable(out)
    if not dataset.collections:
        bench = Bench(dataset, "clean", "folds", extra=extra)
    else:
        bench = Bench(dataset, "transfer", "collections", further=further)
        extra = join_extra([one.music for one in dataset.collections if further and one.music is not None])
    tick(f"fitting {system.name}", 0, 1)
    parts = parts_of(system.fit(dataset.pairs["train"], seed, None, extra=extra), system.name)
    rankers, measure = rankers_of(system), partial(_measure, command=command, tick=tick)
    judged = measure(rankers, bench, seeds)
    figures = {ranker: _figures(judged, ranker) for ranker in judged["systems"]}
    gains = {way: _gains(judged, way) for way in (V, M)}
    trained_on = {
        "dataset": dataset.name,
        "revision": dataset.revision,
        "part": "all" if dataset.collections else "train",
        "pairs": len(dataset.pairs["train"]),
        "further_music": 0 if extra is None else len(extra.emotion),
        "seed": seed,
    }
    manifest, weights = manifest_of(
        name or out.resolve().name,
        dataset.features,
        system.name,
        parts=parts,
        default=choose_ranker(gains[V]),
        backward=choose_ranker(gains[M]),
        trained_on=trained_on,
    )
    facts = report_of(manifest, command, system, packages=judged["versions"])
    facts |= {"cross-validation": figures, "gains": gains, "margin": MARGIN, "collections": judged["collections"]}
    alone = partial(measure, {"cosine": rankers["cosine"]})
    facts["own"] = {one.name: _own(dataset, one, alone) for one in dataset.collections}
    write(out, files_of(manifest, weights, facts, card=card(facts, dataset.licence)))
    model = load(out, read_manifest(out))
    if reason:
        facts["evaluated"] = evaluate(model, dataset, out, command=command, reason=reason)
        write(out, {REPORT: as_json(facts), CARD: card(facts, dataset.licence)})
    return model


def _measure(
    systems: Mapping[str, System], bench: Bench, seeds: Sequence[int], *, command: str, tick: Tick
) -> dict[str, Any]:
    """The benchmark's report of the systems, which nobody keeps."""
    with tempfile.TemporaryDirectory(prefix="cliptune-") as scratch:
        return benchmark(bench, dict(systems), seeds, out=Path(scratch), command=command, against="cosine", tick=tick)


def _gains(report: Mapping[str, Any], way: str) -> dict[str, dict[str, float]]:
    """By ranker, what it has more mAP than the cosine in one direction, with the bounds of the paired interval."""
    rows = [row for row in report["significance"] if row["measure"] == f"{way} mAP" and row["b"] == "cosine"]
    return {row["a"]: {"mean": row["difference"], **{k: row[k] for k in ("low_95", "high_95")}} for row in rows}


def _own(whole: Dataset, one: Collection, measure: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The cosine's figures on folds within one collection: of a model that knows the taste of its makers."""
    alone = replace(whole, name=one.name, pairs={"train": one.pairs}, collections=())
    return _figures(measure(Bench(alone, "clean", "folds"), [0]), "cosine")


def evaluate(model: RetrievalModel, dataset: Dataset, out: Path, *, command: str, reason: str) -> dict[str, Any]:
    """The saved model's figures on the dataset's evaluated part; the scoring is logged in `out`/evaluated.jsonl."""
    from training.evaluation import log

    bench = Bench(dataset, "clean", saved=True)
    with tempfile.TemporaryDirectory(prefix="cliptune-") as scratch:
        report = benchmark(bench, {model.name: Saved(model)}, [0], out=Path(scratch), command=command, reason=reason)
    log.record(
        out / "evaluated.jsonl",
        system=model.name,
        protocol="clean",
        seed=0,
        dataset=dataset.name,
        revision=dataset.revision,
        part=bench.part,
        reason=reason,
    )
    return _figures(report, model.name) | {"part": bench.part}


def _figures(report: dict[str, Any], name: str) -> dict[str, Any]:
    return {"seeds": report["seeds"], "chance": report["chance"], "measures": report["systems"][name]["measures"]}


def manifest_of(
    name: str,
    features: Mapping[Modality, FeatureSet],
    system: str,
    *,
    parts: Parts,
    default: str,
    backward: str | None = None,
    trained_on: Mapping[str, Any],
) -> tuple[dict[str, Any], bytes]:
    """The manifest of a model folder, and the bytes of the weights it names.

    default: the ranker of music for clips. backward: that of clips for music; None: the same.
    """
    matcher, reranking = parts
    tensors = dict(matcher.encoder.tensors)
    if reranking is not None:
        tensors |= reranking.tensors()
    entry, weights = pack({key: np.asarray(values, np.float32) for key, values in tensors.items()})
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "kind": "retrieval",
        "name": name,
        "system": system,
        "inputs": {modality: need.entry() for modality, need in features.items()},
        "encoder": {"kind": matcher.encoder.kind, "settings": dict(matcher.encoder.settings)},
        "calibration": asdict(matcher.calibration),
        **entry,
        "ranker": default,
        "trained_on": dict(trained_on),
    }
    if reranking is not None:
        manifest["rescoring"] = reranking.as_json()
    if backward not in (None, default):
        manifest["ranker_of_clips"] = backward
    return manifest | {"revision": revision_of(manifest)}, weights
