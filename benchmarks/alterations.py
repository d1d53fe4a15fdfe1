"""What happens to a recording on its way through libraries: encodings, gain, cuts, fades, silence, other rates."""

import io
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np

from recommender.types import Array

SR_HZ = 44100
CODECS = {
    "mp3": ("mp3", "libmp3lame", "fltp"),
    "aac": ("adts", "aac", "fltp"),
    "opus": ("ogg", "libopus", "flt"),
    "vorbis": ("ogg", "vorbis", "fltp"),
    "flac": ("flac", "flac", "s16"),
}
EDIT_S = 30


def encoded(y: Array, codec: str, kbps: int = 0, sr_hz: int = SR_HZ) -> bytes:
    """A file of mono samples `y` float32 [n] at `sr_hz`; `kbps` 0 leaves the bit rate to the encoder."""
    container_format, name, sample_format = CODECS[codec]
    layout = "stereo" if codec == "vorbis" else "mono"  # FFmpeg's own encoder knows nothing else
    rate = 48000 if codec == "opus" else sr_hz
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream = container.add_stream(name, rate=rate, layout=layout)
        stream.codec_context.format = sample_format
        if codec == "vorbis":
            stream.codec_context.options = {"strict": "experimental"}
        if kbps:
            stream.bit_rate = 1000 * kbps
        resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate, frame_size=1024)
        frame = av.AudioFrame.from_ndarray(np.clip(y, -1, 1).astype(np.float32)[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sr_hz, 0, Fraction(1, sr_hz)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def resampled(y: Array, to_hz: int, sr_hz: int = SR_HZ) -> Array:
    """`y` at another rate."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=to_hz)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y[None], np.float32), format="fltp", layout="mono")
    frame.sample_rate = sr_hz
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces if piece is not None])


def alterations(y: Array, rng: np.random.Generator) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """(kind, what makes the file) for mono `y` at `SR_HZ`; cuts only where enough is left."""
    seconds = len(y) / SR_HZ
    for codec, kbps in (("mp3", 64), ("mp3", 128), ("aac", 96), ("opus", 48), ("vorbis", 0)):
        yield f"{codec} {kbps} kbit/s" if kbps else codec, lambda c=codec, k=kbps: encoded(y, c, k)
    for rate in (22050, 16000):
        yield f"resampled to {rate} Hz, flac", lambda r=rate: encoded(resampled(y, r), "flac", sr_hz=r)
    yield "+6 dB, clipped, flac", lambda: encoded(2 * y, "flac")
    yield "-6 dB, mp3 128 kbit/s", lambda: encoded(y / 2, "mp3", 128)
    lead = np.zeros(round(rng.uniform(0.3, 5) * SR_HZ), np.float32)
    yield "0.3 to 5 s of silence in front, mp3 128 kbit/s", lambda: encoded(np.concatenate([lead, y]), "mp3", 128)
    yield "half a frame (93 ms) cut off, flac", lambda: encoded(y[4096:], "flac")
    if seconds > 25:
        cut = round(rng.uniform(10, min(30, seconds - 15)) * SR_HZ)
        yield "first 10 to 30 s cut off, aac 96 kbit/s", lambda: encoded(y[cut:], "aac", 96)
    yield "last fifth cut off, faded, mp3 128 kbit/s", lambda: encoded(faded(y[: len(y) * 4 // 5]), "mp3", 128)
    if seconds > EDIT_S + 10:
        at = round(rng.uniform(3, seconds - EDIT_S - 1) * SR_HZ)
        part = y[at : at + EDIT_S * SR_HZ]
        yield f"{EDIT_S} s out of the middle, mp3 64 kbit/s", lambda: encoded(part, "mp3", 64)
        yield f"{EDIT_S} s out of the middle, -6 dB, opus 48 kbit/s", lambda: encoded(part / 2, "opus", 48)


def faded(y: Array) -> Array:
    """`y` with its last 5 s (at most a third) faded out."""
    length = min(5 * SR_HZ, len(y) // 3)
    gain = np.ones(len(y), np.float32)
    gain[len(y) - length :] = np.linspace(1, 0, length) ** 2
    return y * gain
