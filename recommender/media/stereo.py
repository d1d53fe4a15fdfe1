"""Any sound in stereo on a clock, as a mix needs it: where it begins is exact to the sample.

Of a track, second 0 is its first audible sample, whatever the time stamps say, as for `audio_blocks`: priming that the
file tells of (AAC, LAME, Opus) is left out by the decoder. Of a clip, time stamps count: its sound stays under its
pictures.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import Any

import av
import numpy as np

from recommender.media.damage import Damage, StrPath, cannot_read
from recommender.media.sound import sound_frames
from recommender.types import Array

RATE_HZ = 48_000
_CHUNK = 1 << 14  # samples that are resampled at once
_RATES_HZ = (1_000, 768_000)  # outside, a header is damaged
_GAP_S = 0.05  # stamps that jump further than rounding does: silence, or sound told twice
_LEAD_S = 0.1  # decoded and resampled before a section, until the resampler has settled
_MOST_GAP_S, _MOST_BACK_S = 600.0, 1.0  # longer jumps are errors of the stamps


def track_sound(path: StrPath, first: int, count: int, *, rate_hz: int = RATE_HZ) -> Iterator[Array]:
    """float32 [2, n] blocks: `count` samples of a track from sample `first` on at `rate_hz`; fewer where it ends.

    Raises MediaError where there is no sound to decode.
    """
    frames, at = _leave_out(sound_frames(path, Damage()), first, rate_hz)
    end = first + count
    for block in _stereo(frames, path, rate_hz):
        part = block[:, max(0, first - at) : max(0, end - at)]
        at += block.shape[1]
        if part.shape[1]:
            yield part
        if at >= end:
            return


def _leave_out(frames: Iterator[Any], first: int, rate_hz: int) -> tuple[Iterator[Any], int]:
    """The frames without those that lie well before sample `first` at `rate_hz`, and the sample at which they begin.

    What is left out is decoded, for only that tells how long it is, but not resampled. It ends where a sample of the
    source and one at `rate_hz` fall together, so that resampling is the same as from the beginning.
    """
    head = next(frames, None)
    if head is None:
        return iter(()), 0
    rate = head.sample_rate
    together = rate // math.gcd(rate, rate_hz)
    left_out = max(0, first * rate // rate_hz - round(_LEAD_S * rate)) // together * together
    return _behind(chain([head], frames), left_out), left_out * rate_hz // rate


def _behind(frames: Iterator[Any], left_out: int) -> Iterator[Any]:
    """The frames from sample `left_out` on."""
    for frame in frames:
        if frame.samples > left_out:
            yield from _cut(frame, left_out) if left_out else [frame]
            break
        left_out -= frame.samples
    yield from frames


def _cut(frame: Any, left_out: int) -> list[Any]:
    """What is left of a frame behind its first samples."""
    fifo = av.AudioFifo()
    frame.pts = None
    fifo.write(frame)
    fifo.read(left_out)
    return [fifo.read()]


def clip_sound(path: StrPath, zero_s: float, *, rate_hz: int = RATE_HZ) -> Iterator[tuple[int, Array]]:
    """The sound of a clip by its stamps: the sample at which a block begins, float32 [2, n]; block follows block.

    `zero_s`: the stamp at which sample 0 lies; what sounds before has negative places. Raises MediaError as above.
    """
    frames = sound_frames(path, Damage())
    head = next(frames, None)
    if head is None:
        return
    at = round(((head.time or 0.0) - zero_s) * rate_hz)
    for block in _stereo(_without_gaps(chain([head], frames)), path, rate_hz):
        yield at, block
        at += block.shape[1]


def _without_gaps(frames: Iterable[Any]) -> Iterator[Any]:
    """The frames as their stamps say: silence where nothing is told, and nothing twice."""
    due_s: float | None = None
    for frame in frames:
        lasts_s = frame.samples / max(1, frame.sample_rate)
        jump_s = 0.0 if due_s is None or frame.time is None else frame.time - due_s
        due_s = (frame.time or 0.0) if due_s is None else due_s
        if _GAP_S < jump_s < _MOST_GAP_S:
            yield from _silence(frame, jump_s)
            due_s += jump_s
        elif -_MOST_BACK_S < jump_s < -_GAP_S:
            continue
        elif abs(jump_s) >= _GAP_S:
            due_s += jump_s
        yield frame
        due_s += lasts_s


def _silence(like: Any, seconds: float) -> Iterator[Any]:
    """Frames of silence in the manner of another."""
    left = round(seconds * like.sample_rate)
    while left > 0:
        frame = av.AudioFrame(format=like.format, layout=like.layout, samples=min(left, _CHUNK))
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = like.sample_rate
        left -= frame.samples
        yield frame


def _stereo(frames: Iterable[Any], path: StrPath, rate_hz: int) -> Iterator[Array]:
    """float32 [2, n] at `rate_hz`; a source that changes on the way is followed."""
    for (rate, _, layout), run in groupby(frames, lambda frame: (frame.sample_rate, frame.format.name, frame.layout)):
        if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
            raise cannot_read(path, f"its sample rate of {rate} Hz makes no sense; export it again")
        # One channel sounds as loud from both sides, which FFmpeg's own way to two would turn down.
        kind = "mono" if len(layout.channels) == 1 else "stereo"
        resampler = av.AudioResampler(format="fltp", layout=kind, rate=rate_hz)
        for frame in chain(_chunks(run), [None]):
            for piece in resampler.resample(frame):
                if piece is not None:
                    y = piece.to_ndarray()
                    y = y if np.isfinite(y).all() else np.nan_to_num(y, copy=False)
                    yield y if len(y) == 2 else np.repeat(y, 2, axis=0)


def _chunks(frames: Iterable[Any]) -> Iterator[Any]:
    """`frames` joined into frames of `_CHUNK` samples or a little more; the last one may be shorter."""
    fifo = av.AudioFifo()
    for frame in frames:
        frame.pts = None
        fifo.write(frame)
        if fifo.samples >= _CHUNK:
            yield fifo.read()
    if fifo.samples:
        yield fifo.read()
