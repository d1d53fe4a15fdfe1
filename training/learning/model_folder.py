"""Writing a model folder: every file whole or not at all, the manifest last, since it makes the folder a model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recommender.errors import InputError
from recommender.text import shown


def as_json(value: Any) -> str:
    """`value` as JSON text; equal values give equal bytes."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def writable(out: Path) -> None:
    """Make the folder and fail before the work, not after it; raises InputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{shown(out)}: cannot be written ({error.strerror})") from error


def write(out: Path, files: Mapping[str, str | bytes]) -> None:
    """Write the files in this order; raises InputError."""
    try:
        for name, content in files.items():
            fresh = out / f".{name}.new"
            fresh.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
            fresh.replace(out / name)
    except OSError as error:
        raise InputError(f"{shown(out)}: cannot be written ({error.strerror})") from error
