"""What a build made and what it left out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.construction.features import Rejected
from training.construction.pairing import Balance


@dataclass(frozen=True)
class SplitReport:
    """Pairs of one split. `returned` and `dropped` segments were meant for mismatched pairs or stood against them."""

    matched: int
    mismatched: int
    returned: int
    dropped: int
    sources: int
    emotions: Mapping[str, int]
    """Matched segments by emotion."""


@dataclass(frozen=True)
class BuildReport:
    """A built data set.

    neutral: rows dropped because they are neutral. over_limit: because their source has others enough.
    rejected: rows whose sound or picture cannot be used. computed: files measured by this run, not by an earlier one.
    """

    folder: Path
    extractor: str
    balance: Balance
    seed: int
    max_per_source: int | None
    splits: Mapping[str, SplitReport]
    corpus: int
    neutral: int
    over_limit: int
    rejected: tuple[Rejected, ...]
    computed: int
    revision: str

    def as_dict(self) -> dict[str, Any]:
        """The report, JSON-ready."""
        return {**asdict(self), "folder": str(self.folder), "rejected": [asdict(r) for r in self.rejected]}
