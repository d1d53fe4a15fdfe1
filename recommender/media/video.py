"""Any moving or still picture as a stream of small RGB frames at steady times."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from recommender.faults import for_now
from recommender.media import heif, webp
from recommender.media.container import decode_frames, demuxer, is_still, nothing_decoded, prepare, video_stream
from recommender.media.damage import DECODE_ERRORS, Damage, StrPath, cannot_read
from recommender.media.declared import tell
from recommender.media.looks import Looks
from recommender.media.paint import Painter
from recommender.types import Array

MAX_GAP_S = 600.0  # longer jumps of the time stamps are errors of the file, not a picture shown that long
_MAX_S = 24 * 3600.0  # no clip is longer than a day: a damaged rate would repeat its frames for weeks
_MAX_BEHIND = 4  # late frames are leftovers of a damaged passage; more in a row are a clock that was set back
_TOLERANCE_S = 1e-6


class Frame(NamedTuple):
    """A picture upright: `t_s` from the first frame, `rgb` uint8 [h, w, 3] (repeated frames share it), and `large`,
    the same picture with more detail, where a look at it was due (see `looks`); `spare`, such a one for the case that
    the clip is found to begin there."""

    t_s: float
    rgb: Array
    large: Array | None = None
    spare: Array | None = None


def frames(
    path: StrPath,
    fps: float | None = 8.0,
    max_side: int = 160,
    *,
    damage: Damage | None = None,
    threads: int = 1,
    look_side: int = 0,
    look_every_s: float | None = None,
) -> Iterator[Frame]:
    """The picture shown at each time k / `fps` from the first frame to the end; with `fps` None, every frame.

    Time starts at 0 and strictly increases; a still gives exactly one frame. Pictures are upright, area-averaged
    so that no side exceeds `max_side` pixels, all of one size, in RGB over black where transparent.
    With a `look_side` some frames come with a larger picture of at most that many pixels a side, one in
    `look_every_s` where that is given (else see `looks`).
    More than one of `threads` (0: one per core) is faster, but a damaged passage then differs from run to run.
    Raises MediaError, at the first frame, when there is no video stream, when it is above 100 megapixels (36 where
    it moves), or when nothing of it can be decoded.
    """
    damage = Damage() if damage is None else damage
    with demuxer(path) as container:
        stream, decoded, still = _decoded(container, path, threads, damage)
        clock = _Clock(stream)
        timed = _time(decoded, clock)
        if still:
            timed = iter([first]) if (first := next(timed, None)) else iter(())
            fps = None
        shown = timed if fps is None else _sample(timed, fps, clock)
        aspect = stream.sample_aspect_ratio
        yield from _paint(shown, Painter(max_side, aspect), Looks(look_side, aspect, look_every_s), path)
        if clock.last_s is None:
            raise nothing_decoded(path, stream, damage)
        if not still:
            gaps_s = clock.gaps_s + damage.frames * clock.nominal_s
            tell(path, stream, damage, read_s=clock.last_s + clock.held_s, packets=clock.count, gaps_s=gaps_s)


def _decoded(container: Any, path: StrPath, threads: int, damage: Damage) -> tuple[Any, Iterator[Any], bool]:
    """The stream to watch, its decoded frames, and whether only the first counts."""
    if grid := heif.grid_of(container, path):
        return container.streams.video[0], iter([heif.assemble(container, path, grid, damage=damage)]), True
    stream = video_stream(container, path)
    if moving := webp.animation(container, path):
        return stream, webp.paint_on_canvas(path, moving, damage), False
    prepare(stream, threads)
    return stream, decode_frames(container, stream, damage), is_still(container)


class _Clock:
    """Seconds from the first frame, repaired: missing stamps are filled, jumps of the stamps taken out."""

    def __init__(self, stream: Any) -> None:
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        self.nominal_s = 1 / rate if rate * MAX_GAP_S > 1 else 0.04
        self._base = stream.time_base
        self.last_s: float | None = None
        self.held_s = self.nominal_s  # how long the last frame is shown
        self._origin_s = 0.0
        self._behind = 0  # consecutive frames dropped because they came too late
        self.gaps_s = 0.0  # between the end of a frame and the next
        self.count = 0

    def time(self, frame: Any) -> float | None:
        """The time of `frame`, larger than all before; None when it repeats a moment and is to be dropped."""
        stamp = frame.pts if frame.pts is not None else frame.dts
        self._base = frame.time_base or self._base  # frames that the flush gives carry none
        if self.last_s is None:
            self._origin_s = 0.0 if stamp is None else float(stamp * self._base)
            return self._advance(0.0, frame)
        if stamp is None:
            return self._advance(self.last_s + self.nominal_s, frame)
        t_s = float(stamp * self._base) - self._origin_s
        step_s = t_s - self.last_s
        if step_s <= 0.0 and self._behind < _MAX_BEHIND:
            self._behind += 1
            return None
        if not 0.0 < step_s <= MAX_GAP_S:
            self._origin_s += step_s - self.nominal_s
            t_s = self.last_s + self.nominal_s
        return self._advance(t_s, frame)

    def _advance(self, t_s: float, frame: Any) -> float:
        if self.last_s is not None and t_s > self.last_s + 2 * self.held_s:
            self.gaps_s += t_s - self.last_s - self.held_s
        self.count += 1
        held_s = float(frame.duration * self._base) if frame.duration else 0.0
        self.held_s = held_s if 0.0 < held_s <= MAX_GAP_S else self.nominal_s
        self.last_s, self._behind = t_s, 0
        return t_s


def _time(decoded_frames: Iterable[Any], clock: _Clock) -> Iterator[tuple[float, Any]]:
    for frame in decoded_frames:
        t_s = clock.time(frame)
        if t_s is not None:
            yield t_s, frame


def _sample(timed: Iterable[tuple[float, Any]], fps: float, clock: _Clock) -> Iterator[tuple[float, Any]]:
    """(k / fps, the last frame that started by then) for k = 0, 1, ... until the last frame's end."""
    k, held = 0, None
    for t_s, frame in timed:
        if t_s > _MAX_S:
            break
        while held is not None and k / fps < t_s - _TOLERANCE_S:
            yield k / fps, held
            k += 1
        held = frame
    if held is None or clock.last_s is None:
        return
    end_s = clock.last_s + clock.held_s
    while k == 0 or k / fps < min(end_s, _MAX_S) - _TOLERANCE_S:
        yield k / fps, held
        k += 1


def _paint(shown: Iterable[tuple[float, Any]], painter: Painter, looks: Looks, path: StrPath) -> Iterator[Frame]:
    """Each (time, decoded frame) as a `Frame`; a frame shown again is converted once."""
    previous: Any = None
    rgb = np.empty((0, 0, 3), np.uint8)
    for t_s, frame in shown:
        try:
            rgb = rgb if frame is previous else painter.rgb(frame)
            large, spare = looks.at(t_s, frame, rgb)
        except DECODE_ERRORS as error:
            raise for_now(path, error) or cannot_read(path, _unpaintable(frame)) from error
        previous = frame
        yield Frame(t_s, rgb, large, spare)


def _unpaintable(frame: Any) -> str:
    return f"pictures in the pixel format {frame.format.name} are not supported; convert it to mp4 or png"
