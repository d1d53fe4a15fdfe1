"""What projects of Shotcut and Kdenlive share: MLT's profile, producers, playlists and gain."""

from fractions import Fraction
from math import log10
from pathlib import Path
from typing import Any

from recommender.timelines.address import plain
from recommender.timelines.levels import curve, on_frames
from recommender.timelines.timeline import Music, Part, Timeline
from recommender.timelines.xml import Element, add, add_properties

MONO_DB = 20 * log10(2) / 2
"""What MLT takes a sound of one channel down by when it makes two of it, by FFmpeg's rule of equal power."""


def start(timeline: Timeline, **attributes: Any) -> Element:
    """The root with its profile: rate, size, square pixels, progressive."""
    footage = timeline.footage
    root = Element("mlt", LC_NUMERIC="C", version="7.12.0", **attributes)
    shape = Fraction(footage.width, footage.height)
    known = {"width": footage.width, "height": footage.height, "progressive": 1, "colorspace": 709}
    known |= {"sample_aspect_num": 1, "sample_aspect_den": 1}
    known |= {"display_aspect_num": shape.numerator, "display_aspect_den": shape.denominator}
    known |= {"frame_rate_num": timeline.rate.numerator, "frame_rate_den": timeline.rate.denominator}
    add(root, "profile", description="automatic", **known)
    return root


def producer(root: Element, name: str, path: Path, *, frames: int, **properties: Any) -> Element:
    """A file of so many frames at the project's rate."""
    made = add(root, "producer", id=name, in_=0, out=frames - 1)
    known = {"length": frames, "eof": "pause", "resource": plain(path), "mlt_service": "avformat-novalidate"}
    add_properties(made, **known, seekable=1, **properties)
    return made


def colour(root: Element, name: str, *, frames: int, **properties: Any) -> Element:
    """Black, for as long as the timeline lasts."""
    made = add(root, "producer", id=name, in_=0, out=frames - 1)
    known = {"length": frames, "eof": "pause", "resource": "black", "mlt_service": "color", "mlt_image_format": "rgba"}
    add_properties(made, **known, aspect_ratio=1, **properties)
    return made


def entry(playlist: Element, name: str, first: int, *, frames: int) -> Element:
    """A clip on a playlist: `frames` of a producer from its frame `first` on."""
    return add(playlist, "entry", producer=name, in_=first, out=first + frames - 1)


def blank(playlist: Element, frames: int) -> None:
    """Nothing for so many frames, where there are any."""
    if frames > 0:
        add(playlist, "blank", length=frames)


def volume(parent: Element, timeline: Timeline, piece: tuple[Music, Part], **properties: Any) -> None:
    """A filter with gain, ducks and fades of a piece as keyframes in dB from its first frame on.

    MLT reaches the gain of a frame at that frame's end: keyframes stand a frame earlier, so that they sound in time.
    """
    music, part = piece
    up_db = MONO_DB if music.channels == 1 else 0.0
    keyframes = on_frames(curve(music.placement), part.start, part.end, rate=timeline.rate)
    last = part.first + part.frames - 1
    made = add(parent, "filter", in_=part.first, out=last)
    known = {"window": 75, "max_gain": "20dB", "level": _level(keyframes, up_db)}
    add_properties(made, **known, mlt_service="volume", **properties)


def _level(keyframes: list[tuple[int, float]], up_db: float) -> str:
    levels = {
        max(frame - 1, 0): f"{gain_db + up_db:.3f}" for frame, gain_db in reversed(keyframes)
    }  # the first one wins
    levels = dict(sorted(levels.items()))
    return ";".join(f"{frame}={gain_db}" for frame, gain_db in levels.items()) if len(levels) > 1 else levels[0]


def own_volume(parent: Element, timeline: Timeline, **properties: Any) -> None:
    """A filter with the gain of the clip's own sound, where that is not as it is."""
    sound = timeline.footage.sound
    up_db = MONO_DB if sound and sound.channels == 1 else 0.0
    keyframes = [(0, timeline.own_db or 0.0)]
    if timeline.own:
        keyframes = on_frames(list(timeline.own), 0, timeline.frames, rate=timeline.rate)
    if timeline.own_db is not None and (len(keyframes) > 1 or keyframes[0][1] + up_db):
        made = add(parent, "filter", in_=0, out=timeline.frames - 1)
        known = {"window": 75, "max_gain": "20dB", "level": _level(keyframes, up_db), "mlt_service": "volume"}
        add_properties(made, **known, **properties)


def mix(tractor: Element, track: int, **properties: Any) -> None:
    """Let the sound of a track be heard with that below it."""
    made = add(tractor, "transition", id=f"mix{track}")
    known = {"a_track": 0, "b_track": track, "mlt_service": "mix", "always_active": 1, "accepts_blanks": 1, "sum": 1}
    add_properties(made, **known, **properties)


def show_above(tractor: Element, track: int, **properties: Any) -> None:
    """Let the picture of a track cover that below it."""
    made = add(tractor, "transition", id=f"picture{track}")
    add_properties(made, a_track=0, b_track=track, **properties)


def music_frames(music: Music) -> int:
    """Frames of its producer: no less than what is used of it."""
    return max([music.frames, *(part.first + part.frames for part in music.parts)])


def clock(timeline: Timeline, frame: int) -> str:
    """A frame as MLT's `00:00:01.000`."""
    ms = round(frame / timeline.rate * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
