"""What the command line's parts share: option types, formats and printing to stdout."""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.text import shown

if TYPE_CHECKING:
    from recommender.types import Modality

OK, FAILED, USAGE = 0, 1, 2
"""Exit codes."""


def group(help: str, **options: Any) -> typer.Typer:
    """A command group in the one style of this program: plain help text, plain errors."""
    return typer.Typer(
        help=help, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **options
    )


class Format(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"


class Kind(StrEnum):
    music = "music"
    clips = "clips"

    @property
    def modality(self) -> "Modality":
        return "music" if self is Kind.music else "video"

    @property
    def other(self) -> "Modality":
        """What is searched for it."""
        return "video" if self is Kind.music else "music"


LibraryOption = Annotated[str, typer.Option("--library", help="Library name (in your user data folder) or folder.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
ModelOption = Annotated[str, typer.Option("--model", help="Model name or folder.")]
KindOption = Annotated[Kind, typer.Option("--kind", help="What the files are: music, or clips that music looks for.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Processes [default: one per core].")]
RetryOption = Annotated[bool, typer.Option("--retry", help="Try files again that failed before.")]
TimeoutOption = Annotated[
    float | None,
    typer.Option(
        "--timeout", min=1, help="Seconds after which a file is given up [default: 600, more for large ones]."
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def write(text: str) -> None:
    """`text` to stdout at once: a reader in a pipe sees each answer as it comes."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_json(value: object) -> None:
    """`value` as indented JSON."""
    write(json.dumps(value, indent=2) + "\n")


def write_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Two aligned columns."""
    width = max((len(name) for name, _ in rows), default=0)
    write("".join(f"{name.ljust(width)}  {value}\n" for name, value in rows))


def flat(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The leaves of nested mappings as rows, their names joined by a space; lists by commas."""
    rows = []
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            rows += [(f"{name} {below}", leaf) for below, leaf in flat(inner)]
        else:
            rows.append((name, ", ".join(map(str, inner)) if isinstance(inner, list | tuple) else str(inner)))
    return [(name, shown(leaf)) for name, leaf in rows]
