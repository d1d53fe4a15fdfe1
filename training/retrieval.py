"""`recommend train retrieval`: a system fitted on a dataset's training pairs, saved as a model folder with its card."""

import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recommender.encoders import Matcher
from recommender.errors import InputError
from recommender.model.folder import FORMAT, MANIFEST, read_manifest
from recommender.model.retrieval import WEIGHTS, RetrievalModel, load, revision_of
from training.evaluation.benchmark import benchmark
from training.evaluation.trials import Bench
from training.model_folder import as_json, writable, write
from training.retrieval_card import card
from training.types import Dataset, Extra, Pairs, System

Tick = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Saved:
    """A trained model as a system of the benchmark: fitting gives the model itself."""

    model: RetrievalModel

    @property
    def name(self) -> str:
        return self.model.name

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, extra: Extra | None = None) -> RetrievalModel:
        """The model as it is; nothing is learnt."""
        return self.model

    def __repr__(self) -> str:
        model = self.model
        return f"Saved(name={model.name!r}, revision={model.revision!r}, trained_on={dict(model.trained_on)!r})"


def train_retrieval(
    dataset: Dataset,
    system: System,
    out: Path,
    command: str,
    name: str | None = None,
    seed: int = 0,
    extra: Extra | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    reason: str | None = None,
    tick: Tick = lambda *_: None,
) -> RetrievalModel:
    """The model that was fitted on all training pairs and written to `out`, with figures in its card.

    The figures are those of grouped cross-validation within train, and where a `reason` is given also the saved
    model's on the dataset's evaluated part, which appends to `out`/evaluated.jsonl.

    Raises
    ------
    InputError: the system has no vectors to search with, the training pairs are not all there, or `out` cannot be
        written. Nothing is written then.
    """
    writable(out)
    bench = Bench(dataset, "clean", "folds", extra=extra)
    tick(f"fitting {system.name}", 0, 1)
    matcher = system.fit(dataset.pairs["train"], seed, None, extra)
    if not isinstance(matcher, Matcher):
        raise InputError(f"{system.name} scores pairs without vectors to search with: train another system")
    name = name or out.resolve().name
    manifest, weights = _manifest(name, dataset, system, matcher, seed, extra)
    with tempfile.TemporaryDirectory(prefix="cliptune-") as scratch:
        folds = benchmark(bench, {system.name: system}, seeds, Path(scratch), command, tick=tick)
    facts = {
        "format": 1,
        "command": command,
        "model": {key: manifest[key] for key in ("name", "revision", "system", "inputs", "trained_on")},
        "config": repr(system),
        "versions": {"python": platform.python_version(), **folds["versions"]},
        "cross-validation": _figures(folds, system.name),
    }
    texts = {"report.json": as_json(facts), "card.md": card(facts, dataset.licence), MANIFEST: as_json(manifest)}
    write(out, {WEIGHTS: weights, **texts})
    model = load(out, read_manifest(out))
    if reason:
        facts["evaluated"] = evaluated(model, dataset, out, command, reason)
        write(out, {"report.json": as_json(facts), "card.md": card(facts, dataset.licence)})
    return model


def evaluated(model: RetrievalModel, dataset: Dataset, out: Path, command: str, reason: str) -> dict[str, Any]:
    """The saved model's figures on the dataset's evaluated part; the scoring is logged in `out`/evaluated.jsonl."""
    from training.evaluation import log

    bench = Bench(dataset, "clean", saved=True)
    with tempfile.TemporaryDirectory(prefix="cliptune-") as scratch:
        report = benchmark(bench, {model.name: Saved(model)}, [0], Path(scratch), command, reason=reason)
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


def _manifest(
    name: str, dataset: Dataset, system: System, matcher: Matcher, seed: int, extra: Extra | None
) -> tuple[dict[str, Any], bytes]:
    """The manifest, and the bytes of the weights it names."""
    import hashlib

    import numpy as np
    from safetensors.numpy import save

    tensors = matcher.encoder.tensors
    weights = save({key: np.ascontiguousarray(tensors[key], np.float32) for key in sorted(tensors)})
    inputs = {}
    for modality, need in dataset.features.items():
        plain = need.columns == tuple(f"{need.name}_{i}" for i in range(len(need.columns)))
        columns = len(need.columns) if plain else list(need.columns)
        inputs[modality] = {"name": need.name, "revision": need.revision, "columns": columns}
    manifest = {
        "format": FORMAT,
        "kind": "retrieval",
        "name": name,
        "system": system.name,
        "inputs": inputs,
        "encoder": {"kind": matcher.encoder.kind, "settings": dict(matcher.encoder.settings)},
        "calibration": {"slope": matcher.calibration.slope, "intercept": matcher.calibration.intercept},
        "weights": WEIGHTS,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "trained_on": {
            "dataset": dataset.name,
            "revision": dataset.revision,
            "part": "train",
            "pairs": len(dataset.pairs["train"]),
            "further_music": 0 if extra is None else len(extra.emotion),
            "seed": seed,
        },
    }
    return manifest | {"revision": revision_of(manifest)}, weights
