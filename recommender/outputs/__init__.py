"""Outputs render answers as text. A new one is a file and a line in OUTPUTS."""

from collections.abc import Callable, Sequence

from recommender.errors import InputError
from recommender.outputs import delimited, jsonlines, table
from recommender.outputs.records import Answer, record
from recommender.outputs.table import NOTHING_FITS, STILL, nothing_fits, of_stills

OUTPUTS: dict[str, Callable[[Sequence[Answer]], str]] = {
    "table": table.render,
    "json": jsonlines.render,
    "csv": delimited.render,
}

__all__ = ["NOTHING_FITS", "OUTPUTS", "STILL", "Answer", "get", "nothing_fits", "of_stills", "record"]


def get(name: str) -> Callable[[Sequence[Answer]], str]:
    """The output called `name`; raises InputError listing the known ones."""
    try:
        return OUTPUTS[name]
    except KeyError:
        raise InputError(f"unknown format '{name}'; known: {', '.join(OUTPUTS)}") from None
