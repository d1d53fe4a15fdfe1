"""Any sound as a stream of mono float32 blocks."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import av
import numpy as np

from recommender.media.damage import Damage, StrPath, cannot_read
from recommender.media.infrasound import PIECE_S, without_infrasound
from recommender.media.mixing import Mixer
from recommender.media.sound import sound_frames
from recommender.types import Array

_CHUNK = 1 << 15  # samples mixed and resampled at once: per-frame overhead vanishes, a chunk stays in the cache
_SAFE_PLANES = 8  # from so many on, PyAV 18 reads beyond the planes of a frame (no zero ends the list) and crashes
_NO_ARRAY = {"s64", "s64p"}  # PyAV 18 has no array for 64-bit integers
_LIMIT = 4.0  # 12 dB above full scale: louder samples are broken float files, not music
MAX_S = 12 * 3600.0  # features keep 33 kB of each second: a file of a few hundred kB may hold a week of silence
_RATES_HZ = (1_000, 768_000)  # outside, a header is damaged (or made to blow up memory)


def audio_blocks(
    path: StrPath, sr_hz: int = 22050, block_s: float = 20.0, *, damage: Damage | None = None, stream: int = 0
) -> Iterator[Array]:
    """Consecutive float32 [round(block_s * sr_hz)] mono blocks at `sr_hz`; the last one may be shorter.

    Channels are averaged (the low-frequency effects channel left out), so two equal channels give the level of
    one; what their mean would lose is kept (`mixing`), and an offset or rumble that drowns the sound is taken out
    (`infrasound`). Full scale is 1; values are finite and within ±4. Memory does not grow with the length of the file.
    Raises MediaError, at the first block, when there is no audio stream or nothing of it can be decoded, and after
    12 hours of sound. `stream`: which of the sounds, in the order in which they are meant to be heard.
    """
    damage = Damage() if damage is None else damage
    size = max(1, round(block_s * sr_hz))
    heard = 0
    chunks = _mono_chunks(sound_frames(path, damage, stream), path)
    pieces = _blocks(_resample(chunks, sr_hz), max(1, round(PIECE_S * sr_hz)))
    for block in _blocks(without_infrasound(pieces, sr_hz), size):
        heard += len(block)
        if heard > MAX_S * sr_hz:
            raise cannot_read(path, f"it holds more than {MAX_S / 3600:g} hours of sound; cut it into parts")
        yield block
    if not heard:
        raise cannot_read(path, "it holds no sound that can be read; copy or export it again")


def _blocks(pieces: Iterable[Array], size: int) -> Iterator[Array]:
    """The samples of `pieces`, clipped, cut into arrays of exactly `size`, the last one shorter."""
    block, filled = np.empty(size, np.float32), 0
    for piece in pieces:
        while len(piece):
            part = piece[: size - filled]
            np.clip(part, -_LIMIT, _LIMIT, out=block[filled : filled + len(part)])
            filled, piece = filled + len(part), piece[len(part) :]
            if filled == size:
                yield block
                block, filled = np.empty(size, np.float32), 0
    if filled:
        yield block[:filled].copy()


def _mono_chunks(frames: Iterable[Any], path: StrPath) -> Iterator[tuple[int, Array]]:
    """(rate in Hz, mono samples) per chunk of frames with the same rate, number format and channels."""
    for (rate, _, layout), run in groupby(frames, _kind):
        if not _RATES_HZ[0] <= rate <= _RATES_HZ[1]:
            raise cannot_read(path, f"its sample rate of {rate} Hz makes no sense; export it again")
        mixer = Mixer(rate, _heard(layout))
        for y in mixer(_channels(chunk) for chunk in _chunks(run)):
            yield rate, y


def _kind(frame: Any) -> tuple[int, str, Any]:
    return frame.sample_rate, frame.format.name, frame.layout


def _chunks(frames: Iterable[Any]) -> Iterator[Any]:
    """`frames` joined into frames of `_CHUNK` samples or a little more; the last one may be shorter."""
    fifo = av.AudioFifo()
    for frame in frames:
        frame.pts = None  # a gap in the stamps is no gap in the samples
        fifo.write(frame)
        if fifo.samples >= _CHUNK:
            yield fifo.read()
    if fifo.samples:
        yield fifo.read()


def _heard(layout: Any) -> list[str]:
    """Names of the channels but for the low-frequency effects, where there are others."""
    names = [channel.name for channel in layout.channels]
    return [name for name in names if name != "LFE"] or names


def _channels(frame: Any) -> Array:
    """[c, n]: the samples of the channels that `_heard` names, whole numbers or finite floats within ±_LIMIT."""
    names = [channel.name for channel in frame.layout.channels]
    if (len(names) >= _SAFE_PLANES and frame.format.is_planar) or frame.format.name in _NO_ARRAY:
        y = np.concatenate([_planar(piece, len(names)) for piece in _pack(frame)], axis=1)
    else:
        y = _planar(frame, len(names))
    if 0 < names.count("LFE") < len(names):
        y = y[[name != "LFE" for name in names]]
    if np.issubdtype(y.dtype, np.integer) or (y.min() >= -_LIMIT and y.max() <= _LIMIT):
        return y
    return np.clip(np.nan_to_num(y, nan=0.0, posinf=0.0, neginf=0.0), -_LIMIT, _LIMIT)  # also where one of them is NaN


def _pack(frame: Any) -> list[Any]:
    """`frame` with all channels in one float plane."""
    converter = av.AudioResampler(format="flt")
    return [piece for given in (frame, None) for piece in converter.resample(given) if piece is not None]


def _planar(frame: Any, channels: int) -> Array:
    """The samples of `frame` as [channels, n], in the number format of the file."""
    y: Array = frame.to_ndarray()
    return y if frame.format.is_planar else y.reshape(-1, channels).T


def _resample(chunks: Iterable[tuple[int, Array]], sr_hz: int) -> Iterator[Array]:
    """`chunks` at `sr_hz`; a source whose rate changes on the way is followed."""
    rate, resampler = 0, None
    for new, y in chunks:
        if new != rate:
            yield from _pull(resampler, None)
            rate, resampler = new, av.AudioResampler(format="fltp", layout="mono", rate=sr_hz)
        frame = av.AudioFrame.from_ndarray(y[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = rate
        yield from _pull(resampler, frame)
    yield from _pull(resampler, None)


def _pull(resampler: Any, frame: Any) -> Iterator[Array]:
    if resampler is None:
        return
    for piece in resampler.resample(frame):
        if piece is not None:  # a resampler with nothing to do hands the flush through
            yield piece.to_ndarray()[0]
