"""CSV: a row for the clip, every piece of music, keyframe, beat and cut, in seconds, samples and timecode."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recommender.text import cell
from recommender.timelines.address import absolute
from recommender.timelines.levels import gains
from recommender.timelines.timecode import nominal
from recommender.timelines.timeline import SAMPLE_HZ, Music, Timeline, sample

_SPAN = ("start_s", "end_s", "start_frame", "end_frame", "start_timecode", "end_timecode")
_IN = ("in_s", f"in_sample_{SAMPLE_HZ}", "in_frame")
COLUMNS = ("kind", "name", *_SPAN, *_IN, "gain_db", "fade_in_s", "fade_out_s", "path")


def write(timeline: Timeline, path: Path) -> None:
    """All rows; frames and timecode are the timeline's, ends exclusive."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for row in _rows(timeline):
            writer.writerow({name: cell(value) for name, value in row.items()})


def _rows(timeline: Timeline) -> Iterator[dict[str, Any]]:
    clip = {
        "kind": "clip",
        "name": timeline.clip.name,
        "path": absolute(timeline.clip),
        "in_frame": timeline.start,
        "gain_db": timeline.own_db,
    }
    yield clip | _span(timeline, 0.0, float(timeline.duration_s), (0, timeline.frames))
    for place, music in enumerate(timeline.music):
        yield from _music(timeline, music, "music" if place < len(timeline.heard) else "alternative")
    for own in timeline.own:
        at = timeline.frame(own.at_s)
        row = {"kind": "clip gain", "name": timeline.clip.name, "gain_db": round(own.gain_db, 3)}
        yield row | _span(timeline, own.at_s, own.at_s, (at, at))
    for mark in timeline.marks:
        at = timeline.at_frame(mark)
        yield {"kind": mark.kind, "name": mark.name} | _span(timeline, mark.at_s, mark.at_s, (at, at))


def _music(timeline: Timeline, music: Music, kind: str) -> Iterator[dict[str, Any]]:
    fades = {"fade_in_s": music.placement.fade_in_s, "fade_out_s": music.placement.fade_out_s}
    for part in music.parts:
        exact = {"in_s": f"{float(part.in_s):.6f}", f"in_sample_{SAMPLE_HZ}": sample(part.in_s), "in_frame": part.first}
        ends = float(part.start_s), float(part.start_s + part.length_s)
        row = {"kind": kind, "name": music.title, "gain_db": round(music.placement.gain_db, 3)}
        span = _span(timeline, *ends, (part.start, part.end))
        yield row | span | exact | fades | {"path": absolute(music.path)}
    for keyframe in gains(music.placement) if music.placement.ducks else ():
        at = timeline.frame(keyframe.at_s)
        row = {"kind": f"{kind} gain", "name": music.title, "gain_db": round(keyframe.gain_db, 3)}
        yield row | _span(timeline, keyframe.at_s, keyframe.at_s, (at, at))


def _span(timeline: Timeline, start_s: float, end_s: float, frames: tuple[int, int]) -> dict[str, Any]:
    counted = nominal(timeline.rate) is not None
    times = [timeline.record(frame) if counted else "" for frame in frames]
    return dict(zip(_SPAN, (f"{start_s:.6f}", f"{end_s:.6f}", *frames, *times), strict=True))
