"""Tiny media files for tests: each function writes one file, of a known content, and gives back its path."""

import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SOUND = {
    ".wav": ("wav", "pcm_s16le", "s16"),
    ".mp3": ("mp3", "libmp3lame", "fltp"),
    ".flac": ("flac", "flac", "s16"),
    ".ogg": ("ogg", "libopus", "flt"),
    ".m4a": ("mp4", "aac", "fltp"),
    ".mp4": ("mp4", "aac", "fltp"),
}
_PICTURES = {
    ".mp4": ("mp4", "libx264", "yuv420p"),
    ".mkv": ("matroska", "libx264", "yuv420p"),
    ".ts": ("mpegts", "libx264", "yuv420p"),
    ".webm": ("webm", "libvpx", "yuv420p"),
    ".avi": ("avi", "mpeg4", "yuv420p"),
    ".gif": ("gif", "gif", "rgb8"),
    ".png": ("image2pipe", "png", "rgb24"),
    ".jpg": ("image2pipe", "mjpeg", "yuvj420p"),
    ".webp": ("image2pipe", "libwebp", "yuv420p"),
    ".bmp": ("image2pipe", "bmp", "bgr24"),
}


def tone(seconds: float = 1.0, hz: float = 440.0, sr_hz: int = 44100, level: float = 0.5) -> Array:
    """A sine, float32 [n]."""
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * sr_hz)) / sr_hz)).astype(np.float32)


def shades(levels: Iterable[float], width: int = 64, height: int = 48) -> list[Array]:
    """One plain grey picture per level (0 to 255), uint8 [h, w, 3]."""
    return [np.full((height, width, 3), round(level), np.uint8) for level in levels]


def ramp(count: int, width: int = 64, height: int = 48) -> list[Array]:
    """`count` plain pictures, each lighter than the one before: the grey level tells the frame's number."""
    return shades(np.linspace(30, 220, count), width, height)


def corner(width: int = 64, height: int = 48) -> Array:
    """A black picture whose top left quarter is red: shows which way is up."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2, 0] = 255
    return rgb


def sound(path: Path, y: Array | None = None, sr_hz: int = 44100, **tags: str) -> Path:
    """A sound file (wav, mp3, flac, ogg with Opus, m4a, mp4 without picture) of `y`, [n] or [channels, n]."""
    container_format, codec, sample_format = _SOUND[path.suffix.lower()]
    with av.open(str(path), "w", format=container_format) as container:
        container.metadata.update(tags)
        _encode_sound(container, codec, sample_format, tone() if y is None else y, sr_hz)
    return path


def clip(
    path: Path,
    pictures: Sequence[Array] | None = None,
    fps: float = 25.0,
    stamps_s: Sequence[float] | None = None,
    y: Array | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A video (mp4, mkv, ts, webm, avi), gif or still (png, jpg, webp, bmp) of `pictures`, one second by default.

    `stamps_s` gives each picture its own time (a variable rate); `y` adds a mono track at 44.1 kHz.
    """
    container_format = _PICTURES[path.suffix.lower()][0]
    with av.open(str(path), "w", format=container_format) as container:
        _encode(container, path.suffix.lower(), pictures, fps, stamps_s, y, options)
    return path


def clip_without_duration(path: Path, pictures: Sequence[Array] | None = None, fps: float = 25.0) -> Path:
    """A webm as a browser records it: its header tells no duration."""
    pipe = _Pipe()
    with av.open(pipe, "w", format="webm") as container:
        _encode(container, ".webm", pictures, fps, None, None, None)
    path.write_bytes(pipe.getvalue())
    return path


def still(path: Path, picture: Array | None = None) -> Path:
    """One picture as png, jpg, webp or bmp."""
    return clip(path, [corner() if picture is None else picture])


