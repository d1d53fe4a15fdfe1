"""One clip in many files: codecs, rates, sizes, groups of pictures, HDR. What is in the picture stays the same.

SDR goes into HDR by ITU-R BT.2100 with white at 203 cd/m² (BT.2408): BT.1886 gamma of 2.4, BT.709 to BT.2020
primaries, PQ, or HLG for a screen of 1000 cd/m².
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from recommender.types import Array

SECONDS, WIDEST = 3.0, 640
"""So much of a clip is taken, and no wider: encoders take long."""
PQ, HLG = 16, 18
TO_BT2020 = np.array(((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)), np.float32)
LUMA = np.array((0.2627, 0.6780, 0.0593), np.float32)  # of BT.2020


class Encoding(NamedTuple):
    """How a clip is encoded: the `share` of its sides that is left; `transfer` of HDR, 0 of SDR."""

    name: str
    codec: str
    options: dict[str, str]
    share: float = 1.0
    transfer: int = 0


def x264(name: str, share: float = 1.0, **options: str) -> Encoding:
    """At a rate of 23 unless `options` say another."""
    return Encoding(name, "libx264", {"preset": "veryfast", "crf": "23", **options}, share)


def x265(name: str, crf: int, transfer: int = 0) -> Encoding:
    """At a rate of `crf`."""
    options = {"preset": "ultrafast", "crf": str(crf), "x265-params": "log-level=none"}
    return Encoding(name, "libx265", options, transfer=transfer)


VP9 = {"crf": "32", "b": "0", "cpu-used": "6", "deadline": "realtime"}
ORIGINAL = x264("original, lossless", preset="ultrafast", crf="0")
ENCODINGS = (
    ORIGINAL,
    x264("x264, crf 14", crf="14"),
    x264("x264, crf 28", crf="28"),
    x264("x264, crf 23, key frame every 12", g="12"),
    x265("x265, crf 23", 23),
    Encoding("VP9, crf 32", "libvpx-vp9", VP9),
    x264("x264, crf 23, half the size", share=0.5),
    x265("PQ, x265, crf 14", 14, PQ),
    x265("HLG, x265, crf 14", 14, HLG),
)


def encode(source: Path, encoding: Encoding, target: Path, start_s: float = 0.0) -> None:
    """Some seconds of `source` from `start_s` on in `target`, an mp4; written whole or not at all."""
    part = target.with_suffix(".part.mp4")
    with av.open(str(source)) as given, av.open(str(part), "w") as made:
        stream = None
        for rgb, pts in _frames(given, encoding, start_s):
            if stream is None:
                stream = _stream(made, encoding, rgb.shape, given.streams.video[0])
            made.mux(stream.encode(_frame(rgb, pts, encoding)))
        assert stream is not None, source
        made.mux(stream.encode(None))
    part.replace(target)


def _frames(given: Any, encoding: Encoding, start_s: float) -> Iterator[tuple[Array, int]]:
    """Upright RGB pictures of even sides, with when they are shown in ms."""
    begin, first = None, None
    for frame in given.decode(video=0):
        begin = frame.time if begin is None else begin
        if frame.time - begin < start_s - 1e-6:
            continue
        first = frame.time if first is None else first
        if frame.time - first >= SECONDS:
            return
        turns = round(frame.rotation / 90) % 4
        scale = min(frame.width, WIDEST) * encoding.share / frame.width
        size = [2 * round(side * scale / 2) for side in (frame.width, frame.height)]
        matrix = "ITU709" if frame.height >= 720 and frame.colorspace == 2 else None
        rgb = frame.to_ndarray(
            format="rgb24", width=size[0], height=size[1], src_colorspace=matrix, interpolation="BICUBIC"
        )
        yield np.ascontiguousarray(np.rot90(rgb, turns)), round(1000 * (frame.time - first))


def _stream(made: Any, encoding: Encoding, shape: tuple[int, ...], given: Any) -> Any:
    stream = made.add_stream(encoding.codec, rate=given.average_rate or 25, options=encoding.options)
    stream.width, stream.height = shape[1], shape[0]
    stream.pix_fmt = "yuv420p10le" if encoding.transfer else "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
    context = stream.codec_context
    context.color_range = 1
    context.color_trc, context.color_primaries, context.colorspace = (
        (encoding.transfer, 9, 9) if encoding.transfer else (1, 1, 1)
    )
    return stream


def _frame(rgb: Array, pts: int, encoding: Encoding) -> Any:
    if encoding.transfer:
        frame = av.VideoFrame.from_ndarray(hdr(rgb, encoding.transfer), format="rgb48le")
        frame = frame.reformat(format="yuv420p10le", dst_colorspace="BT2020", dst_color_range="MPEG")
    else:
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
    frame.pts, frame.time_base = pts, Fraction(1, 1000)
    return frame


def hdr(rgb: Array, transfer: int) -> Array:
    """SDR pictures uint8 [h, w, 3] as codes of PQ or HLG, uint16."""
    light = ((np.arange(256) / 255) ** 2.4).astype(np.float32)
    wide = np.clip(light[rgb] @ TO_BT2020.T, 0, 1)
    if transfer == HLG:
        wide *= _scene()[_place(wide @ LUMA)][..., np.newaxis]
    return _codes(transfer)[_place(wide)]


def _place(light: Array) -> Array:
    """Where `light` (0 to 1) stands in a table of the squares of 0 to 1."""
    return np.round(65535 * np.sqrt(np.minimum(light, 1))).astype(np.uint16)


@cache
def _scene() -> Array:
    """What makes the light on a screen, 1 being 203 cd/m², that of the scene, 1 being 1000 cd/m²; by its luminance."""
    luminance = np.maximum(np.linspace(0, 1, 1 << 16) ** 2, 1e-9)
    return (0.203 * (0.203 * luminance) ** (1 / 1.2 - 1)).astype(np.float32)


@cache
def _codes(transfer: int) -> Array:
    """Codes uint16 [65536] of light: of PQ 1 is 203 cd/m², of HLG the peak of the scene."""
    light = np.linspace(0, 1, 1 << 16) ** 2
    if transfer == PQ:
        power = (0.0203 * light) ** (2610 / 16384)
        code = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    else:
        a = 0.17883277
        high = a * np.log(np.maximum(12 * light - 1 + 4 * a, 1e-9)) + 0.5 - a * np.log(4 * a)
        code = np.where(light <= 1 / 12, np.sqrt(3 * light), high)
    return np.round(65535 * code).astype(np.uint16)


def make(sources: list[Path], work: Path) -> list[list[Path]]:
    """The files of each source, one per encoding, in `work`; what is there already is kept."""
    found = [[work / f"{source.stem}_{k}.mp4" for k in range(len(ENCODINGS))] for source in sources]
    for source, targets in zip(sources, found, strict=True):
        for target, encoding in zip(targets, ENCODINGS, strict=True):
            if not target.exists():
                encode(source, encoding, target)
        print(f"encoded {source.name}", flush=True)
    return found
