"""Reports of `recommend benchmark`: found, shown as tables, and looked into query by query."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from webapp.refusal import Refusal
from webapp.tasks import Tell

_DEEPEST, _MOST_FOLDERS, _MOST_REPORTS = 3, 2000, 500  # of what is looked through for reports
_REPORT_BYTES, _QUERIES_BYTES = 32 << 20, 256 << 20
_TOP = 10  # of the ranking of a query that is shown
_RANKS = 10  # of what is right for a query
_FAILING = (KeyError, TypeError, ValueError, AttributeError, IndexError)  # of a file that is none of ours
HOW = (
    "`recommend benchmark` of a dataset writes per_query and trec beside its report.json, where a folder to write to "
    "is named: start the app with that folder as one of reports to look into single queries"
)
OF_SUITES = "suites keep figures alone; `recommend benchmark` of a dataset keeps every query's answer"


class _Report(NamedTuple):
    """A report in the file `path`, and what it holds."""

    id: str
    path: Path
    value: Mapping[str, Any]


def benchmarks(arguments: dict[str, Any], tell: Tell) -> list[dict[str, Any]]:
    """The reports in and below `folders`, the newest first."""
    found = [_told(one) for one in _reports(arguments["folders"])]
    return sorted(found, key=lambda one: (one["at"], one["name"]), reverse=True)


def benchmark(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The report `report` of those in `folders`, and its tables."""
    from webapp.tasks.tables import tables

    one = _report(arguments)
    try:
        return {**_told(one), "report": one.value, "tables": tables(one.value), "queries": _asked(one)}
    except _FAILING as error:
        raise Refusal(422, f"{one.path.name} is no whole report of `recommend benchmark`") from error


