"""One frame made ready for measuring: black bars cut off, brought to a fixed size, in CIELAB.

Sizes are fixed so that the same picture gives the same numbers whatever its resolution.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import cv2
import numpy as np

from recommender.extractors.running import quantiles
from recommender.extractors.video.lab import lab
from recommender.types import Array

BAR_LUMA = 24
"""Brightest luma of a bar: video black is 16 in limited range, plus compression noise."""
CONTENT_LUMA = 48
"""Frames whose brightest rows stay below this are too dark to tell a bar from a night scene."""
MOST_BAR = 0.35
"""Widest bar as a share of the side: 9:16 in a 4:3 frame has 0.29 on either side."""

Crop = tuple[float, float, float, float]
"""Top, bottom, left, right of the picture within the frame, as shares of its sides."""
FULL: Crop = (0.0, 1.0, 0.0, 1.0)


@dataclass(frozen=True)
class Picture:
    """A frame in the forms that the statistics need: lab float32 [h, w, 3] (L* 0 to 100), rgb in [0, 1]."""

    rgb: Array
    lab: Array

    @property
    def lightness(self) -> Array:
        """L*, float32 [h, w]."""
        return self.lab[..., 0]


def picture(rgb: Array, longest: int) -> Picture:
    """The `Picture` of `rgb` (uint8 [h, w, 3]) scaled so that its longest side is `longest` pixels."""
    scaled = fit(rgb, longest)
    return Picture(scaled.astype(np.float32) / np.float32(255), lab(scaled))


def fit(rgb: Array, longest: int, least: int = 32) -> Array:
    """`rgb` with its longest side `longest` pixels; the other keeps the aspect but is at least `least`."""
    h, w = rgb.shape[:2]
    scale = longest / max(h, w)
    size = (max(least, round(w * scale)), max(least, round(h * scale)))
    if size == (w, h):
        return rgb
    shrink = size[0] <= w and size[1] <= h
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR)


def luma(rgb: Array) -> Array:
    """Rec. 601 luma of `rgb`, uint8 [h, w]."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def crop_to(rgb: Array, crop: Crop) -> Array:
    """The part of `rgb` inside `crop`, at least one pixel."""
    h, w = rgb.shape[:2]
    top, left = min(h - 1, round(crop[0] * h)), min(w - 1, round(crop[2] * w))
    return rgb[top : max(top + 1, round(crop[1] * h)), left : max(left + 1, round(crop[3] * w))]


def bars(frames: Sequence[Array], before: Crop = FULL) -> Crop:
    """The picture area of `frames` (uint8 [h, w, 3], in time order) without constant black borders.

    A border counts when it is black in every frame, equally wide on opposite sides and sharply bounded;
    frames too dark to tell keep the crop found `before`. Frames of other sizes than the first are left out.
    """
    same = [f for f in frames if f.shape == frames[0].shape]
    brightest = luma(same[0])
    for frame in same[1:]:
        brightest = np.maximum(brightest, luma(frame))
    if quantiles(brightest.ravel(), [0.95])[0] < CONTENT_LUMA:
        return before
    top, bottom = _pair(brightest)
    left, right = _pair(brightest.T)
    return (top, bottom, left, right)


def _pair(brightest: Array) -> tuple[float, float]:
    """Start and end of the rows of `brightest` between two black bars, as shares; (0, 1) without bars."""
    n = brightest.shape[0]
    # A few noisy pixels do not end a bar.
    profile = quantiles(brightest, [0.98])[:, 0]
    bright = np.flatnonzero(profile > BAR_LUMA)
    if n < 16 or not len(bright):
        return 0.0, 1.0
    first, last = int(bright[0]), int(n - 1 - bright[-1])
    equal = abs(first - last) <= max(1, 0.02 * n)
    if min(first, last) < 1 or max(first, last) > MOST_BAR * n or not equal:
        return 0.0, 1.0
    # Scaling blurs a bar's edge over one row: look one row further in, and cut that row too.
    edge = min(profile[min(first + 1, n - 1)], profile[max(n - 2 - last, 0)])
    if edge < CONTENT_LUMA:
        return 0.0, 1.0
    return (first + 1) / n, (n - last - 1) / n


_lock = Lock()
_users = 0
_threads = 0


@contextmanager
def one_thread() -> Iterator[None]:
    """While held, OpenCV computes with one thread: DIS flow depends on how many stripes it is cut into.

    The setting belongs to the whole process, so the first holder sets it and the last one restores it.
    """
    global _users, _threads
    with _lock:
        if not _users:
            _threads = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                cv2.setNumThreads(_threads)
