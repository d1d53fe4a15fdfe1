"""One channel of many: their mean, and with it what the mean loses though everybody hears it.

Channels in opposite phase (an inverted channel, pads widened by inversion, a karaoke mix) cancel in a mean; one that is
late or filtered cancels at some frequencies. Where channels do so, as few recordings make them, frequencies are turned
against each other before they are added. That is a correction which is added to the mean: all else stays the mean to
the bit.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from recommender.types import Array

SIZE = 4096  # samples of a transform: bins 11 Hz apart at 44.1 kHz
HOP = SIZE // 2
LOOKS = 16  # chunks that are judged together, one transform each: 12 s of 44.1 kHz
FEW_LOOKS = 8  # fewer at the end say less than the ones before
LOWEST_HZ, OCTAVES, MELODIC = 60.0, 8, slice(1, 6)  # octaves that are judged; those from 120 Hz to 4 kHz
FAINT, SILENT = 1e-2, 1e-10  # octaves 20 dB below the loudest one count for nothing
CANCELLED = 0.005  # of the power of bin and moment is left: 23 dB are lost
OPPOSITE = 0.08, 0.04  # of the power cancelled so, octaves alike: from here, and once turned down to here
COHERENT, SHIFTED = 0.95, (0.25, 0.2)  # the same of what is lost in bins where the channels are one up to a phase
TURNED = (
    0.8  # coherence of bins that are turned to agree; others hold sounds in either phase: a quarter turn keeps both
)
EIGHTH = np.complex64(np.exp(0.25j * np.pi))
# Of 84 stereo tracks of music by two dozen hands the most is 0.06 of opposite phase and 0.19 of shifted channels.


class Mixer:
    """Mixes a stream of chunks, all of the same rate and channels (`names`, as FFmpeg has them)."""

    def __init__(self, rate_hz: int, names: Sequence[str]) -> None:
        hz = np.fft.rfftfreq(SIZE, 1 / rate_hz)
        self._octave = np.clip(np.floor(np.log2(np.maximum(hz, 1.0) / LOWEST_HZ)), -1, OCTAVES).astype(int) + 1
        self._pairs, self._count = pairs(names), len(names)
        alone = set(range(len(names))) - {one for pair in self._pairs for one in pair}
        self._groups: list[tuple[int, ...]] = [*self._pairs, *((one,) for one in sorted(alone))]
        self._turned: set[tuple[int, ...]] = set()
        self._judged = False
        self._last: Array | None = None
        self._before = np.zeros((self._count, HOP), np.float32)

    def __call__(self, chunks: Iterable[Array]) -> Iterator[Array]:
        """Mono float32 [n] of each chunk [channels, n] of whole numbers or floats; in order, some chunks late."""
        held: list[Array] = []
        segment: list[Array] = []
        turns = None
        for chunk in chunks:
            if self._count == 1:
                yield mean(chunk)
                continue
            segment.append(chunk)
            if len(segment) == LOOKS:
                turns = self._turns(segment)
                held = self._mixed(held, segment, turns)
                yield from held[:-1]
                held, segment = held[-1:], []
        if segment:
            turns = self._turns(segment)
            held = self._mixed(held, segment, turns)
        if held:
            end = self._before.shape[1]
            self._correct(held, np.pad(self._before, ((0, 0), (0, 2 * HOP))), turns, end=end)
        yield from held

    def _mixed(self, held: list[Array], segment: list[Array], turns: Array | None) -> list[Array]:
        """The chunks `held` and the means of `segment`, corrected; the last hop lacks the next frame."""
        mixed = [*held, *map(mean, segment)]
        whole = self._before.shape[1] + sum(chunk.shape[1] for chunk in segment)
        if turns is not None:
            samples = np.concatenate([self._before, *map(in_full_scale, segment)], axis=1)
            self._correct(mixed, samples, turns, end=whole)
        kept = whole - max(whole // HOP - 1, 0) * HOP
        self._before = np.concatenate([self._before, *map(in_full_scale, segment[-2:])], axis=1)[:, -kept:]
        return mixed

    def _correct(self, mixed: list[Array], samples: Array, turns: Array | None, *, end: int) -> None:
        """Add what the mean lacks to the `mixed` chunks, whose end is sample `end` of `samples`."""
        if turns is None:
            return
        missing = _filtered(samples, (turns - 1) / self._count)[:end]
        at = end - sum(map(len, mixed))  # negative by what was before the samples
        for chunk in mixed:
            first, last = max(at, 0), min(at + len(chunk), len(missing))
            if last > first:
                chunk[first - at : last - at] += missing[first:last]
            at += len(chunk)

    def _turns(self, segment: Sequence[Array]) -> Array | None:
        """By what each channel's bins are multiplied before they are added, complex64 [channels, bins]; None: by 1."""
        if len(segment) < FEW_LOOKS and self._judged:
            return self._last
        looks = np.stack([_look(chunk) for chunk in segment])
        turns = np.ones(looks.shape[1:], np.complex64)
        for left, right in self._pairs:
            self._turn(looks, turns, (left,), (right,))
        first, *others = self._groups
        for group in others:
            self._turn(looks, turns, first, group)
            first += group
        self._judged, self._last = True, turns if (turns != 1).any() else None
        return self._last

    def _turn(self, looks: Array, turns: Array, one: tuple[int, ...], other: tuple[int, ...]) -> None:
        """Turn bins of the channels `one` and `other` in `turns` against each other, where they cancel enough."""
        x, y = (np.einsum("mck,ck->mk", looks[:, group], turns[list(group)]) for group in (list(one), list(other)))
        power = (np.square(np.abs(x)) + np.square(np.abs(y))) / 2
        gone = (power * (np.square(np.abs(x + y)) < 4 * CANCELLED * power)).sum(axis=0)
        power = power.sum(axis=0)
        alike = np.einsum("mk,mk->k", x, y.conj()) / np.where(power > 0, power, 1)
        lost = power * (1 - (1 + alike.real) / (1 + np.abs(alike))) * (np.abs(alike) > COHERENT)
        opposite, shifted, loud = self._judge(gone, lost, power)
        known = other in self._turned
        cancels = _mean(opposite[MELODIC], loud[MELODIC]) > OPPOSITE[known]
        if not cancels and not (_mean(shifted, loud) > SHIFTED[known] and len(looks) >= FEW_LOOKS):
            self._turned.discard(other)
            return
        self._turned.add(other)
        agree = np.abs(alike) > TURNED
        turns[np.ix_(other, agree)] *= np.exp(1j * np.angle(alike[agree]))
        if cancels:
            both = ~agree & (np.pad(opposite, 1)[self._octave] > OPPOSITE[True])
            turns[np.ix_(one, both)] *= EIGHTH.conj() * np.sqrt(2)
            turns[np.ix_(other, both)] *= EIGHTH * np.sqrt(2)

    def _judge(self, gone: Array, lost: Array, power: Array) -> tuple[Array, Array, Array]:
        """The shares of `gone` and `lost` in the `power` [bins] of octaves, and which of these are loud: [OCTAVES]."""
        parts = [np.bincount(self._octave, part, OCTAVES + 2)[1:-1] for part in (gone, lost, power)]
        whole = np.where(parts[2] > 0, parts[2], 1)
        return parts[0] / whole, parts[1] / whole, parts[2] > max(FAINT * float(parts[2].max()), SILENT)


