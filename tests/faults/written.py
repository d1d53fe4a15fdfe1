"""The report of a long run of `tests.faults.kills`, as Markdown; what was found before stays at its end."""

import platform
import sqlite3
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.kills import Tally

FOUND = "## What was found and fixed"


def write_report(path: Path, arguments: list[str], tally: "Tally") -> None:
    """Write the report; the last section of one that is there is kept as it is."""
    before = path.read_text("utf-8") if path.exists() else ""
    kept = before[before.index(FOUND) :] if FOUND in before else f"{FOUND}\n\nNothing yet.\n"
    lines = [
        "# Killed libraries and power cuts",
        "",
        f"`python -m tests.faults.kills {' '.join(arguments)}`, {date.today()}, {_versions()}.",
        "",
        f"{tally.killed} kills (SIGKILL): {tally.kills.total()} at steps drawn from all that the operations take,",
        f"{tally.instants.total()} at random instants ({tally.missed} came when all was done and do not count). After",
        f"{tally.cuts.total()} of them the power was cut: what was not synced was undone, or partly kept.",
        f"{tally.errors.total()} runs with a step that fails. **{len(tally.findings)} findings** of anything lost,",
        "doubled, half there or hung, or of an error that is not one line. After each, the library was reopened and",
        "compared with what was there before, the operation done again, and the result compared with that of an",
        "undisturbed run, and that with what the files say; it must verify as whole and leave no orphans.",
        "",
        *_operations(tally),
        "",
        "## Kills by step",
        "",
        "What was about to be done, or half done, to which file of the library; `*` stands for what differs each time.",
        "",
        *_steps(tally),
        "",
        *(f"- found: {finding}" for finding in tally.findings),
    ]
    path.write_text("\n".join(lines).rstrip() + "\n\n" + kept, "utf-8")


def _operations(tally: "Tally") -> list[str]:
    lines = [
        "| operation | steps | at steps | kinds of step | at random instants | power cuts | I/O error | full disk |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, steps in tally.steps.items():
        kinds = [count for (operation, _), count in tally.kills.items() if operation == name]
        errors = [tally.errors[name, error] for error in ("EIO", "ENOSPC")]
        taken = f"{min(steps)} to {max(steps)}" if min(steps) < max(steps) else min(steps)
        row = (name, taken, sum(kinds), len(kinds), tally.instants[name], tally.cuts[name], *errors)
        lines.append(f"| {' | '.join(map(str, row))} |")
    return lines


def _steps(tally: "Tally") -> list[str]:
    total: dict[str, list[str]] = {}
    for (operation, step), count in sorted(tally.kills.items(), key=lambda item: item[0][1]):
        total.setdefault(step, []).append(f"{operation} {count}")
    return ["| step | kills |", "|---|---|", *(f"| `{step}` | {', '.join(k)} |" for step, k in total.items())]


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("pyarrow", "sqlalchemy", "alembic", "filelock"))
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"
