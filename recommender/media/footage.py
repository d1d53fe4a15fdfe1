"""What editing programs ask of a clip and of a piece of music: exact rates, timecode, frames, channels."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from recommender.errors import StillError
from recommender.media.container import audio_streams, demuxer, packets, video_stream
from recommender.media.damage import Damage, StrPath
from recommender.media.kept import keep
from recommender.media.probe import probe
from recommender.text import show
from recommender.types import Array

_NTSC = Fraction(1000, 1001)
RATES = tuple(Fraction(n) for n in (8, 10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 240)) + tuple(
    n * _NTSC for n in (24, 30, 48, 60, 120)
)
"""Frames per second that clips are made at; a rate that a container rounds is one of these."""
_NEAR = 4e-4  # of a rate: 24 and 23.976 are 0.1 % apart
_STRAY = (
    0.75  # frames that a picture may be off its place: containers round to 1 ms or 1/600 s, and late frames are none
)


@dataclass(frozen=True)
class Sound:
    """The sound of a file: samples per second, channels, and seconds where the file tells."""

    rate_hz: int
    channels: int
    duration_s: float | None


@dataclass(frozen=True)
class Footage:
    """A clip as editing programs count it.

    Attributes
    ----------
    rate: frames per second, exact. frames: how many. width, height: as shown. sound: None without any.
    timecode: of its first frame as the file states it (`01:00:00;00`), None where it does not.
    is_variable: whether pictures do not come at that rate, so that programs will number them in ways of their own.
    """

    rate: Fraction
    frames: int
    width: int
    height: int
    timecode: str | None = None
    sound: Sound | None = None
    is_variable: bool = False


@keep
def footage(path: StrPath) -> Footage:
    """The clip at `path`, from its headers and the stamps of its packets; nothing is decoded.

    Raises MediaError when it cannot be opened or holds no pictures, StillError for a still, which has no frames.
    """
    shown = probe(path)
    with demuxer(path) as container:
        sound = _sound(container, path) if shown.has_audio else None
        timecode = _timecode(container)
        stream = video_stream(container, path)
        told, times_s = stream.average_rate, _times_s(container, stream)
    if shown.still or len(times_s) < 2:
        raise StillError(f"{show(path)} shows a single picture, which has no frames to count; make a film of it first")
    rate = _rate(told, times_s)
    is_variable = bool(np.abs(times_s * float(rate) - np.arange(len(times_s))).max() > _STRAY)
    frames = round(times_s[-1] * float(rate)) + 1 if is_variable else len(times_s)
    return Footage(rate, frames, shown.width, shown.height, timecode, sound, is_variable)


def sound_of(path: StrPath) -> Sound:
    """The sound of `path` that is meant to be heard, from its headers; raises MediaError where there is none."""
    with demuxer(path) as container:
        return _sound(container, path)


def _sound(container: Any, path: StrPath) -> Sound:
    stream = audio_streams(container, path)[0]
    told = stream.duration * stream.time_base if stream.duration else None
    whole = container.duration / 1e6 if container.duration else None
    codec = stream.codec_context
    return Sound(int(codec.sample_rate), int(codec.channels), float(told) if told else whole)


def _times_s(container: Any, stream: Any) -> Array:
    """When each picture is shown, from the first on, float64 [n], ascending."""
    found = (packet for packet in packets(container, stream, Damage()) if not packet.is_discard)
    stamps = [packet.dts if packet.pts is None else packet.pts for packet in found]
    ticks = np.unique([stamp for stamp in stamps if stamp is not None])
    return (ticks - ticks[:1]) * float(stream.time_base)


def _rate(told: Fraction | None, times_s: Array) -> Fraction:
    """The rate that the stamps have, as the container tells it where that agrees."""
    between = float(np.median(np.diff(times_s)))
    mean = (len(times_s) - 1) / float(times_s[-1])
    measured = mean if abs(mean * between - 1) < 0.1 else 1 / between
    for rate in sorted(
        (*RATES, *([told] if told else [])), key=lambda one: (abs(float(one) / measured - 1), one != told)
    ):
        if abs(float(rate) / measured - 1) < _NEAR:
            return next((one for one in RATES if abs(float(one / rate) - 1) < _NEAR / 4), Fraction(rate))
    near = min(RATES, key=lambda one: abs(float(one) / measured - 1))
    # Short clips of containers that round to 1 ms: the mean of few steps is no better than that.
    return near if abs(float(near) / measured - 1) < 1e-3 / times_s[-1] else Fraction(measured).limit_denominator(1001)


def _timecode(container: Any) -> str | None:
    """The timecode of the first frame, which containers keep in a track of its own, or among their texts."""
    for held in (*container.streams.video, *container.streams, container):
        for name, value in held.metadata.items():
            if name.lower() == "timecode":
                return str(value).strip()
    return None
