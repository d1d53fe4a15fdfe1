"""A clip with music under it as editing programs see it: frames, exact seconds, marks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from recommender.editing.placement import Keyframe, Placement, Stretch
from recommender.media.footage import Footage, Sound
from recommender.timelines import timecode

SAMPLE_HZ = 48_000
"""Rate in which exact places in music are written: that of sound in films."""


class Mark(NamedTuple):
    """A beat, a downbeat, a cut of the picture or the beginning of a scene, at a second of the clip."""

    at_s: float
    kind: Literal["beat", "downbeat", "cut", "scene"]
    name: str


class Part(NamedTuple):
    """A piece of music on the timeline, in whole frames and exactly.

    Attributes
    ----------
    start, end: frames of the timeline. first: the frame of the track, counted at the timeline's rate, at `start`.
    start_s, in_s, length_s: where on the timeline, from where in the track, how long; exact.
    """

    start: int
    end: int
    first: int
    start_s: Fraction
    in_s: Fraction
    length_s: Fraction

    @property
    def frames(self) -> int:
        """How many it lasts."""
        return self.end - self.start


@dataclass(frozen=True)
class Music:
    """A track on the timeline.

    Attributes
    ----------
    placement: where it lies. title: for people. sound: of its file. parts: its pieces.
    frames: whole frames of the timeline's rate that the track lasts.
    """

    placement: Placement
    title: str
    sound: Sound
    parts: tuple[Part, ...]
    frames: int

    @property
    def path(self) -> Path:
        """Of the track."""
        return self.placement.track

    @property
    def channels(self) -> int:
        """Of the track on a timeline, which has mono and stereo tracks."""
        return min(self.sound.channels, 2)


class Track(NamedTuple):
    """A track of sound: its music in order of time, each with its number among all; whether it is heard."""

    music: tuple[tuple[int, Music], ...]
    heard: bool


@dataclass(frozen=True)
class Timeline:
    """A clip, the music chosen for it, and what else might be; or a film with the music of all its scenes.

    Attributes
    ----------
    name: of the clip, for people. clip: its path. footage: what it is. start: frame of its timecode. drop: whether
        that is drop-frame. origin: frame of the timecode at which the timeline begins: of a film the film's own, so
        that every list tells the same times of it; of a clip midnight.
    music: the chosen track, then the alternatives; of a film that of its scenes, in order.
    marks: in order of time. own_db: gain of the clip's own sound; None where it is left out, or there is none.
    own: keyframes of that gain where it changes. lanes: of a film the track of sound, from 0 on, of each music.
    """

    name: str
    clip: Path
    footage: Footage
    music: tuple[Music, ...]
    marks: tuple[Mark, ...] = ()
    start: int = 0
    drop: bool = False
    own_db: float | None = None
    own: tuple[Keyframe, ...] = ()
    lanes: tuple[int, ...] = ()
    origin: int = 0

    @property
    def heard(self) -> tuple[Music, ...]:
        """The music that is no alternative."""
        return self.music if self.lanes else self.music[:1]

    @property
    def tracks(self) -> list[Track]:
        """The tracks of music: a film's, else one for the chosen music and one for each alternative."""
        numbered = list(enumerate(self.music))
        if not self.lanes:
            return [Track((each,), not each[0]) for each in numbered]
        lanes = range(max(self.lanes) + 1)
        return [Track(tuple(each for each in numbered if self.lanes[each[0]] == lane), True) for lane in lanes]

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return self.footage.rate

    @property
    def frames(self) -> int:
        """How many the clip lasts, and the timeline with it."""
        return self.footage.frames

    @property
    def duration_s(self) -> Fraction:
        """How long that is."""
        return self.frames / self.rate

    def frame(self, at_s: float | Fraction) -> int:
        """The frame nearest to a second of the clip."""
        return round(Fraction(at_s) * self.rate)

    def at_frame(self, mark: Mark) -> int:
        """The frame that a mark stands on, within the clip."""
        return min(max(self.frame(mark.at_s), 0), self.frames - 1)

    def timecode(self, frame: int) -> str:
        """Of a frame since midnight, as sources count theirs; raises ValueError as `timecode.timecode`."""
        return timecode.timecode(frame, self.rate, drop=self.drop)

    def record(self, frame: int) -> str:
        """Of a frame of this timeline, which begins at `origin`; raises ValueError as `timecode.timecode`."""
        return self.timecode(self.origin + frame)


def sample(at_s: Fraction, rate_hz: int = SAMPLE_HZ) -> int:
    """The sample at a second."""
    return round(at_s * rate_hz)


def parts_of(placement: Placement, footage: Footage, sound: Sound) -> tuple[Part, ...]:
    """The pieces of a placement on the frames of a clip; what no frame is left of is left out.

    A piece keeps its time against the picture as well as frames can: start and shift are rounded, each to the nearest,
    and not where it begins in the track besides.
    """
    rate, found = footage.rate, []
    at = Fraction(placement.at_s)
    for piece in placement.pieces:
        in_s, length = Fraction(piece.start_s), Fraction(piece.end_s) - Fraction(piece.start_s)
        start, end = (min(max(round(s * rate), 0), footage.frames) for s in (at, at + length))
        first = max(start + round((in_s - at) * rate), 0)
        if sound.duration_s is not None:
            end = min(end, start + max(frames_of(sound, rate) - first, 0))
        if end > start:
            found.append(Part(start, end, first, at, in_s, length))
        at += length
    return tuple(found)


def frames_of(sound: Sound, rate: Fraction) -> int:
    """Whole frames that a sound lasts; 0 where that is not known."""
    return int(Fraction(sound.duration_s or 0) * rate + Fraction(1, 1000))


def slide(placement: Placement, rate: Fraction) -> Placement:
    """The placement, its music slid by less than half a frame so that frames hold it, where it is free to be.

    It begins on a frame of the clip, and its in-point less that becomes a whole number of frames; of several pieces the
    largest rest is least. Nothing is before a track: there the next frame is taken.
    """
    if not placement.pieces:
        return placement
    at, rests = Fraction(placement.at_s), []
    for piece in placement.pieces:
        rests.append((Fraction(piece.start_s) - at) * rate % 1)
        at += Fraction(piece.end_s) - Fraction(piece.start_s)
    starts = round(Fraction(placement.at_s) * rate) / rate
    by_s = starts - Fraction(placement.at_s) + _to_whole(rests) / rate
    if min(piece.start_s for piece in placement.pieces) + by_s < 0:
        by_s += 1 / rate
    moved = (Stretch(float(piece.start_s + by_s), float(piece.end_s + by_s)) for piece in placement.pieces)
    return replace(placement, pieces=tuple(moved), at_s=float(starts))


def _to_whole(rests: Sequence[Fraction]) -> Fraction:
    """What to add to `rests` of frames so that the farthest from a whole one is nearest: at most half a frame."""
    ordered = sorted(set(rests))
    gaps = [after - before for before, after in pairwise([*ordered, ordered[0] + 1])]
    widest = gaps.index(max(gaps))  # on the circle of a frame; the others lie in the rest of it
    middle = (ordered[widest] + gaps[widest] + (1 - gaps[widest]) / 2) % 1
    return -middle if middle <= Fraction(1, 2) else 1 - middle
