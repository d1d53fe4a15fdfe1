"""Voices and effects for the sample music: additive, FM and plucked tones, drums, a reverberant tail.

Every voice turns `(freq_hz, length_s, rng)` into a float32 wave that may ring on after `length_s`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator
from scipy.signal import fftconvolve, lfilter

from recommender.types import Array

SR_HZ = 22050


class Voice(Protocol):
    """Anything that sounds a note."""

    def __call__(self, freq_hz: float, length_s: float, rng: Generator) -> Array: ...


@dataclass(frozen=True)
class Tone:
    """A sum of harmonics, the k-th with amplitude `k ** -slope`, with vibrato, tremolo, FM and unison.

    With `damp_hz` every harmonic decays like a struck string, the k-th k times as fast as the first.
    `fm_index` adds a modulator at `fm_ratio` times the pitch (Chowning, 1973) whose depth dies away: bells.
    """

    harmonics: int = 8
    slope: float = 1.5
    odd: bool = False
    attack_s: float = 0.01
    release_s: float = 0.1
    damp_hz: float = 0.0
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.5
    tremolo: float = 0.0
    tremolo_hz: float = 6.0
    unison_cents: tuple[float, ...] = (0.0,)
    fm_ratio: float = 1.0
    fm_index: float = 0.0

    def __call__(self, freq_hz: float, length_s: float, rng: Generator) -> Array:
        t = np.arange(round((length_s + self.release_s) * SR_HZ)) / SR_HZ
        wave = np.zeros(len(t), np.float32)
        for cents in self.unison_cents:
            wave += self._string(freq_hz * 2 ** (cents / 1200), t, rng.uniform(0, 1))
        rise = np.minimum(t / self.attack_s, 1)
        fall = np.clip((length_s + self.release_s - t) / self.release_s, 0, 1)
        swing = 1 - self.tremolo * (0.5 + 0.5 * np.sin(2 * np.pi * self.tremolo_hz * t))
        return _float(wave * rise * fall**2 * swing / len(self.unison_cents))

    def _string(self, freq_hz: float, t: Array, start: float) -> Array:
        """One string's harmonics at the times `t`: powers of one (damped) complex exponential."""
        turns = start + freq_hz * t
        if self.vibrato_cents:
            depth = freq_hz * (2 ** (self.vibrato_cents / 1200) - 1) / (2 * np.pi * self.vibrato_hz)
            turns = turns + depth * np.sin(2 * np.pi * self.vibrato_hz * t)
        if self.fm_index:
            turns = turns + self.fm_index / 6.28 * np.exp(-3 * t) * np.sin(2 * np.pi * freq_hz * self.fm_ratio * t)
        base = np.exp(2j * np.pi * (turns % 1) - self.damp_hz * t).astype(np.complex64)
        step = base * base if self.odd else base
        wave, power = np.zeros(len(t), np.float32), base
        for k in range(1, self.harmonics + 1, 2 if self.odd else 1):
            if k * freq_hz > 0.45 * SR_HZ:
                break
            wave += power.imag * np.float32(k**-self.slope)
            power = power * step
        return wave


@dataclass(frozen=True)
class Pluck:
    """A plucked string (Karplus and Strong, 1983): noise in a loop damped by a two-point mean."""

    decay: float = 0.996
    release_s: float = 0.15

    def __call__(self, freq_hz: float, length_s: float, rng: Generator) -> Array:
        size = round((length_s + self.release_s) * SR_HZ)
        period = max(2, int(SR_HZ / freq_hz - 0.5))
        late = SR_HZ / freq_hz - 0.5 - period  # tunes the loop between two whole samples
        noise = rng.uniform(-1, 1, period)
        burst = np.zeros(size)
        burst[:period] = (noise - noise.mean())[:size]  # the loop would keep an offset for ever
        loop = np.zeros(period + 3)
        loop[0] = 1
        loop[period:] = -self.decay / 2 * np.convolve((1, 1), (1 - late, late))
        fade = np.minimum(np.arange(size, 0, -1) / (self.release_s * SR_HZ), 1)
        return _float(lfilter([1.0], loop, burst) * fade)


@dataclass(frozen=True)
class Drum:
    """A falling sine and a burst of noise; the pitch asked for is ignored.

    `sharp` differences the noise that many times: 0 is a snare's body, 2 a closed hi-hat.
    """

    from_hz: float = 150.0
    to_hz: float = 50.0
    body: float = 1.0
    noise: float = 0.0
    sharp: int = 0
    decay_s: float = 0.12

    def __call__(self, freq_hz: float, length_s: float, rng: Generator) -> Array:
        t = np.arange(round(5 * self.decay_s * SR_HZ)) / SR_HZ
        glide = self.to_hz * t + (self.from_hz - self.to_hz) * 0.03 * (1 - np.exp(-t / 0.03))
        hiss = np.diff(rng.standard_normal(len(t) + self.sharp), self.sharp) / 2**self.sharp
        hit = self.body * np.sin(2 * np.pi * glide) + self.noise * hiss
        return _float(hit * np.exp(-t / self.decay_s))


def midi_hz(note: float) -> float:
    """The frequency of a MIDI note in equal temperament, A4 = note 69 = 440 Hz."""
    return float(440 * 2 ** ((note - 69) / 12))


def distort(y: Array, gain: float) -> Array:
    """`y` scaled to peak `gain` and driven through tanh: rich harmonics, even loudness; peak below 1."""
    return _float(np.tanh(y * (gain / max(float(np.abs(y).max()), 1e-9))))


def reverb(y: Array, tail_s: float, wet: float, *, rng: Generator) -> Array:
    """`y` [n] mixed with its convolution by exponentially decaying noise (60 dB down after `tail_s`)."""
    if not wet:
        return y
    t = np.arange(round(tail_s * SR_HZ)) / SR_HZ
    room = rng.standard_normal(len(t)) * 10 ** (-3 * t / tail_s)
    room = lfilter([0.35], [1, -0.65], room)  # walls swallow treble
    room /= np.sqrt(np.sum(room**2))
    return _float((1 - wet) * y + wet * fftconvolve(y, room)[: len(y)])


def level(y: Array, rms_db: float) -> Array:
    """`y` brought to `rms_db` (full scale 0 dB), with peaks bent softly so that none reaches 1."""
    y = y * (10 ** (rms_db / 20) / max(float(np.sqrt(np.mean(y.astype(np.float64) ** 2))), 1e-9))
    return _float(y / (1 + np.abs(y) ** 6) ** (1 / 6))


def _float(y: Array) -> Array:
    return np.asarray(y, np.float32)
