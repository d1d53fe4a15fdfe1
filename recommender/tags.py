"""Title, artist, album, album artist, year, genre, licence and tempo as a file's tags give them.

TinyTag reads those of mp3, ogg, opus, flac, m4a, wma, wav and aiff, FFmpeg those of all other formats; APEv2 tags at
the end of any file are read here. A licence is taken from the first of: ID3 WCOP, Vorbis LICENSE or the MP4 atom
`license`; then ID3 TCOP, Vorbis COPYRIGHT or MP4 cprt. One that names a Creative Commons address, as those texts
should, gets its short name. Texts marked as Latin-1, or as nothing, are read in the charset that they hold.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from recommender.charsets import mend
from recommender.errors import InputError, MediaError, PassingError
from recommender.faults import for_now
from recommender.names import BPM_MAX, BPM_MIN, licence_name, tempo
from recommender.opening import check_regular, open_regular

TEXT_TAGS = ("title", "artist", "album", "genre", "licence", "album_artist", "year")

_Stated = dict[str, list[str]]  # by the name of a tag in small letters and digits, what a file says
_NAMES = {
    "title": ("title",),
    "artist": ("artist",),
    "album": ("album",),
    "genre": ("genre",),
    "licence": ("license", "licence", "copyright"),
    "album_artist": ("albumartist",),
    "year": ("year", "date", "datereleased", "daterecorded"),
}
_SHOWN = frozenset(name for names in _NAMES.values() for name in names)
_BPM = ("bpm", "tbpm", "tempo")
_YEAR = re.compile(r"(1[5-9]\d\d|20\d\d)")
_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_LOST = "\ufffd"  # in place of bytes that were no text in the charset they were read in
_APE_FOOTER, _ID3V1, _MOST_APE = 32, 128, 1 << 20


def read_tags(path: Path, charset: str | None = None) -> dict[str, str]:
    """The text tags of a music file that are present; damaged or missing tags are simply absent.

    Several genres of a file are joined by `; `; a year is four digits. `charset`: of texts that are marked as Latin-1,
    where it is known. Raises PassingError for a fault of the machine.
    """
    stated = _stated(path)
    found = {tag: [value for name in names for value in stated.get(name, ())] for tag, names in _NAMES.items()}
    texts = iter(mend([value for values in found.values() for value in values], charset))
    lines = {tag: list(filter(None, (_line(next(texts)) for _ in values))) for tag, values in found.items()}
    first = {tag: several[0] for tag, several in lines.items() if several}
    if "genre" in first:
        first["genre"] = "; ".join(dict.fromkeys(lines["genre"]))
    if "licence" in first:
        first["licence"] = licence_name(first["licence"])
    if year := first.pop("year", None):
        first |= {"year": match[1]} if (match := _YEAR.match(year)) else {}
    return {name: first[name] for name in TEXT_TAGS if name in first}


def bpm_tag(path: Path) -> float | None:
    """The tempo in bpm that a file states (ID3 TBPM, MP4 tmpo, a comment BPM), None where none that can be one."""
    stated = _stated(path)
    tempi = (tempo(_line(value)) for name in _BPM for value in stated.get(name, ()))
    return next((bpm for bpm in tempi if bpm is not None and BPM_MIN <= bpm <= BPM_MAX), None)


def isrc_tag(path: Path) -> str | None:
    """The ISRC (ISO 3901) of a recording as its file states it (ID3 TSRC, a comment ISRC), None where none does."""
    codes = (re.sub(r"[\s-]", "", value).upper() for value in _stated(path).get("isrc", ()))
    return next((code for code in codes if _ISRC.fullmatch(code)), None)


def _stated(path: Path) -> _Stated:
    """What a file says, from the first reader that finds it; what was lost in reading it from the others.

    APEv2 tags come before those of version 1 of ID3, which are cut off, and after those of version 2.
    """
    found, (old_title, ape) = _named(_by_tinytag(path)), _ape(path)
    old = old_title is not None and old_title == found.get("title", [""])[0].encode("latin-1", "replace").strip()
    found = _filled(ape, found) if old else _filled(found, ape)
    return found if _is_told(found) else _filled(found, _named(_by_ffmpeg(path)))


def _filled(found: _Stated, more: _Stated) -> _Stated:
    """What was found, and of more what that lacks or lost signs of."""
    whole = {name: values for name, values in found.items() if not any(_LOST in value for value in values)}
    return {**found, **more, **whole}


def _named(pairs: Iterable[tuple[str, str]]) -> _Stated:
    found: _Stated = {}
    for name, value in pairs:
        if value.strip("\0 "):
            found.setdefault("".join(ch for ch in name.lower() if ch.isalnum()), []).append(value)
    return found


def _is_told(found: _Stated) -> bool:
    """Whether anything is said of what is shown, and all of it could be read."""
    values = [value for name in _SHOWN & found.keys() for value in found[name]]
    return bool(values) and not any(_LOST in value for value in values)


def _by_tinytag(path: Path) -> Iterator[tuple[str, str]]:
    """Its fields, and what files say beyond them."""
    from tinytag import TinyTag, TinyTagException

    try:
        check_regular(path)
        tag = TinyTag.get(path, tags=True, duration=False)
    except OSError as error:
        if fault := for_now(path, error):
            raise fault from error
        return
    except (TinyTagException, ValueError, OverflowError, MemoryError):  # memory is what a lying size asks for
        return
    for name in ("title", "artist", "album", "albumartist", "genre", "year"):
        yield name, str(getattr(tag, name, None) or "")
    for name, values in (getattr(tag, "other", None) or {}).items():
        yield from ((name, str(value)) for value in values)


def _by_ffmpeg(path: Path) -> Iterator[tuple[str, str]]:
    from recommender.media import metadata

    try:
        yield from metadata(path)
    except PassingError:
        raise
    except MediaError:
        return


def _ape(path: Path) -> tuple[bytes | None, _Stated]:
    """The title of an ID3v1 tag, None without one, and the APEv2 tag before it, or at the end of the file."""
    old = None
    try:
        with open_regular(path) as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _ID3V1))
            if (tag := file.read(_ID3V1)).startswith(b"TAG"):
                old, end = tag[3:33].strip(b"\0 "), end - _ID3V1
            file.seek(max(0, end - _APE_FOOTER))
            footer = file.read(_APE_FOOTER)
            size = int.from_bytes(footer[12:16], "little")
            if footer.startswith(b"APETAGEX") and _APE_FOOTER <= size <= min(end, _MOST_APE):
                file.seek(end - size)
                return old, _named(_ape_items(file.read(size - _APE_FOOTER)))
    except (OSError, InputError):
        pass
    return old, {}


def _ape_items(data: bytes) -> Iterator[tuple[str, str]]:
    """Name and value of every text in the items of an APEv2 tag, several of a name apart."""
    while len(data) > 8:
        size, flags = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
        name, _, rest = data[8:].partition(b"\0")
        if not flags & 0b110:  # else binary, or an address
            for value in rest[:size].split(b"\0"):
                yield name.decode("latin-1"), _text(value)
        data = rest[size:]


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _line(value: str) -> str:
    return " ".join(value.split())
