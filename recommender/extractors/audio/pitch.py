"""Which notes sound: a dictionary of harmonic note templates fitted to a log-frequency spectrum.

Plain chroma books a note's harmonics as notes of their own (the fifth harmonic of C is an E), which blurs
major and minor. Explaining each spectrum as a non-negative sum of whole notes undoes that: multiplicative
updates for the Kullback-Leibler divergence (Lee & Seung 2001) with fixed templates (as Smaragdis & Brown
2003, but nothing is learnt).
"""

from functools import cache

import numpy as np

from recommender.extractors.audio.linear import Banded, product
from recommender.extractors.audio.stft import BINS, N_FFT, SR_HZ
from recommender.types import Array

LOWEST_MIDI, NOTES = 33, 64  # A1 to C7
STEPS = 3  # log-frequency bins per semitone: 36 per octave
LOG_BINS = 263  # from E1, 7.3 octaves
LOG_LOWEST_MIDI = 28
HARMONICS, DECAY = 12, 0.9  # measured on VGMIDI: 0.8 knows pitch classes better, 0.9 mode and valence
ITERATIONS = 20
BATCH = 64  # slow frames per fit: small arrays stay in cache
TUNINGS = 5  # template sets, 20 cents apart: -40, -20, 0, 20, 40
MIDI = np.arange(LOWEST_MIDI, LOWEST_MIDI + NOTES)


def log_spectrum(power: Array) -> Array:
    """Magnitude on a log-frequency axis, float32 [n, LOG_BINS], of power spectra [n, BINS]."""
    return _log_bands().apply(np.sqrt(power))


@cache
def log_map() -> Array:
    """Triangular kernels from transform bins to log-frequency bins, float32 [BINS, LOG_BINS].

    A kernel is one log bin wide, or one transform bin where those are wider (below about 540 Hz).
    """
    centre = _hz(LOG_LOWEST_MIDI + np.arange(LOG_BINS) / STEPS)
    width = np.maximum(centre * (2 ** (1 / (12 * STEPS)) - 1), SR_HZ / N_FFT)
    bins = np.arange(BINS)[:, None] * (SR_HZ / N_FFT)
    return np.maximum(0, 1 - np.abs(bins - centre) / width).astype(np.float32)


@cache
def _log_bands() -> Banded:
    return Banded(log_map(), 8)


@cache
def templates(cents: int = 0) -> Array:
    """Unit-norm spectra of the notes of `MIDI`, `cents` off 440 Hz: float32 [NOTES, LOG_BINS].

    Harmonic h has amplitude DECAY^(h-1) and the main lobe of the Hann window.
    """
    harmonic = np.arange(1, HARMONICS + 1)
    hz = _hz(MIDI + cents / 100)[:, None] * harmonic
    amplitude = np.where(hz < 0.95 * SR_HZ / 2, DECAY ** (harmonic - 1), 0)
    bins = np.arange(BINS)
    spectra = np.zeros((NOTES, BINS))
    for h in range(HARMONICS):
        spectra += amplitude[:, h : h + 1] * _hann_lobe(bins - hz[:, h : h + 1] * (N_FFT / SR_HZ))
    mapped = product(spectra, log_map())
    return (mapped / np.linalg.norm(mapped, axis=1, keepdims=True)).astype(np.float32)


def _hann_lobe(x: Array) -> Array:
    """Main lobe of the Hann window's transform at `x` bins from its centre, peak 1."""
    near = np.where(np.abs(np.abs(x) - 1) < 1e-6, 1 + 1e-6, x)
    return np.where(np.abs(x) < 2, np.abs(np.sinc(near) / (1 - near**2)), 0)


def _hz(midi: Array) -> Array:
    return 440 * 2 ** ((np.asarray(midi, dtype=np.float64) - 69) / 12)


def tuning_cents(spectra: Array) -> int:
    """The template set that fits an item, in cents off 440 Hz: the mean phase of energy within a semitone.

    Each log bin votes for its position in the semitone (`STEPS` positions on a circle) with its energy.
    """
    energy = np.square(spectra, dtype=np.float64).sum(axis=0)
    angle = 2 * np.pi * np.arange(LOG_BINS) / STEPS
    vote = complex(energy @ np.exp(1j * angle))
    if abs(vote) < 0.05 * energy.sum() or energy.sum() == 0:
        return 0
    spacing = 100 // TUNINGS
    cents = spacing * round(float(np.angle(vote)) / (2 * np.pi) * 100 / spacing)
    return int(np.clip(cents, -40, 40))


def salience(spectra: Array, cents: int = 0) -> Array:
    """How strongly each note of `MIDI` sounds in each slow frame, float32 [n, NOTES], on the scale of `spectra`."""
    parts = [_fit(spectra[i : i + BATCH], templates(cents)) for i in range(0, len(spectra), BATCH)]
    return np.concatenate(parts)


def _fit(spectra: Array, notes: Array) -> Array:
    """Non-negative activations a [n, NOTES] with a @ notes close to `spectra` [n, LOG_BINS]."""
    peak = spectra.max(axis=1, keepdims=True)
    target = spectra / np.where(peak > 0, peak, 1)
    mass = notes.sum(axis=1)
    active = product(target, notes.T) + np.float32(1e-9)
    active *= target.sum(axis=1, keepdims=True) / np.einsum("ij,j->i", active, mass)[:, None]
    for _ in range(ITERATIONS):
        ratio = target / (product(active, notes) + np.float32(1e-6))
        active *= product(ratio, notes.T) / mass
    return active * peak
