"""Names and messages made safe to show, and the one way to compare names that people and files write."""

import os
import re
import unicodedata
from typing import Any

# Categories that break a line or hide text: controls, surrogates, line and paragraph separators.
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
# Marks that change the reading direction: they can make a name look like another one.
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOT_IN_NAMES = set('<>:"/\\|?*') | _BIDI  # on Windows, whose disks others write to as well
# The same in text of several lines: tabs, ends of lines, and bytes that are not UTF-8 stay.
_HIDDEN = re.compile(rf"\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029{''.join(sorted(_BIDI))}]")
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")

# Ways to write one sign that compatibility forms (NFKC) keep apart: quotes, dashes and primes as editors set them.
_SIGNS = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4\uff07"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    # Without width: byte-order mark, zero-width spaces and joiners, soft hyphen, marks of direction.
    **dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad\ufe0e\ufe0f"), None),
    **dict.fromkeys(map(ord, _BIDI), None),
}


def tidy(text: str) -> str:
    """`text` without what nobody sees: compatibility forms (NFKC) make a letter with its accent one, full-width letters
    plain and no-break spaces spaces; typographic quotes and dashes, signs without width and the number of spaces go."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS)
    return " ".join(text.split())


def fold(text: str) -> str:
    """`text` for comparison: equal where two texts look equal but for case; accents count, o is no ö."""
    return tidy(unicodedata.normalize("NFD", tidy(text)).casefold())


def fold_path(path: str) -> str:
    """`path` for comparison, in normal form C: macOS writes the same name with its accents apart."""
    return path if path.isascii() else unicodedata.normalize("NFC", path)


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


def file_name(text: str, most: int = 100) -> str:
    """`text` as part of the name of a file on any system, of at most so many bytes in UTF-8."""
    plain = "".join(" " if ch in _NOT_IN_NAMES or unicodedata.category(ch) in _UNSAFE else ch for ch in text)
    return " ".join(plain.split()).encode()[:most].decode(errors="ignore").strip(" .") or "untitled"


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
