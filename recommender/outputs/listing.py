"""Lists: rows or facts as a table for people, JSON or CSV. A new format is a function and a line in FORMATS."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from recommender.text import cell, show


class Listing(NamedTuple):
    """What a command lists."""

    value: Any  # what JSON gives
    rows: Sequence[Mapping[str, Any]]  # what CSV gives: a value per column, None for none
    columns: Sequence[str]
    text: str | None = None  # what people read, where it is not the rows in aligned columns


def facts(value: Mapping[str, Any], rows: Iterable[tuple[str, Any]] | None = None) -> Listing:
    """Facts with their names; without `rows`, the leaves of `value`."""
    named = list(_leaves(value) if rows is None else rows)
    return Listing(value, [{"name": name, "value": v} for name, v in named], ("name", "value"), align(named))


def align(rows: Sequence[tuple[str, Any]]) -> str:
    """Two aligned columns."""
    width = max((len(name) for name, _ in rows), default=0)
    return "".join(f"{name.ljust(width)}  {show(str(value))}\n" for name, value in rows)


def _leaves(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings, their names joined by a space; lists by commas."""
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from ((f"{name} {below}", leaf) for below, leaf in _leaves(inner))
        else:
            yield name, ", ".join(map(str, inner)) if isinstance(inner, list | tuple) else inner


def table(listing: Listing) -> str:
    """Its text, or its rows in aligned columns."""
    if listing.text is not None:
        return listing.text
    cells = [[_cell(row.get(name)) for name in listing.columns] for row in listing.rows]
    if not cells:
        return "nothing to list\n"
    rows = [list(listing.columns), *cells]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else show(str(value))


def as_json(listing: Listing) -> str:
    """Its value, indented."""
    return json.dumps(listing.value, indent=2) + "\n"


def as_csv(listing: Listing) -> str:
    """A header and its rows."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, listing.columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in listing.rows)
    return text.getvalue()


FORMATS: dict[str, Callable[[Listing], str]] = {"table": table, "json": as_json, "csv": as_csv}
