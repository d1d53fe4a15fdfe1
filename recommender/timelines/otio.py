"""OpenTimelineIO's JSON: pictures at the clip's rate, music in samples, so that in-points stay exact."""

import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from recommender.editing.placement import JOINT_S
from recommender.text import show
from recommender.timelines.address import address
from recommender.timelines.timeline import SAMPLE_HZ, Music, Part, Timeline, Track, sample

_COLOURS = {"cut": "RED", "scene": "YELLOW", "downbeat": "GREEN", "beat": "CYAN"}
_KEY = "cliptune"  # of our metadata
Json = dict[str, Any]


def write(timeline: Timeline, path: Path) -> None:
    """A video track, one of the clip's sound, one for each piece of music; alternatives are not enabled."""
    tracks = [_clip_track(timeline, "Video")]
    if timeline.own_db is not None:
        tracks.append(_clip_track(timeline, "Audio"))
        moves = {"gains": [[one.at_s, one.gain_db] for one in timeline.own]} if timeline.own else {}
        tracks[-1]["children"][0]["effects"] = [_effect({"gain_db": timeline.own_db, **moves})]
    tracks += [_music_track(track, place, timeline.tracks) for place, track in enumerate(timeline.tracks)]
    stack = _item("Stack.1", "tracks", None) | {"children": tracks, "markers": list(_markers(timeline))}
    begins = _time(timeline.origin, float(timeline.rate)) if timeline.origin else None
    whole: Json = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": show(timeline.name),
        "metadata": {},
        "global_start_time": begins,
    }
    path.write_text(json.dumps(whole | {"tracks": stack}, indent=1) + "\n", encoding="utf-8")


def _clip_track(timeline: Timeline, kind: str) -> Json:
    rate = float(timeline.rate)
    span = _range(timeline.start, timeline.frames, rate)
    clip = _clip(timeline.clip.name, address(timeline.clip), span, span)
    return _track(kind, kind, [clip])


def _music_track(track: Track, place: int, tracks: Sequence[Track]) -> Json:
    children: list[Json] = []
    at = 0
    for _, music in track.music:
        whole = _range(0, sample(Fraction(music.sound.duration_s or 0)), SAMPLE_HZ)
        starts = sample(music.parts[0].start_s) if music.parts else 0
        if starts > at:
            children.append(_item("Gap.1", "", _range(0, starts - at, SAMPLE_HZ)))
        for before, part in pairwise([None, *music.parts]):
            if before is not None and part is not None:
                children.append(_joint(before, part))
            if part is not None:
                children.append(_clip(music.title, address(music.path), _samples(part), whole) | _effects(music, part))
                at = sample(part.start_s + part.length_s)
    return _track(_track_name(track, place, tracks), "Audio", children, enabled=track.heard)


def _track_name(track: Track, place: int, tracks: Sequence[Track]) -> str:
    if not track.heard:
        return f"Alternative {place}: {show(track.music[0][1].title)}"
    return f"Music {place + 1}" if sum(one.heard for one in tracks) > 1 else "Music"


def _samples(part: Part) -> Json:
    start, end = sample(part.start_s), sample(part.start_s + part.length_s)
    return _range(sample(part.in_s), end - start, SAMPLE_HZ)


def _joint(before: Part, part: Part) -> Json:
    """A crossfade around where two pieces meet, which each of them must be long enough for."""
    room = min(Fraction(JOINT_S) / 2, before.length_s / 2, part.length_s / 2, part.in_s)
    half = _time(sample(room), SAMPLE_HZ)
    joint = {"OTIO_SCHEMA": "Transition.1", "name": "joint", "metadata": {}, "transition_type": "SMPTE_Dissolve"}
    return joint | {"in_offset": half, "out_offset": half}


def _effects(music: Music, part: Part) -> Json:
    """Gain and fades, for which there is no standard: as metadata of an effect that programs may ignore."""
    placed = music.placement
    levels = {"gain_db": placed.gain_db, "fade_in_s": placed.fade_in_s, "fade_out_s": placed.fade_out_s}
    ducks = {"ducks": [[one.at_s, one.gain_db] for one in placed.ducks], "in_s": float(part.in_s)}
    return {"effects": [_effect(levels | ducks)]}


def _effect(levels: Json) -> Json:
    effect = {"OTIO_SCHEMA": "Effect.1", "name": "level", "effect_name": "volume"}
    return effect | {"metadata": {_KEY: levels}}


def _markers(timeline: Timeline) -> Iterator[Json]:
    rate = float(timeline.rate)
    for mark in timeline.marks:
        span = _range(timeline.at_frame(mark), 0, rate)
        known = {"OTIO_SCHEMA": "Marker.2", "name": show(mark.name), "color": _COLOURS[mark.kind], "comment": ""}
        yield known | {"marked_range": span, "metadata": {_KEY: {"kind": mark.kind, "at_s": mark.at_s}}}


def _track(name: str, kind: str, children: Sequence[Json], *, enabled: bool = True) -> Json:
    track = _item("Track.1", name, None) | {"kind": kind, "children": list(children)}
    return track | {"enabled": enabled}


def _clip(name: str, url: str, span: Json, whole: Json) -> Json:
    media: Json = {"OTIO_SCHEMA": "ExternalReference.1", "name": show(name), "metadata": {}, "available_range": whole}
    media |= {"available_image_bounds": None, "target_url": url}
    clip = _item("Clip.2", name, span) | {"media_references": {"DEFAULT_MEDIA": media}}
    return clip | {"active_media_reference_key": "DEFAULT_MEDIA"}


def _item(schema: str, name: str, span: Json | None) -> Json:
    known = {"OTIO_SCHEMA": schema, "name": show(name), "metadata": {}, "source_range": span}
    return known | {"effects": [], "markers": [], "enabled": True}


def _range(start: int, length: int, rate: float) -> Json:
    times = {"start_time": _time(start, rate), "duration": _time(length, rate)}
    return {"OTIO_SCHEMA": "TimeRange.1"} | times


def _time(value: int, rate: float) -> Json:
    return {"OTIO_SCHEMA": "RationalTime.1", "value": float(value), "rate": float(rate)}
