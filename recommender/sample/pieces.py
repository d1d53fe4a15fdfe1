"""The sample's twelve pieces as data: tempo, scale, voices and loudness keep what the title promises."""

import numpy as np

from recommender.sample.score import Layer, Piece, Step
from recommender.sample.synth import Drum, Pluck, Tone

MAJOR = (0, 2, 4, 5, 7, 9, 11)
LYDIAN = (0, 2, 4, 6, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
CHROMATIC = tuple(range(12))

PAD = Tone(harmonics=6, slope=2.0, attack_s=1.2, release_s=2.0, unison_cents=(-6, 5))
PIANO = Tone(harmonics=12, slope=1.3, attack_s=0.004, release_s=0.6, damp_hz=1.1, unison_cents=(-1, 1))
STRINGS = Tone(harmonics=14, slope=1.6, attack_s=0.45, release_s=0.8, vibrato_cents=14, unison_cents=(-7, 0, 6))
BRASS = Tone(harmonics=16, slope=0.9, attack_s=0.05, release_s=0.08, vibrato_cents=6, unison_cents=(-4, 4))
SAW = Tone(harmonics=24, slope=1.0, attack_s=0.004, release_s=0.05, unison_cents=(-9, 8))
ORGAN = Tone(harmonics=4, slope=1.2, release_s=0.05, vibrato_cents=8)
SOFT_SQUARE = Tone(harmonics=7, slope=2, odd=True)
SQUARE = Tone(harmonics=15, slope=1.0, odd=True, attack_s=0.003, release_s=0.02)
BELL = Tone(harmonics=1, attack_s=0.003, release_s=1.2, damp_hz=1.8, fm_ratio=3.0, fm_index=1.6)
FLUTE = Tone(harmonics=3, slope=2.2, attack_s=0.12, release_s=0.3, vibrato_cents=10)
BASS = Tone(harmonics=5, slope=1.6, attack_s=0.01, release_s=0.08)
SHUDDER = Tone(harmonics=18, slope=0.9, attack_s=0.6, release_s=1.0, tremolo=0.85, tremolo_hz=9.5, vibrato_cents=35)
RUMBLE = Tone(harmonics=10, slope=1.2, attack_s=1.0, release_s=1.0, unison_cents=(-30, 0, 25))
KICK = Drum()
SNARE = Drum(from_hz=220, to_hz=150, body=0.2, noise=0.8, decay_s=0.1)
HAT = Drum(body=0, noise=1, sharp=2, decay_s=0.035)

CHORD = (0, 1, 2)


def _pulse(every: float, length: float, tones: tuple[int, ...], offset: float = 0) -> tuple[Step, ...]:
    """Equal steps through one bar of four beats."""
    return _at(tuple(float(beat) for beat in np.arange(offset, 4, every)), length, tones)


def _at(beats: tuple[float, ...], length: float, tones: tuple[int, ...] = ()) -> tuple[Step, ...]:
    """The same step on each of the beats."""
    return tuple((beat, length, tones) for beat in beats)


def _run(tones: tuple[int, ...], every: float, length: float) -> tuple[Step, ...]:
    """One tone after the other: an arpeggio."""
    return tuple((i * every, length, (tone,)) for i, tone in enumerate(tones))


PIECES = (
    Piece(
        "Calm Morning",
        60,
        48,
        MAJOR,
        (0, 5, 3, 4),
        (
            Layer(PAD, ((0, 4, (0, 2, 5)),)),
            Layer(BELL, ((0, 2, ()), (2.5, 1.5, ())), 0.25, octave=2, walk=True, enters=2),
        ),
        rms_db=-26,
        tail_s=2.5,
        wet=0.35,
    ),
    Piece(
        "Slow Sorrow",
        56,
        45,
        MINOR,
        (0, 3, 5, 4),
        (
            Layer(PIANO, ((0, 4, (0, 2)), *_run((4, 5, 6, 5), 1, 2)), octave=0),
            Layer(PIANO, ((0, 3, ()), (3, 1, ())), 0.6, octave=2, walk=True, enters=1),
        ),
        rms_db=-24,
        tail_s=2.0,
        wet=0.25,
    ),
    Piece(
        "Driving Fury",
        156,
        40,
        MINOR,
        (0, 0, 5, 6, 0, 0, 3, 6),
        (
            Layer(SAW, _pulse(0.5, 0.4, (0, 4)), 0.5, drive=8),
            Layer(ORGAN, ((0, 3.9, (4, 5, 6)),), 0.5),
            Layer(SAW, _pulse(0.25, 0.2, ()), 0.25, octave=2, walk=True, drive=6, enters=4),
            Layer(KICK, _pulse(1, 0.2, (0,)), 1.0),
            Layer(SNARE, _pulse(1, 0.2, (0,), offset=0.5), 0.6),
            Layer(HAT, _pulse(0.25, 0.1, (0,)), 0.35),
        ),
        rms_db=-10,
        wet=0.05,
    ),
    Piece(
        "Sunny Dance",
        128,
        55,
        MAJOR,
        (0, 3, 4, 0),
        (
            Layer(Pluck(), _pulse(1, 0.3, (4, 5, 6), offset=0.5), 0.6),
            Layer(SQUARE, _at((0, 0.75, 1.5, 2, 2.5, 3.25), 0.3), 0.4, octave=1, walk=True, enters=2),
            Layer(BASS, _at((0, 1.5, 2, 3.5), 0.4, (0,)), 0.7, octave=-1),
            Layer(KICK, _pulse(1, 0.2, (0,)), 0.8),
            Layer(SNARE, _at((1, 3), 0.2, (0,)), 0.5),
            Layer(HAT, _pulse(0.5, 0.1, (0,), offset=0.5), 0.3),
        ),
        rms_db=-13,
        wet=0.08,
    ),
    Piece(
        "Tense Darkness",
        72,
        41,
        CHROMATIC,
        (0, 0, 1, 0, 0, -1),
        (
            Layer(RUMBLE, ((0, 4, (0, 1)),), 0.8, octave=-1),
            Layer(SHUDDER, ((0, 4, (0, 1, 6)),), 0.5, octave=1),
            Layer(SHUDDER, ((2, 2, (11, 12, 13)),), 0.35, octave=2, enters=2),
            Layer(Drum(90, 35, 1, 0.05, decay_s=0.35), ((0, 1, (0,)), (0.4, 1, (0,))), 0.8, enters=3),
        ),
        rms_db=-18,
        tail_s=2.5,
        wet=0.2,
    ),
    Piece(
        "Sleepy Lullaby",
        66,
        53,
        MAJOR,
        (0, 3, 4, 0),
        (
            Layer(BELL, ((0, 2, (0,)), (1, 1, (5,)), (2, 1, (6,))), 0.6, octave=0),
            Layer(BELL, ((0, 1.5, ()), (2, 1, ())), 0.7, octave=1, walk=True),
            Layer(PAD, ((0, 3, (0, 2)),), 0.25),
        ),
        rms_db=-28,
        beats=3,
        tail_s=2.0,
        wet=0.25,
    ),
    Piece(
        "Proud March",
        112,
        46,
        MAJOR,
        (0, 0, 3, 4),
        (
            Layer(BRASS, ((0, 0.8, CHORD), *_at((1, 1.5), 0.4, CHORD), *_at((2, 3), 0.9, CHORD)), 0.7),
            Layer(BRASS, ((0, 0.9, ()), (1, 0.7, ()), (1.75, 0.2, ()), *_at((2, 3), 0.9)), 0.6, octave=1, walk=True),
            Layer(BASS, ((0, 0.5, (0,)), (2, 0.5, (2,))), 0.8, octave=-1),
            Layer(KICK, _at((0, 2), 0.2, (0,)), 0.7),
            Layer(SNARE, _at((0, 1, 2, 2.75, 3, 3.5, 3.75), 0.1, (0,)), 0.45),
        ),
        rms_db=-15,
    ),
    Piece(
        "Drifting Space",
        40,
        50,
        LYDIAN,
        (0, 1),
        (
            Layer(
                Tone(harmonics=5, slope=2.2, attack_s=3.0, release_s=4.0, unison_cents=(-9, 0, 8)),
                ((0, 4, (0, 2, 3, 5)),),
            ),
            Layer(FLUTE, ((1, 3, ()),), 0.2, octave=1, walk=True, enters=1),
        ),
        rms_db=-27,
        tail_s=4.0,
        wet=0.5,
    ),
    Piece(
        "Night Pulse",
        132,
        45,
        MINOR,
        (0, 0, 5, 6),
        (
            Layer(SAW, _run((0, 0, 4, 0, 5, 0, 4, 6) * 2, 0.25, 0.18), 0.4, drive=3),
            Layer(BASS, _pulse(1, 0.45, (0,), offset=0.5), 0.7, octave=-1, drive=2),
            Layer(KICK, _pulse(1, 0.2, (0,)), 1.0),
            Layer(HAT, _pulse(1, 0.1, (0,), offset=0.5), 0.4),
            Layer(HAT, _pulse(0.25, 0.1, (0,)), 0.15, enters=4),
            Layer(SNARE, _at((1, 3), 0.2, (0,)), 0.35, enters=4),
        ),
        rms_db=-12,
        wet=0.06,
    ),
    Piece(
        "Mourning Strings",
        48,
        50,
        MINOR,
        (0, 5, 3, 0),
        (
            Layer(STRINGS, ((0, 4, (0, 2, 5)),), 0.8, octave=-1),
            Layer(STRINGS, ((0, 2.5, ()), (2.5, 1.5, ())), 0.6, octave=1, walk=True),
        ),
        rms_db=-22,
        tail_s=2.5,
        wet=0.3,
    ),
    Piece(
        "Playful Pixels",
        144,
        60,
        MAJOR,
        (0, 3, 0, 4),
        (
            Layer(SQUARE, _pulse(0.5, 0.2, ()), 0.5, octave=1, walk=True),
            Layer(SQUARE, _run((0, 2, 1, 2) * 2, 0.5, 0.25), 0.3),
            Layer(SOFT_SQUARE, _run((0, 2, 0, 2), 1, 0.4), 0.6, octave=-2),
            Layer(HAT, _pulse(1, 0.1, (0,), offset=0.5), 0.2),
        ),
        rms_db=-16,
        wet=0.04,
        tail_s=0.5,
    ),
    Piece(
        "Gentle Waltz",
        100,
        50,
        MAJOR,
        (0, 5, 1, 4),
        (
            Layer(Pluck(0.998), ((0, 2, (0,)), (1, 0.6, (5, 6)), (2, 0.6, (5, 6))), 0.6),
            Layer(FLUTE, ((0, 1.6, ()), (2, 0.8, ())), 0.7, octave=1, walk=True, enters=2),
        ),
        rms_db=-20,
        beats=3,
        wet=0.2,
    ),
)
