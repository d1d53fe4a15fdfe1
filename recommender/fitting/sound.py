"""A track as fitting hears it: its samples, and what they sound like in the course of time."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.extractors.audio import silence
from recommender.extractors.audio.pitch import LOG_BINS, LOG_LOWEST_MIDI, STEPS, log_spectrum
from recommender.extractors.audio.stft import FRAME_HZ, SR_HZ, Clock, chunks, mel_bands
from recommender.text import show
from recommender.types import Array

BANDS = 16  # of about two thirds of an octave: timbre, not notes
LOW_BANDS = 2  # up to about 250 Hz
FLOOR_DB = 60.0  # below the loudest band of the track: what is fainter is nothing
PER_CHROMA = 4  # frames (93 ms) per frame of chroma; divides CHUNK
BASS_MIDI = 52  # E3, below which a bass plays
LONGEST_S = 3600.0  # samples are kept for the joints: 88 kB a second


class Sound(NamedTuple):
    """A track.

    Attributes
    ----------
    samples: float32 [n], mono at `SR_HZ`.
    levels_db: float32 [m, BANDS], level of each band per frame at `FRAME_HZ`, at most `FLOOR_DB` below the loudest.
    chroma, bass: float32 [m / PER_CHROMA, 12], strength of pitch classes, of all notes and of those of a bass.
    heard: bool [m], which frames are no silence.
    """

    samples: Array
    levels_db: Array
    chroma: Array
    bass: Array
    heard: Array

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SR_HZ

    @property
    def ends_s(self) -> float:
        """When the last of it has died away."""
        return min(float(np.flatnonzero(self.heard)[-1] + 1) / FRAME_HZ, self.duration_s)


def listen(path: Path) -> Sound:
    """The sound of a file, decoded once.

    Raises MediaError where there is none, InputError where it is longer than `LONGEST_S`.
    """
    from recommender.media import audio_blocks

    blocks, length = [], 0
    for block in audio_blocks(path, SR_HZ):
        blocks.append(block)
        length += len(block)
        if length > LONGEST_S * SR_HZ:
            raise InputError(f"{show(path)} is longer than {LONGEST_S / 60:g} minutes: cut it into tracks to fit one")
    return sound_of(blocks)


def sound_of(blocks: Iterable[Array]) -> Sound:
    """The sound of mono samples at `SR_HZ`, given as consecutive float32 blocks."""
    samples = np.concatenate([np.zeros(0, np.float32), *blocks])
    levels, spectra = [], []
    for chunk in chunks([samples], Clock()):
        mel = mel_bands().apply(chunk.power)
        levels.append(mel.reshape(len(mel), BANDS, -1).sum(axis=2))
        power = chunk.power[::2]  # every second frame overlaps the next by a half: nothing goes unheard
        spectra.append(log_spectrum(_means(power, PER_CHROMA // 2)))
    power, spectrum = np.concatenate(levels), np.concatenate(spectra)
    levels_db = 10 * np.log10(np.maximum(power, 1e-20))
    square = power.sum(axis=1)
    return Sound(
        samples,
        np.maximum(levels_db, levels_db.max() - FLOOR_DB),
        spectrum @ _classes(),
        spectrum @ _classes(BASS_MIDI),
        silence.sounding(square / max(float(square.max()), 1e-20)),
    )


def _means(rows: Array, count: int) -> Array:
    """The means of each `count` rows, the last one of those that are left."""
    starts = np.arange(0, len(rows), count)
    sizes = np.diff(np.append(starts, len(rows)))
    return np.asarray(np.add.reduceat(rows, starts, axis=0) / sizes[:, None].astype(np.float32))


@cache
def _classes(below: int = 128) -> Array:
    """Log-frequency bins to pitch classes, float32 [LOG_BINS, 12]: a semitone's bins, of notes under `below` (MIDI)."""
    note = np.round(LOG_LOWEST_MIDI + np.arange(LOG_BINS) / STEPS).astype(int)
    return ((note[:, None] % 12 == np.arange(12)) & (note[:, None] < below)).astype(np.float32)
