"""Picks: which track somebody chose for which clip, kept in the folder of the library that it is from.

One file, `picks.json`, written whole under a lock of its own: picks are made while a folder is being indexed, which
holds the library's. Whatever else is done to a library leaves the file alone.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from indexing.disk.durable import library_errors, write_json
from indexing.disk.lock import now
from recommender.errors import InputError, LibraryError, LibraryLocked
from recommender.opening import is_absent, load_json
from recommender.text import show

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog
    from indexing.library import Library
    from recommender.types import Track

FILE, LOCK = "picks.json", "picks.lock"
MOST = 10_000
"""Most picks of a library: they are written together."""
_FORMAT = 1
_WAIT_S = 10.0  # a pick takes milliseconds to write
_ATTEMPTS = 5
_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)


@dataclass(frozen=True)
class PickedClip:
    """The clip of a pick.

    Attributes
    ----------
    name: for people. id: what made the pick calls it. duration_s: None of a still. rate: frames per second, as
        "30000/1001". timecode: of its first frame. None where not known.
    """

    name: str
    id: str | None = None
    duration_s: float | None = None
    rate: str | None = None
    timecode: str | None = None


@dataclass(frozen=True)
class PickedTrack:
    """The track of a pick as it was then; `hash`: of its content, hexadecimal, which a new name does not change."""

    id: int
    hash: str
    path: str
    title: str
    artist: str | None = None
    album: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Pick:
    """A track that was chosen for a clip.

    Attributes
    ----------
    in_s, out_s: its section, in seconds of the track. lasts_s: how long it is heard under the clip. score: as ranked.
        None where not known.
    settings: with what the answer was asked for, JSON-ready.
    id: of the pick. at: when it was made, UTC, ISO 8601.
    """

    clip: PickedClip
    track: PickedTrack
    in_s: float
    out_s: float
    lasts_s: float | None = None
    score: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    at: str = ""


class Found(NamedTuple):
    """A pick with its track as the library has it now; None where it has it no more, with what `gone` says of it."""

    pick: Pick
    track: "Track | None"
    gone: str | None


def describe_track(library: "Library", track_id: int) -> PickedTrack:
    """A track of an open library as a pick keeps it; raises LibraryError for an unknown id."""
    (track,) = library.tracks_of([track_id])
    with library.catalog() as catalog:
        digest = catalog.hash_of(track_id) or b""
    tags = {"artist": track.artist, "album": track.album, "licence": track.licence}
    return PickedTrack(track_id, digest.hex(), track.path, track.title, **tags)


def add(folder: Path, pick: Pick) -> Pick:
    """Keep a pick in the library at `folder`; it is returned with its id and time.

    Raises LibraryError; InputError where there are too many.
    """
    with _changing(folder) as picks:
        if len(picks) >= MOST:
            raise InputError(f"the library at {show(folder)} has {MOST} picks; undo some of them first")
        taken = {other.id for other in picks}
        id = next(id for id in iter(lambda: secrets.token_hex(4), None) if id not in taken)
        made = Pick(**{**vars(pick), "id": id, "at": now()})
        picks.append(made)
    return made


def undo(folder: Path, id: str) -> Pick:
    """Take back the pick with that id; raises InputError where there is none, LibraryError."""
    with _changing(folder) as picks:
        found = next((pick for pick in picks if pick.id == id), None)
        if found is None:
            raise InputError(f"no pick {show(id)!r} in the library at {show(folder)}")
        picks.remove(found)
    return found


def picks_of(folder: Path) -> list[Pick]:
    """The picks of the library at `folder`, in the order in which they were made.

    Raises LibraryError; a damaged file is moved aside then, and the next pick begins a new one.
    """
    try:
        return _read(folder)
    except _DAMAGED:
        with _lock(folder):
            return _read_or_move(folder)


def find(library: "Library", picks: Sequence[Pick]) -> list[Found]:
    """Picks with their tracks: by content, whatever a file is called now, else by path, whatever it holds now."""
    with library.catalog() as catalog:
        ids = [_id_now(catalog, pick.track) for pick in picks]
    tracks = {id: library.tracks_of([id])[0] for id in set(ids) if id is not None}
    now = [None if id is None else tracks[id] for id in ids]
    return [Found(pick, track, _gone(track)) for pick, track in zip(picks, now, strict=True)]


def record(found: Found) -> dict[str, Any]:
    """A pick JSON-ready with stable keys: its track as it is called now, and as it was where it is gone."""
    pick, track = found.pick, found.track
    told = {name: getattr(track or pick.track, name) for name in ("id", "path", "title", "artist")}
    known = {name: value for name, value in vars(pick).items() if name not in ("clip", "track", "id", "at")}
    clip = asdict(pick.clip)
    return {"id": pick.id, "at": pick.at, "clip": clip, "track": {**told, "gone": found.gone}, **known}


def playlist(name: str, several: Sequence[Found]) -> str:
    """The picks as an M3U8 playlist of that name, their sections to play; those that are gone are left out."""
    from recommender.editing.placement import Stretch
    from recommender.timelines import m3u8

    entries = (
        m3u8.entry(track.path, track.title, Stretch(pick.in_s, pick.out_s), duration_s=track.duration_s)
        for pick, track, _ in several
        if track is not None
    )
    return m3u8.playlist(name, entries)


def cues(several: Sequence[Found]) -> str:
    """The picks as a cue sheet; of what is gone, what was known when it was picked."""
    from recommender.timelines.cue_sheet import Use, cue_sheet

    uses = []
    for found in several:
        pick, clip = found.pick, found.pick.clip
        rate = None if clip.rate is None else Fraction(clip.rate)
        uses.append(Use(clip.name, pick.lasts_s, rate, clip.timecode, _known(found)))
    return cue_sheet(uses)


def _known(found: Found) -> dict[str, str | None]:
    from recommender.tags import isrc_tag

    source = found.track or found.pick.track
    known = {name: getattr(source, name) for name in ("title", "artist", "album", "licence")}
    return known | {"isrc": None if found.gone else isrc_tag(Path(source.path))}


def _id_now(catalog: "Catalog", track: PickedTrack) -> int | None:
    """The id of a picked track in the library as it is: ids are given anew where a model or a catalog is."""
    digest = bytes.fromhex(track.hash)
    if digest and catalog.hash_of(track.id) == digest:
        return track.id
    same = catalog.track_with("music", digest) if digest else None
    return catalog.track_at("music", track.path) if same is None else same


def _gone(track: "Track | None") -> str | None:
    if track is None:
        return "no longer in the library"
    return None if Path(track.path).exists() else "its file is not there"


@contextmanager
def _changing(folder: Path) -> Iterator[list[Pick]]:
    """A context with the picks as a list, which is kept after it; one process at a time."""
    with _lock(folder):
        picks = _read_or_move(folder)
        yield picks
        value = {"format": _FORMAT, "picks": [asdict(pick) for pick in picks]}
        with library_errors(folder, "write to the library at"):
            _write(folder / FILE, value)


def _write(path: Path, value: Any) -> None:
    """Write the file; again where a writer of the library, as it begins, removed it for an unfinished one."""
    for _ in range(_ATTEMPTS):
        with suppress(FileNotFoundError):
            return write_json(path, value)
    return write_json(path, value)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    with library_errors(folder, "write to the library at"):
        try:
            with FileLock(folder / LOCK, timeout=_WAIT_S):
                yield
        except Timeout as error:
            raise LibraryLocked(f"the picks of the library at {show(folder)} are being written; try again") from error
        except NotImplementedError as error:
            raise LibraryError(f"the file system of {show(folder)} has no file locks; use a local folder") from error


def _read(folder: Path) -> list[Pick]:
    """The picks; raises one of _DAMAGED for a file that holds something else."""
    try:
        with library_errors(folder / FILE, "read"):
            value = load_json(folder / FILE)
    except LibraryError as error:
        cause = error.__cause__
        if isinstance(cause, FileNotFoundError):
            return []
        if isinstance(cause, ValueError) or (isinstance(cause, OSError) and is_absent(cause)):
            raise ValueError("no file of picks") from error
        raise
    if value["format"] > _FORMAT:
        raise LibraryError(f"{show(folder / FILE)} was written by a later version; update to that one")
    return [_pick(one) for one in value["picks"]]


def _pick(value: Any) -> Pick:
    numbers = {name: None if value[name] is None else float(value[name]) for name in ("lasts_s", "score")}
    spans = {name: float(value[name]) for name in ("in_s", "out_s")}
    clip, track = PickedClip(**value["clip"]), PickedTrack(**value["track"])
    texts = (value["id"], value["at"], clip.name, track.path, track.title)
    if not all(isinstance(text, str) for text in texts) or (clip.rate is not None and Fraction(clip.rate) <= 0):
        raise ValueError("no pick")
    bytes.fromhex(track.hash)
    return Pick(**{**value, **numbers, **spans, "clip": clip, "track": track, "settings": dict(value["settings"])})


def _read_or_move(folder: Path) -> list[Pick]:
    """The picks; raises LibraryError for a damaged file, which is moved aside. The lock is held."""
    try:
        return _read(folder)
    except _DAMAGED as error:
        _move(folder, error)


def _move(folder: Path, error: Exception) -> NoReturn:
    from indexing.disk.aside import set_aside

    with library_errors(folder, "write to the library at"):
        kept = set_aside(folder, folder / FILE)
    raise LibraryError(
        f"the picks in {show(folder / FILE)} are damaged; the file is kept as {show(folder / kept)}, and new picks "
        "begin a new one: run the command again"
    ) from error
