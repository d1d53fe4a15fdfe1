"""Reading a model folder: JSON and safetensors only, plain names only, nothing executed or unpickled."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from recommender.errors import ModelError
from recommender.home import data_home
from recommender.opening import load_json, read
from recommender.text import show
from recommender.types import Array

MODELS = Path(__file__).parents[1] / "models"
"""Models that come with the package, one folder each."""

FORMAT = 1
MANIFEST = "manifest.json"


def available() -> list[str]:
    """Names of the models that come with the package."""
    return sorted(folder.parent.name for folder in MODELS.glob(f"*/{MANIFEST}"))


def models_home() -> Path:
    """Where imported models live."""
    return data_home() / "models"


def list_imported() -> list[str]:
    """Names of the imported models, but for those that a packaged model hides."""
    try:
        found = {folder.parent.name for folder in models_home().glob(f"*/{MANIFEST}")}
    except OSError:
        return []
    return sorted(name for name in found - set(available()) if not name.startswith("."))


def find(name_or_folder: str | Path) -> Path:
    """The folder of a model: packaged, else a folder here that holds one, else imported; raises ModelError."""
    name = str(name_or_folder)
    if name in available():
        return MODELS / name
    folder = Path(name_or_folder)
    if not (folder / MANIFEST).is_file() and name in list_imported():
        return models_home() / name
    if not folder.is_dir():
        known = ", ".join([*available(), *list_imported()]) or "none"
        raise ModelError(f"no model '{show(name)}': neither a folder nor one of {known} (`recommend models list`)")
    return folder


_MOST_TENSORS = 1 << 30  # bytes; ours have some hundred kilobytes


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder, of a format that this program reads; raises ModelError."""
    manifest = read_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise ModelError(
            f"{folder}: model format {manifest.get('format')!r}, this program reads {FORMAT}; "
            "update cliptune, or fetch a model for this version"
        )
    return manifest


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises ModelError."""
    try:
        data = load_json(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); not a model folder?") from error
    except ValueError as error:
        raise ModelError(f"{path}: not valid JSON ({error}); fetch or train the model again") from error
    if not isinstance(data, dict):
        raise ModelError(f"{path}: a JSON object was expected; fetch or train the model again")
    return data


def read_tensors(path: Path) -> tuple[dict[str, Array], str]:
    """The arrays in a safetensors file and the SHA-256 (hexadecimal) of its bytes; raises ModelError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = read(path, _MOST_TENSORS)
        return {name: np.asarray(values) for name, values in load(data).items()}, hashlib.sha256(data).hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); fetch or train the model again") from error
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: no whole safetensors file ({error}); fetch or train the model again") from error


def plain_name(name: str) -> str:
    """`name`, refused unless it is a plain file name: a manifest must not point outside its folder."""
    if Path(name).name != name or name in ("", ".", ".."):
        raise ModelError(f"{MANIFEST} names the file {name!r}; only plain names inside the folder are allowed")
    return name


def digest(*facts: Any) -> str:
    """16 hexadecimal digits over JSON-ready facts: a revision."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
