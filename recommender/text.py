"""Names and messages made safe to show."""

import os
import re
import unicodedata
from typing import Any

# Categories that break a line or hide text: controls, surrogates, line and paragraph separators.
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
# Marks that change the reading direction: they can make a name look like another one.
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# The same in text of several lines: tabs, ends of lines, and bytes that are not UTF-8 stay.
_HIDDEN = re.compile(rf"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029{''.join(sorted(_BIDI))}]")
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


def show(path: str | bytes | os.PathLike[str]) -> str:
    """`path` on one printable line: bytes that are not UTF-8 as ``\\xNN``, control characters escaped.

    Ordinary text, spaces and letters of any script included, stays as it is; the result always encodes to UTF-8.
    """
    return "".join(_escape(ch) for ch in os.fsdecode(path))


def printable(text: str) -> str:
    """Lines for a terminal, which whatever comes from files cannot steer: control characters escaped as by `show`.

    Everything that is printed goes through here, whether or not its names went through `show` before.
    """
    return _HIDDEN.sub(lambda found: _escape(found[0]), text)


def cell(value: Any) -> Any:
    """A value of a CSV file: text that a spreadsheet would run as a formula begins with an apostrophe; numbers stay."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if _FORMULA.match(text) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _escape(ch: str) -> str:
    if "\udc80" <= ch <= "\udcff":  # how Python carries an undecodable byte of a file name
        return f"\\x{ord(ch) - 0xDC00:02x}"
    if unicodedata.category(ch) in _UNSAFE or ch in _BIDI:
        return ch.encode("unicode_escape", "surrogatepass").decode("ascii")
    return ch
