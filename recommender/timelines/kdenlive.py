"""A Kdenlive project: the clip, the chosen music below it, alternatives on muted tracks and in the bin.

Document version 1.04, which releases from 22.12 on read; later ones make their own of it.
"""

import json
from collections.abc import Callable
from pathlib import Path

from recommender.timelines import mlt
from recommender.timelines.timeline import Timeline, Track
from recommender.timelines.xml import Element, add, add_properties, save, words

_VERSION, _RELEASE = "1.04", "22.12.3"
_INTERNAL = 237  # marks what Kdenlive itself adds to a project
_CLIP_ID = 2  # of the first clip in the bin
_CATEGORIES = {"cut": 0, "scene": 6, "downbeat": 2, "beat": 4}  # colours of guides


def write(timeline: Timeline, path: Path) -> None:
    """A project; every track is a tractor of two playlists, as Kdenlive wants it."""
    root = mlt.start(timeline, producer="main_bin")
    _bin(root, timeline)
    mlt.colour(root, "black_track", frames=timeline.frames, kdenlive__playlistid="black_track", set_o_test_audio=0)
    tracks = []
    for place, track in reversed(list(enumerate(timeline.tracks))):
        fill = _music(root, timeline, track)
        tracks.append(_track(root, timeline, f"a{place + 2}", fill, muted=not track.heard))
    if timeline.own_db is not None:
        tracks.append(_track(root, timeline, "a1", _clip(root, timeline, "clip_sound")))
    tracks.append(_track(root, timeline, "v1", _clip(root, timeline, "clip_picture")))
    _tractor(root, timeline, tracks)
    save(root, path)


def _bin(root: Element, timeline: Timeline) -> None:
    """All sources with their numbers, and what the document itself says."""
    mlt.producer(root, "bin_clip", timeline.clip, frames=timeline.frames, **_numbered(timeline.clip.name, _CLIP_ID))
    for place, music in enumerate(timeline.music):
        known = _numbered(music.title, _CLIP_ID + 1 + place)
        mlt.producer(root, f"bin_music{place}", music.path, frames=mlt.music_frames(music), **known)
    shelf = add(root, "playlist", id="main_bin")
    add_properties(shelf, kdenlive__docproperties_o_version=_VERSION, xml_retain=1)
    add_properties(shelf, kdenlive__docproperties_o_kdenliveversion=_RELEASE)
    add_properties(shelf, kdenlive__docproperties_o_activeTrack=len(timeline.tracks))
    guides = [
        {"comment": words(mark.name), "pos": timeline.at_frame(mark), "type": _CATEGORIES[mark.kind]}
        for mark in timeline.marks
    ]
    add_properties(shelf, kdenlive__docproperties_o_guides=json.dumps(guides))
    mlt.entry(shelf, "bin_clip", 0, frames=timeline.frames)
    for place, music in enumerate(timeline.music):
        mlt.entry(shelf, f"bin_music{place}", 0, frames=mlt.music_frames(music))


def _numbered(name: str, number: int) -> dict[str, object]:
    return {"kdenlive__id": number, "kdenlive__clipname": words(name), "kdenlive__folderid": -1}


def _clip(root: Element, timeline: Timeline, name: str) -> Callable[[Element], None]:
    """What puts the clip's picture or sound on a playlist."""
    hidden = {"set_o_test_audio": 1} if name == "clip_picture" else {"set_o_test_image": 1, "video_index": -1}
    known = _numbered(timeline.clip.name, _CLIP_ID)
    mlt.producer(root, name, timeline.clip, frames=timeline.frames, **known, **hidden)

    def fill(playlist: Element) -> None:
        placed = mlt.entry(playlist, name, 0, frames=timeline.frames)
        add_properties(placed, kdenlive__id=_CLIP_ID)
        if name == "clip_sound":
            mlt.own_volume(placed, timeline, kdenlive_id="volume", kdenlive__collapsed=0)

    return fill


def _music(root: Element, timeline: Timeline, track: Track) -> Callable[[Element], None]:
    """What puts the pieces of a track of music on a playlist, each with its gain."""
    for place, music in track.music:
        known = _numbered(music.title, _CLIP_ID + 1 + place) | {"set_o_test_image": 1, "video_index": -1}
        mlt.producer(root, f"music{place}", music.path, frames=mlt.music_frames(music), **known)

    def fill(playlist: Element) -> None:
        at = 0
        for place, music in track.music:
            for part in music.parts:
                mlt.blank(playlist, part.start - at)
                placed = mlt.entry(playlist, f"music{place}", part.first, frames=part.frames)
                add_properties(placed, kdenlive__id=_CLIP_ID + 1 + place)
                mlt.volume(placed, timeline, (music, part), kdenlive_id="volume", kdenlive__collapsed=0)
                at = part.end

    return fill


def _track(
    root: Element, timeline: Timeline, name: str, fill: Callable[[Element], None], *, muted: bool = False
) -> str:
    """A track; its name."""
    sounds = name.startswith("a")
    for number in range(2):
        playlist = add(root, "playlist", id=f"{name}_{number}")
        if sounds:
            add_properties(playlist, kdenlive__audio_track=1)
        if not number:
            fill(playlist)
    tractor = add(root, "tractor", id=name, in_=0, out=timeline.frames - 1)
    add_properties(tractor, **({"kdenlive__audio_track": 1} if sounds else {}), kdenlive__trackheight=61)
    add_properties(tractor, kdenlive__timeline_active=1, kdenlive__collapsed=0)
    for number in range(2):
        add(tractor, "track", producer=f"{name}_{number}", hide="both" if muted else "video" if sounds else "audio")
    return name


def _tractor(root: Element, timeline: Timeline, tracks: list[str]) -> None:
    tractor = add(root, "tractor", id="tractor", global_feed=1, in_=0, out=timeline.frames - 1)
    add(tractor, "track", producer="black_track")
    for name in tracks:
        add(tractor, "track", producer=name)
    for place, name in enumerate(tracks, 1):
        if name.startswith("a"):
            mlt.mix(tractor, place, internal_added=_INTERNAL)
        else:
            known = {"mlt_service": "frei0r.cairoblend", "version": 0.1, "always_active": 1}
            mlt.show_above(tractor, place, **known, internal_added=_INTERNAL)
