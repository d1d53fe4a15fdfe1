"""A model folder: manifest, affect predictors, and the revision that ties vectors to what made them.

Layout: `manifest.json` names the extractor revisions, the predictor of each modality and the affect space;
`card.md` says what it was trained on and how good it is. Nothing in it is executed or unpickled.
"""

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from recommender.affect.linear import LinearAffect
from recommender.affect.space import AffectSpace
from recommender.errors import ModelError
from recommender.types import Analysis, Array, Column, Features, Modality, Space

MODELS = Path(__file__).parent / "models"
"""Models that come with the package, one folder each."""

FORMAT = 1
_EXTRACTORS = {"music": "recommender.features.music", "video": "recommender.features.video"}


def available() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(folder.parent.name for folder in MODELS.glob("*/manifest.json"))


def extractor(modality: Modality) -> Any:
    """The feature extractor module of a modality: COLUMNS, REVISION, extract(path)."""
    return importlib.import_module(_EXTRACTORS[modality])


@dataclass(frozen=True)
class Model:
    """A loaded model folder. Picklable and small: it travels to the worker processes.

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

    @classmethod
    def load(cls, name_or_folder: str | Path = "builtin") -> "Model":
        """The model of that name, or in that folder; raises ModelError with one line."""
        folder = _folder(name_or_folder)
        manifest = _read_json(folder / "manifest.json")
        if manifest.get("format") != FORMAT:
            raise ModelError(
                f"{folder}: model format {manifest.get('format')!r}, this program reads {FORMAT}; "
                "update cliptune, or fetch a model for this version"
            )
        try:
            parts = {m: _read_json(folder / _plain_name(f)) for m, f in manifest["affect"].items()}
            space = AffectSpace(**manifest["space"])
            name, features = str(manifest["name"]), dict(manifest["features"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{folder / 'manifest.json'}: incomplete ({error!r}); fetch the model again") from error
        affect = {m: LinearAffect.from_json(part, f"{folder}: {m}") for m, part in parts.items()}
        _check_extractors(folder, features, affect)
        return cls(name, _revision(name, features, parts, manifest["space"]), affect, space, folder)

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
        return self.describe(extractor(modality).extract(Path(path)), modality, _tags(Path(path), modality))

    def describe(self, features: Features, modality: Modality, tags: Mapping[str, str] | None = None) -> Analysis:
        """Affect and vectors of features that are at hand already."""
        still = bool(features.facts.get("still", False))
        index = [features.columns.index(name) for name in self.inputs(modality)]
        affect, vectors = self.encode(modality, features.values[:, index], still)
        item_affect, item_vector = self.encode(modality, features.item[None, index], still)
        return Analysis(modality, features, affect, vectors, item_affect[0], item_vector[0], tags or {})

    def card(self) -> str:
        """The model card (markdown)."""
        try:
            return (self.folder / "card.md").read_text(encoding="utf-8")
        except OSError as error:
            raise ModelError(f"{self.folder}: no readable card.md ({error.strerror})") from error


def _tags(path: Path, modality: Modality) -> dict[str, str]:
    if modality != "music":
        return {}
    from recommender.tags import read_tags

    return read_tags(path)


def _folder(name_or_folder: str | Path) -> Path:
    packaged = MODELS / str(name_or_folder)
    folder = packaged if str(name_or_folder) in available() else Path(name_or_folder)
    if not folder.is_dir():
        raise ModelError(
            f"no model '{name_or_folder}': neither a folder nor one of {', '.join(available()) or 'none'} "
            "(`recommend models list`)"
        )
    return folder


def _plain_name(name: str) -> str:
    """`name`, refused unless it is a plain file name: a manifest must not point outside its folder."""
    if Path(name).name != name or name in ("", ".", ".."):
        raise ModelError(f"manifest.json names the file {name!r}; only plain names inside the folder are allowed")
    return name


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); not a model folder?") from error
    except ValueError as error:
        raise ModelError(f"{path}: not valid JSON ({error}); fetch or train the model again") from error
    if not isinstance(data, dict):
        raise ModelError(f"{path}: a JSON object was expected; fetch or train the model again")
    return data


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


def _revision(name: str, features: Mapping[str, str], parts: Mapping[str, Any], space: Mapping[str, Any]) -> str:
    text = json.dumps([FORMAT, name, dict(features), dict(parts), dict(space)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
