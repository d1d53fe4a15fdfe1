"""Conditions on what may be recommended: as people write them, what they mean, what they leave (`types.Filter`)."""

import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from pathlib import Path

from recommender.errors import InputError
from recommender.text import shown
from recommender.types import Filter, LibraryReader, Modality, Range, Track

KEYS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
"""Tonics as the analysis of music writes them, by pitch class."""

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_MODES = {"": "major", "major": "major", "maj": "major", "m": "minor", "min": "minor", "minor": "minor"}
_KEY = re.compile(r"([A-Ga-g])([#♯b♭]?)\s*([A-Za-z]*)")


def range_of(text: str, what: str, number: str = r"\d+(?:\.\d+)?") -> Range:
    """The range that a text such as `90-130`, `90-`, `-130` or `120` names; raises InputError naming `what`."""
    match = re.fullmatch(rf"\s*({number})?\s*(-)?\s*({number})?\s*", text)
    if match is None or not (match[1] or match[3]) or (match[1] and match[3] and not match[2]):
        raise InputError(f"--{what} {shown(text)}: give a range such as 90-130, 90- or -130")
    low, high = (None if part is None else _seconds(part) for part in (match[1], match[3]))
    if match[2] is None:
        high = low
    found = Range(-math.inf if low is None else low, math.inf if high is None else high)
    if found.low > found.high:
        raise InputError(f"--{what} {shown(text)}: the range ends below its start")
    return found


def duration_of(text: str) -> Range:
    """The range in seconds that a text such as `2:30-4:00`, `90-` or `-120` names; raises InputError."""
    return range_of(text, "duration", r"(?:\d+:)*\d+(?:\.\d+)?")


def _seconds(text: str) -> float:
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def key_name(text: str) -> str:
    """The name of a key written in any usual way (`Am`, `a minor`, `Db`); raises InputError."""
    match = _KEY.fullmatch(text.strip())
    mode = match[3] if match is not None and match[3] in ("m", "M") else match[3].lower() if match is not None else ""
    if match is None or (mode not in _MODES and mode != "M"):
        raise InputError(f"--key {shown(text)}: no key; write it as `A minor`, `Am`, `Eb major` or `Eb`")
    tonic = KEYS[(_STEPS[match[1].upper()] + _SIGNS[match[2]]) % len(KEYS)]
    return f"{tonic} {_MODES.get(mode, 'major')}"


