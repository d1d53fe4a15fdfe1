"""Beats, bars and downbeats of a piece of music: found, told to people and kept as bytes.

`beat_times` says when the beats are, `bars` where bars begin; both read the series that the music features are made of.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.extractors.audio.bars import METRES, bars
from recommender.extractors.audio.beat_times import beat_times
from recommender.types import Array

REVISION = "beats-1"  # change it, and the magic, whenever a beat may change
TICKS_HZ = 10_000  # times are kept to 0.1 ms
FEWEST = 4  # beats: of less than a bar nothing is told
_MAGIC = b"BTS1"
_HEAD = struct.Struct("<4sIIBB")  # magic, beats, first beat in ticks, beats of a bar, confidence in percent
_LONGEST = 0xFFFF  # ticks between two beats


class Beats(NamedTuple):
    """The beats of a piece of music; `NONE` where there is nothing to tap to.

    Attributes
    ----------
    times_s:       float64 [n], ascending, in seconds from the start of the file, to 0.1 ms.
    down:          bool [n], which of them begin a bar.
    beats_per_bar: 3 or 4 (a bar that is cut short has fewer); None without beats.
    confidence:    share of the beats on which something starts, in [0, 1]; None without beats.
    """

    times_s: Array
    down: Array
    beats_per_bar: int | None
    confidence: float | None

    @property
    def downbeats_s(self) -> Array:
        """When bars begin, float64 [k], in seconds."""
        return np.asarray(self.times_s[self.down])

    @property
    def bars_s(self) -> Array:
        """Start and end of every bar that ends with another one's start, float64 [max(k - 1, 0), 2], in seconds."""
        starts = self.downbeats_s
        return np.stack([starts[:-1], starts[1:]], axis=1)


NONE = Beats(np.empty(0), np.empty(0, bool), None, None)


def estimate(frames: Mapping[str, Array], slow: Mapping[str, Array], bpm: float | None) -> Beats:
    """The beats of an item at the level of its told tempo; `NONE` where that is None.

    Reads `onset` and `low_onset` (dB) and `square` per frame [n], `chroma` and `bass_chroma` per slow frame [m, 12].
    """
    if bpm is None:
        return NONE
    times_s, sure = beat_times(frames, slow, bpm)
    ticks = np.unique(np.round(times_s * TICKS_HZ).astype(np.int64))
    if len(ticks) < FEWEST or np.diff(ticks).max() > _LONGEST:
        return NONE
    times_s = ticks / TICKS_HZ
    down, metre = bars(times_s, frames, slow)
    return Beats(times_s, down, metre, round(sure, 2))


def facts(found: Beats) -> dict[str, int | float | None]:
    """What is told of beats, by the names of the facts."""
    return {"beats_per_bar": found.beats_per_bar, "beat_confidence": found.confidence}


def to_bytes(found: Beats) -> bytes:
    """Beats as bytes for a table, little-endian: a head with the revision, steps in ticks (uint16), a bit per downbeat.

    About 2.1 bytes a beat; 14 where there is no beat. Raises InputError for what is no `Beats` that `estimate` tells.
    """
    ticks = np.round(np.asarray(found.times_s, np.float64) * TICKS_HZ).astype(np.int64)
    steps, down = np.diff(ticks), np.asarray(found.down, bool)
    if len(down) != len(ticks) or (len(ticks) and not 0 <= ticks[0] < 1 << 32):
        raise InputError("beats need times from 0 s on and as many marks of downbeats")
    if len(steps) and not (steps.min() > 0 and steps.max() <= _LONGEST):
        raise InputError(f"beats must ascend by at most {_LONGEST / TICKS_HZ} s")
    if (found.beats_per_bar is None, found.confidence is None) != (not len(ticks),) * 2:
        raise InputError("beats have a metre and a confidence, and without beats there are none")
    metre, percent = found.beats_per_bar or 0, round(100 * (found.confidence or 0.0))
    if metre not in (*METRES, 0) or not 0 <= percent <= 100:
        raise InputError("a bar has 3 or 4 beats, and a confidence lies between 0 and 1")
    first = int(ticks[0]) if len(ticks) else 0
    head = _HEAD.pack(_MAGIC, len(ticks), first, metre, percent)
    return head + steps.astype("<u2").tobytes() + np.packbits(down).tobytes()


def from_bytes(data: bytes) -> Beats:
    """The beats that `to_bytes` wrote; raises InputError for anything else, other revisions included."""
    magic, n, first, metre, percent = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (b"", 0, 0, 0, 0)
    size = _HEAD.size + 2 * max(n - 1, 0) + -(-n // 8)
    sound = magic == _MAGIC and len(data) == size and percent <= 100
    sound = sound and (metre in METRES if n else data[8:] == bytes(6))
    if sound:
        steps = np.frombuffer(data, "<u2", max(n - 1, 0), _HEAD.size)
        bits = np.unpackbits(np.frombuffer(data, np.uint8, offset=size - -(-n // 8)))
        sound = bool(steps.all()) and not bits[n:].any()
    if not sound:
        raise InputError(f"{len(data)} bytes are no beats of revision {REVISION}; analyse the file again")
    if n == 0:
        return NONE
    ticks = first + np.concatenate([[0], np.cumsum(steps, dtype=np.int64)])
    return Beats(ticks / TICKS_HZ, bits[:n].astype(bool), metre, percent / 100)
