"""The key told to people: spectral peaks folded to pitch classes, compared with what is played in each key.

Not the chroma of `harmony`: templates of whole notes explain the strokes of a kick drum and the partials of thin tones
as bass notes, which matters little for mood but renames minor keys. A peak's frequency, sharpened by a parabola, tells
notes apart that share a bin, and drums have peaks that lie anywhere between the notes (Gómez 2006).
"""

from typing import NamedTuple

import numpy as np

from recommender.extractors.audio.harmony import NAMES, correlate, profiles_of
from recommender.extractors.audio.stft import SLOW_HZ
from recommender.types import Array

# Share of each degree of the scale in music of a major and of a minor key (Albrecht & Shanahan 2013).
MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
LOWEST_HZ, HIGHEST_HZ = 60.0, 3500.0  # below it kick drums, above it partials beyond those of the tonic's chord
QUIET = 1e-3  # frames 60 dB below the loudest count by what they hold, all others alike
SHARPNESS = 20.0  # of the probabilities: most likely on 46 songs with known keys
LEAST_S = 3.0
LEAST_IN_TUNE = 0.18  # noise, speech and drums reach 0.13, produced music falls to 0.22
LEAST_EVENNESS = 0.5  # a repeated note has 0.3, a fifth 0.4, real music from 0.63 on
LEAST_FIT = 0.5


class Key(NamedTuple):
    """A key as people write it ("A minor") and its probability among the 24, in [0, 1]."""

    name: str
    confidence: float


def estimate(hz: Array, amplitude: Array, evenness: float) -> Key | None:
    """The key of spectral peaks [n, k] (Hz, amplitude 0 where there is none) of n slow frames; None without one.

    `evenness` is the column `chroma_entropy`: partials of a single note make peaks of several classes, but no notes.
    """
    classes, in_tune = profile(hz, amplitude)
    fits = correlate(classes, profiles_of(MAJOR, MINOR))
    best = int(fits.argmax())
    if len(hz) / SLOW_HZ < LEAST_S or in_tune < LEAST_IN_TUNE or evenness < LEAST_EVENNESS or fits[best] < LEAST_FIT:
        return None
    chance = np.exp(SHARPNESS * (fits - fits[best]))
    return Key(f"{NAMES[best % 12]} {('major', 'minor')[best // 12]}", float(1 / chance.sum()))


def profile(hz: Array, amplitude: Array) -> tuple[Array, float]:
    """How strongly each pitch class sounds, float64 [12] from C, and how far all is in tune, in [0, 1].

    The tuning is the mean phase of the peaks within a semitone; a peak half a semitone off it counts for nothing.
    """
    heard = (amplitude > 0) & (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    loudest = np.where(heard, amplitude, 0).max(axis=1, keepdims=True, initial=0)
    against = np.maximum(loudest, QUIET * max(float(loudest.max(initial=0)), 1e-30))
    weight = (amplitude / against)[heard].astype(np.float64)
    if not weight.sum() > 0:
        return np.zeros(12), 0.0
    midi = 69 + 12 * np.log2(hz[heard].astype(np.float64) / 440)
    vote = complex((weight * np.exp(2j * np.pi * midi)).sum()) / float(weight.sum())
    midi -= np.angle(vote) / (2 * np.pi)
    note = np.round(midi)
    weight *= np.square(np.cos(np.pi * (midi - note)))
    return np.bincount(note.astype(int) % 12, weight, 12), abs(vote)
