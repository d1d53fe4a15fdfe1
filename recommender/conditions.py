"""Every filter, declared once: what it reads of a track, how people write it, and what it asks for.

An entry of FILTERS, a field of `Filter` and one of `types.Track` are all that a filter needs. The option of the command
line, `Filter.of`, what catalog and snapshot keep of a track, the masks over a library and the outputs go by them;
`docs/adding_a_filter.md` adds one. What a track must be to meet all conditions: `recommender.filters`.
"""

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from recommender.errors import Argument, InputError
from recommender.lists import absolute, is_list, paths_in
from recommender.names import fold_key, key_name, licence_name
from recommender.text import fold, show

INSTRUMENTAL = 0.3
"""How likely a voice is at most in a track that counts as instrumental: docs/results/speech.md has its errors."""
_NUMBER, _CLOCK = r"\d+(?:\.\d+)?", r"(?:\d+:)*\d+(?:\.\d+)?"


class Range(NamedTuple):
    """A range of numbers.

    Attributes
    ----------
    low, high: its ends, both included; infinite where open.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Filter:
    """Conditions on a track; all that are given must hold, and what is unknown of a track meets no condition.

    Attributes
    ----------
    bpm, duration_s: ranges.
    keys: such as "A minor", written as the analysis of music does.
    genres, licences, albums, album_artists: as in the files' tags, whatever the case; one of them must be it (of a file
        with several genres, one of these).
    year: a range, of the year that the files' tags state.
    instrumental: how likely a voice in the track may be.
    folders: absolute paths, one of which the file is in.
    only: absolute paths of the files to choose from, or ids of imported tracks.
    exclude: absolute paths of files and folders to leave out, or ids of imported tracks.
    half_double: `bpm` is met by half or double the stated tempo as well.

    Of a track with copies one and the same path must be in `folders` and `only`, and none in `exclude`.
    """

    bpm: Range | None = None
    duration_s: Range | None = None
    keys: frozenset[str] = frozenset()
    genres: frozenset[str] = frozenset()
    licences: frozenset[str] = frozenset()
    albums: frozenset[str] = frozenset()
    album_artists: frozenset[str] = frozenset()
    instrumental: Range | None = None
    year: Range | None = None
    folders: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    exclude: frozenset[str] = frozenset()
    half_double: bool = False

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) != field.default for field in fields(self))

    @classmethod
    def of(cls, **given: Any) -> "Filter":
        """The filter that a person's own values mean.

            Filter.of(bpm=(90, 130), half_double=True, duration="2:30-", keys=["Am", "Eb"], folder="~/Music/Film")

        An argument is called as the field or as the option of the command line (`keys` or `key`); None is as not given.
        Ranges are a number, a pair with None for an open end, or a text such as `90-130`; durations in s or `2:30`.
        Names and paths are one or several, paths from the working folder or `~`. Raises InputError in one line that
        names the argument.
        """
        return filter_of(given)


@dataclass(frozen=True)
class Declared:
    """What is said of a filter once; its kinds below say what people may give for it.

    The catalog has the attribute where it is `kept`: among the `facts` that were measured, in a column of the `track`,
    or in one of the `tags` of its files.
    """

    name: str  # of the track's attribute that it reads; its option has that name without a unit
    field: str  # of `Filter`
    help: str  # of the option, without a full stop
    kept: Literal["facts", "track", "tags"] = "facts"
    takes: ClassVar[Any] = list[str]  # the type of the option's value

    @property
    def option(self) -> str:
        """What people call it."""
        return self.name.removesuffix("_s")

    def read(self, value: Any, what: Argument) -> Any:
        """The field's value for what a person gave; raises InputError that names `what`."""
        raise NotImplementedError


@dataclass(frozen=True)
class Switch(Declared):
    """What is on or off, and says how another condition is meant."""

    takes: ClassVar[Any] = bool

    def read(self, value: Any, what: Argument) -> bool:
        if not isinstance(value, bool):
            raise InputError(what, f" {value!r}: give True or False")
        return value


