"""Names and messages made safe to show, and texts of others safe to read."""

import os
import unicodedata
from typing import Any

# Categories that break a line or hide text: controls, surrogates, line and paragraph separators.
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
# Marks that change the reading direction: they can make a name look like another one.
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def show(path: str | bytes | os.PathLike[str]) -> str:
    """`path` on one printable line: bytes that are not UTF-8 as ``\\xNN``, control characters escaped.

    Ordinary text, spaces and letters of any script included, stays as it is; the result always encodes to UTF-8.
    """
    return "".join(_escape(ch) for ch in os.fsdecode(path))


def _escape(ch: str) -> str:
    if "\udc80" <= ch <= "\udcff":  # how Python carries an undecodable byte of a file name
        return f"\\x{ord(ch) - 0xDC00:02x}"
    if unicodedata.category(ch) in _UNSAFE or ch in _BIDI:
        return ch.encode("unicode_escape", "surrogatepass").decode("ascii")
    return ch


def parse_json(text: str | bytes) -> Any:
    """The value in a JSON text; raises JSONDecodeError (a ValueError) also where it is nested deeper than Python is."""
    import json

    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from error
