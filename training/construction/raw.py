"""What is seen and heard, small and unmeasured: for networks that learn their own features.

Both are flat rows, as a dataset of pairs keeps them, and say nothing about more than the first minute: segments of
labelled films are 10 to 30 s long.
"""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from recommender.extractors.audio import logmel
from recommender.media import audio_blocks, frames
from recommender.types import Array

REVISION = "1"
"""Changes whenever the same file would give other numbers."""

PICTURES = (4, 3, 32, 32)
"""Frames, channels (red, green, blue), height and width of a row of `pictures`."""
SPECTROGRAM = (logmel.FRAMES, logmel.BANDS)
"""Steps of time and mel bands of a row of `spectrogram`."""

LONGEST_S = 60.0
FPS = 2.0  # four of them cover a clip of two seconds
SIDE = 64  # decoded twice as large as kept: the second step averages areas exactly


def pictures(path: Path) -> Array:
    """Pixels float32 [4 * 3 * 32 * 32], 0 to 255: frames at the middle of each quarter, squeezed into squares.

    A still gives the same picture four times. Raises MediaError when there is no picture.
    """
    shown = [_square(frame.rgb) for frame in islice(frames(path, FPS, SIDE), round(LONGEST_S * FPS))]
    count = PICTURES[0]
    middles = (2 * np.arange(count) + 1) * len(shown) // (2 * count)
    return np.stack([shown[i] for i in middles]).astype(np.float32).ravel()


def spectrogram(path: Path) -> Array:
    """Log-mel magnitudes float32 [96 * 64] as `logmel` makes them, averaged over 96 equal parts of the sound.

    Sound shorter than a second is followed by silence. Raises MediaError when there is none.
    """
    sound = next(audio_blocks(path, logmel.SR_HZ, LONGEST_S))
    heard = logmel.log_mel(np.pad(sound, (0, max(0, logmel.NEEDED - len(sound)))))
    edges = np.arange(SPECTROGRAM[0]) * len(heard) // SPECTROGRAM[0]
    sizes = np.diff([*edges, len(heard)])
    return np.asarray(np.add.reduceat(heard, edges, axis=0) / sizes[:, None], np.float32).ravel()


def _square(rgb: Array) -> Array:
    """uint8 [3, 32, 32] of a picture uint8 [h, w, 3]."""
    _, _, height, width = PICTURES
    return np.moveaxis(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), -1, 0)
