"""A small language for pieces of music, and the rules that turn one into a waveform.

A piece is a loop of chords over a scale; each layer plays steps of one bar, over and over: a step is
`(beat, length in beats, tones)`, where tone 0 is the chord's root, 1 its third, 2 its fifth, 3 its
seventh, 4 the root an octave up, and so on. A layer that walks plays a seeded walk through the scale in
the steps' rhythm.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from recommender.sample.synth import SR_HZ, Voice, distort, level, midi_hz, reverb
from recommender.types import Array

LENGTH_S = 40.0
FADE_S = 2.0

Step = tuple[float, float, tuple[int, ...]]


@dataclass(frozen=True)
class Layer:
    """One instrument: `octave` in octaves from the piece's root; silent before bar `enters`."""

    voice: Voice
    steps: tuple[Step, ...]
    gain: float = 1.0
    octave: int = 0
    walk: bool = False
    drive: float = 0.0
    enters: int = 0


@dataclass(frozen=True)
class Piece:
    """A title that says the mood, and what makes it: `root` a MIDI note, `chords` scale degrees by bar."""

    title: str
    bpm: float
    root: int
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    layers: tuple[Layer, ...]
    rms_db: float
    beats: int = 4
    tail_s: float = 1.5
    wet: float = 0.15


def waveform(piece: Piece, length_s: float = LENGTH_S) -> Array:
    """`piece` as float32 mono at `SR_HZ`, `length_s` long, at its loudness; the same samples every time."""
    rng = np.random.default_rng(zlib.crc32(piece.title.encode()))
    size = round(length_s * SR_HZ)
    mix = np.zeros(size, np.float32)
    for layer in piece.layers:
        mix += _play(piece, layer, size, rng)
    wet = reverb(mix, piece.tail_s, piece.wet, rng=rng)
    fade = np.minimum(np.arange(size, 0, -1) / (FADE_S * SR_HZ), 1).astype(np.float32)
    return level(wet * fade, piece.rms_db)


def _play(piece: Piece, layer: Layer, size: int, rng: Generator) -> Array:
    """One layer over the whole piece, peak `layer.gain`."""
    out = np.zeros(size, np.float32)
    heard: dict[tuple[float, int], Array] = {}  # equal notes sound the same, and are computed once
    for start_s, length_s, notes in _score(piece, layer, size / SR_HZ, rng):
        at = round(start_s * SR_HZ)
        for note in notes:
            if (length_s, note) not in heard:
                heard[length_s, note] = layer.voice(midi_hz(note), length_s, rng)
            wave = heard[length_s, note][: size - at]
            out[at : at + len(wave)] += wave
    out = distort(out, layer.drive) if layer.drive else out
    return out * np.float32(layer.gain / max(float(np.abs(out).max()), 1e-9))


def _score(piece: Piece, layer: Layer, length_s: float, rng: Generator) -> list[tuple[float, float, tuple[int, ...]]]:
    """(start s, length s, MIDI notes) of everything that `layer` plays."""
    beat_s = 60 / piece.bpm
    bars = int(np.ceil(length_s / (beat_s * piece.beats)))
    score, place = [], 4
    for bar in range(layer.enters, bars):
        degree = piece.chords[bar % len(piece.chords)]
        for beat, length, tones in layer.steps:
            start_s = (bar * piece.beats + beat) * beat_s
            if start_s >= length_s:
                break
            if layer.walk:
                place = int(np.clip(place + rng.choice((-2, -1, -1, 1, 1, 2)), 0, 9))
                degrees = [place if beat else degree % 7 + 7 * (place > 6)]  # a bar opens on its chord
            else:
                degrees = [degree + 2 * tone + _octave_fix(piece, tone) for tone in tones]
            notes = tuple(_midi(piece, layer, d) for d in degrees)
            score.append((start_s, round(length * beat_s, 4), notes))
    return score


def _octave_fix(piece: Piece, tone: int) -> int:
    """What to add: chord tones are 0, 2, 4, 6 | 7, 9, ... in a scale of seven, and a cluster in twelve."""
    return -(tone // 4) if len(piece.scale) == 7 else -tone


def _midi(piece: Piece, layer: Layer, degree: int) -> int:
    """The MIDI note of a scale degree for this layer."""
    octave, place = divmod(degree, len(piece.scale))
    return piece.root + 12 * (octave + layer.octave) + piece.scale[place]
