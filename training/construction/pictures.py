"""What is seen, small and unmeasured: pixels of the first minute in a flat row, for networks that learn features."""

from itertools import islice
from math import prod
from pathlib import Path

import cv2
import numpy as np

from recommender.media import frames
from recommender.types import Array, Column, Features, number_columns

REVISION = "1"
"""Changes whenever the same file would give other numbers."""

SHAPE = (4, 3, 32, 32)
"""Frames, channels (red, green, blue), height and width of a row."""
NAMES = number_columns("Pictures", prod(SHAPE))
COLUMNS = tuple(Column(name, "", "a pixel of one channel, 0 to 255") for name in NAMES)

LONGEST_S = 60.0  # segments of labelled films are 10 to 30 s long
FPS = 2.0  # four of them cover a clip of two seconds
SIDE = 64  # decoded twice as large as kept: the second step averages areas exactly


def extract(path: Path) -> Features:
    """Pixels float32 [4 * 3 * 32 * 32], 0 to 255: frames at the middle of each quarter, squeezed into squares.

    A still gives the same picture four times. Raises MediaError when there is no picture.
    """
    shown = [_square(frame.rgb) for frame in islice(frames(path, FPS, SIDE), round(LONGEST_S * FPS))]
    centres = (2 * np.arange(SHAPE[0]) + 1) * len(shown) // (2 * SHAPE[0])
    row = np.stack([shown[i] for i in centres]).astype(np.float32).ravel()
    return Features(NAMES, np.array([[0.0, len(shown) / FPS]]), row[None], row, len(shown) / FPS)


def _square(rgb: Array) -> Array:
    """uint8 [3, 32, 32] of a picture uint8 [h, w, 3]."""
    return np.moveaxis(cv2.resize(rgb, SHAPE[:1:-1], interpolation=cv2.INTER_AREA), -1, 0)
