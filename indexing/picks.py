"""Picks: which track somebody chose for which clip, kept in the folder of the library that it is from."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from indexing.disk.lock import now
from indexing.disk.records import Records
from recommender.errors import InputError
from recommender.text import show

if TYPE_CHECKING:
    from indexing.catalog.queries import Catalog
    from indexing.library import Library
    from recommender.types import Track

MOST = 10_000
"""Most picks of a library: they are written together."""


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
    with _KEPT.changing(folder) as picks:
        if len(picks) >= MOST:
            raise InputError(f"the library at {show(folder)} has {MOST} picks; undo some of them first")
        taken = {other.id for other in picks}
        id = next(id for id in iter(lambda: secrets.token_hex(4), None) if id not in taken)
        made = Pick(**{**vars(pick), "id": id, "at": now()})
        picks.append(made)
    return made


def undo(folder: Path, id: str) -> Pick:
    """Take back the pick with that id; raises InputError where there is none, LibraryError."""
    with _KEPT.changing(folder) as picks:
        found = next((pick for pick in picks if pick.id == id), None)
        if found is None:
            raise InputError(f"no pick {show(id)!r} in the library at {show(folder)}")
        picks.remove(found)
    return found


def picks_of(folder: Path) -> list[Pick]:
    """The picks of the library at `folder`, in the order in which they were made.

    Raises LibraryError; a damaged file is moved aside then, and the next pick begins a new one.
    """
    return _KEPT.of(folder)


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
    return catalog.track_now("music", digest, track.path)


def _gone(track: "Track | None") -> str | None:
    if track is None:
        return "no longer in the library"
    return None if Path(track.path).exists() else "its file is not there"


def _pick(value: Any) -> Pick:
    numbers = {name: None if value[name] is None else float(value[name]) for name in ("lasts_s", "score")}
    spans = {name: float(value[name]) for name in ("in_s", "out_s")}
    clip, track = PickedClip(**value["clip"]), PickedTrack(**value["track"])
    texts = (value["id"], value["at"], clip.name, track.path, track.title)
    if not all(isinstance(text, str) for text in texts) or (clip.rate is not None and Fraction(clip.rate) <= 0):
        raise ValueError("no pick")
    bytes.fromhex(track.hash)
    return Pick(**{**value, **numbers, **spans, "clip": clip, "track": track, "settings": dict(value["settings"])})


_KEPT = Records("picks", _pick)
