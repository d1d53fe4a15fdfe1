"""Versions of what computed a report."""

import platform
from collections.abc import Iterable
from importlib import metadata


def environment(names: Iterable[str] = ()) -> dict[str, str]:
    """The version of Python as `python`, and `versions`."""
    return {"python": platform.python_version()} | versions(names)


def versions(names: Iterable[str]) -> dict[str, str]:
    """Version by distribution name, in that order."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
