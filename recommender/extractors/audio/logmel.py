"""The log-mel patches that VGGish was trained on (Hershey et al. 2017, "CNN architectures for large-scale audio
classification"; settings of the published AudioSet release).

25 ms periodic Hann windows every 10 ms at 16 kHz, magnitudes of a 512-point transform, 64 triangular bands from 125 to
7500 Hz on the scale 1127 ln(1 + f / 700), log(x + 0.01), patches of 96 frames (0.96 s) without overlap.
"""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import scipy.fft

from recommender.types import Array

SR_HZ = 16_000
WINDOW, HOP, N_FFT = 400, 160, 512
BANDS, LOW_HZ, HIGH_HZ = 64, 125.0, 7500.0
OFFSET = 0.01
FRAMES = 96
PATCH = FRAMES * HOP
"""Samples from one patch to the next."""
NEEDED = (FRAMES - 1) * HOP + WINDOW
"""Samples under one patch."""
PATCH_S = PATCH / SR_HZ


def patches(blocks: Iterable[Array]) -> Iterator[Array]:
    """float32 [FRAMES, BANDS] of a mono stream at `SR_HZ`, one patch after the other; an unfilled last one is dropped.

    How the stream is cut into blocks changes no bit.
    """
    waiting = np.empty(0, np.float32)
    for block in blocks:
        waiting = np.concatenate([waiting, np.asarray(block, np.float32)])
        start = 0
        while len(waiting) - start >= NEEDED:
            yield log_mel(waiting[start : start + NEEDED])
            start += PATCH
        waiting = waiting[start:]


def log_mel(samples: Array) -> Array:
    """float32 [f, BANDS] of `samples` [n] at `SR_HZ`, f = 1 + (n - WINDOW) // HOP frames; n >= WINDOW."""
    under = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float64), WINDOW)[::HOP]
    # In double precision: beside a loud tone the rounding of single precision is heard in the empty bands.
    magnitude = np.abs(scipy.fft.rfft(under * _hann(), N_FFT, axis=1))
    return np.log(magnitude @ mel_weights() + OFFSET).astype(np.float32)


@cache
def mel_weights() -> Array:
    """float64 [N_FFT // 2 + 1, BANDS]: triangles of height 1, linear in mel; the bin of frequency 0 counts nowhere."""
    bins = _mel(np.linspace(0.0, SR_HZ / 2, N_FFT // 2 + 1))[:, None]
    edges = np.linspace(_mel(LOW_HZ), _mel(HIGH_HZ), BANDS + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return weights


@cache
def _hann() -> Array:
    """float64 [WINDOW], periodic."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW))


def _mel(hz: Array | float) -> Array:
    return np.asarray(1127.0 * np.log1p(np.asarray(hz) / 700.0))
