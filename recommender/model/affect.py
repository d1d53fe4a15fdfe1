"""The affect model: objective features of media -> valence and arousal -> the affect space.

Layout of its folder: `manifest.json` names the extractor revisions, the predictor of each modality and the affect
space; `card.md` says what it was trained on and how good it is. With AFCLNet there are its weights too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from recommender.affect.linear import LinearAffect
from recommender.affect.space import AffectSpace
from recommender.errors import ModelError
from recommender.model import folder as files
from recommender.model.base import BUILTIN, Model, extractor, tags_of
from recommender.model.rescoring import Rescoring, read_rescoring, read_weights
from recommender.rankers import SIDE, Scoring
from recommender.types import Affect, Analysis, Array, Coded, Column, Features, Modality, Space


@dataclass(frozen=True)
class AffectModel(Model):
    """A loaded affect model.

    Attributes
    ----------
    name, revision: the revision is a hash over everything that changes a vector (extractor revisions included).
    affect: the affect predictor of each modality.
    affect_space: what turns an affect distribution into a unit vector.
    folder: where it was read from.
    rescoring: AFCLNet and how its scores are shown, or None. default: the ranker that did best in cross-validation.
    """

    name: str
    revision: str
    affect: Mapping[Modality, LinearAffect]
    affect_space: AffectSpace
    folder: Path
    rescoring: Rescoring | None = None
    default: str = "cosine"

    @cached_property
    def scoring(self) -> Scoring:
        """AFCLNet where it was trained; the cosine is an overlap of distributions, which is shown as it is."""
        if self.rescoring is None:
            return Scoring()
        more = self.rescoring
        first = {modality: len(predictor.columns) for modality, predictor in self.affect.items()}
        return Scoring(more.calibrations, more.rescorer, more.fusion, first)

    @property
    def ranker(self) -> str:
        return self.default

    @cached_property
    def space(self) -> Space:
        return Space(self.name, self.revision, self.affect_space.dim)

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """Feature columns that the affect predictor of `modality` reads, in its order; then AFCLNet's side."""
        width = self.rescoring.rescorer.width(modality) if self.rescoring is not None else 0
        return (*self.affect[modality].columns, *(f"{SIDE}{i}" for i in range(width)))

    def columns(self, modality: Modality) -> dict[str, Column]:
        """Unit and meaning of every feature of a modality, by name."""
        return {column.name: column for column in extractor(modality).COLUMNS}

    def encode(self, modality: Modality, inputs: Array, still: bool = False) -> tuple[Array, Array]:
        """Affect [n, 4] and unit vectors [n, dim] of `inputs` [n, f], ordered as `inputs(modality)`.

        Both come from the features alone; AFCLNet's side may be absent.
        """
        predictor = self.affect[modality]
        affect = predictor(inputs[:, : len(predictor.columns)], still=still)
        return affect, self.affect_space.encode(affect)

    def objective(self, modality: Modality, features: Array, affect: Array) -> Array:
        """What AFCLNet reads, float64 [n, 2 + f]: mean valence and arousal, and z-scores of the predictor's `features`.

        A picture has neither motion nor cuts, so AFCLNet, which learnt from pictures, gives their z-scores no weight:
        motion reaches it through the affect, which is on one scale for pictures and for clips.
        """
        return np.hstack([affect[:, :2], self.affect[modality].standardise(features)])

    def analyse(self, path: Path, modality: Modality) -> Analysis:
        """Features, affect and vectors of one file; raises MediaError with one line."""
        return self.describe(extractor(modality).extract(Path(path)), modality, tags_of(Path(path), modality))

    def source(self, modality: Modality) -> str:
        return f"{BUILTIN[modality]} {extractor(modality).REVISION}"

    def measured(self, modality: Modality) -> tuple[str, ...]:
        return tuple(self.columns(modality))

    def stored(self, modality: Modality) -> tuple[str, ...]:
        return (*self.measured(modality), *self.inputs(modality)[len(self.affect[modality].columns) :])

    def code(self, modality: Modality, values: Array, still: Array) -> Coded:
        predictor, measured = self.affect[modality], self.measured(modality)
        inputs = values[:, [measured.index(name) for name in predictor.columns]]
        affect = np.empty((len(values), len(Affect._fields)), np.float32)
        for moving in {*still.tolist()}:
            rows = still == moving
            affect[rows] = predictor(inputs[rows], still=bool(moving))
        side = np.empty((len(values), 0), np.float32)
        if self.rescoring is not None:
            side = self.rescoring.rescorer.side(modality, self.objective(modality, inputs, affect))
        return Coded(np.hstack([values, side]), affect, self.affect_space.encode(affect))

    def describe(self, features: Features, modality: Modality, tags: Mapping[str, str] | None = None) -> Analysis:
        """Affect and vectors of features that were measured already."""
        measured = [features.columns.index(name) for name in self.measured(modality)]
        rows = np.vstack([features.values, features.item])[:, measured]  # the windows, and last the whole item
        found = self.code(modality, rows, np.full(len(rows), bool(features.facts.get("still", False))))
        features = replace(features, columns=self.stored(modality), values=found.features[:-1], item=found.features[-1])
        affect, vectors = found.affect, found.vectors
        return Analysis(modality, features, affect[:-1], vectors[:-1], affect[-1], vectors[-1], tags or {})


def load(folder: Path, manifest: Mapping[str, Any]) -> AffectModel:
    """The affect model in `folder`; raises ModelError with one line."""
    try:
        parts = {m: files.read_json(folder / files.plain_name(f)) for m, f in manifest["affect"].items()}
        space = AffectSpace(**manifest["space"])
        name, features = str(manifest["name"]), dict(manifest["features"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder / files.MANIFEST}: incomplete ({error!r}); fetch the model again") from error
    affect = {m: LinearAffect.from_json(part, f"{folder}: {m}") for m, part in parts.items()}
    _check_extractors(folder, features, affect)
    facts = [files.FORMAT, name, features, parts, manifest["space"]]
    if "rescoring" not in manifest:
        return AffectModel(name, files.digest(*facts), affect, space, folder)
    sizes = {m: 2 + len(predictor.columns) for m, predictor in affect.items()}
    rescoring, default = read_rescoring(folder, manifest, read_weights(folder, manifest), sizes)
    revision = files.digest(*facts, manifest["rescoring"], manifest["sha256"])
    return AffectModel(name, revision, affect, space, folder, rescoring, default)


def _check_extractors(folder: Path, features: Mapping[str, str], affect: Mapping[Modality, LinearAffect]) -> None:
    for modality, predictor in affect.items():
        module = extractor(modality)
        if features.get(modality) != module.REVISION:
            raise ModelError(
                f"{folder}: made for {modality} features {features.get(modality)!r}, this program extracts "
                f"{module.REVISION!r}; train it again (`recommend train affect`) or use the matching version"
            )
        missing = set(predictor.columns) - {column.name for column in module.COLUMNS}
        if missing:
            raise ModelError(f"{folder}: unknown {modality} features {sorted(missing)}; train it again")
