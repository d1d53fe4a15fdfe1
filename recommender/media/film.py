"""Films of what is none: stills, animations, pictures shown one after the other, and what cannot be copied."""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from recommender.media.damage import cannot_read
from recommender.media.probe import probe
from recommender.media.remux import Coder, Soundtrack, new_container
from recommender.media.video import frames
from recommender.types import Array

SIDE = 1920
"""Pixels of the longer side of a film that is made, at most."""
FPS = 25.0
_FASTEST = 60.0


class Shot(NamedTuple):
    """A file to show for `seconds`; None: a film or an animation, for as long as it lasts."""

    path: Path
    seconds: float | None


def shots_of(clips: Sequence[Path], picture_s: float) -> list[Shot]:
    """Clips one after the other, every still for `picture_s`. Raises MediaError for what shows nothing."""
    return [Shot(clip, picture_s if probe(clip).still else None) for clip in clips]


def rate_of(shots: Sequence[Shot]) -> float:
    """Pictures a second: those of the one film there is, else 25."""
    fps = probe(shots[0].path).fps if len(shots) == 1 and shots[0].seconds is None else None
    return fps if fps and fps <= _FASTEST else FPS


def code_under(path: Path, shots: Sequence[Shot], sound: Soundtrack | None) -> Iterator[float]:
    """Write shots as one H.264 film with a sound, or without any, to `path`, and yield how many seconds are done.

    All have the size of the first one, at most `SIDE` pixels a side; others lie between black bars. Raises MediaError
    where one cannot be read, or the file not written.
    """
    fps = Fraction(rate_of(shots)).limit_denominator(1001)
    pictures = _pictures(shots, float(fps))
    first = next(pictures, None)
    if first is None:
        raise cannot_read(shots[0].path, "it shows no picture; give another one")
    with new_container(path, "matroska" if path.suffix.lower() == ".mkv" else "mp4") as target:
        stream = _stream(target, fps, first)
        coder = None if sound is None else Coder(target, "aac", sound.at, sound.blocks)
        for at, picture in enumerate(chain([first], pictures)):
            if coder is not None:
                coder.advance(at / float(fps))
            frame = av.VideoFrame.from_ndarray(_fitted(picture, stream.width, stream.height), format="rgb24")
            target.mux(stream.encode(frame.reformat(stream.width, stream.height, stream.pix_fmt)))
            yield (at + 1) / float(fps)
        target.mux(stream.encode(None))
        if coder is not None:
            coder.finish()


def _stream(target: Any, fps: Fraction, picture: Array) -> Any:
    stream = target.add_stream("libx264" if "libx264" in av.codecs_available else "mpeg4", rate=fps)
    stream.height, stream.width = (max(2, side - side % 2) for side in picture.shape[:2])
    stream.pix_fmt = "yuv420p"
    if stream.codec_context.name == "libx264":
        stream.options = {"preset": "veryfast", "crf": "20"}
    return stream


def _pictures(shots: Sequence[Shot], fps: float) -> Iterator[Array]:
    """uint8 [h, w, 3] of every frame; the time of each shot is rounded so that they stay in time together."""
    due_s, shown = 0.0, 0
    for path, seconds in shots:
        picture = None
        for picture in (frame.rgb for frame in frames(path, None if seconds is not None else fps, SIDE)):
            if seconds is None:
                shown += 1
                yield picture
        due_s = due_s + seconds if seconds is not None else shown / fps
        while picture is not None and shown < round(due_s * fps):
            shown += 1
            yield picture


def _fitted(picture: Array, width: int, height: int) -> Array:
    """A picture of that size: scaled as a whole, black around it."""
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    scale = min(width / picture.shape[1], height / picture.shape[0])
    w, h = max(1, math.floor(picture.shape[1] * scale)), max(1, math.floor(picture.shape[0] * scale))
    small = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(w, h).to_ndarray()
    fitted = np.zeros((height, width, 3), np.uint8)
    top, left = (height - h) // 2, (width - w) // 2
    fitted[top : top + h, left : left + w] = small
    return fitted
