"""Tiny sound files, clips and pictures in every container and codec that is accepted and can be written here.

What has no encoder (APE, MPC, TAK, DTS, ...) is a true signature before noise, which at least reaches its demuxer.
The same build of FFmpeg gives the same bytes each time.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder tells its life story otherwise
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SECONDS = 1.5
SIZE = (64, 48)

# Suffix, format, codec, sample format, rate.
_SOUNDS = (
    *((".wav", "wav", codec, kind, 8000) for codec, kind in (("pcm_s16le", "s16"), ("pcm_u8", "u8"))),
    *((".wav", "wav", codec, kind, 8000) for codec, kind in (("pcm_f32le", "flt"), ("pcm_s24le", "s32"))),
    *((".wav", "wav", codec, "s16", 11025) for codec in ("pcm_mulaw", "adpcm_ima_wav")),
    (".wav", "wav", "adpcm_ms", "s16", 11025),
    (".wav", "w64", "pcm_s16le", "s16", 8000),
    (".aiff", "aiff", "pcm_s16be", "s16", 8000),
    (".au", "au", "pcm_s16be", "s16", 8000),
    (".caf", "caf", "pcm_s16be", "s16", 8000),
    (".caf", "caf", "alac", "s16p", 22050),
    (".voc", "voc", "pcm_u8", "u8", 8000),
    (".flac", "flac", "flac", "s16", 22050),
    (".mp3", "mp3", "libmp3lame", "fltp", 22050),
    (".mp2", "mp2", "mp2", "s16", 22050),
    (".ogg", "ogg", "vorbis", "fltp", 22050),
    (".opus", "ogg", "libopus", "flt", 24000),
    (".oga", "ogg", "flac", "s16", 22050),
    (".m4a", "mp4", "aac", "fltp", 22050),
    (".m4a", "ipod", "alac", "s16p", 22050),
    (".aac", "adts", "aac", "fltp", 22050),
    (".aac", "latm", "aac", "fltp", 22050),
    (".ac3", "ac3", "ac3", "fltp", 32000),
    (".eac3", "eac3", "eac3", "fltp", 32000),
    (".amr", "amr", "libopencore_amrnb", "s16", 8000),
    (".tta", "tta", "tta", "s16", 22050),
    (".wv", "wv", "wavpack", "s16p", 22050),
    (".wma", "asf", "wmav2", "fltp", 22050),
    (".wma", "asf", "wmav1", "fltp", 22050),
    (".mka", "matroska", "libopus", "flt", 24000),
    (".nut", "nut", "mp2", "s16", 22050),
    (".ra", "rm", "ac3", "fltp", 32000),
)
# Suffix, format, codec, pixel format, codec of the sound.
_CLIPS = (
    (".mp4", "mp4", "libx264", "yuv420p", "aac"),
    (".mp4", "mp4", "mpeg4", "yuv420p", None),
    (".mp4", "mp4", "libx265", "yuv420p", None),
    (".mp4", "mp4", "libsvtav1", "yuv420p", None),
    (".mov", "mov", "prores_ks", "yuv422p10le", None),
    (".mov", "mov", "qtrle", "rgb24", None),
    (".mkv", "matroska", "libx264", "yuv420p", "aac"),
    (".mkv", "matroska", "ffv1", "yuv420p", None),
    (".webm", "webm", "libvpx", "yuv420p", "libopus"),
    (".webm", "webm", "libvpx-vp9", "yuv420p", None),
    (".avi", "avi", "mpeg4", "yuv420p", "libmp3lame"),
    (".avi", "avi", "mjpeg", "yuvj420p", None),
    (".avi", "avi", "huffyuv", "rgb24", None),
    (".ts", "mpegts", "mpeg2video", "yuv420p", "mp2"),
    (".mpg", "mpeg", "mpeg1video", "yuv420p", "mp2"),
    (".flv", "flv", "flv", "yuv420p", "libmp3lame"),
    (".wmv", "asf", "wmv2", "yuv420p", "wmav2"),
    (".mxf", "mxf", "mpeg2video", "yuv420p", None),
    (".wtv", "wtv", "mpeg2video", "yuv420p", "mp2"),
    (".rm", "rm", "rv10", "yuv420p", None),
    (".nut", "nut", "ffv1", "yuv420p", None),
    (".ivf", "ivf", "libvpx", "yuv420p", None),
    (".obu", "obu", "libsvtav1", "yuv420p", None),
    (".h264", "h264", "libx264", "yuv420p", None),
    (".hevc", "hevc", "libx265", "yuv420p", None),
    (".m4v", "m4v", "mpeg4", "yuv420p", None),
    (".mjpeg", "mjpeg", "mjpeg", "yuvj420p", None),
    (".m2v", "mpeg2video", "mpeg2video", "yuv420p", None),
    (".y4m", "yuv4mpegpipe", "rawvideo", "yuv420p", None),
    (".gif", "gif", "gif", "rgb8", None),
    (".png", "apng", "apng", "rgb24", None),
)
# Suffix, codec, pixel format.
_PICTURES = (
    *((".png", "png", kind) for kind in ("rgb24", "rgba64be", "gray")),
    (".jpg", "mjpeg", "yuvj420p"),
    (".webp", "libwebp", "yuv420p"),
    (".webp", "libwebp", "bgra"),
    (".bmp", "bmp", "bgr24"),
    (".tiff", "tiff", "rgb24"),
    (".ppm", "ppm", "rgb24"),
    (".pgm", "pgm", "gray"),
    (".pbm", "pbm", "monow"),
    (".pam", "pam", "rgba"),
    (".qoi", "qoi", "rgb24"),
    (".jls", "jpegls", "rgb24"),
    (".j2k", "jpeg2000", "rgb24"),
    (".exr", "exr", "gbrpf32le"),
)
# What changes midway is two files in one: suffix, format, codec, kind, and rate and layout of the first and the second.
_TURNING_SOUNDS = (
    (".mp3", "mp3", "libmp3lame", "fltp", (22050, "mono"), (44100, "stereo")),
    (".mp2", "mp2", "mp2", "s16", (44100, "stereo"), (22050, "mono")),
    (".aac", "adts", "aac", "fltp", (22050, "mono"), (44100, "stereo")),
    (".ac3", "ac3", "ac3", "fltp", (32000, "5.1"), (48000, "mono")),
    (".eac3", "eac3", "eac3", "fltp", (48000, "mono"), (32000, "5.1")),
    (".ogg", "ogg", "vorbis", "fltp", (22050, "stereo"), (44100, "stereo")),
    (".opus", "ogg", "libopus", "flt", (48000, "stereo"), (24000, "mono")),
    (".oga", "ogg", "flac", "s16", (22050, "mono"), (48000, "stereo")),
    (".ts", "mpegts", "mp2", "s16", (22050, "mono"), (48000, "stereo")),
)
# Suffix, format, codec, pixel format, codec of the sound; the second half is of another size.
_TURNING_CLIPS = (
    (".h264", "h264", "libx264", "yuv420p", None),
    (".hevc", "hevc", "libx265", "yuv420p", None),
    (".m2v", "mpeg2video", "mpeg2video", "yuv420p", None),
    (".m4v", "m4v", "mpeg4", "yuv420p", None),
    (".mjpeg", "mjpeg", "mjpeg", "yuvj420p", None),
    (".obu", "obu", "libsvtav1", "yuv420p", None),
    (".ts", "mpegts", "mpeg2video", "yuv420p", "mp2"),
    (".ts", "mpegts", "libx264", "yuv420p", None),
    (".mpg", "mpeg", "mpeg1video", "yuv420p", "mp2"),
)
_TURNED = (96, 80)
_TAGS = {"title": "Füße", "artist": "Ünbekannt", "album": "Fault", "comment": "x" * 300, "track": "3/4", "date": "1999"}
_SIGNATURES = {
    "ape": b"MAC \x96\x0f\0\0\x34\0\0\0\x18\0\0\0" + struct.pack("<6I", 0, 0, 4096, 0, 0, 0),
    "dsf": b"DSD "
    + struct.pack("<QQQ", 28, 9000, 0)
    + b"fmt "
    + struct.pack("<Q8IQII", 52, 1, 0, 1, 1, 2822400, 1, 0, 0, 65536, 4096, 0),
    "dts": b"\x7f\xfe\x80\x01\xfc\x3c\x3f\xf0\xb5\xe0\x00",
    "dtshd": b"DTSHDHDR" + struct.pack(">Q", 64),
    "mlp": b"\0\0\xf8\x72\x6f\xbb\x00\x00",
    "mpc": b"MP+\x07\x80\0\0\0",
    "mpc8": b"MPCKSH\x0f\0\0\0\0\x08\x80\x20\0\x20\x10",
    "oma": b"ea3\x03\0\0\0\0\0\x76EA3\x01\0\x60\xff\xff",
    "tak": b"tBaK\x01\x10\0\0",
    "truehd": b"\0\0\xf8\x72\x6f\xba\x00\x00",
    "jxl": b"\xff\x0a\x7f\x90",
    "gxf": b"\0\0\0\0\x01\xbc\0\0\0\0\0\x40\0\0\xe1\xe2",
    "dv": b"\x1f\x07\0\x3f\xf8\x78\x78\x78",
    "vc1": b"\0\0\x01\x0f\xca\x07\x1f\xff",
}


@dataclass(frozen=True)
class Seed:
    """A whole file before anything is done to it: `kind` is "container/codec"."""

    kind: str
    suffix: str
    data: bytes


@cache
def corpus() -> tuple[Seed, ...]:
    """Every seed that can be made here, in a fixed order; with slices of real music and clips where there are any."""
    return *_sounds(), *_clips(), *_pictures(), *_signed(), *_real(), *_turning()


def _sounds() -> Iterator[Seed]:
    for suffix, container, codec, kind, rate in _SOUNDS:
        file = BytesIO()
        try:
            with _writing(file, container) as out:
                out.metadata.update(_TAGS)
                _mux_sound(out, codec, kind, rate)
        except (av.FFmpegError, ValueError):
            continue  # this build of FFmpeg cannot write it
        yield Seed(f"{container}/{codec}", suffix, file.getvalue())


def _clips() -> Iterator[Seed]:
    for suffix, container, codec, kind, sound in _CLIPS:
        file = BytesIO()
        try:
            with _writing(file, container) as out:
                _mux_pictures(out, codec, kind, pictures(12), sound)
        except (av.FFmpegError, ValueError):
            continue
        yield Seed(f"{container}/{codec}", suffix, file.getvalue())


def _pictures() -> Iterator[Seed]:
    for suffix, codec, kind in _PICTURES:
        file = BytesIO()
        try:
            with _writing(file, "image2pipe") as out:
                _mux_pictures(out, codec, kind, pictures(1), None)
        except (av.FFmpegError, ValueError):
            continue
        yield Seed(f"{suffix[1:]}/{kind}", suffix, file.getvalue())


def _turning() -> Iterator[Seed]:
    """Sound that changes its rate and channels midway, clips whose pictures change their shape, or get black bars."""
    for suffix, container, codec, kind, *halves in _TURNING_SOUNDS:
        with suppress(av.FFmpegError, ValueError):
            data = b"".join(_sound(container, codec, kind, rate, layout) for rate, layout in halves)
            yield Seed(f"turning/{container}-{codec}", suffix, data)
    for suffix, container, codec, kind, sound in _TURNING_CLIPS:
        with suppress(av.FFmpegError, ValueError):
            thirds = [pictures(12, size) for size in (SIZE, _TURNED, SIZE)]
            data = b"".join(_clip(container, codec, kind, sound, shots) for shots in thirds)
            yield Seed(f"turning/{container}-{codec}", suffix, data)
    with suppress(av.FFmpegError, ValueError):
        yield Seed("turning/bars", ".mp4", _clip("mp4", "libx264", "yuv420p", None, _barred(pictures(36))))


def _barred(shots: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """The same pictures, the middle third of them between black bars."""
    for rgb in shots[len(shots) // 3 : 2 * len(shots) // 3]:
        rgb[:10] = rgb[-10:] = 0
    return shots


def _sound(container: str, codec: str, kind: str, rate: int, layout: str) -> bytes:
    file = BytesIO()
    with _writing(file, container) as out:
        _mux_sound(out, codec, kind, rate, layout)
    return file.getvalue()


def _clip(container: str, codec: str, kind: str, sound: str | None, shots: list[NDArray[Any]]) -> bytes:
    file = BytesIO()
    with _writing(file, container) as out:
        _mux_pictures(out, codec, kind, shots, sound)
    return file.getvalue()


def _signed() -> Iterator[Seed]:
    noise = np.random.default_rng(0).bytes(8000)
    for name, signature in _SIGNATURES.items():
        yield Seed(f"{name}/noise", f".{name}", signature + noise)


def _real() -> Iterator[Seed]:
    names = ("music/*.ogg", "clips/*.gif", "clips/tests__data__*", "clips/no_duration.webm", "clips/carphone*.mp4")
    for path in (path for name in names for path in sorted(SHARED.glob(name))[:4]):
        try:
            data = _slice(path)
        except (av.FFmpegError, ValueError):
            continue
        if len(data) < 1 << 18:
            yield Seed(f"real{path.suffix}", path.suffix, data)


def _slice(path: Path) -> bytes:
    """The first `SECONDS` of a file, its packets copied."""
    file, limit = BytesIO(), int(SECONDS * 1e6)
    with (
        av.open(str(path)) as source,
        _writing(file, {".ogg": "ogg", ".gif": "gif"}.get(path.suffix, "matroska")) as out,
    ):
        copies = {s.index: out.add_stream_from_template(s) for s in source.streams if s.type in ("audio", "video")}
        for packet in source.demux([source.streams[i] for i in copies]):
            if packet.dts is None or packet.dts * packet.time_base * 1_000_000 > limit:
                break
            packet.stream = copies[packet.stream.index]
            out.mux(packet)
    return file.getvalue()


def pictures(count: int, size: tuple[int, int] = SIZE) -> list[NDArray[Any]]:
    """A bright disc that crosses a patterned ground, uint8 [h, w, 3] each."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    ground = np.stack([x * 4, y * 5, (x * y) % 200], axis=-1).clip(0, 255).astype(np.uint8)
    shots = []
    for i in range(count):
        rgb = ground.copy()
        rgb[(x - 5 * i - 4) ** 2 + (y - 24) ** 2 < 100] = (250, 240, 90)
        shots.append(rgb)
    return shots


