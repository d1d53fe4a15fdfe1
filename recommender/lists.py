"""Lists of files as people keep them: a path per line, playlists (m3u, pls, xspf, wpl, asx) and cue sheets."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from recommender.charsets import decode
from recommender.errors import InputError
from recommender.opening import LIST, read
from recommender.text import show

_CUE = re.compile(r'^\s*FILE\s+(?:"([^"]+)"|(\S+))\s+\w+\s*$', re.MULTILINE | re.IGNORECASE)
_CUE_TRACK = re.compile(r"^\s*TRACK\s+\d+\s+\w+\s*$", re.MULTILINE | re.IGNORECASE)
_PLS = re.compile(r"^\s*File\d+\s*=\s*(.+?)\s*$", re.MULTILINE | re.IGNORECASE)
_XML = re.compile(r"\s*<(?:\?xml|\?wpl|playlist|asx|smil)\b", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")
_SUFFIXES = (".txt", ".m3u", ".m3u8", ".pls", ".xspf", ".wpl", ".asx", ".cue")
_QUOTES = ('""', "''", "“”", "„“", "«»", "<>")


def paths_in(file: Path) -> frozenset[str]:
    """The paths listed in a text file or playlist; what is relative starts from the file's own folder.

    Of a line that is no path as it is written the quotes, spaces, backslashes, percent escapes or `file://` are
    understood; a line that begins with # is a comment. Any charset. Every entry that is no path from the root stays as
    it is, too: it may be the id of an imported track. Raises InputError.
    """
    try:
        file = file.expanduser()
        data = read(file, LIST)
    except OSError as error:
        raise InputError(f"cannot read the list of files {show(file)}: {show(str(error.strerror).lower())}") from error
    text = decode(data)
    base, out = file.parent.absolute(), set[str]()
    for entry, said in _entries(text, data, file):
        out |= set() if said is None else absolute([_meant(said, base)], base)
        out |= set() if os.path.isabs(entry) or _local(entry) not in (entry, None) else {entry}  # noqa: PTH117
    return frozenset(out)


def is_list(path: str) -> bool:
    """Whether a path is that of a list or playlist which is there."""
    return path.lower().endswith(_SUFFIXES) and os.path.isfile(os.path.expanduser(path))  # noqa: PTH111, PTH113


def absolute(entries: Iterable[str], base: Path | None = None) -> frozenset[str]:
    """Each entry as an absolute path from `base` (default: the working folder), and as it is; of a `file:` address its
    path alone."""
    start = Path.cwd() if base is None else base.absolute()
    out: set[str] = set()
    for entry in entries:
        path = _local(entry)
        out |= {entry} if path is None else {_join(path, start)}
        out |= {entry} if path == entry else set()
    return frozenset(out)


def _join(path: str, base: Path) -> str:
    if "\0" in path:  # no path, and nothing that could be made one
        return path
    return os.path.normpath(base / os.path.expanduser(path))  # noqa: PTH111 (an unknown ~user stays)


def _entries(text: str, data: bytes, file: Path) -> Iterator[tuple[str, str | None]]:
    """Every entry with what it says of a path, None where it is only a comment, or perhaps an id."""
    if _XML.match(text):
        yield from ((place, place if "://" in place else unquote(place)) for place in _places(text, file))
    elif re.match(r"\s*\[playlist\]", text, re.IGNORECASE):
        yield from ((place, place) for place in _PLS.findall(text))
    elif _CUE_TRACK.search(text) and _CUE.search(text):
        yield from ((quoted or bare, quoted or bare) for quoted, bare in _CUE.findall(text))
    else:
        yield from _lines(text, data, file.parent.absolute())


def _lines(text: str, data: bytes, base: Path) -> Iterator[tuple[str, str | None]]:
    """The lines of a plain list; one whose very bytes are the name of a file there is that."""
    lines = _LINE_END.split(text)
    exact = _LINE_END.split(data.decode("utf-8", "surrogateescape"))
    for line, same in zip(lines, exact if len(exact) == len(lines) else lines, strict=True):
        entry = same if same != line and _exists(same, base) else line
        if entry.strip():
            yield entry, None if entry.lstrip().startswith("#") and not _exists(entry, base) else entry


def _places(text: str, file: Path) -> Iterator[str]:
    """The addresses of an XML playlist: `<location>` of xspf, `src` of wpl, `href` of asx."""
    from xml.etree import ElementTree

    if "<!ENTITY" in text:
        raise InputError(f"{show(file)}: its XML declares entities, which playlists do not need: refused")
    try:
        root = ElementTree.fromstring(re.sub(r"^\s*<\?.*?\?>", "", text))  # noqa: S314 (what it declares is refused)
    except ElementTree.ParseError as error:
        raise InputError(f"{show(file)}: no playlist: its XML ends or breaks ({error}); export it again") from error
    for element in root.iter():
        named = {name.lower(): value for name, value in element.attrib.items()}
        text_of = (element.text or "").strip() if element.tag.rpartition("}")[2].lower() == "location" else ""
        yield from filter(None, (text_of, named.get("src"), named.get("href")))


def _local(entry: str) -> str | None:
    """The path that an entry names, of a `file:` address its own; None of an address elsewhere."""
    if match := re.match(r"file:(?://(?:localhost)?(?=/))?(?=/)", entry, re.IGNORECASE):
        return unquote(entry[match.end() :], errors="surrogateescape")
    return None if re.match(r"[a-z][a-z0-9+.-]+://", entry, re.IGNORECASE) else entry


def _meant(line: str, base: Path) -> str:
    """What a line means: of it, without quotes and the spaces around it, with slashes and without percent escapes the
    first that is there; else with slashes, since names hold percent signs, too."""
    bare = _unquoted(line.strip())
    slashed = bare.replace("\\", "/")
    readings = dict.fromkeys((line, bare, slashed, _unescaped(slashed)))
    there = (reading for reading in readings if len(readings) > 1 and _exists(reading, base))
    return next(there, slashed)


def _unquoted(line: str) -> str:
    return line[1:-1].strip() if len(line) > 2 and line[0] + line[-1] in _QUOTES else line


def _unescaped(line: str) -> str:
    return line if "://" in line or "%" not in line else unquote(line, errors="surrogateescape")


def _exists(path: str, base: Path) -> bool:
    local = _local(path)
    try:
        return local is not None and os.path.lexists(_join(local, base))
    except ValueError:  # a NUL
        return False
