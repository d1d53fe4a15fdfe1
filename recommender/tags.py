"""Title, artist, album, genre, licence and tempo as a file's tags give them.

A licence is taken from the first of: ID3 WCOP, Vorbis LICENSE or the MP4 atom `license`; then ID3 TCOP, Vorbis
COPYRIGHT or MP4 cprt. One that names a Creative Commons address, as those texts should, gets its short name.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recommender.opening import check_regular

TEXT_TAGS = ("title", "artist", "album", "genre", "licence")

BPM_MIN, BPM_MAX = 30.0, 300.0  # what else tags state, 0 above all, is no tempo

_LICENCES = ("license", "copyright")  # as TinyTag calls them
_CREATIVE_COMMONS = re.compile(
    r"creativecommons\.org/(?:licen[sc]es/(?P<kind>[a-z+-]+)|publicdomain/(?P<free>zero|mark))(?:/(?P<version>\d+\.\d+))?",
    re.IGNORECASE,
)
_FREE = {"zero": "CC0", "mark": "Public Domain Mark"}


def read_tags(path: Path) -> dict[str, str]:
    """The text tags of a music file that are present; unreadable or missing tags are simply absent.

    Several genres of a file are joined by `; `.
    """
    tag = _read(path)
    if tag is None:
        return {}
    values = {name: getattr(tag, name, None) for name in ("title", "artist", "album")}
    values["genre"] = "; ".join(dict.fromkeys(filter(None, map(_line, (tag.genre, *_other(tag, "genre"))))))
    licences = (_line(value) for name in _LICENCES for value in _other(tag, name))
    values["licence"] = licence_name(next(filter(None, licences), ""))
    lines = {name: _line(value) for name, value in values.items()}
    return {name: line for name, line in lines.items() if line}


def bpm_tag(path: Path) -> float | None:
    """The tempo in bpm that a file states (ID3 TBPM, MP4 tmpo, a comment BPM), None where none that can be one."""
    for value in _other(_read(path), "bpm"):
        try:
            bpm = float(_line(value).replace(",", "."))
        except ValueError:
            continue
        if BPM_MIN <= bpm <= BPM_MAX:
            return bpm
    return None


def licence_name(text: str) -> str:
    """`CC BY-NC 4.0` for a text with the address of that licence; any other text as it is."""
    match = _CREATIVE_COMMONS.search(text)
    if match is None:
        return text
    name = _FREE[match["free"].lower()] if match["free"] else f"CC {match['kind'].upper()}"
    return f"{name} {match['version']}" if match["version"] else name


def _read(path: Path) -> Any:
    """The `TinyTag` of a file, None where it cannot be read."""
    from tinytag import TinyTag, TinyTagException

    try:
        check_regular(path)
        return TinyTag.get(path, tags=True, duration=False)
    except (TinyTagException, OSError, ValueError, UnicodeError, OverflowError, MemoryError):
        return None


def _other(tag: Any, name: str) -> Iterator[Any]:
    """What a file says beyond TinyTag's own fields: a list per name."""
    yield from (getattr(tag, "other", None) or {}).get(name) or ()


def _line(value: Any) -> str:
    return " ".join(str(value).split()) if value else ""
