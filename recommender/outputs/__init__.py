"""Outputs write answers to a sink. A new one is a module with `write(answers, sink)` and a line in OUTPUTS."""

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO, cast

from recommender.errors import InputError
from recommender.text import printable

if TYPE_CHECKING:
    from recommender.outputs.records import Answer


class _Stdout:
    """Standard output, which names in answers cannot steer."""

    def write(self, text: str) -> int:
        return sys.stdout.write(printable(text))

    def flush(self) -> None:
        sys.stdout.flush()


class Output(NamedTuple):
    """A way to write answers; its module is imported by its first use, so that to name what there is costs nothing."""

    name: str
    help: str
    module: str  # has `write(answers, sink)`, which may be handed answers that are still being computed
    needs_path: bool = False  # whether its sink is the path of a file or folder that it makes, else a stream of text
    remarks: bool = False  # whether it tells `table.remarks` itself; for others they go to stderr

    def write(self, answers: Iterable["Answer"], sink: TextIO | Path) -> None:
        """Write every answer as it comes."""
        import_module(self.module).write(answers, sink)


OUTPUTS = {
    output.name: output
    for output in (
        Output("table", "a table for people", "recommender.outputs.table", remarks=True),
        Output("json", "all that is known, with stable keys", "recommender.outputs.jsonlines"),
        Output("csv", "a row per track, for spreadsheets", "recommender.outputs.delimited"),
    )
}
"""What prints answers, by name; what a format may be."""


def get(name: str) -> Output:
    """The output called `name`; raises InputError listing the known ones."""
    try:
        return OUTPUTS[name]
    except KeyError:
        raise InputError(f"unknown format '{name}'; known: {', '.join(OUTPUTS)}") from None


def write(output: Output, answers: Iterable["Answer"], path: Path | None) -> None:
    """Write `answers` to `path`, a text file whole or not at all, or to stdout; raises ModelError where it cannot."""
    if path is None:
        output.write(answers, cast("TextIO", _Stdout()))
    elif output.needs_path:
        output.write(answers, path)
    else:
        from recommender.atomic import new_file
        from recommender.home import model_errors

        with (
            model_errors(path),
            new_file(path) as partial,
            partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
        ):
            output.write(answers, file)
