"""Chroma of a power spectrogram as librosa 0.11 defines it, so that tables made with it can be read.

The product's own chroma (`recommender.extractors.audio.harmony`) tells mode better; this one exists to agree with
others. Definition: Ellis (2007), Chroma feature analysis and synthesis,
https://www.ee.columbia.edu/~dpwe/resources/matlab/ chroma-ansyn/: every bin of the transform is shared out by Gaussian
bumps around the pitch classes, bins far from octave 5 count less, and each frame is divided by its largest class.
"""

from functools import cache

import numpy as np

from recommender.extractors.audio.stft import N_FFT, SR_HZ
from recommender.types import Array

CLASSES = 12
A0_HZ = 27.5
OCTAVE, OCTAVES = 5.0, 2.0  # centre and width of the register that counts
LOWEST_HZ, HIGHEST_HZ = 150.0, 4000.0  # where peaks vote for the tuning
FAINTEST = 0.1  # peaks below this share of the frame's strongest bin have no vote
VOTES = 100  # per semitone


def chroma(power: Array) -> Array:
    """Pitch classes from C of power spectra [n, BINS], float64 [n, 12] in [0, 1], the largest of each frame 1."""
    raw = power.astype(np.float64) @ filters(tuning(power))
    top = raw.max(axis=1, keepdims=True)
    return np.asarray(raw / np.where(top > np.finfo(np.float32).tiny, top, 1))


@cache
def filters(semitones: float) -> Array:
    """Share of every bin in every pitch class from C, for music `semitones` above 440 Hz: float64 [BINS, 12]."""
    hz = np.arange(1, N_FFT) * (SR_HZ / N_FFT)
    place = CLASSES * _octave(hz, semitones)
    place = np.concatenate([[place[0] - 1.5 * CLASSES], place])  # the constant part: far below the first bin
    width = np.concatenate([np.maximum(np.diff(place), 1.0), [1.0]])
    distance = np.mod(place[:, None] - np.arange(CLASSES) + CLASSES / 2, CLASSES) - CLASSES / 2
    bumps = np.exp(-0.5 * np.square(2 * distance / width[:, None]))
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    bumps *= np.exp(-0.5 * np.square((place / CLASSES - OCTAVE) / OCTAVES))[:, None]
    return np.asarray(np.roll(bumps, -3, axis=1)[: N_FFT // 2 + 1])  # class 0 was A


def tuning(power: Array) -> float:
    """How far the music lies from 440 Hz, in semitones from -0.5 to 0.49: the most frequent place of strong peaks.

    Strong are those above the median peak; 0 where there is no peak at all.
    """
    hz, strength = peaks(power)
    if not len(hz):
        return 0.0
    place = np.mod(CLASSES * _octave(hz[strength >= np.median(strength)], 0.0), 1.0)
    place[place >= 0.5] -= 1.0
    votes, edges = np.histogram(place, np.linspace(-0.5, 0.5, VOTES + 1))
    return float(edges[np.argmax(votes)])


def peaks(power: Array) -> tuple[Array, Array]:
    """Frequency in Hz and strength of the peaks of all frames, two float64 [p], refined by parabolas."""
    last = int(HIGHEST_HZ * N_FFT / SR_HZ) + 3  # one neighbour beyond the highest bin that may vote
    spectra = power[:, :last].astype(np.float64)
    left, mid, right = spectra[:, :-2], spectra[:, 1:-1], spectra[:, 2:]
    heard = np.where(spectra > FAINTEST * power.max(axis=1, keepdims=True), spectra, 0)
    hz = np.arange(1, spectra.shape[1] - 1) * (SR_HZ / N_FFT)
    found = (heard[:, 1:-1] > heard[:, :-2]) & (heard[:, 1:-1] >= heard[:, 2:]) & (hz >= LOWEST_HZ) & (hz < HIGHEST_HZ)
    slope, bend = (right - left) / 2, left + right - 2 * mid
    shift = np.where(np.abs(slope) < np.abs(bend), -slope / np.where(bend == 0, 1, bend), 0)
    return (hz + shift * (SR_HZ / N_FFT))[found], (mid + 0.5 * slope * shift)[found]


def _octave(hz: Array, semitones: float) -> Array:
    """Octaves above A0, tuned `semitones` away from 440 Hz."""
    return np.asarray(np.log2(hz / (A0_HZ * 2 ** (semitones / CLASSES))))
