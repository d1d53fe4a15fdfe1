"""Write small audio and video files: the rendered sample, and test media."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np

from recommender.errors import InputError, MediaError
from recommender.media.damage import StrPath
from recommender.text import show
from recommender.types import Array

_AUDIO = {".wav": ("wav", "pcm_s16le"), ".flac": ("flac", "flac")}
_CHUNK = 1 << 16


def write_audio(path: StrPath, y: Array, sr_hz: int) -> None:
    """Write `y` [n] or [channels <= 2, n], full scale 1 (clipped), as 16-bit wav or flac, chosen by the suffix.

    Raises InputError for another suffix or shape, MediaError when the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    y = np.atleast_2d(np.asarray(y, np.float32))
    if suffix not in _AUDIO:
        raise InputError(f"cannot write '{show(path)}': the suffix must be one of {', '.join(_AUDIO)}")
    if y.ndim != 2 or y.shape[0] > 2:
        raise InputError(f"cannot write '{show(path)}': samples must be [n] or [2, n], not {list(y.shape)}")
    container_format, codec = _AUDIO[suffix]
    samples = np.clip(np.round(np.nan_to_num(y) * 32768.0), -32768, 32767).astype(np.int16)
    layout = "stereo" if len(samples) == 2 else "mono"
    with _create(path, container_format) as container:
        stream = container.add_stream(codec, rate=sr_hz, layout=layout)
        stream.codec_context.format = "s16"
        for start in range(0, samples.shape[1], _CHUNK):
            part = samples[:, start : start + _CHUNK].T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = sr_hz, start, Fraction(1, sr_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_pcm(path: StrPath, blocks: Iterable[Array], sr_hz: int) -> None:
    """Write blocks [2, n], full scale 1 (clipped), as 24-bit stereo WAV; raises MediaError where it cannot."""
    at = 0
    with _create(path, "wav") as container:
        stream = container.add_stream("pcm_s24le", rate=sr_hz, layout="stereo")
        stream.codec_context.format = "s32"
        for y in blocks:
            whole = np.clip(np.round(y.T.astype(np.float64) * 2**23), -(2**23), 2**23 - 1).astype(np.int32) * 256
            frame = av.AudioFrame.from_ndarray(whole.reshape(1, -1), format="s32", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = sr_hz, at, Fraction(1, sr_hz)
            at += len(whole)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_video(path: StrPath, frames: Iterable[Array], fps: float) -> None:
    """Write `frames`, uint8 [h, w, 3] RGB of one size, as a silent H.264 mp4 at `fps`.

    Odd sizes are scaled to even ones (4:2:0 needs them). Raises InputError when there is no frame, MediaError
    when the file cannot be written.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError(f"cannot write '{show(path)}': a video needs at least one frame")
    height, width = (max(2, side - side % 2) for side in first.shape[:2])
    with _create(path, "mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "20"}
        for picture in chain([first], frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame.reformat(width, height, "yuv420p")))
        container.mux(stream.encode(None))


@contextmanager
def _create(path: StrPath, container_format: str) -> Iterator[Any]:
    """An output container at `path`; the unfinished file is removed when writing fails."""
    try:
        with open(path, "wb") as file:
            try:
                with av.open(file, mode="w", format=container_format) as container:
                    yield container
            except BaseException:
                Path(path).unlink()
                raise
    except (OSError, av.FFmpegError) as error:
        reason = getattr(error, "strerror", None) or "encoding failed"
        raise MediaError(f"cannot write '{show(path)}': {reason.lower()}; check the folder and free space") from error