def queries(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """How single queries of a report were answered.

    arguments: `folders`, `report`; `system`, `direction`: of those in `queries` of the report; `order`: worst, best or
    name; `offset`, `limit`.
    """
    one, system, direction = _report(arguments), arguments["system"], arguments["direction"]
    asked = _asked(one)
    if system not in asked["systems"] or direction not in asked["directions"]:
        raise Refusal(404, asked["how"] or f"no queries of {system} are kept in that direction")
    folder = one.path.parent
    try:
        rows = list(_rows(_read(folder / "per_query" / f"{system}.{direction}.csv")))
        ranked = _ranked(folder / "trec", system, direction)
    except _FAILING as error:
        raise Refusal(422, f"the queries of {system} in {folder.name} are not as they were written") from error
    rows.sort(key=lambda row: row["query"])
    if arguments["order"] != "name":
        best = arguments["order"] == "best"
        rows.sort(key=lambda row: (row["values"].get("mAP") is None, _sign(row["values"].get("mAP"), best)))
    page = rows[arguments["offset"] :][: arguments["limit"]]
    measures = list(rows[0]["values"]) if rows else []
    return {"total": len(rows), "measures": measures, "queries": [row | ranked(row["query"]) for row in page]}


def _sign(value: float | None, best: bool) -> float:
    return 0.0 if value is None else -value if best else value


def _reports(folders: Sequence[str]) -> Iterator[_Report]:
    """What is a report; a file of anything else is left out."""
    seen: set[Path] = set()
    for path in (path for folder in folders for path in _files(Path(folder))):
        if path in seen or len(seen) >= _MOST_REPORTS:
            continue
        value = _load(path, path.stat().st_mtime_ns)
        if value is not None:
            seen.add(path)
            yield _Report(hashlib.sha256(os.fsencode(path)).hexdigest()[:16], path, value)


def _files(top: Path) -> Iterator[Path]:
    """`report.json` of a folder and those below, and what else ends in .json in the folder itself."""
    folders = [(top, 0)]
    for folder, depth in folders:
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            continue
        for path in entries:
            if path.is_dir() and not path.is_symlink():
                if depth < _DEEPEST and len(folders) < _MOST_FOLDERS and not path.name.startswith("."):
                    folders.append((path, depth + 1))
            elif path.name == "report.json" or (depth == 0 and path.suffix == ".json"):
                yield path


@lru_cache(_MOST_REPORTS)
def _load(path: Path, _changed: int) -> Mapping[str, Any] | None:
    """The report in a file; None where it is something else."""
    from recommender.opening import load_json

    try:
        value = load_json(path, _REPORT_BYTES)
        json.dumps(value, allow_nan=False)
        is_one = isinstance(value["command"], str) and (
            isinstance(value["tables"], list)
            if "suite" in value
            else isinstance(value["systems"], dict) and isinstance(value["chance"], dict) and bool(value["protocol"])
        )
    except (OSError, RecursionError, *_FAILING):
        return None
    return value if is_one else None


def _report(arguments: dict[str, Any]) -> _Report:
    found = (one for one in _reports(arguments["folders"]) if one.id == arguments["report"])
    if (one := next(found, None)) is None:
        raise Refusal(404, "there is no such report; look at the list again")
    return one


def _told(one: _Report) -> dict[str, Any]:
    """A report in the list."""
    from recommender.text import show

    value, path = one.value, one.path
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
    name = path.parent.name if path.name == "report.json" else path.stem
    suite = value.get("suite")
    data = value.get("dataset")
    return {
        "id": one.id,
        "name": show(name),
        "path": show(path),
        "at": at,
        "suite": suite,
        "protocol": value.get("protocol"),
        "split": value.get("split"),
        "datasets": [] if not isinstance(data, dict) else [str(data.get("name"))],
        "systems": [] if suite else list(value["systems"]),
        "command": value["command"],
    }


def _asked(one: _Report) -> dict[str, Any]:
    """Of which systems and directions queries are kept beside a report, or how they would be."""
    folder = one.path.parent / "per_query"
    names = sorted(path.name for path in folder.glob("*.csv")) if one.path.name == "report.json" else []
    kept = [name.removesuffix(".csv").rpartition(".") for name in names]
    known = [(system, way) for system, _, way in kept if way in ("video-music", "music-video")]
    systems = [system for system in one.value.get("systems", {}) if any(system == name for name, _ in known)]
    ways = [way for way in ("video-music", "music-video") if any(way == direction for _, direction in known)]
    how = "" if systems else OF_SUITES if "suite" in one.value else HOW
    return {"systems": systems, "directions": ways, "how": how}


def _read(path: Path) -> str:
    from recommender.opening import read_text

    try:
        return read_text(path, _QUERIES_BYTES)
    except OSError as error:
        raise Refusal(404, f"{path.name} cannot be read: {error.strerror}") from error


def _rows(text: str) -> Iterator[dict[str, Any]]:
    """The queries of a table with their measures, means over seeds."""
    for row in csv.DictReader(io.StringIO(text), strict=True):
        query, emotion = row.pop("query"), row.pop("emotion", None)
        values = {name: float(value) if value else None for name, value in row.items()}
        yield {"query": query, "emotion": emotion, "values": values}


def _ranked(folder: Path, system: str, direction: str) -> Any:
    """By query what a system ranked first, and at which ranks what is right stands; of the first seed."""
    run, judged = folder / f"{system}.{direction}.run", folder / f"{direction}.qrels"
    if not (run.is_file() and judged.is_file()):
        return lambda query: {"ranks": [], "relevant": None, "candidates": None, "top": []}
    answers, right = _runs(run, run.stat().st_mtime_ns), _judgements(judged, judged.stat().st_mtime_ns)

    def look(query: str) -> dict[str, Any]:
        from training.evaluation.benchmark import SPACE

        key = SPACE.sub("_", query)
        ranking = sorted(answers.get(key, {}).items(), key=lambda item: -item[1])
        good = {name for name, relevance in right.get(key, {}).items() if relevance > 0}
        places = [place for place, (name, _) in enumerate(ranking, 1) if name in good]
        top = [{"id": name, "score": score, "right": name in good} for name, score in ranking[:_TOP]]
        own = next((place for place, (name, _) in enumerate(ranking, 1) if name == key), None)
        return {"ranks": places[:_RANKS], "own": own, "relevant": len(good), "candidates": len(ranking), "top": top}

    return look


@lru_cache(4)
def _runs(path: Path, _changed: int) -> dict[str, dict[str, float]]:
    from training.evaluation.trec import read_run

    return read_run(path)


@lru_cache(4)
def _judgements(path: Path, _changed: int) -> dict[str, dict[str, int]]:
    from training.evaluation.trec import read_qrels

    return read_qrels(path)
