"""Writing a model folder: every file whole or not at all, the manifest last, since it makes the folder a model."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from recommender import atomic
from recommender.errors import InputError
from recommender.model.folder import MANIFEST
from recommender.model.retrieval import WEIGHTS
from recommender.text import show
from recommender.types import Array
from training.learning.versions import environment

REPORT, CARD = "report.json", "card.md"
_SHOWN = ("name", "revision", "system", "inputs", "tokens", "epochs", "trained_on", "ranker")
"""What a report repeats of the manifest, of those that it has."""


def as_json(value: Any) -> str:
    """`value` as JSON text; equal values give equal bytes."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def pack(tensors: Mapping[str, Array]) -> tuple[dict[str, str], bytes]:
    """What a manifest says of the weights, their file and its SHA-256, and the bytes of that file."""
    weights = save({name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)})
    return {"weights": WEIGHTS, "sha256": hashlib.sha256(weights).hexdigest()}, weights


def report_of(manifest: Mapping[str, Any], command: str, config: Any, *, packages: Mapping[str, str]) -> dict[str, Any]:
    """How every report begins: which model, made by which command, of what configuration and with which versions."""
    return {
        "format": 1,
        "command": command,
        "model": {key: manifest[key] for key in _SHOWN if key in manifest},
        "config": repr(config),
        "versions": {**environment(), **packages},
    }


def files_of(
    manifest: Mapping[str, Any], weights: bytes, report: Mapping[str, Any], *, card: str, report_name: str = REPORT
) -> dict[str, str | bytes]:
    """The files of a model folder, in the order in which they are written."""
    return {WEIGHTS: weights, report_name: as_json(report), CARD: card, MANIFEST: as_json(manifest)}


def writable(out: Path) -> None:
    """Make the folder and fail before the work, not after it; raises InputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{show(out)}: cannot be written ({error.strerror})") from error


def write(out: Path, files: Mapping[str, str | bytes]) -> None:
    """Write the files in this order; raises InputError."""
    try:
        for name, content in files.items():
            atomic.write(out / name, content)
    except OSError as error:
        raise InputError(f"{show(out)}: cannot be written ({error.strerror})") from error
