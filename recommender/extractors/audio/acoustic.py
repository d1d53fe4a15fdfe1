"""A compact acoustic fingerprint: the same recording gives almost the same one in any encoding, at any gain.

Haitsma & Kalker (*A highly robust audio fingerprinting system*, ISMIR 2002) keep, per moment and pair of
neighbouring bands, one bit: whether the energy difference of the pair grows (their eq. 1). [ours] Their moments are
12 ms apart, so that two files may start anywhere; here the bands are smoothed over 1.3 s instead, so that a moment
every 0.19 s, read off the log-frequency spectra that the music features compute anyway, is enough: 1.3 kB a minute.
[ours] Such bits tell the notes, and are much the same for one score played in time by two synthesisers; coarse levels
per band (0.5 kB a minute) tell how they sound.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.extractors.audio.pitch import LOG_BINS, log_spectrum
from recommender.extractors.audio.stft import SLOW_HZ, Clock, chunks, slow_power
from recommender.types import Array

REVISION = "acoustic-1"  # change it whenever a bit may change: fingerprints of two revisions must not be compared
BITS = 32
RATE_HZ = SLOW_HZ  # 5.38 codes a second
FIRST_BIN, BAND_BINS = 60, 4  # 33 bands of 4/3 semitone from C3 (131 Hz) to G#6: every codec keeps these
TRIANGLE = (1, 2, 3, 4, 3, 2, 1)  # frames; half a frame of misalignment then costs 1 bit in 10, 1 in 6 with (1, 2, 1)
STEP = 4  # frames over which growth is read: 0.74 s
QUIET = 1e-3  # 60 dB below the loudest moment there is codec noise, not music
STILL = 0.01  # a mean change below 1 % of the mean band is rounding and codec noise: a drone has nothing to tell
BLOCK = 8  # frames per row of levels: 1.5 s
LEVELS = 12  # bands of seven semitones from E1 to E8: enough to tell two pianos apart
LEVEL_BINS = 21
FLOOR_DB = 100
_HEAD = struct.Struct("<4sI")
_MAGIC = b"AFP1"


class Fingerprint(NamedTuple):
    """What is kept of a recording.

    codes:  uint32 [n], one per 1 / RATE_HZ seconds; 0 where there is nothing to tell (silence, a drone, the start).
    levels: uint8 [ceil(n / BLOCK), LEVELS], dB below the loudest of them all, at most FLOOR_DB.
    """

    codes: Array
    levels: Array

    @property
    def heard(self) -> int:
        """The number of codes that tell something."""
        return int(np.count_nonzero(self.codes))


def from_blocks(blocks: Iterable[Array]) -> Fingerprint:
    """The fingerprint of mono audio at `stft.SR_HZ`, given as consecutive float32 blocks of any length."""
    spectra = [log_spectrum(slow_power(chunk.power)) for chunk in chunks(blocks, Clock())]
    return fingerprint(np.concatenate(spectra))


def fingerprint(spectra: Array) -> Fingerprint:
    """The fingerprint of log-frequency magnitudes float32 [n, LOG_BINS], one row per slow frame of the transform."""
    if spectra.ndim != 2 or spectra.shape[1] != LOG_BINS:
        raise InputError(f"log-frequency spectra must be [n, {LOG_BINS}], not {list(spectra.shape)}")
    return Fingerprint(_codes(spectra), _levels(spectra))


def _codes(spectra: Array) -> Array:
    """uint32 [n]: bit m says that band m + 1 gains on band m."""
    last = FIRST_BIN + (BITS + 1) * BAND_BINS
    bands = _smooth(spectra[:, FIRST_BIN:last].reshape(-1, BITS + 1, BAND_BINS).sum(axis=2))
    slope = np.diff(bands, axis=1)
    gain = np.zeros_like(slope)
    gain[STEP:] = slope[STEP:] - slope[:-STEP]
    codes = np.packbits(gain > 0, axis=1, bitorder="little").view("<u4")[:, 0].astype(np.uint32)
    level = bands.mean(axis=1)
    tells = level > QUIET * level.max(initial=0)
    tells &= np.abs(gain).mean(axis=1) > STILL * level
    return np.where(tells, np.maximum(codes, 1), 0).astype(np.uint32)


def _smooth(bands: Array) -> Array:
    """`bands` [n, k] under a centred `TRIANGLE` in time, the ends held."""
    half, n = len(TRIANGLE) // 2, len(bands)
    held = np.pad(bands, ((half, half), (0, 0)), mode="edge") if n else bands
    total = np.zeros_like(bands)
    for at, weight in enumerate(TRIANGLE):
        total += np.float32(weight / sum(TRIANGLE)) * held[at : at + n]
    return total


def _levels(spectra: Array) -> Array:
    """Mean power per block and band, uint8 dB below the loudest."""
    n = len(spectra)
    starts = np.arange(0, n, BLOCK)
    if n == 0:
        return np.empty((0, LEVELS), np.uint8)
    power = np.square(spectra[:, : LEVELS * LEVEL_BINS]).reshape(n, LEVELS, LEVEL_BINS).sum(axis=2)
    mean = np.add.reduceat(power, starts, axis=0) / np.diff(np.append(starts, n))[:, None]
    share = mean / max(float(mean.max()), 1e-30)
    return np.clip(np.round(-10 * np.log10(np.maximum(share, 1e-30))), 0, FLOOR_DB).astype(np.uint8)


def to_bytes(fingerprint: Fingerprint) -> bytes:
    """`fingerprint` as bytes for a table: a magic with the revision, number of codes, codes, levels, little-endian."""
    head = _HEAD.pack(_MAGIC, len(fingerprint.codes))
    return head + fingerprint.codes.astype("<u4").tobytes() + fingerprint.levels.tobytes()


def from_bytes(data: bytes) -> Fingerprint:
    """The fingerprint that `to_bytes` wrote; raises InputError for anything else, another revision included."""
    magic, n = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (b"", 0)
    rows = -(-n // BLOCK)
    if magic != _MAGIC or len(data) != _HEAD.size + 4 * n + LEVELS * rows:
        told = f"{len(data)} bytes are no acoustic fingerprint of revision {REVISION}; analyse the file again"
        raise InputError(told)
    codes = np.frombuffer(data, "<u4", n, _HEAD.size).astype(np.uint32)
    return Fingerprint(codes, np.frombuffer(data, np.uint8, offset=_HEAD.size + 4 * n).reshape(rows, LEVELS))
