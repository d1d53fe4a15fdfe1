"""The tempo told to people: which metrical level of the onset envelope is the beat, how surely, and which is next.

Every candidate gets a score that is linear in logarithms, so that `exp` of it is a product of powers:

- self-similarity of the envelope after one, four and eight beats (Percival & Tzanetakis 2014 add up multiples too);
- strength of the envelope's spectrum at the beat and at its half (Fourier tempogram, Grosche & Müller 2011): likeness
  answers to multiples of a beat as well, the spectrum to its divisions, and what has both is a beat (Peeters 2006);
- a log-normal prior (Ellis 2007), its centre higher where the spectrum changes more (after Schreiber & Müller 2014).

The scores' softmax over all candidates is read as a probability. `benchmarks/tempo_fit.py` finds the weights.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from recommender.extractors.audio.rhythm import autocorrelation, refine_lag
from recommender.extractors.audio.stft import FRAME_HZ
from recommender.types import Array

BPM_MIN, BPM_MAX, GRID = 40.0, 250.0, 512  # steps of 0.36 %
BEATS = (1, 4, 8)
LONGEST_S = 8 * 60 / BPM_MIN
PARTS = (1, 2)  # a beat and its half
SPAN, STEP = round(12 * FRAME_HZ), round(6 * FRAME_HZ)  # windows of the tempogram, in frames
SIZE = 4096  # of its transform: bins 0.6 bpm apart
BATCH = 64  # windows transformed at once: 4 MB
LEAST = 0.02  # of the strongest: below it nothing is told apart
FLUX_CENTRE = 0.4  # the median of produced music
FLUX_MIN, FLUX_MAX = 0.15, 0.6  # nearly all music; clicks alone lie far beyond
BPM_CENTRE = 110.0
WEIGHTS: Mapping[str, float] = {
    "beat again": 0.7,
    "four beats on": 0.7,
    "eight beats on": 0.6,
    "spectrum at the beat": 0.75,
    "spectrum at its half": 1.5,
    "octaves above 110": -0.9,
    "their square": -2.65,
    "their product with the flux": 1.7,
}
LEAST_S, LEAST_ONSETS, LEAST_ONSETS_HZ = 3.0, 4, 0.5  # with fewer there is nothing to tap to
LEAST_LIKE, LIKE_S = 0.1, 30.0  # speech, rain and random clicks of 30 s reach 0.07
LEAST_SURE = 0.15  # below it no level stands out: rubato, clicks at random
SAME = 0.04  # tempi closer than this are one
LEVELS = (2.0, 0.5, 3.0, 1 / 3)
TOLD = 0.02  # probability from which another level is told


class Tempo(NamedTuple):
    """A tempo in bpm, the probability of its level in [0, 1], and the next likely level in bpm or None."""

    bpm: float
    confidence: float
    alternative: float | None


@cache
def candidates() -> Array:
    """Tempi in bpm, float64 [GRID], ascending in equal ratios."""
    return np.geomspace(BPM_MIN, BPM_MAX, GRID)


def estimate(strength: Array, onsets: int, flux: float, *, tagged: float | None = None) -> Tempo | None:
    """The tempo of an onset envelope `strength` [n] (dB per frame), None where it has no beat.

    Parameters
    ----------
    onsets: how many there are in it.
    flux: the column `spectral_flux`.
    tagged: a tempo in bpm that the file states; it is taken where the same or another level of it is heard.
    """
    seconds = len(strength) / FRAME_HZ
    similarity = autocorrelation(strength, LONGEST_S)
    found = evidence(strength, similarity, flux)
    if found is None or seconds < LEAST_S or onsets < max(LEAST_ONSETS, LEAST_ONSETS_HZ * seconds):
        return None
    score = found @ np.array(list(WEIGHTS.values()))
    chance = np.exp(score - score.max())
    chance /= chance.sum()
    best = float(candidates()[chance.argmax()])
    if _mass(chance, best) < LEAST_SURE or not _persists(best, similarity, len(strength)):
        return None
    if tagged is not None and _of_one_pulse(tagged, best):
        return Tempo(tagged, min(sum(_mass(chance, tagged * r) for r in (1.0, *LEVELS)), 1.0), _other(chance, tagged))
    sharp = float(60 * FRAME_HZ / refine_lag(60 * FRAME_HZ / best, similarity))
    return Tempo(sharp, _mass(chance, best), _other(chance, sharp))


def facts(found: Tempo | None) -> dict[str, float | None]:
    """What is told of a tempo, by the names of the facts: bpm to a tenth, the confidence to a hundredth."""
    if found is None:
        return {"bpm": None, "bpm_confidence": None, "bpm_alternative": None}
    other = found.alternative
    return {
        "bpm": round(found.bpm, 1),
        "bpm_confidence": round(found.confidence, 2),
        "bpm_alternative": None if other is None else round(other, 1),
    }


def evidence(strength: Array, similarity: Array, flux: float) -> Array | None:
    """What the weights of `WEIGHTS` weigh, in its order, for each candidate: float64 [GRID, 8]; None without a pulse.

    `similarity` is the autocorrelation of `strength` at lags 0, 1, ... frames.
    """
    repeats, spectra = _repeats(similarity), _spectra(strength)
    top, strong = float(repeats[0].max()), float(spectra[0].max())
    if top <= 0 or strong <= 0:
        return None
    octave = np.log2(candidates() / BPM_CENTRE)
    parts = [np.log(row / top + LEAST) for row in repeats]
    parts += [np.log(row / strong + LEAST) for row in spectra]
    parts += [octave, np.square(octave), octave * np.log2(np.clip(flux, FLUX_MIN, FLUX_MAX) / FLUX_CENTRE)]
    return np.stack(parts, axis=1)


def _repeats(similarity: Array) -> Array:
    """Self-similarity after each of `BEATS`, not below 0, [3, GRID]; fewer beats where the sound is too short."""
    lag, frames = 60 * FRAME_HZ / candidates(), np.arange(len(similarity))
    rows: list[Array] = []
    for beats in BEATS:
        there = beats * lag <= len(similarity) - 1
        row = np.maximum(np.interp(beats * lag, frames, similarity), 0) if len(frames) else np.zeros(GRID)
        rows.append(np.where(there, row, rows[-1] if rows else 0))
    return np.array(rows)


def _spectra(strength: Array) -> Array:
    """Strength of the envelope's spectrum at each of `PARTS`, mean over windows of 12 s, [2, GRID]."""
    import scipy.fft

    width = min(SPAN, len(strength))
    windows = np.lib.stride_tricks.sliding_window_view(strength.astype(np.float32), width)[::STEP]
    taper = np.hanning(width + 2)[1:-1].astype(np.float32)
    power = np.zeros(SIZE // 2 + 1)
    for first in range(0, len(windows), BATCH):
        part = (windows[first : first + BATCH] - windows[first : first + BATCH].mean(axis=1, keepdims=True)) * taper
        energy = np.square(part).sum(axis=1)
        part = part[energy > 0] / np.sqrt(energy[energy > 0])[:, None]
        power += np.square(np.abs(scipy.fft.rfft(part, SIZE, axis=1, workers=1))).sum(axis=0)
    hz = np.arange(len(power)) * (FRAME_HZ / SIZE)
    return np.array([np.interp(part * candidates() / 60, hz, np.sqrt(power)) for part in PARTS])


def _persists(bpm: float, similarity: Array, frames: int) -> bool:
    """Whether the envelope is like itself after one, two, four and eight beats, beyond what chance makes it.

    A maximum over lags finds some likeness in speech and rain too; theirs is gone a few beats later. What chance
    makes of it falls with the root of the length.
    """
    lags = np.array([1, 2, 4, 8]) * 60 * FRAME_HZ / bpm
    lags = lags[lags <= len(similarity) - 1]
    near = (np.round(lags)[:, None] + (-1, 0, 1)).clip(0, len(similarity) - 1).astype(int)
    level = max(float(np.median(similarity[1:])), 0.0)  # a loud and a quiet half alone make an envelope like itself
    like = np.maximum(similarity[near].max(axis=1) - level, 0).mean() if len(lags) else 0.0
    return bool(like >= LEAST_LIKE * max(0.5, (LIKE_S * FRAME_HZ / frames) ** 0.5))


def _mass(chance: Array, bpm: float) -> float:
    """Probability of the candidates that are the same tempo as `bpm`."""
    return float(chance[np.abs(candidates() / bpm - 1) <= SAME].sum())


def _other(chance: Array, bpm: float) -> float | None:
    """The most probable other level of `bpm`, None where each is as good as excluded."""
    levels = {bpm * ratio: _mass(chance, bpm * ratio) for ratio in LEVELS}
    best = max(levels, key=lambda level: levels[level])
    return best if levels[best] >= TOLD else None


def _of_one_pulse(one: float, other: float) -> bool:
    """Whether two tempi are the same or levels of each other: half, double, third or triple."""
    return any(abs(one / (other * ratio) - 1) <= SAME for ratio in (1.0, *LEVELS))
