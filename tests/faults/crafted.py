"""Files whose headers are in order and ask for too much: sizes, lengths, rates, counts and stamps no one would write.

Each function takes a generator and gives back (suffix, bytes); all stay small enough to be made in milliseconds.
"""

import re
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from io import BytesIO

import av
import numpy as np

from tests.faults import seeds

Rng = np.random.Generator
Crafted = Callable[[Rng], tuple[str, bytes]]

_SIDES = (0, 1, 2, 3, 9_999, 10_000, 16_384, 30_000, 32_768, 65_535, 65_536, 2**31 - 1, 2**32 - 1)
_COUNTS = (0, 1, 1_000_000, 2**31 - 1, 2**32 - 1)


def _one(rng: Rng, of: tuple[int, ...]) -> int:
    return int(of[int(rng.integers(len(of)))])


@cache
def _seed(kind: str) -> bytes:
    """The whole file of that kind; a png where it could not be made here."""
    found = {seed.kind: seed.data for seed in seeds.corpus()}
    return found.get(kind, found["png/rgb24"])


def png(rng: Rng) -> tuple[str, bytes]:
    """A valid png header of any size before the rows of a small picture, or of black rows."""
    width, height = _one(rng, _SIDES), _one(rng, _SIDES)
    depth, colour = ((1, 0), (8, 2), (16, 6), (8, 3), (16, 0))[int(rng.integers(5))]
    rows = zlib.compress(bytes(int(rng.choice([100, 1 << 20, 4 << 20]))))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(rng.integers(2)))
    return ".png", b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def chunk(tag: bytes, data: bytes) -> bytes:
    """A png chunk with its checksum."""
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def gif(rng: Rng) -> tuple[str, bytes]:
    """A gif with any canvas, frames and delays: hundreds of one-pixel frames, or pauses of eleven minutes."""
    width, height = (min(65_535, _one(rng, _SIDES[1:])) for _ in range(2))
    if rng.random() < 0.5:
        width = height = 1 + int(rng.integers(64))
    delay, count = _one(rng, (0, 1, 100, 65_535)), int(2 ** rng.uniform(0, 9))
    control = b"\x21\xf9\x04\x04" + struct.pack("<H", delay) + b"\0\0"
    frames = [
        control + struct.pack("<BHHHHB", 0x2C, 0, 0, 1, 1, 0) + b"\x02\x02" + bits + b"\0"
        for bits in (b"\x44\x01", b"\x4c\x01")
    ]
    body = b"".join(frames[i % 2] for i in range(count))
    return ".gif", b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + body + b"\x3b"


def dimensions(rng: Rng) -> tuple[str, bytes]:
    """A small jpeg, bmp, webp, tiff, qoi, ppm or exr with another size in its header."""
    kind, suffix, pattern, skip, layout = _HEADERS[int(rng.integers(len(_HEADERS)))]
    data, width, height = bytearray(_seed(kind)), _one(rng, _SIDES), _one(rng, _SIDES)
    if kind.startswith("ppm"):
        return suffix, b"P6\n%d %d\n255\n" % (width, height) + bytes(data[13:])
    found = re.search(pattern, data, re.DOTALL)
    if found is None:
        return suffix, bytes(data)
    bits = 8 * struct.calcsize(layout) // 2
    struct.pack_into(layout, data, found.start() + skip, width % (1 << bits), height % (1 << bits))
    return suffix, bytes(data)


_HEADERS = (
    ("jpg/yuvj420p", ".jpg", rb"\xff[\xc0-\xc2]\0", 5, ">HH"),
    ("bmp/bgr24", ".bmp", rb"^BM", 18, "<II"),
    ("webp/yuv420p", ".webp", rb"\x9d\x01\x2a", 3, "<HH"),
    ("webp/bgra", ".webp", rb"VP8L....\x2f", 9, "<HH"),
    ("tiff/rgb24", ".tiff", rb"\0\x01\x03\0\x01\0\0\0|\0\x01\x04\0\x01\0\0\0", 9, "<HH"),
    ("qoi/rgb24", ".qoi", rb"^qoif", 4, ">II"),
    ("exr/gbrpf32le", ".exr", rb"dataWindow\0box2i\0", 29, "<II"),
    ("j2k/rgb24", ".j2k", rb"\xff\x51", 6, ">II"),
    ("jls/rgb24", ".jls", rb"\xff\xf7", 5, ">HH"),
    ("ppm/rgb24", ".ppm", rb"^P6", 0, "<II"),
)