def _mean(shares: Array, loud: Array) -> float:
    """The mean of the shares of loud octaves, 0 where none is."""
    return float(shares[loud].mean()) if loud.any() else 0.0


def pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Channels that are the left and the right one of a place, by number; neighbours where none has a name."""
    places = {name: i for i, name in enumerate(names)}
    if len(places) == 1:
        return [(i, i + 1) for i in range(0, len(names) - 1, 2)]
    found = ((i, places.get(name.replace("L", "R"), i)) for name, i in places.items())
    return [(left, right) for left, right in found if left != right]


def mean(chunk: Array) -> Array:
    """float32 [n]: the mean over the channels of `chunk` [c, n], full scale 1."""
    if np.issubdtype(chunk.dtype, np.integer):
        half, middle = _scale(chunk)
        return np.asarray((chunk.mean(axis=0, dtype=np.float64) - middle) / half, np.float32)
    return np.asarray(np.add.reduce(chunk, axis=0, dtype=np.float32) / np.float32(len(chunk)))


def in_full_scale(chunk: Array) -> Array:
    """`chunk` as float32 of full scale 1."""
    if np.issubdtype(chunk.dtype, np.integer):
        half, middle = _scale(chunk)
        return ((chunk - np.float64(middle)) / half).astype(np.float32)
    return np.asarray(chunk, np.float32)


def _scale(chunk: Array) -> tuple[float, float]:
    """Full scale and middle of whole numbers."""
    half = 2.0 ** (8 * chunk.dtype.itemsize - 1)
    return half, half if chunk.dtype.kind == "u" else 0.0


def _look(chunk: Array) -> Array:
    """The transform of the beginning of `chunk`, complex64 [c, bins]."""
    first = in_full_scale(chunk[:, :SIZE])
    tapered: Array = np.fft.rfft(first * np.hanning(first.shape[1] + 2)[1:-1].astype(np.float32), SIZE, axis=1)
    return tapered * np.float32(4 / SIZE)


def _filtered(samples: Array, gains: Array) -> Array:
    """The sum over channels of `samples` [c, n] under `gains` [c, bins]: float32, whole hops, faded in and out."""
    window = np.sqrt(np.hanning(SIZE + 1)[:-1]).astype(np.float32)
    count = max(samples.shape[1] // HOP - 1, 0)
    out = np.zeros((count + 1, HOP), np.float32)
    for channel in np.flatnonzero(gains.any(axis=1)) if count else ():
        frames = np.lib.stride_tricks.sliding_window_view(samples[channel], SIZE)[::HOP][:count]
        turned = np.fft.irfft(np.fft.rfft(frames * window, axis=1) * gains[channel], SIZE, axis=1) * window
        out[:-1] += turned[:, :HOP]
        out[1:] += turned[:, HOP:]
    return out.reshape(-1)