def paths_in(file: Path) -> frozenset[str]:
    """The paths listed in a text file, one per line; what is relative starts from the file's own folder.

    An entry that is no file there is kept as it is: it may be the id of an imported track. Raises InputError.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise InputError(
            f"cannot read the list of files {shown(file)}: {shown(str(error.strerror).lower())}"
        ) from error
    return absolute((line for line in lines if line.strip()), file.parent)


def absolute(entries: Iterable[str], base: Path | None = None) -> frozenset[str]:
    """Each entry as an absolute path from `base` (default: the working folder), and as it is."""
    start = Path.cwd() if base is None else base.absolute()
    out: set[str] = set()
    for entry in entries:
        out |= {entry, os.path.normpath(start / os.path.expanduser(entry))}  # noqa: PTH111 (an unknown ~user stays)
    return frozenset(out)


class Places:
    """Which paths lie in a set of folders; the answer for a folder is remembered, as tracks share them.

    `files`: whether the entries may also be files themselves.
    """

    _SEP = os.fsencode(os.sep)

    def __init__(self, entries: Iterable[str], files: bool = False) -> None:
        self._entries = frozenset(os.fsencode(entry).rstrip(self._SEP) for entry in entries)
        self._files = files
        self._known: dict[bytes, bool] = {}

    def __contains__(self, path: bytes) -> bool:
        folder, below, _ = path.rpartition(self._SEP)
        inside = self._known.get(folder) if below else False
        if inside is None:
            inside = self._known[folder] = self._holds(folder)
        return inside or (self._files and path in self._entries)

    def _holds(self, folder: bytes) -> bool:
        while folder not in self._entries:
            folder, below, _ = folder.rpartition(self._SEP)
            if not below:
                return False
        return True


def values_of(tag: str) -> frozenset[str]:
    """What a tag such as `Rock; Hip-Hop/Rap` says, for comparison: all of it and each of several, in small letters."""
    text = tag.casefold()
    return frozenset(part.strip() for part in (text, *text.split(";"), *re.split("[;,/]", text)))


def levels(where: Filter) -> tuple[float, ...]:
    """What a stated tempo is multiplied by: one of the products must lie in `Filter.bpm`."""
    return (1.0, 0.5, 2.0) if where.half_double else (1.0,)


def meets(track: Track, where: Filter) -> bool:
    """Whether a track meets all conditions: the meaning that every faster way must reproduce."""
    bpm = where.bpm
    return (
        (bpm is None or (track.bpm is not None and any(bpm.low <= track.bpm * r <= bpm.high for r in levels(where))))
        and (
            where.duration_s is None
            or (track.duration_s is not None and where.duration_s.low <= track.duration_s <= where.duration_s.high)
        )
        and (not where.keys or track.key in where.keys)
        and (not where.genres or not {g.casefold() for g in where.genres}.isdisjoint(values_of(track.genre or "")))
        and (not where.licences or (track.licence or "").casefold() in {name.casefold() for name in where.licences})
        and _placed(track, where)
    )


def _placed(track: Track, where: Filter) -> bool:
    out = Places(where.exclude, files=True)
    return bool(wanted((track.path, *track.copies), where)) and not any(
        os.fsencode(path) in out for path in (track.path, *track.copies)
    )


def wanted(paths: Sequence[str], where: Filter) -> list[str]:
    """Those of a track's paths that are where they should be (`Filter.folders`, `Filter.only`), in order."""
    folders = Places(where.folders)
    return [
        path
        for path in paths
        if (where.only is None or path in where.only) and (not where.folders or os.fsencode(path) in folders)
    ]


def led(track: Track, where: Filter) -> Track:
    """`track` shown by a path that meets the conditions, where a copy of it lies elsewhere."""
    paths = (track.path, *track.copies)
    first = next(iter(wanted(paths, where)), track.path)
    if first == track.path:
        return track
    return replace(track, path=first, copies=tuple(path for path in paths if path != first))


def conditions(where: Filter) -> list[tuple[str, Filter]]:
    """Each condition on its own, with its name as the command line has it."""
    how = {"half_double": where.half_double}  # no condition itself: it says how --bpm is meant
    given = [f for f in fields(where) if f.name not in how and getattr(where, f.name) != f.default]
    return [(_written(f.name, where), Filter(**{f.name: getattr(where, f.name), **how})) for f in given]


def unmet(library: LibraryReader, modality: Modality, where: Filter) -> str:
    """One line for when nothing qualifies: how many tracks each condition alone leaves, and what could be asked."""
    left = [f"{name} leaves {library.count(modality, alone)}" for name, alone in conditions(where)]
    more = library.count(modality, replace(where, half_double=True)) if where.bpm and not where.half_double else 0
    hint = f"; {more} would with --half-double" if more else ""
    return f"no track meets all conditions; of {library.count(modality)} tracks, {', '.join(left)}{hint}"


_OPTIONS = {"duration_s": "duration", "keys": "key", "genres": "genre", "licences": "licence", "folders": "folder"}


def _written(name: str, where: Filter) -> str:
    option, value = f"--{_OPTIONS.get(name, name)}", getattr(where, name)
    if isinstance(value, Range):
        low, high = ("" if math.isinf(end) else f"{end:g}" for end in value)
        after = " s" if name == "duration_s" else " --half-double" if where.half_double else ""
        return f"{option} {low if low == high else f'{low}-{high}'}{after}"
    if name in ("only", "exclude"):  # may be thousands
        return option
    named = sorted(entry for entry in value if name != "folders" or Path(entry).is_absolute()) or sorted(value)
    return f"{option} {shown(' or '.join(named))}"
