"""Landmarks of a sound: pairs of spectral peaks, which stand under speech, noise and codecs.

Wang (*An industrial-strength audio search algorithm*, ISMIR 2003) takes the peaks of a spectrogram and hashes pairs of
them: both frequencies and the time between (his section 2.2). The same music gives the same hashes at the same
distances of time, whatever else sounds. [ours] A library keeps some 60 a second, of its strongest peaks alone; a film
is read densely, so that these are among its own however loud somebody speaks: peaks that are the largest within a wide
reach are so within a narrow one.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from recommender.extractors.audio.stft import Framing, sane, spans
from recommender.types import Array

REVISION = "landmarks-1"  # change it whenever a key may change
SR_HZ = 11025
N_FFT, HOP = 1024, 256
BINS = N_FFT // 2
FRAME_HZ = SR_HZ / HOP  # 43.07
LEAST_APART, MOST_APART = 2, 63  # frames between two peaks of a pair: 6 bits
MOST_BINS = 64  # between them: 689 Hz
CHUNK, BATCH = 512, 32  # frames, as `stft` has them
LOWEST_BIN = 4  # 43 Hz: below are rumble and offsets
FLOOR = 1e-6  # a sine of -108 dB of full scale: below are rounding and dither
BLOCK = 43  # frames (1 s) of which so many peaks are kept


class Density(NamedTuple):
    """How densely peaks are taken and paired.

    reach: the frames and bins on either side within which a peak is the largest. peaks: most of a `BLOCK`. pairs: most
    that a peak begins.
    """

    reach: tuple[int, int]
    peaks: int
    pairs: int


TRACK, FILM = Density((6, 8), 12, 6), Density((4, 6), 80, 40)


class Peaks(NamedTuple):
    """Spectral peaks by frame, then bin: int32 [n] each; frame k is centred on sample `k * HOP`."""

    frames: Array
    bins: Array


class Landmarks(NamedTuple):
    """Pairs of peaks: keys uint32 [n] (9 bits of either bin, 6 of the frames between), frames int32 [n] of the first
    peak, ascending."""

    keys: Array
    frames: Array


def track_landmarks(blocks: Iterable[Array]) -> tuple[Landmarks, int]:
    """The landmarks of a track that a library keeps, and its frames; blocks: consecutive mono samples at `SR_HZ`."""
    peaks, frames = find_peaks(blocks, TRACK)
    return pair(peaks, TRACK), frames


def find_peaks(blocks: Iterable[Array], density: Density) -> tuple[Peaks, int]:
    """The peaks of mono samples at `SR_HZ`, given as consecutive blocks of any length, and the frames they have.

    How the stream is cut into blocks changes no bit; memory grows by some 1 kB a second.
    """
    before = density.reach[0]
    found, held, at, last = [_none()], np.empty((0, BINS), np.float32), 0, 0
    for power in _power(blocks):
        rows = np.concatenate([held, power])
        found.append(_peaks(rows, at, first=last - at, end=len(rows) - before, reach=density.reach))
        last = max(last, at + len(rows) - before)
        at, held = at + max(0, len(rows) - 2 * before), rows[-2 * before :]
    found.append(_peaks(held, at, first=last - at, end=len(held), reach=density.reach))
    frames, bins, strength = (np.concatenate(parts) for parts in zip(*found, strict=True))
    kept = _strongest(frames, strength, density.peaks)
    return Peaks(frames[kept], bins[kept]), at + len(held)


def pair(peaks: Peaks, density: Density, end: int | None = None) -> Landmarks:
    """The landmarks that peaks before frame `end` begin: each with the next ones near in time and frequency."""
    frames, bins = peaks
    first = len(frames) if end is None else int(np.searchsorted(frames, end))
    begun = np.zeros(first, np.int32)
    firsts, seconds = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
    for step in range(1, len(frames)):
        n = min(first, len(frames) - step)
        apart = frames[step : step + n] - frames[:n]
        if n < 1 or apart.min() > MOST_APART:
            break
        near = (apart >= LEAST_APART) & (apart <= MOST_APART) & (begun[:n] < density.pairs)
        near &= np.abs(bins[step : step + n] - bins[:n]) <= MOST_BINS
        begun[:n] += near
        one = np.flatnonzero(near)
        firsts.append(one)
        seconds.append(one + step)
    one, two = np.concatenate(firsts), np.concatenate(seconds)
    order = np.argsort(one, kind="stable")
    one, two = one[order], two[order]
    keys = bins[one] << 15 | bins[two] << 6 | frames[two] - frames[one]
    return Landmarks(keys.astype(np.uint32), frames[one])


def apart(keys: Array) -> Array:
    """The frames between the peaks of landmarks, int32 [n]."""
    return (keys & MOST_APART).astype(np.int32)


def both_bins(keys: Array) -> tuple[Array, Array]:
    """The bins of the first and of the second peak of landmarks, int64 [n] each."""
    wide = keys.astype(np.int64)
    return wide >> 15, wide >> 6 & BINS - 1


def _none() -> tuple[Array, Array, Array]:
    return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)


def _peaks(rows: Array, at: int, *, first: int, end: int, reach: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Frames, bins and strengths of the peaks in rows `first` to `end` of frames from `at` on.

    A peak counts by its power times its frequency: music falls by some 3 dB an octave and more, and speech lies low.
    """
    import cv2

    if end <= first:
        return _none()
    largest = cv2.dilate(rows, np.ones((2 * reach[0] + 1, 2 * reach[1] + 1), np.uint8))
    is_peak = rows[first:end] >= np.maximum(largest[first:end], FLOOR)
    is_peak[:, :LOWEST_BIN] = False
    frames, bins = np.nonzero(is_peak)
    strength = rows[first:end][frames, bins] * (bins + 1).astype(np.float32)
    return (frames + first + at).astype(np.int32), bins.astype(np.int32), strength


def _strongest(frames: Array, strength: Array, most: int) -> Array:
    """bool [n]: at most so many peaks of every `BLOCK`, the strongest."""
    blocks = frames // BLOCK
    order = np.lexsort((-strength, blocks))
    starts = np.searchsorted(blocks, blocks[order])  # frames ascend: where the block of each begins
    kept = np.zeros(len(frames), bool)
    kept[order[np.arange(len(order)) - starts < most]] = True
    return kept


def _power(blocks: Iterable[Array]) -> Iterator[Array]:
    """Power spectra float32 [n, BINS] of consecutive frames, `CHUNK` at a time, the last ones fewer."""
    return map(_transform, spans(map(sane, blocks), Framing(N_FFT, HOP, CHUNK)))


def _transform(samples: Array) -> Array:
    """The power spectra over `samples` float32 [>= N_FFT], without the Nyquist frequency; packed as `stft.transform`
    says."""
    import cv2

    frames = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP]
    power = np.empty((len(frames), BINS), np.float32)
    for first in range(0, len(frames), BATCH):
        packed = cv2.dft(frames[first : first + BATCH] * _window(), flags=cv2.DFT_ROWS)
        np.square(packed, out=packed)
        batch = power[first : first + BATCH]
        batch[:, 0] = packed[:, 0]
        np.add(packed[:, 1:-1:2], packed[:, 2:-1:2], out=batch[:, 1:])
    return power


@cache
def _window() -> Array:
    """The periodic Hann window, float32 [N_FFT]."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
