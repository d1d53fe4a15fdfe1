"""Clips of a moving or still picture for a network: the frames that it was trained to see, their middle squares."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from recommender.errors import MediaError
from recommender.extractors.pretrained.extractor import NetworkExtractor, Reading, wrapper
from recommender.extractors.pretrained.pooled import pool_windows
from recommender.media import Damage, Frame, frames
from recommender.types import Array, Facts, Features

MAX_SIDE = 640  # the short side still has 256 up to a ratio of 2.5


@dataclass(frozen=True)
class Sampling:
    """Which frames a network sees, and how large.

    Attributes
    ----------
    fps, every: of so many pictures per second, the first of every so many.
    frames: in a clip. side: of the square, in pixels.
    tail: whether half a clip or more that is left over makes a last clip with the frames before it.
    """

    fps: float
    frames: int
    side: int
    every: int = 1
    tail: bool = False

    @property
    def step_s(self) -> float:
        """From one frame of a clip to the next."""
        return self.every / self.fps


def extractor(checkpoint: str, network: str, columns: tuple[str, ...], *, sampling: Sampling) -> NetworkExtractor:
    """What measures clips by a checkpoint inside that function of `networks.seen`.

    One clip at once on a processor, whose caches its maps fill already.
    """
    reading = partial(read, columns=columns, sampling=sampling)
    return NetworkExtractor(checkpoint, reading, wrapper(network), cpu=1, gpu=16)


def read(path: Path, columns: tuple[str, ...], sampling: Sampling) -> Reading:
    """The clips of a file."""
    damage = Damage()
    shown = frames(path, fps=sampling.fps, max_side=MAX_SIDE, damage=damage)
    return from_frames(shown, columns, sampling, facts=damage.facts)


def from_frames(
    shown: Iterable[Frame], columns: tuple[str, ...], sampling: Sampling, *, facts: Callable[[], Facts] = dict
) -> Reading:
    """The clips of frames at `sampling.fps`."""
    count, last_s = 0, 0.0

    def squares() -> Iterator[Array]:
        nonlocal count, last_s
        for number, frame in enumerate(shown):
            last_s = frame.t_s
            if number % sampling.every == 0:
                count += 1
                yield square(frame.rgb, sampling.side)
        if not count:
            raise MediaError("No picture to measure: the video holds no frame that can be decoded.")

    def finish(embeddings: Array) -> Features:
        still = last_s == 0
        half = sampling.frames / 2
        centres = np.arange(len(embeddings)) * sampling.frames + half
        centres_s = np.minimum(centres, max(count - half, half)) * sampling.step_s
        duration_s = 0.0 if still else last_s + 1 / sampling.fps
        told = {"still": still, "frames": count, **facts()}
        return pool_windows(columns, embeddings, centres_s, duration_s=duration_s, facts=told)

    return Reading(clips(squares(), sampling), finish)


def clips(squares: Iterable[Array], sampling: Sampling) -> Iterator[Array]:
    """uint8 [frames, side, side, 3] in order; only the first may be filled up with its last frame."""
    size = sampling.frames
    before: list[Array] = []
    waiting: list[Array] = []
    for picture in squares:
        waiting.append(picture)
        if len(waiting) == size:
            yield np.stack(waiting)
            before, waiting = waiting, []
    if waiting and not before:
        yield np.stack(waiting + waiting[-1:] * (size - len(waiting)))
    elif sampling.tail and 2 * len(waiting) >= size:
        yield np.stack((before + waiting)[-size:])


def square(rgb: Array, side: int) -> Array:
    """uint8 [side, side, 3]: the middle of the picture uint8 [h, w, 3], its short side scaled to `side`."""
    height, width = rgb.shape[:2]
    scale = side / min(height, width)
    size = max(side, round(width * scale)), max(side, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = rgb if size == (width, height) else cv2.resize(rgb, size, interpolation=way)
    top, left = (size[1] - side) // 2, (size[0] - side) // 2
    return np.asarray(resized[top : top + side, left : left + side])
