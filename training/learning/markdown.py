"""What cards and reports are made of."""

from collections.abc import Sequence
from textwrap import fill


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, rule: str = "---") -> str:
    """A markdown table; `rule` stands under each column's head."""
    lines = ["| " + " | ".join(header) + " |", "|" + f"{rule}|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def paragraph(text: str, indent: str = "") -> str:
    """`text` in lines of at most 120 characters, all but the first with `indent`; where its own lines end is lost."""
    return fill(" ".join(text.split()), 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
