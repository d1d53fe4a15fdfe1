"""Picks: kept in their library, listed, taken back, and written for others."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.tasks import Tell
from webapp.tasks.opened import library

if TYPE_CHECKING:
    from indexing.picks import Found, PickedClip


def picks(arguments: dict[str, Any], tell: Tell) -> list[dict[str, Any]]:
    """The picks of the library in `folder`, newest first."""
    from indexing.picks import record

    return [record(found) for found in reversed(_found(arguments["folder"]))]


def pick(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Keep a pick in the library in `folder`.

    arguments: `clip`: its id, name and path; `track`: an id; `in_s`, `out_s`, `score`: as recommended; `settings`: of
    the answer, of which `fit` says how long the music lasts.
    """
    from indexing.picks import Pick, add, describe_track, find, record

    opened, clip = library(arguments["folder"]), _clip(arguments["clip"])
    (track,) = opened.tracks_of([arguments["track"]])
    in_s, out_s, settings = arguments["in_s"], arguments["out_s"], arguments["settings"]
    lasts_s = _lasts_s(clip.duration_s, track.duration_s, in_s, settings.get("fit"))
    made = Pick(clip, describe_track(opened, track.id), in_s, out_s, lasts_s, arguments["score"], settings)
    return record(find(opened, [add(opened.folder, made)])[0])


def unpick(arguments: dict[str, Any], tell: Tell) -> None:
    """Take back the pick `pick` of the library in `folder`."""
    from indexing.picks import undo
    from recommender.errors import InputError
    from webapp.refusal import Refusal

    try:
        undo(Path(arguments["folder"]), arguments["pick"])
    except InputError as error:
        raise Refusal(404, str(error)) from error


def sheet(arguments: dict[str, Any], tell: Tell) -> str:
    """All picks of the library in `folder`, the oldest first, as a file of the `kind` m3u8 or csv."""
    from indexing.picks import cues, playlist

    found = _found(arguments["folder"])
    return cues(found) if arguments["kind"] == "csv" else playlist(f"Picks of {Path(arguments['folder']).name}", found)


def _found(folder: str) -> "list[Found]":
    from indexing.picks import find, picks_of

    opened = library(folder)
    return find(opened, picks_of(opened.folder))


def _clip(told: dict[str, Any]) -> "PickedClip":
    """A clip as a pick keeps it: with its length, rate and timecode, where it is no still."""
    from indexing.picks import PickedClip
    from recommender.errors import MediaError, StillError
    from recommender.media.footage import footage

    try:
        shot = footage(Path(told["path"]))
    except (MediaError, StillError):
        return PickedClip(told["name"], told["id"])
    return PickedClip(told["name"], told["id"], float(shot.frames / shot.rate), str(shot.rate), shot.timecode)


def _lasts_s(clip_s: float | None, track_s: float | None, in_s: float, fit: str | None) -> float | None:
    """How long music is heard under a clip: to the end of either, or as long as it is cut to."""
    if clip_s is None:
        return None
    if fit is not None:
        return clip_s if fit == "clip" else min(clip_s, float(fit))
    return clip_s if track_s is None else min(clip_s, max(0.0, track_s - in_s))
