"""A synthetic voice that a detector of speech takes for one: glottal pulses through moving formants, in syllables."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (530, 1840, 2480), (570, 840, 2410), (300, 870, 2240))
"""Formants of /a i e o u/ of men (Peterson & Barney 1952)."""
SYLLABLE_S, PULSE_HZ = 0.2, 120.0


def voice(seconds: float, sr_hz: int = 16_000, level: float = 0.1, seed: int = 0) -> Array:
    """Speech-like sound without words, float32 [n], of root mean square `level`."""
    rng = np.random.default_rng(seed)
    count, size = round(seconds * sr_hz), round(SYLLABLE_S * sr_hz)
    at = np.arange(count) / sr_hz
    pitch_hz = PULSE_HZ * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * at) + 0.05 * np.sin(2 * np.pi * 2.3 * at))
    phase = np.cumsum(pitch_hz) / sr_hz
    source = np.where(phase % 1 < 0.4, np.sin(np.pi * (phase % 1) / 0.4) ** 2, 0.0)
    source = np.diff(source, prepend=0.0) + 0.01 * rng.normal(size=count)
    targets = np.array([VOWELS_HZ[i] for i in rng.integers(len(VOWELS_HZ), size=count // size + 2)], float)
    spoken = np.zeros(count)
    for formant, width_hz in enumerate((80, 100, 140)):
        track = np.interp(np.arange(count), np.arange(len(targets)) * size, targets[:, formant])
        spoken += _resonate(source, track, width_hz, sr_hz)
    envelope = 0.15 + 0.85 * np.abs(np.sin(np.pi * np.arange(count) / size)) ** 0.7
    spoken *= envelope
    return (level * spoken / np.sqrt(np.mean(np.square(spoken)))).astype(np.float32)


def _resonate(source: Array, centre_hz: Array, width_hz: float, sr_hz: int) -> Array:
    """`source` through one resonance whose centre moves."""
    radius = np.exp(-np.pi * width_hz / sr_hz)
    first = (2 * radius * np.cos(2 * np.pi * centre_hz / sr_hz)).tolist()
    out, before, last = [], 0.0, 0.0
    for x, a in zip(source.tolist(), first, strict=True):
        before, last = last, x + a * last - radius**2 * before
        out.append(last)
    return np.array(out)
