"""Sensory dissonance (roughness) of spectral peaks and of notes.

Two partials beat roughest about a quarter of a critical band apart: Plomp & Levelt (1965), in the
parametric form of Sethares (1993), d = exp(-3.51 s Δf) - exp(-5.75 s Δf), s = 0.24 / (0.0207 f + 18.96).
"""

from functools import cache

import numpy as np

from recommender.extractors.audio.linear import product
from recommender.extractors.audio.pitch import DECAY, HARMONICS, MIDI
from recommender.extractors.audio.stft import N_FFT, SR_HZ
from recommender.types import Array

PEAKS = 20
TOP_BIN = 560  # 6 kHz: above it music has texture rather than partials
FAINTEST = 1e-3  # -60 dB below the frame's strongest peak


def beating(low_hz: Array, high_hz: Array) -> Array:
    """Dissonance in [0, 0.2] of pairs of equally strong partials, `low_hz` <= `high_hz`."""
    x = (high_hz - low_hz) * (0.24 / (0.0207 * low_hz + 18.96))
    return np.exp(-3.51 * x) - np.exp(-5.75 * x)


def roughness(hz: Array, amplitude: Array) -> Array:
    """Dissonance of the `peaks` [n, k] of each frame, float32 [n], over their energy (no unit).

    Sum over pairs of amplitude products times `beating`; 0 for silence or a single partial.
    """
    low = hz[:, :, None]
    rough = beating(low, np.maximum(hz[:, None], low))  # a pair the wrong way round beats like a unison: not
    energy = np.einsum("ij,ij->i", amplitude, amplitude)
    pairs = np.einsum("ij,ij->i", np.einsum("ijk,ik->ij", rough, amplitude), amplitude)
    return pairs / np.where(energy > 0, energy, 1)


def peaks(magnitude: Array) -> tuple[Array, Array]:
    """Frequency in Hz and amplitude of the `PEAKS` strongest peaks per frame, [n, PEAKS], by frequency.

    Frequencies are refined by a parabola; places without a peak have amplitude 0.
    """
    body = magnitude[:, : TOP_BIN + 1]
    inner = body[:, 1:-1]
    is_peak = (inner > body[:, :-2]) & (inner >= body[:, 2:])
    is_peak &= inner > FAINTEST * body.max(axis=1, keepdims=True)
    strength = np.where(is_peak, inner, 0)
    index = np.sort(np.argpartition(-strength, PEAKS - 1, axis=1)[:, :PEAKS], axis=1)
    rows = np.arange(len(magnitude))[:, None]
    amplitude = strength[rows, index]
    left, mid, right = (body[rows, index + k] for k in range(3))
    bend = left - 2 * mid + right
    shift = 0.5 * (left - right) / np.where(amplitude > 0, bend, -1)
    hz = (index + 1 + np.where(amplitude > 0, shift, 0)) * (SR_HZ / N_FFT)
    return hz.astype(np.float32), amplitude


@cache
def note_table() -> Array:
    """Dissonance between the partials of each pair of notes of `MIDI`, float32 [NOTES, NOTES], 0 on the diagonal."""
    harmonic = np.arange(1, HARMONICS // 2 + 1)
    hz = (440 * 2 ** ((MIDI - 69) / 12))[:, None] * harmonic
    weight = np.outer(DECAY ** (harmonic - 1), DECAY ** (harmonic - 1))
    one, two = hz[:, None, :, None], hz[None, :, None, :]
    table = (beating(np.minimum(one, two), np.maximum(one, two)) * weight).sum(axis=(2, 3))
    np.fill_diagonal(table, 0)
    return table.astype(np.float32)


def note_dissonance(active: Array) -> Array:
    """Dissonance between the notes of each slow frame, float32 [n]: from `salience`, so also where the
    shared transform cannot part the partials of low notes."""
    total = active.sum(axis=1)
    share = active / np.where(total > 0, total, 1)[:, None]
    return np.einsum("ij,ij->i", product(share, note_table()), share) / 2