def wav(rng: Rng) -> tuple[str, bytes]:
    """A wav whose header claims any rate, number of channels, depth and length over a little noise."""
    kind = _one(rng, (1, 1, 1, 3, 2, 6, 7, 0x11, 0x31, 0x55, 0xFFFE))
    channels = _one(rng, (0, 1, 2, 8, 9, 63, 64, 255, 1024, 65_535))
    rate = _one(rng, (0, 1, 999, 1000, 8000, 48_000, 768_000, 768_001, 2**31 - 1, 2**32 - 1))
    bits = _one(rng, (0, 1, 4, 8, 12, 16, 24, 32, 64, 65_535))
    step = max(1, channels * bits // 8) % 65_536
    fmt = struct.pack("<HHIIHH", kind, channels, rate, rate * step % 2**32, step, bits)
    body = rng.bytes(int(2 ** rng.uniform(4, 17)))
    claimed = _one(rng, (0, len(body), 2**31 - 1, 2**32 - 1))
    riff = b"RIFF" + struct.pack("<I", claimed) + b"WAVEfmt " + struct.pack("<I", 16)
    return ".wav", riff + fmt + b"data" + struct.pack("<I", claimed) + body


def flac(rng: Rng) -> tuple[str, bytes]:
    """A flac whose header claims hours, another rate, or blocks of another size."""
    data = bytearray(_seed("flac/flac"))
    smallest, largest = (_one(rng, (0, 15, 16, 4096, 65_535)) for _ in range(2))
    rate, channels, bits = _one(rng, (0, 1, 44_100, 655_350, 2**20 - 1)), int(rng.integers(8)), int(rng.integers(32))
    total = _one(rng, (0, 1, 2**32, 2**36 - 1))
    struct.pack_into(">HH", data, 8, smallest, largest)
    struct.pack_into(">Q", data, 18, rate << 44 | channels << 41 | bits << 36 | total)
    return ".flac", bytes(data)


def silence(rng: Rng) -> tuple[str, bytes]:
    """A flac of constant blocks: 65,535 samples in 13 bytes, an hour of silence in a kB."""
    rate = _one(rng, (1000, 8000, 44_100))
    info = struct.pack(">HH6xQ16x", 65_535, 65_535, rate << 44 | 15 << 36)
    count = int(2 ** rng.uniform(0, 6))
    body = b"".join(_constant_block(i) for i in range(count))
    return ".flac", b"fLaC\x80\0\0\x22" + info + body


def _constant_block(number: int) -> bytes:
    """A flac frame of 65,535 equal 16-bit samples, rate as in the header of the file."""
    head = b"\xff\xf8\x70\x08" + (chr(number).encode() if number < 0xD800 else b"0") + struct.pack(">H", 65_534)
    frame = head + bytes([_crc(head, 0x07, 8)]) + b"\0" + b"\x01\x00"
    return frame + struct.pack(">H", _crc(frame, 0x8005, 16))


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    """A checksum without reflection, started at 0: of flac (8 and 16 bits) and ogg (32 bits)."""
    table, mask, value = _table(polynomial, bits), (1 << bits) - 1, 0
    for byte in data:
        value = (value << 8 ^ table[(value >> bits - 8 ^ byte) & 255]) & mask
    return value


@cache
def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    def entry(value: int) -> int:
        value <<= bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> bits - 1 & 1 else 0)
        return value & ((1 << bits) - 1)

    return tuple(entry(byte) for byte in range(256))


def ogg(rng: Rng) -> tuple[str, bytes]:
    """An ogg with jumping granule positions, serial or page numbers, checksums in order."""
    kind, suffix = (("ogg/vorbis", ".ogg"), ("ogg/libopus", ".opus"), ("ogg/flac", ".oga"))[int(rng.integers(3))]
    pages = re.split(rb"(?=OggS\0)", _seed(kind))[1:]
    for i in rng.integers(len(pages), size=int(rng.integers(1, 5))):
        page = bytearray(pages[i])
        if rng.random() < 0.7:
            struct.pack_into(
                "<Q", page, 6, int(rng.choice([0, 1, 2**31, 2**40, 2**62, 2**63 - 1], p=[0.2, 0.1, 0.2, 0.2, 0.2, 0.1]))
            )
        else:
            struct.pack_into("<I", page, int(rng.choice([14, 18])), int(rng.integers(2**32)))
        struct.pack_into("<I", page, 22, 0)
        struct.pack_into("<I", page, 22, _crc(bytes(page), 0x04C11DB7, 32))
        pages[i] = bytes(page)
    return suffix, b"".join(pages)


def mp4(rng: Rng) -> tuple[str, bytes]:
    """An mp4 with another number in one to four fields of its boxes."""
    kind = ("mp4/libx264", "mp4/mpeg4", "mp4/aac", "mov/qtrle")[int(rng.integers(4))]
    data = bytearray(_seed(kind))
    names = [
        b"mvhd",
        b"tkhd",
        b"mdhd",
        b"elst",
        b"stsd",
        b"stts",
        b"ctts",
        b"stsc",
        b"stsz",
        b"stco",
        b"stss",
        b"hdlr",
        b"avcC",
        b"esds",
    ]
    places = [(m.start(), name) for name in names for m in re.finditer(name, data)]
    for _ in range(int(rng.integers(1, 5))):
        at, _name = places[int(rng.integers(len(places)))]
        offset = at + 4 + 4 * int(rng.integers(12))
        if offset + 4 <= len(data):
            struct.pack_into(">I", data, offset, _one(rng, (*_COUNTS, 2, 1000, 90_000, 2**30)))
    return ".mp4", bytes(data)


