"""Made-up embeddings whose difficulty is known; part of `scale.py`."""

from typing import Any

import numpy as np

DIM, WINDOWS = 64, 35
GAUSSIANS = 300
SPREADS = {"narrow": 0.5, "broad": 1.0, "very broad": 2.0}
"""Length of the deviation from a centre of length 1. At 2 the 10 best of a million are hardly nearer (.57 to .51) than
without any structure (.56 to .50)."""
_TRACK, _WINDOW = 1.0, 0.5  # of libraries: deviations of a track from its genre, of a window from its track
_BLOCK = 2000  # tracks made at a time


def centres() -> Any:
    """float32 [300, 64], unit length."""
    found = np.random.default_rng(7).standard_normal((GAUSSIANS, DIM), np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def mixture(rows: int, spread: float, seed: int) -> Any:
    """float32 [rows, 64]: unit vectors of Gaussians of one spread around the centres."""
    rng = np.random.default_rng((seed, 11))
    found = rng.standard_normal((rows, DIM), np.float32) * np.float32(spread / np.sqrt(DIM))
    found += centres()[rng.integers(0, GAUSSIANS, rows)]
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def windows(first: int, tracks: int, seed: int = 0) -> Any:
    """float32 [tracks * 35, 64]: the windows of tracks `first`, `first + 1`, ...; `first` a multiple of the block."""
    blocks = [_block(at, min(_BLOCK, first + tracks - at), seed) for at in range(first, first + tracks, _BLOCK)]
    return np.concatenate(blocks)


def _block(first: int, tracks: int, seed: int) -> Any:
    rng = np.random.default_rng((seed, first, 13))
    means = centres()[rng.integers(0, GAUSSIANS, tracks)]
    means = means + rng.standard_normal((tracks, DIM), np.float32) * np.float32(_TRACK / np.sqrt(DIM))
    found = rng.standard_normal((tracks, WINDOWS, DIM), np.float32) * np.float32(_WINDOW / np.sqrt(DIM))
    found = (found + means[:, None]).reshape(-1, DIM)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


def sections(tracks: int, spread: float, seed: int = 0) -> Any:
    """float32 [tracks * 35, 64]: windows of tracks of three sections, each as far from its track's mean as `spread`."""
    rng, lengths = np.random.default_rng((seed, 17)), [12, 12, 11]
    blocks = []
    for first in range(0, tracks, _BLOCK):
        count = min(_BLOCK, tracks - first)
        means = centres()[rng.integers(0, GAUSSIANS, count)]
        means = means + rng.standard_normal((count, DIM), np.float32) * np.float32(_TRACK / np.sqrt(DIM))
        parts = rng.standard_normal((count, len(lengths), DIM), np.float32) * np.float32(spread / np.sqrt(DIM))
        found = np.repeat(means[:, None] + parts, lengths, axis=1)
        found += rng.standard_normal(found.shape, np.float32) * np.float32(_WINDOW / np.sqrt(DIM))
        blocks.append(found.reshape(-1, DIM) / np.linalg.norm(found, axis=2).reshape(-1, 1))
    return np.concatenate(blocks)