def rotated(path: Path, picture: Array | None = None, clockwise: int = 90) -> Path:
    """An mp4 that a player turns clockwise by 90, 180 or 270 degrees before showing it."""
    clip(path, [corner() if picture is None else picture] * 10)
    one = 1 << 16
    a, b = {90: (0, one), 180: (-one, 0), 270: (0, -one)}[clockwise]
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # version and flags 4, times and ids 20, reserved 8, layer to volume 8, name 4
    data[at : at + 36] = struct.pack(">9i", a, b, 0, -b, a, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def truncated(path: Path, keep: float = 0.5) -> Path:
    """`path` cut down to its first part."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    return path


def damaged(path: Path, start: float = 0.3, end: float = 0.6, seed: int = 0) -> Path:
    """`path` with the bytes of one part replaced by noise."""
    data = bytearray(path.read_bytes())
    first, last = int(len(data) * start), int(len(data) * end)
    data[first:last] = np.random.default_rng(seed).bytes(last - first)
    path.write_bytes(data)
    return path


def with_cover(path: Path, picture: Array | None = None, y: Array | None = None) -> Path:
    """An mp3 with a jpg as its attached cover picture (an ID3 2.3 APIC frame)."""
    cover = still(path.with_name("cover_of_sample.jpg"), picture)
    body = b"\0image/jpeg\0\x03\0" + cover.read_bytes()
    cover.unlink()
    frame = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\0\0" + size + frame + sound(path, y).read_bytes())
    return path


def upright_tag(path: Path, orientation: int) -> Path:
    """The jpg at `path` with an EXIF orientation (6: to be turned clockwise by 90 degrees)."""
    data = path.read_bytes()
    tiff = b"MM\0\x2a\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
    return path


def raw_wav(path: Path, data: bytes, kind: int, bits: int, channels: int = 1, sr_hz: int = 44100) -> Path:
    """A wav of any sample type; `kind` 1 for integers, 3 for floats."""
    step = channels * bits // 8
    fmt = struct.pack("<HHIIHH", kind, channels, sr_hz, sr_hz * step, step, bits)
    path.write_bytes(
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + fmt
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )
    return path


def blank_png(path: Path, width: int, height: int) -> Path:
    """A valid black 1-bit png of any size: a few kB even where the picture would fill gigabytes."""
    return _png(path, (width, height, 1, 0), bytes((width // 8 + 2) * height))


def png(path: Path, rgba: Array, *chunks: tuple[bytes, bytes]) -> Path:
    """A png of `rgba`, uint16 [h, w, 4], with further (name, data) chunks before the picture."""
    height, width = rgba.shape[:2]
    rows = np.pad(rgba.astype(">u2").view(np.uint8).reshape(height, -1), ((0, 0), (1, 0)))  # 0: no filter
    return _png(path, (width, height, 16, 6), rows.tobytes(), *chunks)


def _png(path: Path, head: tuple[int, int, int, int], rows: bytes, *chunks: tuple[bytes, bytes]) -> Path:
    parts = [(b"IHDR", struct.pack(">IIBB3x", *head)), *chunks, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    return path


class _Pipe(io.BytesIO):
    """A target that cannot be sought, so that no header can be completed later."""

    def seekable(self) -> bool:
        return False


def _encode(
    container: Any,
    suffix: str,
    pictures: Sequence[Array] | None,
    fps: float,
    stamps_s: Sequence[float] | None,
    y: Array | None,
    options: dict[str, str] | None,
) -> None:
    pictures = ramp(round(fps)) if pictures is None else pictures
    _, codec, pixel_format = _PICTURES[suffix]
    base = Fraction(1, 1000) if stamps_s is not None else 1 / Fraction(fps).limit_denominator(1001)
    stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
    stream.height, stream.width = pictures[0].shape[:2]
    stream.pix_fmt = pixel_format
    stream.codec_context.time_base = base
    stream.options = options or {}
    if y is not None:
        _encode_sound(container, "aac", "fltp", y, 44100)
    for i, rgb in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
        frame.pts, frame.time_base = i if stamps_s is None else round(1000 * stamps_s[i]), base
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _encode_sound(container: Any, codec: str, sample_format: str, y: Array, sr_hz: int) -> None:
    y = np.atleast_2d(y).astype(np.float32)
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(y)]
    rate = 48000 if codec == "libopus" else sr_hz
    stream = container.add_stream(codec, rate=rate, layout=layout)
    stream.codec_context.format = sample_format
    resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate, frame_size=1024)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T).reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = sr_hz, 0, Fraction(1, sr_hz)
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))
