"""A report of `recommend benchmark` as tables: rows of figures with their spread, chance first."""

from collections.abc import Mapping, Sequence
from typing import Any

Report = Mapping[str, Any]


def tables(report: Report) -> list[dict[str, Any]]:
    """The tables of a report, each `{title, how_to_read, columns, rows: [{label, kind, cells}]}`.

    A cell is a number, a text, None, or a figure `{mean, sd_over_seeds, low_95, high_95}`; `kind` says whose figures a
    row has: ours, chance or published. Those of a suite are as it wrote them.
    """
    if "suite" in report:
        return [dict(one) for one in report["tables"]]
    from training.evaluation.report import COLUMNS, HOW_TO_MATCH, HOW_TO_READ, MATCHING
    from training.types import M, V

    over = "sources" if report["split"] == "collections" else "queries; matching: over sources"
    how = HOW_TO_READ.replace("in brackets", "below it")
    return [
        _figures("Figures", how.format(over=over), COLUMNS, report),
        _figures("The match score as a probability", HOW_TO_MATCH, MATCHING, report),
        *_collections(report),
        *_stages(report),
        *(_slices(report, direction) for direction in (V, M)),
        *_tests(report),
    ]


def _table(title: str, how: str, columns: Sequence[str], rows: Sequence[Any]) -> dict[str, Any]:
    return {"title": title, "how_to_read": how, "columns": list(columns), "rows": list(rows)}


def _row(label: str, cells: Mapping[str, Any], kind: str = "ours") -> dict[str, Any]:
    return {"label": label, "kind": kind, "cells": dict(cells)}


def _figures(title: str, how: str, columns: Sequence[str], report: Report) -> dict[str, Any]:
    chance = {name: report["chance"].get(name) for name in columns}
    rows = [_row("chance", chance, "chance")]
    for name, entry in report["systems"].items():
        rows.append(_row(name, {column: entry["measures"].get(column) for column in columns}))
    for one in report.get("published", ()):
        figures = {column: one["figures"].get(column) for column in columns}
        rows += [_row(one["label"], figures, "published")] if any(figures.values()) else []
    return _table(title, how, columns, rows)


def _collections(report: Report) -> list[dict[str, Any]]:
    """What each collection that was left out scores."""
    if not report.get("collections"):
        return []
    from training.evaluation.report import BY_COLLECTION, HOW_TO_TRANSFER, TRANSFERRED

    found = []
    for one in report["collections"]:
        made = _figures(f"{BY_COLLECTION}: {one['name']}", HOW_TO_TRANSFER, TRANSFERRED, one)
        for row in made["rows"]:
            row["cells"]["called matched"] = one["systems"].get(row["label"], {}).get("called_matched")
        found.append({**made, "columns": [*made["columns"], "called matched"]})
    return found


def _stages(report: Report) -> list[dict[str, Any]]:
    columns = ("mAP", "compared with", "difference", "p", "p (Holm)")
    return [
        _table(
            f"Stages: {pair['first']}, then {pair['second']}, {direction}",
            "Where mAP is lost and won: each stage beside the one that it is compared with; paired 95 % intervals.",
            columns,
            [_stage(entry) for entry in entries],
        )
        for pair in report.get("stages", ())
        for direction, entries in pair["directions"].items()
    ]


def _stage(entry: Report) -> dict[str, Any]:
    bounds = {"low_95": entry["difference_low_95"], "high_95": entry["difference_high_95"], "sd_over_seeds": None}
    figure = {name: entry.get(name) for name in ("sd_over_seeds", "low_95", "high_95")} | {"mean": entry["mAP"]}
    cells = {
        "mAP": figure,
        "compared with": entry["compared_with"],
        "p": _p(entry["p"]),
        "p (Holm)": _p(entry["p_holm"]),
    }
    return _row(entry["stage"], cells | {"difference": {"mean": entry["difference"], **bounds}})


def _p(value: float | None) -> str | None:
    from training.evaluation.report import p_value

    return None if value is None else p_value(value)


def _slices(report: Report, direction: str) -> dict[str, Any]:
    """mAP by the emotion of the query."""
    emotions = list(next(iter(report["systems"].values()))["slices"][direction])
    rows = []
    for name, entry in report["systems"].items():
        found = entry["slices"][direction]
        rows.append(_row(name, {word: _slice(found[word]) for word in emotions}))
    how = "mAP of the queries with each emotion, with its 95 % bootstrap interval."
    return _table(f"By the query's emotion, {direction}", how, emotions, rows)


def _slice(found: Report) -> Any:
    interval = {name: found.get(name) for name in ("low_95", "high_95")}
    return {"mean": found["mAP"], "sd_over_seeds": None, **interval} if found["mAP"] is not None else None


def _tests(report: Report) -> list[dict[str, Any]]:
    if not report["significance"]:
        return []
    rows = []
    for t in report["significance"]:
        difference = {"mean": t["difference"], "low_95": t["low_95"], "high_95": t["high_95"], "sd_over_seeds": None}
        cells = {"measure": t["measure"], "difference": difference, "p": _p(t["p"]), "p (Holm)": _p(t["p_holm"])}
        rows.append(_row(f"{t['a']} - {t['b']}", cells))
    how = "Sign-flip tests on per-query means over seeds; Holm-corrected within a measure."
    return [_table("Paired tests", how, ("measure", "difference", "p", "p (Holm)"), rows)]
