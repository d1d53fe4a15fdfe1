"""What a suite is asked for, and what it gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from recommender.errors import Argument, InputError
from training.datasets.generated import GeneratedConfig
from training.evaluation.suites.cache import Kept
from training.evaluation.suites.tables import Table
from training.learning.search import TRIALS
from training.types import Tick

FOLDS = 3
"""Outer folds of EmoMV-C's training pairs: every fold is tuned anew, and 240 of 360 pairs are left to fit."""


@dataclass(frozen=True)
class Asked:
    """The arguments of a suite.

    out: folder to write. data: folder of EmoMV, or None. seeds: None for the suite's own number.
    trials: configurations that each system is tuned over. reason: for the log of scorings of evaluated items.
    world: of generated pairs. folds: of EmoMV-C's training pairs.
    """

    out: Path
    data: Path | None = None
    seeds: int | None = None
    trials: int = TRIALS
    reason: str = "benchmark suite"
    tick: Tick = lambda *_: None
    world: GeneratedConfig = field(default_factory=GeneratedConfig)
    folds: int = FOLDS

    def emomv(self, suite: str) -> Path:
        """The folder of EmoMV; raises InputError where none was given."""
        if self.data is None:
            told = ": where EmoMV lies in its published layout"
            raise InputError(Argument("suite", suite), " needs ", Argument("data", "FOLDER"), told)
        return self.data

    def numbers(self, default: int, least: int = 1) -> range:
        """The seeds; raises InputError for fewer than `least`."""
        seeds = default if self.seeds is None else self.seeds
        if seeds < least:
            raise InputError(f"{seeds} seeds say nothing about the spread: at least {least} are needed")
        return range(seeds)


class Found(NamedTuple):
    """What a suite gives: a title, what it is in short, lines of facts, its tables, what they cost, and the recipes."""

    title: str
    summary: str
    facts: Sequence[str]
    tables: Sequence[Table]
    kept: Kept
    configurations: Mapping[str, str] = MappingProxyType({})