def _writing(file: BytesIO, container: str) -> Any:
    options = {"fflags": "bitexact", "strict": "experimental"}
    return av.open(file, "w", format=container, options=options)


def _mux_sound(out: Any, codec: str, kind: str, rate: int, layout: str = "") -> None:
    layout = layout or ("stereo" if codec in ("vorbis", "mp2") else "mono")
    stream = out.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
    stream.codec_context.format = kind
    stream.bit_rate = 64_000
    t = np.arange(round(SECONDS * rate)) / rate
    y = (0.4 * np.sin(2 * np.pi * 330 * t) * (1 + np.sin(12 * t)) / 2).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(y[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    resampler = av.AudioResampler(
        format=kind, layout=layout, rate=rate, frame_size=stream.codec_context.frame_size or 512
    )
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        out.mux(stream.encode(piece))
    out.mux(stream.encode(None))


def _mux_pictures(out: Any, codec: str, kind: str, shots: list[NDArray[Any]], sound: str | None) -> None:
    options = {"strict": "experimental", "threads": "1", "x265-params": "log-level=none"}
    stream = out.add_stream(codec, rate=25, options=options)
    stream.height, stream.width = shots[0].shape[:2]
    stream.pix_fmt, stream.gop_size = kind, 6
    if sound:
        _mux_sound(
            out, sound, {"libopus": "flt", "mp2": "s16"}.get(sound, "fltp"), 24000 if sound == "libopus" else 22050
        )
    for i, rgb in enumerate(shots):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=kind)
        frame.pts, frame.time_base = i, Fraction(1, 25)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
