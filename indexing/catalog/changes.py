"""What a batch changes in the catalog, and its texts as SQLite and JSON can hold them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from indexing.disk.files import File
from recommender.types import Analysis


@dataclass(frozen=True)
class Analysed:
    """A file with new or replaced content."""

    file: File
    hash: bytes
    analysis: Analysis


@dataclass(frozen=True)
class Linked:
    """A file whose content is known: a copy, a touched file, or (with `was`) one renamed from there."""

    file: File
    hash: bytes
    was: str | None = None


@dataclass(frozen=True)
class Refused:
    """A file that could not be analysed; remembered with its reason. What it held before goes, unless it is kept."""

    file: File
    hash: bytes | None
    reason: str
    keep: bool = False


@dataclass(frozen=True)
class Gone:
    """A path that leaves the library."""

    path: str


@dataclass(frozen=True)
class Tagged:
    """A known file whose tags were read again: all that it has, nothing where it has none."""

    path: str
    tags: Mapping[str, str]


Change = Analysed | Linked | Refused | Gone | Tagged


def storable(text: str) -> str:
    """`text` as SQLite can hold it: lone surrogates replaced."""
    return text.encode("utf-8", "backslashreplace").decode()


def plain(value: Any) -> str | int | float | bool | None:
    """A fact as JSON holds it: NumPy scalars as Python's, text storable."""
    value = value.item() if hasattr(value, "item") else value
    return storable(value) if isinstance(value, str) else value
