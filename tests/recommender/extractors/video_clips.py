"""Clips drawn in code, of known content and speed, for the tests of the video features."""

from collections.abc import Callable, Iterable
from functools import cache

import cv2
import numpy as np

from recommender.extractors.video import video
from recommender.media import Frame
from recommender.types import Array

FPS = 8.0


@cache
def texture(h: int = 400, w: int = 900, seed: int = 0, tint: tuple[int, int, int] = (255, 255, 255)) -> Array:
    """A random picture, uint8 [h, w, 3], with detail at three scales as photographs have it."""
    rng = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(rng.standard_normal((h, w, 3)), (0, 0), s) * s for s in (1.5, 5.0, 15.0)]
    summed = np.sum(layers, axis=0)
    level = (summed - summed.min()) / np.ptp(summed)
    picture = (level * np.array(tint)).astype(np.uint8)
    picture.flags.writeable = False
    return picture


def pan(
    px: float, n: int = 24, size: tuple[int, int] = (90, 160), seed: int = 0, world: Array | None = None
) -> list[Frame]:
    """`n` frames of a view that moves by `px` pixels per frame over a texture."""
    world = texture(seed=seed) if world is None else world
    h, w = size
    moves = (np.float32([[1, 0, 40 + px * i], [0, 1, 40]]) for i in range(n))
    return film(cv2.warpAffine(world, m, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) for m in moves)


def film(pictures: Iterable[Array], fps: float = FPS) -> list[Frame]:
    """The pictures as frames, `fps` per second."""
    return [Frame(i / fps, rgb) for i, rgb in enumerate(pictures)]


def each(frames: Iterable[Frame], change: Callable[[Array], Array]) -> list[Frame]:
    """The frames with `change` applied to their pictures."""
    return [Frame(f.t_s, np.ascontiguousarray(np.clip(change(f.rgb), 0, 255).astype(np.uint8))) for f in frames]


def edit(*shots: list[Frame]) -> list[Frame]:
    """The shots one after the other."""
    return film(f.rgb for shot in shots for f in shot)


def item(frames: Iterable[Frame]) -> dict[str, float]:
    """The item's features by name."""
    found = video.from_frames(frames)
    return dict(zip(found.columns, found.item.tolist(), strict=True))


def plain(*rgb: int, size: tuple[int, int] = (90, 160)) -> Array:
    """One colour, uint8 [h, w, 3]."""
    return np.full((*size, 3), rgb, np.uint8)


def halves(first: Array, second: Array) -> Array:
    """The left half of `first` beside the right half of `second`."""
    middle = first.shape[1] // 2
    return np.concatenate((first[:, :middle], second[:, middle:]), axis=1)
