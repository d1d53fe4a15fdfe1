"""The sound of a placement, block by block: the music alone, and with the clip's own sound."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from recommender.media.stereo import RATE_HZ, track_sound
from recommender.placement import JOINT_S, Placement
from recommender.types import Array


class Tape:
    """Blocks [2, n] read in lengths of one's own; behind their end lies silence."""

    def __init__(self, blocks: Iterable[Array]) -> None:
        self._blocks, self._held = iter(blocks), np.zeros((2, 0), np.float32)
        self.ended = False

    def read(self, count: int) -> Array:
        """float32 [2, count]: what comes next."""
        parts, have = [self._held], self._held.shape[1]
        while have < count and not self.ended:
            block = next(self._blocks, None)
            self.ended = block is None
            if block is not None:
                parts.append(block)
                have += block.shape[1]
        y = np.concatenate(parts, axis=1)
        self._held = y[:, count:]
        return y[:, :count] if have >= count else np.pad(y, ((0, 0), (0, count - have)))

    def skip(self, count: int) -> None:
        """Leave out the next `count` samples."""
        while count > 0:
            count -= self.read(min(count, RATE_HZ)).shape[1]


def music_blocks(placement: Placement, *, rate_hz: int = RATE_HZ, gains: bool = True) -> Iterator[Array]:
    """float32 [2, n] blocks of the music as it lies, from its first sample to its last, about a second each.

    Joints are crossfaded; without `gains`, gain, fades and ducks are left to the caller. Where the track ends before
    its pieces do, silence follows.
    """
    at = round(placement.at_s * rate_hz)
    tape, left = Tape(_joined(placement, rate_hz)), round(placement.duration_s * rate_hz)
    while left > 0:
        y = tape.read(min(left, rate_hz))
        left -= y.shape[1]
        if gains:
            y = (y * placement.amplitude(np.arange(at, at + y.shape[1]) / rate_hz)).astype(np.float32)
        at += y.shape[1]
        yield y


def _joined(placement: Placement, rate_hz: int) -> Iterator[Array]:
    """The pieces one after the other, without gains."""
    pieces = placement.pieces
    bounds = np.cumsum([0.0, *(end - start for start, end in pieces)])
    counts = [round(b * rate_hz) - round(a * rate_hz) for a, b in pairwise(bounds.tolist())]
    half = round(JOINT_S / 2 * rate_hz)
    rising = np.sin(np.linspace(0, np.pi / 2, 2 * half)).astype(np.float32)
    tail = None
    for k, (piece, count) in enumerate(zip(pieces, counts, strict=True)):
        lead, trail = half if k else 0, half if k + 1 < len(pieces) else 0
        tape = Tape(_stretch(placement, round(piece.start_s * rate_hz) - lead, lead + count + trail, rate_hz=rate_hz))
        if tail is not None:
            yield tail * rising[::-1] + tape.read(2 * half) * rising
        left = count - lead - trail
        while left > 0:
            y = tape.read(min(left, rate_hz))
            left -= y.shape[1]
            yield y
        tail = tape.read(2 * half)


def _stretch(placement: Placement, first: int, count: int, *, rate_hz: int) -> Iterator[Array]:
    """Samples of the track; silence before its beginning."""
    if first < 0:
        yield np.zeros((2, -first), np.float32)
    yield from track_sound(placement.track, max(0, first), count + min(0, first), rate_hz=rate_hz)
