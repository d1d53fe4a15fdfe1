"""SUITES: comparisons of the papers, by name, with the published figures beside ours."""

import time
from collections.abc import Callable
from typing import Any

from recommender.errors import InputError
from training.evaluation.files import write_text
from training.evaluation.suites import tables
from training.evaluation.suites.baselines import run as run_baselines
from training.evaluation.suites.emomv import run as run_emomv
from training.evaluation.suites.parts import run as run_parts
from training.evaluation.suites.request import Asked, Found
from training.learning.model_folder import as_json, writable

__all__ = ["SUITES", "Asked", "Found", "run_suite"]

SUITES: dict[str, Callable[[Asked], Found]] = {
    "afclnet-ablation": run_parts,
    "emomv-tables": run_emomv,
    "matching-baselines": run_baselines,
}


def run_suite(name: str, asked: Asked, command: str) -> dict[str, Any]:
    """The report of a suite, also written to `asked.out` as report.json and report.md; a stopped run goes on there.

    Raises InputError for an unknown suite, data that it needs and does not have, or a folder that cannot be written.
    """
    if name not in SUITES:
        raise InputError(f"no suite is called {name!r}; there are: {', '.join(SUITES)}")
    writable(asked.out)
    start = time.monotonic()
    found = SUITES[name](asked)
    report = {
        "schema_version": tables.SCHEMA_VERSION,
        "suite": name,
        "title": found.title,
        "summary": found.summary,
        "command": command,
        "facts": list(found.facts),
        "configurations": dict(found.configurations),
        **tables.machine(),
        "fits": found.kept.fits,
        "fit_cpu_s": found.kept.seconds,
        "wall_s": time.monotonic() - start,
        "tables": [table.as_json() for table in found.tables],
    }
    write_text(asked.out / "report.json", as_json(report))
    write_text(asked.out / "report.md", tables.markdown(report, found.tables))
    return report
