"""The pictures of a clip as they are, under another sound: packets are copied to the bit, with their time stamps."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import av

from recommender.atomic import PARTIAL
from recommender.errors import InputError, MediaError, PassingError
from recommender.faults import machine_fault
from recommender.media import webp
from recommender.media.container import demuxer, is_still, packets, use_alone, video_stream
from recommender.media.damage import DECODE_ERRORS, Damage, StrPath
from recommender.media.kept import keep
from recommender.media.stereo import RATE_HZ
from recommender.text import show
from recommender.types import Array

_MP4 = {"h264", "hevc", "av1", "mpeg4", "vp9"}
_MOV = _MP4 | {"prores", "dnxhd", "mjpeg", "mpeg2video", "dvvideo"}
_WEBM = {"vp8", "vp9", "av1"}
# By suffix: FFmpeg's name of the container, the codecs of pictures that players find there (None: any), that of sound.
CONTAINERS: dict[str, tuple[str, set[str] | None, str]] = {
    ".mp4": ("mp4", _MP4, "aac"),
    ".m4v": ("mp4", _MP4, "aac"),
    ".mov": ("mov", _MOV, "aac"),
    ".webm": ("webm", _WEBM, "libopus"),
    ".mkv": ("matroska", None, "aac"),
}
_OF_ITS_KIND = {"matroska,webm": (".webm", ".mkv")}
_MOST_HELD = 32  # packets that wait for the first stamp: more than any decoder puts off
_BIT_RATES = {"aac": 256_000, "libopus": 192_000}
# FFmpeg's AAC coder at its fast setting, kept from what costs loudness (noise for high sounds, a cut at 17 kHz) and
# time (the side of sounds from the middle, looked for in vain; noise shaped in time, by which nothing comes out truer):
# louder by up to 0.5 LU and truer by 10 to 20 dB.
_AAC = {"aac_coder": "fast", "cutoff": "22000", "aac_pns": "0", "aac_ms": "0", "aac_tns": "0"}


class Pictures(NamedTuple):
    """What a clip shows, from its packets.

    Attributes
    ----------
    start_s, end_s: stamps at which the first picture comes and the last one goes. codec, kind: FFmpeg's names of how it
    is coded and of the container. copied: whether its packets can be laid into another container; not stills,
    animations, or packets without stamps.
    """

    start_s: float
    end_s: float
    codec: str
    kind: str
    copied: bool

    @property
    def suffixes(self) -> list[str]:
        """Of files that can hold these pictures as they are, that of its own container first."""
        fitting = [suffix for suffix, (_, codecs, _) in CONTAINERS.items() if codecs is None or self.codec in codecs]
        own = [suffix for suffix in _OF_ITS_KIND.get(self.kind, ()) if suffix in fitting]
        return list(dict.fromkeys([*own, *fitting]))


@keep
def pictures_of(path: StrPath) -> Pictures:
    """When the pictures of a clip begin and end, by all of its packets; raises MediaError where it shows none."""
    damage = Damage()
    with demuxer(path) as container:
        stream = video_stream(container, path)
        moving = not is_still(container) and container.format.name not in ("gif", "apng")
        stamped, start, end = moving and webp.animation(container, path) is None, None, 0
        usual = _usual(stream)
        for packet in _stamped(packets(container, stream, damage), stream):
            stamped = stamped and packet.pts is not None and packet.dts is not None
            shown = packet.dts if packet.pts is None else packet.pts
            if shown is not None and not packet.is_discard:
                start = shown if start is None else min(start, shown)
                end = max(end, shown + (packet.duration or usual))
        base = float(stream.time_base)
        first = 0 if start is None else start
        copied = stamped and start is not None and not damage.packets and _is_held(stream.codec_context.name)
        return Pictures(first * base, end * base, stream.codec_context.name, container.format.name, copied)


def _is_held(codec: str) -> bool:
    """Whether any container takes these pictures."""
    with av.open(BytesIO(), "w", format="matroska") as container:
        return codec in container.supported_codecs


def _usual(stream: Any) -> int:
    """How long a picture is shown, as far as the stream says."""
    rate = stream.average_rate or stream.guessed_rate or 25
    return max(1, int(1 / (rate * stream.time_base)))


def _stamped(several: Iterator[Any], stream: Any) -> Iterator[Any]:
    """The packets with what can be known of stamps that are not told.

    Where no picture waits for a later one, each is shown when it is decoded (AVI); otherwise the first ones are decoded
    before the first time that is told (Matroska).
    """
    held: list[Any] = []
    for packet in several:
        if packet.pts is None and not stream.codec_context.has_b_frames:
            packet.pts = packet.dts
        held.append(packet)
        if packet.dts is None and len(held) <= _MOST_HELD:
            continue
        if packet.dts is not None and len(held) > 1:
            for place, early in enumerate(held):
                early.dts = packet.dts - (len(held) - 1 - place) * _usual(stream)
        yield from held
        held = []
    yield from held


def check_suffix(path: Path, clip: StrPath, pictures: Pictures) -> None:
    """Raise InputError where a file of that suffix cannot hold the pictures as they are."""
    if path.suffix.lower() not in pictures.suffixes:
        names = " or ".join(pictures.suffixes)
        raise InputError(
            f"{show(path)}: the pictures of {show(clip)} ({pictures.codec}) fit into a file ending in {names}"
        )


class Soundtrack(NamedTuple):
    """Sound to lay under pictures: blocks float32 [2, n] at 48 kHz, the first at `at`; 0 is the first picture."""

    at: int
    blocks: Iterable[Array]


def copy_under(path: Path, clip: StrPath, pictures: Pictures, *, sound: Soundtrack) -> Iterator[float]:
    """Write the pictures of a clip with another sound to `path`, and yield how many seconds of them are done.

    `path`: the file to write; its suffix names the container. Raises MediaError where the clip cannot be read, or the
    file not written.
    """
    kind, _, codec = CONTAINERS[path.suffix.lower()]
    zero = round(pictures.start_s * RATE_HZ)
    with demuxer(clip) as source, new_container(path, kind) as target:
        stream = video_stream(source, clip)
        use_alone(source, stream)
        copy = target.add_stream_from_template(stream)
        copy.time_base = stream.time_base
        coder = Coder(target, codec, zero + sound.at, sound.blocks)
        for packet in _stamped(packets(source, stream, Damage()), stream):
            at_s = float(packet.dts * packet.time_base)
            coder.advance(at_s)
            packet.stream = copy
            target.mux(packet)
            yield at_s - pictures.start_s
        coder.finish()


class Coder:
    """Codes blocks of sound into a container, in step with its pictures."""

    def __init__(self, target: Any, codec: str, at: int, blocks: Iterable[Array]) -> None:
        self._target, self._at, self._blocks = target, at, iter(blocks)
        self._stream = target.add_stream(codec, rate=RATE_HZ, layout="stereo")
        self._stream.bit_rate = _BIT_RATES[codec]
        self._stream.codec_context.time_base = Fraction(1, RATE_HZ)
        if codec == "aac":
            self._stream.codec_context.options = _AAC

    def advance(self, until_s: float) -> None:
        """Code what sounds until then."""
        while self._at < until_s * RATE_HZ and self._code(next(self._blocks, None)):
            pass

    def finish(self) -> None:
        """Code the rest."""
        while self._code(next(self._blocks, None)):
            pass
        self._target.mux(self._stream.encode(None))

    def _code(self, y: Array | None) -> bool:
        if y is None:
            return False
        frame = av.AudioFrame.from_ndarray(y.T.reshape(1, -1).copy(), format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._at, Fraction(1, RATE_HZ)
        self._at += y.shape[1]
        self._target.mux(self._stream.encode(frame))
        return True


@contextmanager
def new_container(path: Path, kind: str) -> Iterator[Any]:
    """An output container; what cannot be written is a MediaError, of what the machine fails at a passing one."""
    options = {"movie_timescale": str(RATE_HZ)} if kind in ("mp4", "mov") else {}  # else streams begin on milliseconds
    try:
        with path.open("wb") as file, av.open(file, mode="w", format=kind, options=options) as container:
            yield container
    except MediaError:
        raise
    except DECODE_ERRORS as error:
        final = show(path.with_name(path.name.removeprefix(PARTIAL)))
        if fault := machine_fault(error):
            raise PassingError(f"cannot write '{final}': {fault}") from error
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise MediaError(f"cannot write '{final}': {reason}; check the folder and free space") from error
