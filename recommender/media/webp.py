"""Animated WebP, which FFmpeg reads no further than its header: its pictures one by one, each on the canvas so far.

The container is that of https://developers.google.com/speed/webp/docs/riff_container; FFmpeg decodes its pictures.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np

from recommender.media.container import MAX_MOVING_PIXELS, check_size, open_file
from recommender.media.damage import DECODE_ERRORS, Damage, StrPath
from recommender.types import Array

_ANIMATED, _ALPHA = 0x02, 0x10
_DISPOSED, _UNBLENDED = 0x01, 0x02
_HEADER = 16  # bytes of a picture's place, size, time and flags
_UNSEEN_MS, _USUAL_MS = 10, 100  # browsers show what is to stand for 10 ms or less for 100 ms
_MS = Fraction(1, 1000)


class Part(NamedTuple):
    """One picture of an animation: where its bytes are in the file, its place on the canvas, its time and flags."""

    start: int
    size: int
    left: int
    top: int
    held_ms: int
    flags: int


class Animation(NamedTuple):
    """An animated WebP: the size of its canvas and its pictures in order of time."""

    width: int
    height: int
    parts: list[Part]

    @property
    def duration_s(self) -> float:
        """How long all pictures are shown, once."""
        return sum(part.held_ms for part in self.parts) / 1000


def animation(container: Any, path: StrPath) -> Animation | None:
    """The animation in `path`, None of any other file, a WebP that does not move included; checked for its size."""
    if container.format.name != "webp_pipe":
        return None
    with open_file(path) as file:
        head = file.read(30)
        if head[:4] + head[8:16] != b"RIFFWEBPVP8X" or not head[20] & _ANIMATED:
            return None
        width, height = _u24(head, 24) + 1, _u24(head, 27) + 1
        check_size(path, width, height, most=MAX_MOVING_PIXELS)
        parts, at = [], 12
        file.seek(at)
        while len(chunk := file.read(8)) == 8:
            size = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"ANMF" and len(place := file.read(_HEADER)) == _HEADER:
                held = _u24(place, 12) if _u24(place, 12) > _UNSEEN_MS else _USUAL_MS
                where = 2 * _u24(place, 0), 2 * _u24(place, 3)
                parts.append(Part(at + 8 + _HEADER, size - _HEADER, *where, held, place[15]))
            at += 8 + size + size % 2
            file.seek(at)
        return Animation(width, height, parts)


def paint_on_canvas(path: StrPath, moving: Animation, damage: Damage) -> Iterator[Any]:
    """The RGBA frame of each picture, with its time; one that cannot be decoded is counted, and the canvas stays."""
    canvas = np.zeros((moving.height, moving.width, 4), np.uint8)
    decoder, t_ms = av.CodecContext.create("webp", "r"), 0
    with open_file(path) as file:
        for part in moving.parts:
            file.seek(part.start)
            try:
                (frame,) = decoder.decode(av.Packet(_still(file.read(part.size))))
                area = _blend(canvas, frame.reformat(format="rgba").to_ndarray(), part)
            except DECODE_ERRORS as error:
                damage.skip(error)
            else:
                shown = av.VideoFrame.from_ndarray(canvas, format="rgba")
                shown.pts, shown.duration, shown.time_base = t_ms, part.held_ms, _MS
                yield shown
                if part.flags & _DISPOSED:
                    area[:] = 0
            t_ms += part.held_ms


def _blend(canvas: Array, rgba: Array, part: Part) -> Array:
    """The area of `canvas` that the picture covers, after it is laid on it."""
    area = canvas[part.top : part.top + rgba.shape[0], part.left : part.left + rgba.shape[1]]
    if area.shape != rgba.shape:
        raise ValueError("a picture beyond the canvas")
    clear = rgba[..., 3:] < 255
    if part.flags & _UNBLENDED or not clear.any():
        area[:] = rgba
        return area
    alpha, below = rgba[..., 3:] / 255.0, area[..., 3:] / 255.0
    total = alpha + below * (1 - alpha)
    colour = (rgba[..., :3] * alpha + area[..., :3] * below * (1 - alpha)) / np.maximum(total, 1e-6)
    area[:] = np.concatenate((colour, 255 * total), axis=2) + 0.5
    return area


def _still(data: bytes) -> bytes:
    """A WebP file of its own of a picture's chunks."""
    if data[:4] == b"ALPH":
        size = int.from_bytes(data[4:8], "little")
        key = data[8 + size + size % 2 + 14 :]  # beyond the chunk's head and the start code of a VP8 key frame
        sides = (max(1, int.from_bytes(key[k : k + 2], "little") & 0x3FFF) - 1 for k in (0, 2))
        head = bytes([_ALPHA, 0, 0, 0]) + b"".join(side.to_bytes(3, "little") for side in sides)
        data = b"VP8X" + len(head).to_bytes(4, "little") + head + data
    return b"RIFF" + (4 + len(data)).to_bytes(4, "little") + b"WEBP" + data


def _u24(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 3], "little")
