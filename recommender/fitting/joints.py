"""Where exactly two stretches of a track meet, so that the beat goes on, the waves agree and strokes are whole."""

from typing import NamedTuple

import numpy as np

from recommender.editing.placement import JOINT_S
from recommender.extractors.audio.stft import SR_HZ
from recommender.types import Array

AROUND_S = 0.2  # compared on either side of a joint
STRAY_S = 0.025  # how far a joint may be moved: beats are told to some 20 ms
ALIKE = 0.3  # waves that correlate less are other notes: then onsets are aligned
ENVELOPE = 22  # samples (1 ms) of a step of the onsets
SPARE_S = 0.002  # between the crossfade and the stroke that follows
BEFORE_S, LOUDER = 0.05, 1.2  # of so much before, so many times the largest step: a stroke


class Meeting(NamedTuple):
    """How two stretches meet.

    Attributes
    ----------
    later_s: how much later than told the second one is to be entered. alike: correlation of the waves there, -1 to 1.
    """

    later_s: float
    alike: float


def meet(samples: Array, left_s: float, entered_s: float) -> Meeting:
    """Aligns what is heard around `entered_s` with what is heard around `left_s` of mono `samples` at SR_HZ."""
    kept = _cut(samples, left_s, 0)
    moved = _cut(samples, entered_s, round(STRAY_S * SR_HZ))
    alike = correlate(kept, moved)
    if alike.max() < ALIKE:
        rough = correlate(_onsets(kept), _onsets(moved))
        centre = int(rough.argmax()) * ENVELOPE
        near = slice(max(centre - ENVELOPE, 0), centre + ENVELOPE + 1)
        best = near.start + int(alike[near].argmax()) if rough.max() > ALIKE else len(alike) // 2
    else:
        best = int(alike.argmax())
    return Meeting((best - len(alike) // 2) / SR_HZ, float(alike[best]))


def clearance(samples: Array, at_s: float) -> float:
    """How much earlier than `at_s` a joint must lie for a stroke within its crossfade to come whole after it; else 0.

    Beats are told late at times: then the stroke on a line sounds before it.
    """
    half, spare = round(JOINT_S / 2 * SR_HZ), round(SPARE_S * SR_HZ)
    around = np.abs(np.diff(_cut(samples, at_s, 0)))
    middle = len(around) // 2
    inside = around[middle - half : middle + half + spare]
    before = around[middle - half - round(BEFORE_S * SR_HZ) : middle - half]
    strokes = np.flatnonzero(inside > LOUDER * before.max())
    return (len(inside) - int(strokes[0])) / SR_HZ if len(strokes) else 0.0


def _cut(samples: Array, at_s: float, margin: int) -> Array:
    """Samples around a moment, silence beyond the ends."""
    half = round(AROUND_S * SR_HZ) + margin
    first = round(at_s * SR_HZ) - half
    out = np.zeros(2 * half)
    low, high = max(first, 0), min(first + 2 * half, len(samples))
    if high > low:
        out[low - first : high - first] = samples[low:high]
    return out


def correlate(kept: Array, moved: Array) -> Array:
    """Normalised correlation of `kept` [n] with `moved` [n + m] at every lag, [m + 1], -1 to 1."""
    import scipy.fft

    n, size = len(kept), scipy.fft.next_fast_len(len(moved), real=True)
    spectrum = scipy.fft.rfft(moved, size) * np.conj(scipy.fft.rfft(kept, size))
    products = scipy.fft.irfft(spectrum, size)[: len(moved) - n + 1]
    energy = np.concatenate([[0], np.cumsum(np.square(moved))])
    norm = np.sqrt(np.maximum(energy[n:] - energy[:-n], 0) * np.square(kept).sum())
    return np.where(norm > 1e-9, products / np.maximum(norm, 1e-9), 0.0)


def _onsets(samples: Array) -> Array:
    """How much the level rises, per ENVELOPE samples."""
    steps = samples[: len(samples) // ENVELOPE * ENVELOPE].reshape(-1, ENVELOPE)
    level = np.log10(np.square(steps).mean(axis=1) + 1e-8)
    return np.maximum(np.diff(level, prepend=level[0]), 0)
