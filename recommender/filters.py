"""What conditions mean for a track, and what they leave of a library; each is declared in `recommender.conditions`."""

import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from logging import getLogger
from pathlib import Path
from typing import Any

from recommender.conditions import FILTERS, READ, AtMost, Declared, Filter, Paths, Range, Within
from recommender.errors import Argument, CliptuneError, InputError
from recommender.text import fold_path, show
from recommender.types import LibraryReader, Modality, Track

_log = getLogger(__name__)
_TOLD = 3  # entries that are named of those that name nothing


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


def meets(track: Track, where: Filter) -> bool:
    """Whether a track meets all conditions: the meaning that every faster way must reproduce."""
    return all(one.is_met(getattr(track, one.name), where) for one in READ) and _place(track, where)


def _place(track: Track, where: Filter) -> bool:
    paths, out = (track.path, *track.copies), Places(where.exclude, files=True)
    return bool(matching_paths(paths, where)) and not any(os.fsencode(path) in out for path in paths)


def matching_paths(paths: Sequence[str], where: Filter) -> list[str]:
    """Those of a track's paths that are where they should be (`Filter.folders`, `Filter.only`), in order."""
    folders = Places(where.folders)
    return [
        path
        for path in paths
        if (where.only is None or path in where.only) and (not where.folders or os.fsencode(path) in folders)
    ]


def show_matching_copy(track: Track, where: Filter) -> Track:
    """`track` shown by a path that meets the conditions, where a copy of it lies elsewhere."""
    paths = (track.path, *track.copies)
    first = next(iter(matching_paths(paths, where)), track.path)
    if first == track.path:
        return track
    return replace(track, path=first, copies=tuple(path for path in paths if path != first))


def settle(library: LibraryReader, where: Filter) -> Filter:
    """`where` with its files and folders also as the library spells them.

    Those that name nothing in the library are told: of `exclude` by InputError, since what was not wanted would come;
    of others by a warning.
    """
    settled: dict[str, Any] = {}
    for one in FILTERS:
        if not (isinstance(one, Paths) and (given := getattr(where, one.field))):
            continue
        spelled = library.spellings(given)
        settled[one.field] = given.union(*spelled.values())
        if strays := _strays(given, spelled):
            names = "entry names" if len(strays) == 1 else "entries name"
            told = f": {len(strays)} {names} nothing in this library: {_some(strays)}"
            if one.field == "exclude":
                raise InputError(Argument(one.option), f"{told}; correct what is meant, or leave it out")
            _log.warning("%s%s", one.option, told)
    return replace(where, **settled)


def _strays(given: Iterable[str], spelled: Mapping[str, Collection[str]]) -> list[str]:
    """The paths and addresses that name nothing, sorted; of an entry that is an id its path is none."""
    ids = {entry for entry in spelled if not os.path.isabs(entry)}  # noqa: PTH117
    paths = {plain_path(entry) for entry in given if os.path.isabs(entry)}  # noqa: PTH117
    strays = paths.difference(map(plain_path, spelled))
    addresses = {entry for entry in given if "://" in entry}.difference(spelled)
    return [*sorted(path for path in strays if ids.isdisjoint(_tails(path))), *sorted(addresses)]


def _tails(path: str) -> Iterator[str]:
    """What follows each separator of a path."""
    yield from (path[i + 1 :] for i, sign in enumerate(path) if sign == os.sep)


def _some(strays: Sequence[str]) -> str:
    """The first few of many, and how many more there are."""
    named = ", ".join(map(show, strays[:_TOLD]))
    return named if len(strays) <= _TOLD else f"{named} and {len(strays) - _TOLD} more"


def alike(entries: Iterable[str], paths: Iterable[str]) -> dict[str, set[str]]:
    """By entry the paths, or folders of them, that it names: equal in normal form C, or the same file on this machine.

    So `Bjork` with its dots apart, as macOS writes it, is that with them, capitals count only where the file system
    says so, and a link is what it leads to.
    """
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        path = plain_path(entry)
        for name in {path, os.path.realpath(path) if os.path.lexists(path) else path}:
            wanted.setdefault(fold_path(name).casefold(), set()).add(entry)
    found: dict[str, set[str]] = {}
    seen: set[str] = set()
    for path in paths:
        for place in _upwards(path):
            if place in seen:
                break
            seen.add(place)
            for entry in wanted.get(fold_path(place).casefold(), ()):
                if fold_path(place) == fold_path(plain_path(entry)) or _is_same(place, entry):
                    found.setdefault(entry, set()).add(place)
    return found


def plain_path(entry: str) -> str:
    """A path without separators and dots that say nothing; an id or address as it is."""
    return os.path.normpath(entry) if os.path.isabs(entry) else entry  # noqa: PTH117


def _upwards(path: str) -> Iterator[str]:
    """A path and the folders that it is in."""
    yield path
    while (folder := os.path.dirname(path)) != path and folder:  # noqa: PTH120
        yield folder
        path = folder


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121
    except (OSError, ValueError):
        return False


def voices(library: LibraryReader, where: Filter) -> str | None:
    """What `instrumental` leaves of a library's music, and how surely; None where it is not asked for."""
    if where.instrumental is None:
        return None
    known, kept = library.count("music"), library.count("music", Filter(instrumental=where.instrumental))
    heard = library.count("music", Filter(instrumental=Range(-math.inf, math.inf)))
    told = f"instrumental: a voice is unlikely in {kept} of {known} tracks, and likelier in {heard - kept}"
    unheard = f"; nobody listened to {known - heard}, left out until they are analysed anew" * (known > heard)
    return f"{told}{unheard} (speech is told well, singing less: `voice` and `voice_confidence` say how surely)"


def unmet(library: LibraryReader, modality: Modality, where: Filter) -> CliptuneError:
    """The error for when nothing qualifies: how many tracks each condition alone leaves, and what could be asked."""
    how = {"half_double": where.half_double}  # no condition itself: it says how bpm is meant
    line: list[object] = [f"no track meets all conditions; of {library.count(modality)} tracks"]
    declared = {one.field: one for one in FILTERS}
    for field in fields(where):
        value = getattr(where, field.name)
        if field.name not in how and value != field.default:
            left = library.count(modality, Filter(**{field.name: value, **how}))
            line += [", ", *_written_as(declared[field.name], where), f" leaves {left}"]
    if where.bpm and not where.half_double and (more := library.count(modality, replace(where, half_double=True))):
        line += [f"; {more} would with ", Argument("half_double")]
    return CliptuneError(*line)


def _written_as(one: Declared, where: Filter) -> list[object]:
    """A condition in words, as parts of an error."""
    name, value = Argument(one.option), getattr(where, one.field)
    if isinstance(one, AtMost):
        return [name]
    if isinstance(one, Within):
        low, high = ("" if math.isinf(end) else f"{end:g}" for end in value)
        after = [" ", Argument("half_double")] if one.halves and where.half_double else [" s" if one.clock else ""]
        return [name, f" {low if low == high else f'{low}-{high}'}", *after]
    if one.field in ("only", "exclude"):  # may be thousands
        return [name]
    named = sorted(entry for entry in value if one.field != "folders" or Path(entry).is_absolute()) or sorted(value)
    return [name, f" {show(' or '.join(named))}"]