@dataclass(frozen=True)
class Within(Declared):
    """A range over a number.

    halves: whether `Filter.half_double` widens it. clock: whether it is in s, or `2:30`. whole: whether it is of whole
    numbers.
    """

    halves: bool = False
    clock: bool = False
    whole: bool = False
    takes: ClassVar[Any] = str

    def read(self, value: Any, what: Argument) -> Range | None:
        said = show(value) if isinstance(value, str) else repr(value)
        try:
            low, high = self._ends(value)
            found = Range(_number(low, -math.inf), _number(high, math.inf))
        except (TypeError, ValueError):
            pairs = "" if isinstance(value, str) else ", in Python also 90, (90, 130) or (90, None)"
            raise InputError(what, f" {said}: give a range such as 90-130, 90- or -130{pairs}") from None
        if not found.low <= found.high:
            raise InputError(what, f" {said}: the range ends below its start")
        return found

    def _ends(self, value: Any) -> Any:
        """Both ends as they were given, None of an open one; raises ValueError for a text that names no range."""
        if not isinstance(value, str):
            return value if isinstance(value, tuple | list) else (value, value)
        match = re.fullmatch(r"\s*(N)?\s*(-)?\s*(N)?\s*".replace("N", _CLOCK if self.clock else _NUMBER), value)
        if match is None or not (match[1] or match[3]) or (match[1] and match[3] and not match[2]):
            raise ValueError
        return match[1], match[3] if match[2] else match[1]

    def levels(self, where: Filter) -> tuple[float, ...]:
        """What a stated number is multiplied by: one of the products must lie in the range."""
        return levels(where) if self.halves else (1.0,)

    def is_met(self, value: float | None, where: Filter) -> bool:
        """Whether a track of which `value` is stated meets the condition, where there is one."""
        asked: Range | None = getattr(where, self.field)
        if asked is None or value is None:
            return asked is None
        return any(asked.low <= value * ratio <= asked.high for ratio in self.levels(where))


@dataclass(frozen=True)
class AtMost(Within):
    """Whether a number is at most `most`; the command line has a switch for it, named as the field."""

    most: float = 0.0
    takes: ClassVar[Any] = bool

    @property
    def option(self) -> str:
        return self.field

    def read(self, value: Any, what: Argument) -> Range | None:
        if not isinstance(value, bool):
            raise InputError(what, f" {value!r}: give True or False")
        return Range(-math.inf, self.most) if value else None


@dataclass(frozen=True)
class OneOf(Declared):
    """Names, one of which a text of the track must be.

    mean: the name that a person's text means; raises InputError with the rest of a line. fold: as names are compared.
    several: whether the track's text may list several, as `Rock; Hip-Hop/Rap` does.
    """

    mean: Callable[[str], str] = str
    fold: Callable[[str], str] = fold
    several: bool = False

    def read(self, value: Any, what: Argument) -> frozenset[str]:
        texts = _several(value, what, "text", str)
        try:
            return frozenset(map(self.mean, texts))
        except InputError as error:
            raise InputError(what, f" {error}") from None

    def accepts(self, where: Filter) -> Callable[[str], bool]:
        """What says whether a track's text is one of the wanted."""
        wanted = frozenset(map(self.fold, getattr(where, self.field)))
        if self.several:
            return lambda text: not wanted.isdisjoint(values_of(text))
        return lambda text: self.fold(text) in wanted

    def is_met(self, text: str | None, where: Filter) -> bool:
        """Whether a track of which `text` is known meets the condition, where there is one."""
        return not getattr(where, self.field) or (text is not None and self.accepts(where)(text))


@dataclass(frozen=True)
class Paths(Declared):
    """Files or folders, from the working folder or `~`. lists: whether a list or playlist stands for what it names."""

    lists: bool = False
    takes: ClassVar[Any] = list[Path]

    def read(self, value: Any, what: Argument) -> frozenset[str]:
        given = list(map(os.fsdecode, _several(value, what, "path", str, os.PathLike)))
        listed = [path for path in given if self.lists and is_list(path)]
        return absolute(set(given).difference(listed)).union(*(paths_in(Path(path)) for path in listed))


@dataclass(frozen=True)
class Listed(Paths):
    """Files, which the command line takes from a file that lists them."""

    takes: ClassVar[Any] = Path


