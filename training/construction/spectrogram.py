"""What is heard, small and unmeasured: a log-mel spectrogram in a flat row, for networks that learn features."""

from math import prod
from pathlib import Path

import numpy as np

from recommender.extractors.audio import logmel
from recommender.media import audio_blocks
from recommender.types import Column, Features, number_columns
from training.construction.pictures import LONGEST_S

REVISION = "1"
"""Changes whenever the same file would give other numbers."""

SHAPE = (logmel.FRAMES, logmel.BANDS)
"""Steps of time and mel bands of a row."""
NAMES = number_columns("LogMel", prod(SHAPE))
COLUMNS = tuple(Column(name, "", "log-mel magnitude of a band, averaged over its step") for name in NAMES)


def extract(path: Path) -> Features:
    """Log-mel magnitudes float32 [96 * 64] as `logmel` makes them, averaged over 96 equal parts of the sound.

    Sound shorter than a second is followed by silence. Raises MediaError when there is none.
    """
    sound = next(audio_blocks(path, logmel.SR_HZ, LONGEST_S))
    heard = logmel.log_mel(np.pad(sound, (0, max(0, logmel.NEEDED - len(sound)))))
    edges = np.arange(SHAPE[0]) * len(heard) // SHAPE[0]
    sizes = np.diff([*edges, len(heard)])
    row = np.asarray(np.add.reduceat(heard, edges, axis=0) / sizes[:, None], np.float32).ravel()
    return Features(NAMES, np.array([[0, len(sound)]]) / logmel.SR_HZ, row[None], row, len(sound) / logmel.SR_HZ)
