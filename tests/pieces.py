"""Small pieces of music with a tempo and a mood, for tests."""

import numpy as np

SR_HZ = 22050


def chords(semitones: tuple[int, ...], beat_s: float, seconds: float, seed: int) -> np.ndarray:
    """A chord struck every `beat_s` with a decaying envelope, float32 [n]: a piece with a tempo and a mood."""
    t = np.arange(int(seconds * SR_HZ)) / SR_HZ
    tones = sum(np.sin(2 * np.pi * 220 * 2 ** (s / 12) * h * t) / h for s in semitones for h in (1, 2, 3))
    hiss = np.random.default_rng(seed).normal(0, 0.3, len(t)) * (beat_s < 0.5)
    return (0.1 * (tones + hiss) * np.exp(-(t % beat_s) / (0.4 * beat_s))).astype(np.float32)