def _number(value: Any, none: float) -> float:
    """A number, or a text in s or `2:30`; raises TypeError or ValueError for what is neither."""
    if isinstance(value, bool) or value != value:
        raise ValueError
    if not isinstance(value, str):
        return none if value is None else float(value)
    seconds = 0.0
    for part in value.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def values_of(tag: str) -> frozenset[str]:
    """What a tag such as `Rock; Hip-Hop/Rap` says, for comparison: all of it and each of several."""
    text = fold(tag)
    return frozenset(part.strip() for part in (text, *text.split(";"), *re.split("[;,/]", text)))


def levels(where: Filter) -> tuple[float, ...]:
    """What a stated tempo is multiplied by: one of the products must lie in `Filter.bpm`."""
    return (1.0, 0.5, 2.0) if where.half_double else (1.0,)


def _several(value: Any, what: Argument, kind: str, *types: type) -> list[Any]:
    """One or several values of the types as a list; raises InputError for any other."""
    found = [value] if isinstance(value, types) or not isinstance(value, Iterable) else list(value)
    if not all(isinstance(one, types) for one in found):
        raise InputError(what, f" {value!r}: give a {kind}, or a list of them")
    return found


FILTERS: tuple[Declared, ...] = (
    Within("bpm", "bpm", "Only this tempo: 90-130, 90- or -130", halves=True),
    Switch("half_double", "half_double", "With --bpm, also tracks of which half or double the tempo fits"),
    OneOf("key", "keys", 'Only this key: "A minor", Am or Eb', mean=key_name, fold=fold_key),
    Within("duration_s", "duration_s", "Only tracks of this length: 2:30-4:00, 2:30- or -90", "track", clock=True),
    Paths("folder", "folders", "Only below this folder: ~/Music/Film"),
    OneOf("genre", "genres", "Only of this genre, as the files are tagged: Ambient", "tags", several=True),
    OneOf("licence", "licences", 'Only under this licence, as the files are tagged: "CC BY 4.0"', "tags", licence_name),
    OneOf("album", "albums", 'Only from this album, as the files are tagged: "Blue Train"', "tags"),
    OneOf("album_artist", "album_artists", "Only of this album artist, as the files are tagged: Various", "tags"),
    AtMost("voice", "instrumental", "Only tracks in which a voice is unlikely (at most 30 %)", most=INSTRUMENTAL),
    Within("year", "year", "Only of these years, as the files are tagged: 1990-1999 or 1984", "tags", whole=True),
    Listed("only", "only", "Only files listed in this text file (a path per line) or playlist: mine.txt", lists=True),
    Paths("exclude", "exclude", "Not this file or folder, or those of a list or playlist: ~/Music/Xmas", lists=True),
)
RANGES = tuple(one for one in FILTERS if isinstance(one, Within))
NAMES = tuple(one for one in FILTERS if isinstance(one, OneOf))
READ: tuple[Within | OneOf, ...] = (*RANGES, *NAMES)
TAGS = tuple(one.name for one in (*NAMES, *RANGES) if one.kept == "tags")
"""What filters read of the tags of files: columns of the catalog, attributes of a track, keys of an answer."""
TEMPO_AND_KEY = ("bpm", "bpm_alternative", "bpm_confidence", "key", "key_confidence")
"""What is told of tempo and key: facts of the analysis, attributes of a track, keys of an answer."""
VOICE = ("voice", "voice_confidence")
"""What is told of a voice, in the same places."""

_CALLED = {name: one for one in FILTERS for name in (one.field, one.option)}


def filter_of(given: Mapping[str, Any]) -> Filter:
    """`Filter.of` these arguments."""
    if given.get("half_double") and given.get("bpm") is None:
        meant, bpm, example = Argument("half_double"), Argument("bpm"), Argument("bpm", "90-130")
        raise InputError(meant, " says how ", bpm, " is meant: give a range of tempi, as ", example)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if (one := _CALLED.get(name)) is None:
            raise InputError(f"no filter {show(name)}; known are: {', '.join(one.option for one in FILTERS)}")
        if one.field in values:
            raise InputError(f"{one.field} and {one.option} are the same: give one of them")
        if value is not None:
            values[one.field] = one.read(value, Argument(name))
    return Filter(**values)
