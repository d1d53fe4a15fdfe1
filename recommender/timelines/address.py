"""Where a file is, as editing programs write it: addresses (RFC 8089) and plain paths, of POSIX and of Windows."""

import os
import re
from pathlib import Path
from urllib.parse import quote

from recommender.errors import InputError
from recommender.text import show

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_SHARE = re.compile(r"[\\/]{2}([^\\/]+)[\\/](.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\ufffe\uffff]")


def absolute(path: str | Path) -> str:
    """`path` from the root on, without resolving links; one of Windows stays as it is."""
    text = str(path)
    return text if _DRIVE.match(text) or text.startswith("\\\\") else os.path.abspath(text)  # noqa: PTH100


def address(path: str | Path, *, encode: bool = True) -> str:
    """`file:///home/me/a%20b.mp4`, `file:///D:/a.mp4`, `file://server/share/a.mp4`; its bytes percent-encoded.

    Without `encode` only what would end or break an address is (`%`, `#`, `?`); DaVinci Resolve reads it so.
    """
    text = absolute(path)
    host, drive = "", _DRIVE.match(text)
    if text.startswith("\\\\") and (share := _SHARE.fullmatch(text)):
        host, text = share[1], "/" + share[2].replace("\\", "/")
    elif drive:
        text = "/" + text.replace("\\", "/")
    if not encode:
        return f"file://{host}" + re.sub("[%#?]", lambda found: quote(found[0]), plain(text))
    return f"file://{host}{quote(os.fsencode(text), safe='/:' if drive else '/')}"


def plain(path: str | Path) -> str:
    """The path for formats that hold it as text; raises InputError for a name that no such text can hold."""
    text = absolute(path)
    if _CONTROL.search(text) or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise InputError(
            f"{show(text)}: this format cannot hold such a name (control characters, or no UTF-8); rename it"
        )
    return text
