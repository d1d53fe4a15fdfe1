"""`recommend doctor`: what is installed, and what is at odds."""

import typer

from recommender.console import FAILED, OK, TABLE, FormatOption, write_list
from recommender.outputs.listing import facts


def doctor(format: FormatOption = TABLE) -> None:
    """Print versions, the FAISS build, devices and conflicts.

    Example: recommend doctor"""
    from indexing.maintenance.doctor import report

    found, problems = report()
    verdict = ("verdict", "conflicts" if problems else "all well")
    rows = [*found, *(("problem", p) for p in problems), verdict]
    write_list(facts({"facts": dict(found), "problems": problems}, rows), format)
    raise typer.Exit(FAILED if problems else OK)
