"""The sound of one placement or of several, block by block: the music alone, and with the clip's own sound."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.editing.limiter import limit
from recommender.editing.placement import JOINT_S, Bed, Keyframe, Placement, bed_of, gains_at
from recommender.media import probe
from recommender.media.kept import Shelf, state_of
from recommender.media.stereo import RATE_HZ, clip_sound, track_sound
from recommender.types import Array

CODED_DB = 0.5
"""How far below its highest true peak a mix is limited, for what coding adds."""

OnSecond = Callable[[float], None]
"""Told how many seconds are done."""
_KEPT_S = 90.0  # a sound that lasts no longer is decoded once for all that is made of it: 35 MB
_shelf = Shelf(round(2 * _KEPT_S * RATE_HZ))


class Mix(NamedTuple):
    """A mix: blocks float32 [2, n], the first sample at `at`, 0 where the pictures begin, until they end or later."""

    at: int
    blocks: Iterator[Array]


class Tape:
    """Blocks [2, n] read in lengths of one's own; behind their end lies silence."""

    def __init__(self, blocks: Iterable[Array]) -> None:
        self._blocks, self._held = iter(blocks), np.zeros((2, 0), np.float32)
        self.ended = False

    def rest(self) -> Iterator[Array]:
        """What is left, as it comes."""
        yield self._held
        yield from self._blocks

    def read(self, count: int) -> Array:
        """float32 [2, count]: what comes next."""
        parts, have = [self._held], self._held.shape[1]
        while have < count and not self.ended:
            block = next(self._blocks, None)
            self.ended = block is None
            if block is not None:
                parts.append(block)
                have += block.shape[1]
        y = np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]
        self._held = y[:, count:]
        return y[:, :count] if have >= count else np.pad(y, ((0, 0), (0, count - have)))


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
            y = (y * _amplitude(placement, at, at + y.shape[1], rate_hz=rate_hz)).astype(np.float32)
        at += y.shape[1]
        yield y


def _amplitude(placement: Placement, first: int, end: int, *, rate_hz: int) -> Array:
    """What the samples from `first` to `end` are multiplied by: [n], or [1] where it stays the same."""
    begins, ends = placement.at_s, placement.at_s + placement.duration_s
    turns = [
        begins,
        begins + placement.fade_in_s,
        ends - placement.fade_out_s,
        ends,
        *(at_s for at_s, _ in placement.ducks),
    ]
    samples = np.arange(first, end)
    edges = placement.amplitude(samples[[0, -1]] / rate_hz)
    if edges[0] == edges[1] and not any(first / rate_hz < turn < end / rate_hz for turn in turns):
        return edges[:1]
    return placement.amplitude(samples / rate_hz)


def stem_blocks(music: Placement | Bed, *, rate_hz: int = RATE_HZ) -> Iterator[Array]:
    """float32 [2, n] blocks from the first picture to the last: the music as it lies, its true peak limited."""
    return limit(_laid(bed_of(music), 0, rate_hz), ceiling(music))


def mix(music: Placement | Bed, zero_s: float) -> Mix:
    """The music with the clip's own sound, its true peak limited.

    `zero_s`: the time stamp of the clip's first picture. What sounds before it, and behind the last one, stays.
    """
    bed = bed_of(music)
    own = _OwnSound(bed.clip, zero_s, bed.own)
    return Mix(own.at, limit(_together(bed, own), ceiling(bed)))


def own_blocks(clip: Path, zero_s: float, count: int) -> Iterator[Array]:
    """float32 [2, n] blocks: `count` samples of a clip's own sound from its first picture on, silence where it ends."""
    own = _OwnSound(clip, zero_s, (Keyframe(0.0, 0.0),))
    own.tape.read(-own.at)
    while count > 0 and not own.tape.ended:
        y = own.tape.read(min(count, RATE_HZ))
        count -= y.shape[1]
        yield y


def ceiling(music: Placement | Bed) -> float:
    """The highest true peak of the samples, linear."""
    return float(10 ** ((music.peak_dbtp - CODED_DB) / 20))


class _OwnSound:
    """A clip's own sound from the sample `at` on, at most 0, with its gain; none where that is None."""

    def __init__(self, clip: Path, zero_s: float, gain: Sequence[Keyframe] | None) -> None:
        self.at, self.tape = 0, Tape(())
        if gain is not None:
            blocks = _clip_blocks(clip, zero_s)
            first_at, first = next(blocks, (0, np.zeros((2, 0), np.float32)))
            self.at = min(0, first_at)
            told = chain([(first_at, first)], blocks)
            self.tape = Tape(chain(_silence(first_at), (_with_gain(at, y, gain) for at, y in told)))