def edits(rng: Rng) -> tuple[str, bytes]:
    """An mp4 with an edit list of thousands of entries, or a sample table that claims billions of samples."""
    data = _seed("mp4/mpeg4" if rng.random() < 0.5 else "mp4/aac")
    if rng.random() < 0.3:
        at = data.index(b"stsz") + 8
        return ".mp4", data[:at] + struct.pack(">II", 1, _one(rng, (10**6, 10**8, 2**31 - 1, 2**32 - 1))) + data[
            at + 8 :
        ]
    if rng.random() < 0.3:
        at = data.index(b"stts") + 8
        count, delta = _one(rng, (1, 1000, 2**31)), _one(rng, (0, 1, 10**6, 2**31 - 1, 2**32 - 1))
        return ".mp4", data[:at] + struct.pack(">III", 1, count, delta) + data[at + 12 :]
    entry = struct.pack(">IiI", _one(rng, (1, 500, 2**31 - 1)), _one(rng, (0, -1, 500)), 1 << 16)
    count = int(2 ** rng.uniform(3, 16))
    box = b"elst" + struct.pack(">II", 0, count) + entry * count
    box = struct.pack(">I", len(box) + 4) + box
    box = struct.pack(">I", len(box) + 8) + b"edts" + box
    return ".mp4", _with_box(data, box)


def _with_box(data: bytes, box: bytes) -> bytes:
    """`data` with `box` as a further one behind the track header; the index stands behind the samples here."""
    moov, trak, tkhd = (data.index(name) - 4 for name in (b"moov", b"trak", b"tkhd"))
    end = tkhd + struct.unpack_from(">I", data, tkhd)[0]
    out = bytearray(data[:end] + box + data[end:])
    for at in (moov, trak):
        struct.pack_into(">I", out, at, struct.unpack_from(">I", out, at)[0] + len(box))
    return bytes(out)


def sps(rng: Rng) -> tuple[str, bytes]:
    """A raw H.264 stream whose parameter set names an enormous picture or many reference frames."""
    width, height = (int(rng.choice([1, 4, 512, 625, 1024, 2048, 65_535])) for _ in range(2))
    refs, poc = int(rng.choice([1, 4, 16])), int(rng.choice([0, 2]))
    bits = "".join(
        (
            f"{66:08b}",
            f"{0:08b}",
            f"{51:08b}",
            _golomb(0),
            _golomb(0),
            _golomb(poc),
            _golomb(4) if poc == 0 else "",
            _golomb(refs),
            "0",
            _golomb(width - 1),
            _golomb(height - 1),
            "1",
            "1",
            "0",
            "0",
            "1",
        )
    )
    bits += "0" * (-len(bits) % 8)
    unit = b"\0\0\0\1\x67" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    units = re.split(rb"(?=\x00\x00\x00\x01)", _seed("h264/libx264"))
    return ".h264", b"".join(unit if piece[4:5] == b"\x67" else piece for piece in units)


def _golomb(value: int) -> str:
    """`value` as an exponential Golomb code, in bits."""
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def y4m(rng: Rng) -> tuple[str, bytes]:
    """Raw video with any frame rate and hundreds of tiny frames, or a size that is not there."""
    side, count = (
        (int(rng.integers(1, 5)), int(2 ** rng.uniform(0, 9))) if rng.random() < 0.7 else (_one(rng, _SIDES), 1)
    )
    rate = (b"25:1", b"1:1", b"1:599", b"1:3600", b"1000000:1", b"1:1000000", b"0:0", b"2147483647:1", b"30000:1001")
    head = b"YUV4MPEG2 W%d H%d F%s Ip A%d:%d Cmono\n" % (
        side,
        side,
        rate[int(rng.integers(len(rate)))],
        *rng.integers(0, 99, 2),
    )
    body = rng.bytes(count * min(side, 4) ** 2)
    step = min(side, 4) ** 2
    return ".y4m", head + b"".join(b"FRAME\n" + body[i * step : (i + 1) * step] for i in range(count))


def stamps(rng: Rng) -> tuple[str, bytes]:
    """A clip whose pictures are far apart, up to ten minutes each, or whose stamps jump: hours in a few kB."""
    file, at = BytesIO(), 0
    container, codec = (("matroska", "mjpeg"), ("mp4", "mpeg4"), ("matroska", "ffv1"))[int(rng.integers(3))]
    with av.open(file, "w", format=container, options={"fflags": "bitexact"}) as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        step_ms = _one(rng, (1, 40, 10_000, 599_000, 601_000, 3_000_000))
        for _ in range(int(2 ** rng.uniform(1, 8))):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (16, 16, 3)).astype(np.uint8), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            out.mux(stream.encode(frame))
            at += step_ms if rng.random() < 0.9 else 1
        out.mux(stream.encode(None))
    return ".mkv" if container == "matroska" else ".mp4", file.getvalue()


ALL: dict[str, Crafted] = {
    "png": png,
    "gif": gif,
    "dimensions": dimensions,
    "wav": wav,
    "flac": flac,
    "silence": silence,
    "ogg": ogg,
    "mp4": mp4,
    "edits": edits,
    "sps": sps,
    "y4m": y4m,
    "stamps": stamps,
}
