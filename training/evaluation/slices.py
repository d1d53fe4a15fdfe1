"""Where a system is good: figures per emotion, and the table of every query for those who want to look closer."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.text import cell
from recommender.types import Array
from training.evaluation.files import write_text
from training.evaluation.intervals import Interval, Summary, bootstrap
from training.measures import Measure, parse
from training.types import EMOTIONS


class Slice(NamedTuple):
    """One group of queries: how many, how many of them have no relevant item, and the measure with its interval."""

    queries: int
    undefined: int
    interval: Interval


def by_label(
    values: Array, labels: Array, measure: str | Measure, *, names: Sequence[str] = EMOTIONS, seed: int = 0
) -> dict[str, Slice]:
    """A slice per name, in the order of `names`, of per-query values [q] with labels int [q] into `names`.

    Raises InputError for shapes that do not fit and labels outside `names`. A name without queries has n = 0 and NaN.
    """
    values, labels = np.asarray(values, np.float64), check_labels(labels, len(values), names)
    summary: Summary = "median" if parse(measure).kind.summary == "median" else "mean"
    parts = {name: values[labels == label] for label, name in enumerate(names)}
    return {n: Slice(len(x), int(np.isnan(x).sum()), bootstrap(x, summary, seed=seed)) for n, x in parts.items()}


def per_query_table(
    ids: Sequence[str], values: Mapping[str, Array], labels: Array | None = None, *, names: Sequence[str] = EMOTIONS
) -> list[dict[str, str | float | None]]:
    """A row per query: `query`, `emotion` where labels are given, then every measure (None where not defined)."""
    for spec, column in values.items():
        if np.shape(column) != (len(ids),):
            raise InputError(f"{spec} has shape {np.shape(column)}, but there are {len(ids)} queries")
    codes = None if labels is None else check_labels(labels, len(ids), names)
    rows: list[dict[str, str | float | None]] = []
    for i, query in enumerate(ids):
        row: dict[str, str | float | None] = {"query": query}
        if codes is not None:
            row["emotion"] = names[int(codes[i])]
        row.update({spec: number(column[i]) for spec, column in values.items()})
        rows.append(row)
    return rows


def write_per_query(path: Path, rows: Sequence[Mapping[str, str | float | None]]) -> None:
    """Write the rows of `per_query_table` as CSV (empty where not defined), whole or not at all."""
    if not rows:
        raise InputError("no queries: nothing to write")
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    write_text(path, buffer.getvalue())


def number(value: float) -> float | None:
    """The value as JSON can hold it: None for NaN (not defined) and infinity (never retrieved)."""
    return float(value) if np.isfinite(value) else None


def check_labels(labels: Array, count: int, names: Sequence[str]) -> Array:
    """Labels as int64 [count] into `names`; raises InputError for anything else."""
    codes = np.asarray(labels)
    if codes.shape != (count,) or codes.dtype.kind not in "iu":
        raise InputError(f"labels must be {count} integers, one per query, not {codes.dtype} {codes.shape}")
    if count and (codes.min() < 0 or codes.max() >= len(names)):
        raise InputError(f"labels must lie in 0 to {len(names) - 1} ({', '.join(names)})")
    return codes.astype(np.int64)