def _with_gain(at: int, y: Array, gain: Sequence[Keyframe]) -> Array:
    """The block y [2, n], whose first sample is `at`, under keyframes."""
    times_s = np.arange(at, at + y.shape[1]) / RATE_HZ if len(gain) > 1 else np.zeros(1)
    return y * (10 ** (gains_at(gain, times_s) / 20)).astype(np.float32)


def _together(bed: Bed, own: _OwnSound) -> Iterator[Array]:
    for music in _laid(bed, own.at, RATE_HZ):
        yield music + own.tape.read(music.shape[1])
    yield from own.tape.rest()


def _laid(bed: Bed, at: int, rate_hz: int) -> Iterator[Array]:
    """All music with silence around it, from the sample `at` (at most that where it begins) to the last picture.

    A second each; of many placements only those are open that sound.
    """
    waiting = sorted(((round(one.at_s * rate_hz), one) for one in bed.placements), key=lambda pair: pair[0])
    playing: list[tuple[int, Tape]] = []
    last = math.ceil(bed.clip_s * rate_hz)
    while at < last:
        end = min(at + rate_hz, last)
        y = np.zeros((2, end - at), np.float32)
        while waiting and waiting[0][0] < end:
            begins, one = waiting.pop(0)
            playing.append((begins, Tape(music_blocks(one, rate_hz=rate_hz))))
        for begins, tape in playing:
            inside = y[:, max(begins - at, 0) :]
            inside += tape.read(inside.shape[1])
        playing = [(begins, tape) for begins, tape in playing if not tape.ended]
        yield y
        at = end


def pad(blocks: Iterable[Array], count: int) -> Iterator[Array]:
    """The first `count` samples of some blocks [2, n], with silence where they end, about a second each."""
    tape = Tape(blocks)
    while count > 0:
        y = tape.read(min(count, RATE_HZ))
        count -= y.shape[1]
        yield y


def _silence(count: int) -> Iterator[Array]:
    while count > 0:
        yield np.zeros((2, min(count, RATE_HZ)), np.float32)
        count -= RATE_HZ


def _joined(placement: Placement, rate_hz: int) -> Iterator[Array]:
    """The pieces one after the other, without gains."""
    pieces = placement.pieces
    bounds = np.cumsum([0.0, *(end - start for start, end in pieces)])
    counts = [round(b * rate_hz) - round(a * rate_hz) for a, b in pairwise(bounds.tolist())]
    half = round(JOINT_S / 2 * rate_hz)
    tail = None
    for k, (piece, count) in enumerate(zip(pieces, counts, strict=True)):
        lead, trail = half if k else 0, half if k + 1 < len(pieces) else 0
        tape = Tape(_stretch(placement, round(piece.start_s * rate_hz) - lead, lead + count + trail, rate_hz=rate_hz))
        if tail is not None:
            yield _crossfade(tail, tape.read(2 * half))
        left = count - lead - trail
        while left > 0:
            y = tape.read(min(left, rate_hz))
            left -= y.shape[1]
            yield y
        tail = tape.read(2 * half)


def _crossfade(out: Array, into: Array) -> Array:
    """From `out` to `into`, both [2, n], at even power: sine and cosine over what their likeness adds to it."""
    power = np.sqrt(float(np.square(out).sum()) * float(np.square(into).sum()))
    alike = min(max(float((out * into).sum()) / power, 0.0), 1.0) if power > 0 else 0.0
    turn = np.linspace(0, np.pi / 2, out.shape[1])
    rising, level = np.sin(turn), np.sqrt(1 + alike * np.sin(2 * turn))
    return ((out * rising[::-1] + into * rising) / level).astype(np.float32)


def _stretch(placement: Placement, first: int, count: int, *, rate_hz: int) -> Iterator[Array]:
    """Samples of the track; silence before its beginning."""
    if first < 0:
        yield np.zeros((2, -first), np.float32)
    yield from section_blocks(placement.track, max(0, first), count + min(0, first), rate_hz=rate_hz)


def section_blocks(track: Path, first: int, count: int, *, rate_hz: int = RATE_HZ) -> Iterator[Array]:
    """`count` samples of a track from sample `first` on, as `track_sound`; short ones are decoded once for all that
    is made of them."""
    blocks = track_sound(track, first, count, rate_hz=rate_hz)
    if count > _KEPT_S * RATE_HZ:
        return blocks
    key = track, first, count, rate_hz, state_of(track)
    return (y for _, y in _shelf.play(key, ((0, y) for y in blocks)))


def _clip_blocks(clip: Path, zero_s: float) -> Iterator[tuple[int, Array]]:
    """The sound of a clip as `clip_sound`; of a short one decoded once, too."""
    blocks, lasts_s = clip_sound(clip, zero_s), probe(clip).duration_s
    if lasts_s is None or lasts_s > _KEPT_S:
        return blocks
    return _shelf.play((clip, zero_s, state_of(clip)), blocks)
