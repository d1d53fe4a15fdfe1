"""What every suite writes: tables with our figures beside the published ones, as markdown and as JSON."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.types import Array
from training.evaluation import report as rendering
from training.evaluation import summary
from training.evaluation.intervals import bootstrap
from training.learning.markdown import table
from training.learning.versions import environment

SCHEMA_VERSION = 1
PACKAGES = ("cliptune", "numpy", "scipy", "torch", "lightgbm", "scikit-learn", "xgboost-cpu", "h5py")

Cell = Mapping[str, Any] | float | str | None
"""A figure with its spread (`over_seeds`, or of `summary.figures`), a bare number, text, or nothing."""


@dataclass(frozen=True)
class Row:
    """A row of a table: cells by column. `kind` says whose figures they are."""

    label: str
    cells: Mapping[str, Cell]
    kind: str = "ours"  # or "published", "chance"


@dataclass(frozen=True)
class Table:
    """Rows under a heading; `how` says how to read them, where no table above has said it."""

    title: str
    how: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    first: str = "system"

    def as_json(self) -> dict[str, Any]:
        """JSON-ready."""
        rows = [{"label": row.label, "kind": row.kind, "cells": dict(row.cells)} for row in self.rows]
        return {"title": self.title, "how_to_read": self.how, "columns": list(self.columns), "rows": rows}

    def markdown(self) -> str:
        """The heading, the text and the table."""
        rows = [[_label(row), *(_text(row.cells.get(name)) for name in self.columns)] for row in self.rows]
        parts = [f"## {self.title}", self.how, table((self.first, *self.columns), rows)]
        return "\n\n".join(filter(None, parts))


def _label(row: Row) -> str:
    return {"ours": f"**{row.label}**", "chance": f"*{row.label}*"}.get(row.kind, row.label)


def _text(found: Cell) -> str:
    if isinstance(found, str):
        return found
    return rendering.cell(found) if isinstance(found, Mapping) else rendering.plain(found)


def over_seeds(runs: Array) -> dict[str, Any]:
    """A figure of data sets [seeds]: mean, SD and 95 % interval over them."""
    interval = bootstrap(np.asarray(runs))
    return summary.entry(np.asarray(runs), interval.low, interval.high, n=interval.n)


def describe_difference(difference: Mapping[str, float], p_holm: float) -> str:
    """A paired difference, with its interval and p after Holm's correction, in words."""
    bounds = f"[{difference['low_95']:+.3f}, {difference['high_95']:+.3f}]"
    return f"{difference['mean']:+.3f} {bounds}, p {rendering.p_value(p_holm)}"


def figures_cell(values: Sequence[float | None]) -> str:
    """Published figures in one cell; "not given" for what is not in print."""
    return " / ".join("not given" if value is None else f"{value:.3f}" for value in values)


def machine() -> dict[str, Any]:
    """What computed a report."""
    return {
        "versions": environment(PACKAGES),
        "hardware": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
    }


def markdown(report: Mapping[str, Any], tables: Sequence[Table]) -> str:
    """The report for people."""
    hardware = report["hardware"]
    installed = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    facts = [
        f"- command: `{report['command']}`",
        *(f"- {line}" for line in report["facts"]),
        f"- machine: {hardware['processor']}, {hardware['cores']} cores; {installed}",
        f"- time: {report['wall_s']:.0f} s for this run; all {report['fits']} fits cost {report['fit_cpu_s']:.0f} s of "
        "processor time",
    ]
    parts = [f"# {report['title']}", report["summary"], "\n".join(facts), *(one.markdown() for one in tables)]
    return "\n\n".join(parts) + "\n"
