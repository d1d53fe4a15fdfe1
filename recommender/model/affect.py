"""The affect model: objective features of media -> valence and arousal -> the affect space.

Layout of its folder: `manifest.json` names the extractor revisions, the predictor of each modality and the affect
space; `card.md` says what it was trained on and how good it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from recommender.affect.linear import LinearAffect
from recommender.affect.space import AffectSpace
from recommender.errors import ModelError
from recommender.model import folder as files
from recommender.model.base import Model, extractor, tags_of
from recommender.types import Analysis, Array, Column, Features, Modality, Space


@dataclass(frozen=True)
class AffectModel(Model):
    """A loaded affect model.

    Attributes
    ----------
    name, revision: the revision is a hash over everything that changes a vector (extractor revisions included).
    affect: the affect predictor of each modality.
    affect_space: what turns an affect distribution into a unit vector.
    folder: where it was read from.
    """

    name: str
    revision: str
    affect: Mapping[Modality, LinearAffect]
    affect_space: AffectSpace
    folder: Path

    @cached_property
    def space(self) -> Space:
        return Space(self.name, self.revision, self.affect_space.dim)

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """Feature columns that the affect predictor of `modality` reads, in its order."""
        return self.affect[modality].columns

    def columns(self, modality: Modality) -> dict[str, Column]:
        """Unit and meaning of every feature of a modality, by name."""
        return {column.name: column for column in extractor(modality).COLUMNS}

    def encode(self, modality: Modality, inputs: Array, still: bool = False) -> tuple[Array, Array]:
        """Affect [n, 4] and unit vectors [n, dim] of `inputs` [n, f], ordered as `inputs(modality)`."""
        affect = self.affect[modality](inputs, still=still)
        return affect, self.affect_space.encode(affect)

    def analyse(self, path: Path, modality: Modality) -> Analysis:
        """Features, affect and vectors of one file; raises MediaError with one line."""
        return self.describe(extractor(modality).extract(Path(path)), modality, tags_of(Path(path), modality))

    def describe(self, features: Features, modality: Modality, tags: Mapping[str, str] | None = None) -> Analysis:
        """Affect and vectors of features that are at hand already."""
        still = bool(features.facts.get("still", False))
        index = [features.columns.index(name) for name in self.inputs(modality)]
        affect, vectors = self.encode(modality, features.values[:, index], still)
        item_affect, item_vector = self.encode(modality, features.item[None, index], still)
        return Analysis(modality, features, affect, vectors, item_affect[0], item_vector[0], tags or {})


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
    revision = files.digest(files.FORMAT, name, features, parts, manifest["space"])
    return AffectModel(name, revision, affect, space, folder)


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
