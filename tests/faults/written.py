"""The report of a long run of `tests.faults.kills`, as Markdown; what was found before stays at its end."""

import platform
import sqlite3
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
        "# Killed libraries",
        "",
        f"`python -m tests.faults.kills {' '.join(arguments)}`, {_versions()}.",
        "",
        f"{tally.killed} kills (SIGKILL): {tally.kills.total()} at named write points, {tally.instants.total()} at",
        f"random instants ({tally.missed} came when all was done and do not count); {tally.errors.total()} runs with",
        f"a step that fails. **{len(tally.findings)} findings** of anything lost, doubled, half there or hung, or of",
        "an error that is not one line. After each, the library was reopened and compared with what was there before,",
        "the operation done again, and the result compared with that of an undisturbed run; it must verify as whole",
        "and leave no orphans.",
        "",
        *_operations(tally),
        "",
        "## Kills by write point",
        "",
        "A write has two points: before it, and when half of it is on the disk.",
        "",
        *_points(tally),
        "",
        *(f"- found: {finding}" for finding in tally.findings),
    ]
    path.write_text("\n".join(lines).rstrip() + "\n\n" + kept, "utf-8")


def _operations(tally: "Tally") -> list[str]:
    names = list(dict.fromkeys([operation for operation, _ in tally.kills] + list(tally.instants)))
    lines = [
        "| operation | at write points | points | fewest at one | at random instants | I/O error | full disk |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        points = [count for (operation, _), count in tally.kills.items() if operation == name]
        errors = [str(tally.errors[name, error]) for error in ("EIO", "ENOSPC")]
        row = (
            name,
            str(sum(points)),
            str(len(points)),
            str(min(points, default=0)),
            str(tally.instants[name]),
            *errors,
        )
        lines.append(f"| {' | '.join(row)} |")
    return lines


def _points(tally: "Tally") -> list[str]:
    total: dict[str, list[str]] = {}
    for (operation, point), count in sorted(tally.kills.items(), key=lambda item: item[0][1]):
        total.setdefault(point, []).append(f"{operation} {count}")
    return ["| write point | kills |", "|---|---|", *(f"| `{p}` | {', '.join(k)} |" for p, k in total.items())]


def _versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("pyarrow", "sqlalchemy", "alembic", "filelock"))
    return f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"
