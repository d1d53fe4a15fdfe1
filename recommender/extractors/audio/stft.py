"""The one short-time Fourier transform that every music feature reads, as a stream of chunks."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from recommender.extractors.audio.linear import Banded
from recommender.types import Array

SR_HZ = 22050
N_FFT = 2048
HOP = 512
BINS = N_FFT // 2 + 1
FRAME_HZ = SR_HZ / HOP
CHUNK = 512  # frames (12 s): calls cost little beside what they compute, and the arrays fit the level-3 cache
BATCH = 32  # frames transformed at once: in the level-2 cache, and too few for OpenCV to spread over threads
SLOW = 8  # frames per slow frame (0.19 s); divides CHUNK
SLOW_HZ = FRAME_HZ / SLOW
LIMIT = 16.0  # +24 dB over full scale: damaged streams decode to anything, powers must stay finite


class Chunk(NamedTuple):
    """Consecutive frames: frame k is centred on sample `k * HOP`.

    samples:   float32 [(n - 1) * HOP + N_FFT], the samples under the frames.
    magnitude: float32 [n, BINS], absolute value of the Hann-windowed transform.
    power:     float32 [n, BINS], its square.
    """

    samples: Array
    magnitude: Array
    power: Array


class Clock:
    """Counts the samples that went through `chunks`."""

    def __init__(self) -> None:
        self.samples = 0

    @property
    def duration_s(self) -> float:
        """Seconds of audio counted so far."""
        return self.samples / SR_HZ

    def count(self, blocks: Iterable[Array]) -> Iterator[Array]:
        """The same blocks, counted as they go through."""
        for block in blocks:
            self.samples += len(block)
            yield block


def chunks(blocks: Iterable[Array], clock: Clock) -> Iterator[Chunk]:
    """The transform of a mono stream at `SR_HZ`, `CHUNK` frames at a time (the last chunk may be shorter).

    The signal is padded with half a frame of zeros at both ends, so n samples give 1 + n // HOP frames.
    Chunk borders depend on the frame number alone: how the stream is cut into blocks changes no bit.
    """
    return map(transform, spans(clock.count(map(sane, blocks)), Framing(N_FFT, HOP, CHUNK)))


class Framing(NamedTuple):
    """How a stream is cut: frames of `length` samples, `hop` apart, `chunk` of them together."""

    length: int
    hop: int
    chunk: int


def spans(blocks: Iterable[Array], framing: Framing) -> Iterator[Array]:
    """The samples under consecutive chunks of frames, float32, of a stream padded by half a frame at both ends.

    The last ones have fewer frames, and samples beyond their last whole frame.
    """
    half, step = np.zeros(framing.length // 2, np.float32), framing.chunk * framing.hop
    need = step - framing.hop + framing.length
    waiting, length = [half], len(half)
    for block in blocks:
        waiting.append(block)
        length += len(block)
        if length < need:
            continue
        buffer, start = np.concatenate(waiting), 0
        while length - start >= need:
            yield buffer[start : start + need]
            start += step
        waiting, length = [buffer[start:]], length - start
    rest = np.concatenate([*waiting, half])
    while len(rest) >= framing.length:
        yield rest[:need]
        rest = rest[step:]


def sane(block: Array) -> Array:
    """`block` as float32 [n] with NaN and infinity as 0 and values clipped to ±`LIMIT`."""
    samples = np.ascontiguousarray(block, dtype=np.float32).reshape(-1)
    if samples.size == 0 or (samples.min() >= -LIMIT and samples.max() <= LIMIT):  # neither where one is NaN
        return samples
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -LIMIT, LIMIT)


def transform(samples: Array) -> Chunk:
    """The chunk over `samples` float32 [>= N_FFT]; samples beyond the last whole frame are dropped.

    OpenCV's real transform takes a third of the time of scipy's. It packs a row as re 0, re 1, im 1, re 2, ..., re N/2.
    """
    import cv2  # here: who only asks for the names of columns need not wait for it

    frames = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP]
    power = np.empty((len(frames), BINS), np.float32)
    for first in range(0, len(frames), BATCH):
        packed = cv2.dft(frames[first : first + BATCH] * hann(), flags=cv2.DFT_ROWS)
        np.square(packed, out=packed)
        batch = power[first : first + BATCH]
        batch[:, 0], batch[:, -1] = packed[:, 0], packed[:, -1]
        np.add(packed[:, 1:-1:2], packed[:, 2:-1:2], out=batch[:, 1:-1])
    return Chunk(samples[: (len(frames) - 1) * HOP + N_FFT], np.sqrt(power), power)


@cache
def hann() -> Array:
    """The periodic Hann window, float32 [N_FFT]."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


@cache
def bin_hz() -> Array:
    """Centre frequency of each bin in Hz, float32 [BINS]."""
    return (np.arange(BINS) * (SR_HZ / N_FFT)).astype(np.float32)


def slow_power(power: Array) -> Array:
    """Mean power of each group of `SLOW` frames, float32 [ceil(n / SLOW), BINS]: a longer, smoother frame."""
    whole = len(power) // SLOW * SLOW
    slow: Array = np.einsum("ijk->ik", power[:whole].reshape(-1, SLOW, BINS)) / np.float32(SLOW)
    if whole == len(power):
        return slow
    return np.concatenate([slow, power[whole:].mean(axis=0, keepdims=True)])


@cache
def mel_filters(bands: int = 128) -> Array:
    """Triangular mel filters, float32 [BINS, bands], each of unit area in Hz.

    Slaney's mel scale: linear below 1 kHz (200/3 Hz per mel), logarithmic above (27 steps per factor 6.4);
    Slaney, *Auditory Toolbox* (1998).
    """
    top = 15 + np.log(SR_HZ / 2 / 1000) * 27 / np.log(6.4)
    mel = np.linspace(0, top, bands + 2)
    edge = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    hz = np.arange(BINS)[:, None] * (SR_HZ / N_FFT)
    rise = (hz - edge[:-2]) / np.diff(edge)[:-1]
    fall = (edge[2:] - hz) / np.diff(edge)[1:]
    area = 2 / (edge[2:] - edge[:-2])
    return (np.maximum(0, np.minimum(rise, fall)) * area).astype(np.float32)


@cache
def mel_bands() -> Banded:
    """`mel_filters` in 8 blocks."""
    return Banded(mel_filters(), 8)
