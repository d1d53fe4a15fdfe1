"""Open media files safely and decode one stream of them, packet by packet."""

import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.container import Flags
from av.stream import Discard, Disposition

from recommender.errors import MediaError, PassingError
from recommender.faults import for_now
from recommender.media.damage import DECODE_ERRORS, Damage, StrPath, cannot_read
from recommender.media.structure import ENCRYPTED, Piece, is_encrypted, secret_pids

# Formats that hold their own data. Playlists and lists (hls, dash, concat, sdp, image2) are left out on purpose:
# they would open other files or addresses named inside a file that somebody sent.
_FORMATS = (
    *("aac", "ac3", "aiff", "amr", "ape", "asf", "au", "caf", "dsf", "dts", "dtshd", "eac3", "flac", "iff", "loas"),
    *("mlp", "mp3", "mpc", "mpc8", "ogg", "oma", "tak", "truehd", "tta", "voc", "w64", "wav", "wv"),
    *("av1", "avi", "dv", "flv", "gxf", "h264", "hevc", "ivf", "m4v", "matroska", "mjpeg", "mov", "mpeg", "mpegts"),
    *("mpegvideo", "mxf", "nut", "obu", "rm", "vc1", "wtv", "yuv4mpegpipe"),
    *("apng", "gif", "bmp_pipe", "exr_pipe", "j2k_pipe", "jpeg_pipe", "jpegls_pipe", "jpegxl_pipe", "pam_pipe"),
    *("pbm_pipe", "pgm_pipe", "png_pipe", "ppm_pipe", "qoi_pipe", "tiff_pipe", "webp_pipe"),
)
MAX_PIXELS = 100_000_000  # larger pictures are decompression bombs, or need more memory than a feature is worth
# The largest picture of level 6.2 of H.264, H.265 and AV1 (8192 x 4352): a decoder holds up to 17 of them at once.
MAX_MOVING_PIXELS = 8192 * 4352
_MARGIN = 1.1  # decoders count the rows and columns that they align a picture with
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_INFLATED = 1 << 26  # of the texts and colour profiles of a PNG; FFmpeg makes 2 GB of 1 MB without asking
_ASIDE = Disposition.comment | Disposition.visual_impaired | Disposition.descriptions  # nobody's first choice
_MAX_READ_FAILURES = 100  # consecutive failures to read a packet after which the rest of a file is given up
_OPTIONS = {
    "format_whitelist": ",".join(_FORMATS),
    "protocol_whitelist": "none",
    "max_pixels": str(round(MAX_PIXELS * _MARGIN)),
}
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")
_PICTURES = {
    *(".avif", ".bmp", ".exr", ".heic", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
    *(".jxl", ".pbm", ".pgm", ".png", ".ppm", ".qoi", ".tif", ".tiff", ".webp"),
}
_PHOTO_CODECS = {"mjpeg", "png", "bmp", "webp", "tiff", "jpeg2000", "libjxl"}
_TOO_LARGE = re.compile(r"Picture size (\d+)x(\d+) (?:is invalid|exceeds)")
_TRIED = 3  # packets in which a decoder tells the size
_COUNTED = 500  # packets of which pictures are counted
_NOT_MEDIA = "it is damaged, or not an audio, video or picture file; play it to check, and convert it or leave it out"


class _File(FileIO):
    """A file that shows FFmpeg a harmless name: of ours, ``%03d`` is a pattern and ``a:b`` an address to it.

    The suffix of sound and video stays, it helps to tell formats without a signature apart. That of a picture
    does not: FFmpeg would take a numbered series (its demuxer `image2`, which is not allowed) for the likeliest.
    """

    name: str


class _Window(_File):
    """Some bytes of a file as a file of their own."""

    piece: Piece

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file."""
        base = (self.piece.start, super().tell(), self.piece.end)[whence]
        return super().seek(base + offset) - self.piece.start

    def tell(self) -> int:
        """As of any file."""
        return super().tell() - self.piece.start

    def read(self, size: int | None = -1) -> bytes:
        """As of any file."""
        left = max(0, self.piece.end - super().tell())
        return super().read(left if size is None or size < 0 else min(size, left))


class _Source:
    """What PyAV reads of a file. FFmpeg takes a disk that fails for the end of the file: `fault` keeps the truth."""

    def __init__(self, file: FileIO) -> None:
        self.file, self.name, self.seek, self.tell = file, file.name, file.seek, file.tell
        self.fault: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none where they cannot be read."""
        try:
            return self.file.read(size)
        except (OSError, MemoryError) as error:
            self.fault = self.fault or error
            return b""


@contextmanager
def demuxer(path: StrPath, piece: Piece | None = None) -> Iterator[Any]:
    """The PyAV input container of `path`, or of a piece of it; raises MediaError when it cannot be opened as media.

    A Python file object is handed to PyAV, so no name is ever taken for an address, a protocol or a pattern;
    it costs no decoding speed. What goes wrong inside the context, or in reading, for a fault of the machine is a
    PassingError.
    """
    with open_file(path, piece) as file:
        source = _Source(file)
        try:
            with _opened(path, source) as container:
                yield container
        except Exception as error:
            fault = None if isinstance(error, PassingError) else for_now(path, source.fault or error)
            if fault is None:
                raise
            raise fault from error
        if source.fault is not None:
            raise for_now(path, source.fault) or source.fault


def _opened(path: StrPath, source: _Source) -> Any:
    try:
        if _inflate(source.file) > _MOST_INFLATED:
            raise cannot_read(path, "its texts or colour profile are a decompression bomb; save the picture again")
        source.seek(0)
        container = av.open(source, mode="r", options=_OPTIONS, metadata_encoding="latin-1")  # see `metadata`
    except DECODE_ERRORS as error:
        raise for_now(path, error) or cannot_read(path, _open_reason(error)) from error
    container.flags &= ~Flags.gen_pts.value  # invented stamps are wrong for avi with B frames
    return container


def open_file(path: StrPath, piece: Piece | None = None) -> FileIO:
    """The open binary file at `path`, or a piece of it, checked to be a regular file that is not empty."""
    try:
        info = Path(path).stat()
        if stat.S_ISDIR(info.st_mode):
            raise cannot_read(path, "it is a folder; give a file inside it")
        if not stat.S_ISREG(info.st_mode):  # a pipe or device could block for ever
            raise cannot_read(path, "it is not a regular file; give a file on disk")
        if info.st_size == 0:
            raise cannot_read(path, "the file is empty (0 bytes); copy or download it again")
        file = _File(path) if piece is None else _Window(path)
        if isinstance(file, _Window) and piece is not None:
            file.piece = piece
        suffix = Path(path).suffix.lower()
        file.name = "media" + (suffix if _SUFFIX.fullmatch(suffix) and suffix not in _PICTURES else "")
        return file
    except (OSError, ValueError) as error:
        raise for_now(path, error) or cannot_read(path, _file_reason(error)) from error


def _inflate(file: FileIO) -> int:
    """Bytes that the compressed texts and colour profiles of a PNG grow to, counted to the limit; 0 of other files."""
    total = 0
    if file.read(len(_PNG)) != _PNG:
        return total
    while len(head := file.read(8)) == 8 and total <= _MOST_INFLATED:
        size = int.from_bytes(head[:4], "big")
        if head[4:] in (b"zTXt", b"iCCP"):
            _, _, packed = file.read(size).partition(b"\0")  # a name, the method, and the stream
            with suppress(zlib.error):
                total += len(zlib.decompressobj().decompress(packed[1:], _MOST_INFLATED + 1))
            size = 0
        file.seek(size + 4, os.SEEK_CUR)
    return total


def _file_reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no such file; check the path"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror.lower()}; check the disk and the path"
    return "not a valid path; check the name"


def _open_reason(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, av.FFmpegError):
        return _file_reason(error)
    return _NOT_MEDIA


def audio_streams(container: Any, path: StrPath) -> list[Any]:
    """The audio streams that can be decoded, the one that is meant to be heard first; raises MediaError without any.

    Comments and descriptions for the blind come last; then what is default comes first, and what is whole.
    """
    found = _usable(container, path, container.streams.audio, "no audio stream; give a file with sound")
    longest = max((stream.duration or 0) * stream.time_base for stream in found)

    def place(stream: Any) -> tuple[bool, bool, bool]:
        short = bool(stream.duration is not None and 2 * stream.duration * stream.time_base < longest)
        return bool(stream.disposition & _ASIDE), not stream.disposition & Disposition.default, short

    return sorted(found, key=place)


def video_stream(container: Any, path: StrPath) -> Any:
    """The default (else the first) video stream that can be decoded and is no cover picture, of a size checked.

    Raises MediaError if there is none, and before anything is decoded when its pictures are absurdly large.
    """
    streams = pictures(container, path)
    covers = len(container.streams.video) > len(streams)
    kind = "no video stream, only a cover picture" if covers else "no video stream"
    stream = _choose(container, path, streams, f"{kind}; give a video or a picture")
    check_size(path, stream.codec_context.width, stream.codec_context.height, most=most_pixels(container))
    return stream


def check_size(path: StrPath, width: int, height: int, *, most: int) -> None:
    """Raises MediaError when a picture of `width` x `height` has more than `most` pixels."""
    if width * height > most:
        what = f"its picture of {width} x {height} pixels exceeds {round(most / 1e6)} megapixels"
        raise cannot_read(path, f"{what}; scale it down")


def pictures(container: Any, path: StrPath) -> list[Any]:
    """The video streams that are meant to be watched: no cover pictures, posters, thumbnails or parts of a picture.

    Where it is not said which those are, it is the streams that move: of a picture for each of at most eight that
    another has, and of no less than a quarter of its size. Single photos beside sound are a cover.
    """
    hidden = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
    streams = [s for s in container.streams.video if not s.disposition & hidden and s.codec_context is not None]
    photos = [s for s in streams if s.codec_context.name in _PHOTO_CODECS]
    sound = bool(container.streams.audio)
    if not streams or (len(streams) == 1 and not (sound and photos)):
        return [s for s in container.streams.video if not s.disposition & hidden]
    counts = _count_pictures(path, streams)
    moving = [s for s in streams if counts[s.index] > 1 and 8 * counts[s.index] >= max(counts.values())]
    largest = max((_area(s) for s in moving), default=0)
    if moving:
        return [s for s in moving if 4 * _area(s) >= largest]
    return [] if sound and len(photos) == len(streams) else streams


def _area(stream: Any) -> int:
    return int(stream.codec_context.width * stream.codec_context.height)


def _count_pictures(path: StrPath, streams: list[Any]) -> dict[int, int]:
    """How many pictures each of `streams` has, as the file tells, else among its first packets."""
    counts = {stream.index: stream.frames for stream in streams}
    if all(counts.values()):
        return counts
    counts = dict.fromkeys(counts, 0)
    with demuxer(path) as other, suppress(*DECODE_ERRORS):
        for packet in islice(other.demux(video=list(range(len(other.streams.video)))), _COUNTED):
            if packet.size and packet.stream_index in counts:
                counts[packet.stream_index] += 1
    return counts


def _choose(container: Any, path: StrPath, streams: Any, missing: str) -> Any:
    usable = _usable(container, path, streams, missing)
    chosen = next((s for s in usable if s.disposition & Disposition.default), usable[0])
    use_alone(container, chosen)
    return chosen


def _usable(container: Any, path: StrPath, streams: Any, missing: str) -> list[Any]:
    """Those of the streams that can be decoded; raises MediaError where there is none, or all are encrypted."""
    clear = _readable(path, container.format.name, streams) if streams else ()
    usable = [stream for stream in clear if stream.codec_context is not None]
    if not usable:
        raise cannot_read(path, "its codec is not supported; convert it to mp4, mp3 or wav" if streams else missing)
    return usable


def _readable(path: StrPath, kind: str, streams: Any) -> list[Any]:
    """Those of the streams that are not encrypted; raises MediaError where all are."""
    with open_file(path) as file:
        hidden = secret_pids(file) if kind == "mpegts" else frozenset()
        clear = [stream for stream in streams if stream.id not in hidden]
        if not clear or is_encrypted(file, kind, streams[0].type):
            raise cannot_read(path, ENCRYPTED)
    return clear


def use_alone(container: Any, chosen: Any) -> None:
    """Let the demuxer jump over what nobody will decode."""
    for stream in container.streams:
        if stream.index != chosen.index:
            stream.discard = Discard.all


def is_still(container: Any) -> bool:
    """Whether the container's format holds one picture without a time axis (a gif has one)."""
    if container.metadata.get("major_brand", "") in {"avif", "heic", "heix", "mif1"}:
        return all(stream.frames <= 1 for stream in container.streams.video)
    return bool(container.format.name.endswith("_pipe"))


def most_pixels(container: Any) -> int:
    """How many pixels a picture of `container` may have."""
    return MAX_PIXELS if is_still(container) else MAX_MOVING_PIXELS


def prepare(stream: Any, threads: int) -> None:
    """Set up the decoder of `stream`: `threads` (0: one per core) and the limit on picture size."""
    codec = stream.codec_context
    codec.thread_type = "AUTO"
    codec.thread_count = threads
    codec.options = {"max_pixels": str(round(most_pixels(stream.container) * _MARGIN))}


def packets(container: Any, stream: Any, damage: Damage) -> Iterator[Any]:
    """The packets of `stream`; what cannot be read is counted and passed over."""
    failures = 0
    while failures < _MAX_READ_FAILURES:
        try:
            for packet in container.demux(stream):
                if packet.size:  # an empty packet would tell the decoder that the stream ends
                    failures = 0
                    yield packet
            return
        except IndexError:  # a packet of a stream that began later than PyAV looked
            continue
        except DECODE_ERRORS as error:
            damage.skip(error)
            failures += 1 if isinstance(error, av.FFmpegError) else _MAX_READ_FAILURES


def decode_frames(container: Any, stream: Any, damage: Damage) -> Iterator[Any]:
    """The frames of `stream` in order of presentation; damaged packets are counted and passed over."""
    for packet in packets(container, stream, damage):
        yield from decode(stream, packet, damage)
    yield from decode(stream, None, damage)


def decode(stream: Any, packet: Any, damage: Damage) -> list[Any]:
    """The frames that `packet` (None: the end of the stream) completes; empty, and counted, when it is damaged."""
    try:
        frames: list[Any] = stream.codec_context.decode(packet)
    except EOFError:
        return []
    except DECODE_ERRORS as error:
        damage.skip(error)
        return []
    for frame in frames:
        if frame.is_corrupt:
            damage.frames += 1
    return frames


def nothing_decoded(path: StrPath, stream: Any, damage: Damage) -> MediaError:
    """The error for a `stream` that gave no frame at all."""
    what = "sound" if stream.type == "audio" else "picture"
    if not damage.packets:
        return cannot_read(path, f"it holds no {what} that can be read; copy or export it again")
    lost = f"no {what} could be decoded ({damage.packets} damaged packets)"
    if stream.type == "video" and not stream.codec_context.width and (size := _told_size(path)):
        check_size(path, *size, most=most_pixels(stream.container))
    return cannot_read(path, f"{lost}; copy or export it again")


def _told_size(path: StrPath) -> tuple[int, int] | None:
    """(width, height) of a picture that the decoder found too large, as it says in its log; None of any other."""
    found = None
    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as log, demuxer(path) as container:
            stream = container.streams.video[0]
            prepare(stream, threads=1)
            for packet in islice(container.demux(stream), _TRIED):
                decode(stream, packet, Damage())
            found = next(filter(None, (_TOO_LARGE.search(message) for _, _, message in log)), None)
    except DECODE_ERRORS:
        return None
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skip)
    return (int(found[1]), int(found[2])) if found else None
