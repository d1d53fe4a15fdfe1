"""CMX 3600: an event for the picture, its sound and each piece of music; source and record times, ends exclusive."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from recommender.editing.placement import Keyframe
from recommender.text import show
from recommender.timelines.address import absolute
from recommender.timelines.levels import gains, on_frames
from recommender.timelines.timeline import Music, Timeline

_REEL = "AX"  # "auxiliary": a source that is no tape
_COLOURS = {"cut": "RED", "scene": "BLUE", "downbeat": "GREEN", "beat": "GREEN"}


def write(timeline: Timeline, path: Path) -> None:
    """The chosen music alone, on the second audio channel; that of a film by turns on the second and the third."""
    mode = "DROP FRAME" if timeline.drop else "NON-DROP FRAME"
    lines = [f"TITLE: {show(timeline.name)}", f"FCM: {mode}", "", *_events(timeline)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")


def _events(timeline: Timeline) -> Iterator[str]:
    number, clip = count(1), timeline.clip
    for channel in ("V", "A")[: 1 + (timeline.own_db is not None)]:
        span = (timeline.start, 0, timeline.frames)
        yield from _event(timeline, (next(number), channel), span, names=(clip.name, absolute(clip)))
        yield from _mark(timeline, ("cut",)) if channel == "V" else ()
        if channel == "A" and (timeline.own_db or timeline.own):
            for own in timeline.own or (Keyframe(0.0, timeline.own_db or 0.0),):
                yield _level(timeline, timeline.frame(own.at_s), own.gain_db, channel="A1")
    for place, music in enumerate(timeline.heard):
        channel = f"A{timeline.lanes[place] + 2}" if timeline.lanes else "A2"
        for part in music.parts:
            names = (f"{music.title} ({music.path.name})", absolute(music.path))
            yield from _event(timeline, (next(number), channel), (part.first, part.start, part.end), names=names)
            yield f"* EXACT IN: {float(part.in_s):.6f} S"
        yield from _levels(timeline, music, channel)
        yield from _scene(timeline, music) if timeline.lanes else _mark(timeline, ("downbeat", "beat"))


def _event(
    timeline: Timeline, event: tuple[int, str], span: tuple[int, int, int], *, names: tuple[str, str]
) -> Iterator[str]:
    """An event (number, channel) over `span` (frame of the source, first and last of the record)."""
    source, start, end = span
    # The clip counts as its own timecode does; music has none, and begins at zero.
    times = [*map(timeline.timecode, (source, source + end - start)), *map(timeline.record, (start, end))]
    yield f"{event[0]:03d}  {_REEL:<8} {event[1]:<5} C        {' '.join(times)}"
    yield f"* FROM CLIP NAME: {show(names[0])}"
    yield f"* SOURCE FILE: {show(names[1])}"


def _levels(timeline: Timeline, music: Music, channel: str) -> Iterator[str]:
    keyframes = gains(music.placement)
    starts, ends = (timeline.frame(keyframes[at].at_s) for at in (0, -1))
    for frame, gain_db in on_frames(keyframes, starts, ends, rate=timeline.rate):
        yield _level(timeline, starts + frame, gain_db, channel=channel)


def _level(timeline: Timeline, frame: int, gain_db: float, *, channel: str) -> str:
    return f"* AUDIO LEVEL AT {timeline.record(frame)} IS {gain_db:+.2f} DB  (REEL {_REEL} {channel})"


def _scene(timeline: Timeline, music: Music) -> Iterator[str]:
    """The mark of the scene that the music begins with."""
    starts = timeline.frame(music.placement.at_s)
    for mark in timeline.marks:
        if mark.kind == "scene" and timeline.at_frame(mark) == starts:
            yield f"* LOC: {timeline.record(starts)} {_COLOURS[mark.kind]:<7} {show(mark.name)}"


def _mark(timeline: Timeline, kinds: tuple[str, ...]) -> Iterator[str]:
    """The first mark of the first of `kinds` that there is: programs read one for an event."""
    found = [mark for kind in kinds for mark in timeline.marks if mark.kind == kind]
    for mark in found[:1]:
        at = timeline.record(timeline.at_frame(mark))
        yield f"* LOC: {at} {_COLOURS[mark.kind]:<7} {show(mark.name)}"
