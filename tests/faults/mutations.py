"""What is done to a whole file to break it: each function takes its bytes and gives back others.

All take `(data, rng, other)`, `other` being the bytes of another seed; the same generator state gives the same bytes.
"""

import re
import struct
from collections.abc import Callable

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[bytes, Rng, bytes], bytes]

LARGEST = 4 << 20  # a mutated file never grows beyond it
HEAD = 512  # headers live here: half of all changes go to them
_ODD = (0, 1, 2, 3, 7, 8, 16, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 30_000, 100_000, 2**24, 2**31 - 1, 2**31)
_ODD_64 = (*_ODD, 2**32 - 1, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
_TAG = re.compile(rb"[A-Za-z][A-Za-z0-9 ]{3}")


def place(data: bytes, rng: Rng) -> int:
    """A position in `data`, half of the time near its start."""
    reach = min(HEAD, len(data)) if rng.random() < 0.5 else len(data)
    return int(rng.integers(max(1, reach)))


def stretch(data: bytes, rng: Rng) -> tuple[int, int]:
    """A range of `data`: its length is even on a log scale, up to a third of the file."""
    length = int(np.exp(rng.uniform(0, np.log(max(2, len(data) // 3)))))
    start = place(data, rng)
    return start, min(len(data), start + length)


def truncated(data: bytes, rng: Rng, _: bytes) -> bytes:
    """The first part."""
    keep = rng.random() if rng.random() < 0.7 else min(1.0, rng.integers(1, 200) / len(data))
    return data[: max(1, int(len(data) * keep))]


def beheaded(data: bytes, rng: Rng, _: bytes) -> bytes:
    """The last part."""
    return data[place(data, rng) :]


def flipped(data: bytes, rng: Rng, _: bytes) -> bytes:
    """Up to 64 bits turned over."""
    out = bytearray(data)
    for _bit in range(int(2 ** rng.uniform(0, 6))):
        out[place(data, rng)] ^= 1 << int(rng.integers(8))
    return bytes(out)


def noisy(data: bytes, rng: Rng, _: bytes) -> bytes:
    """A range of noise."""
    start, stop = stretch(data, rng)
    return data[:start] + rng.bytes(stop - start) + data[stop:]


def zeroed(data: bytes, rng: Rng, _: bytes) -> bytes:
    """A range of one value, mostly zero."""
    start, stop = stretch(data, rng)
    value = bytes([int(rng.choice([0, 0, 255, int(rng.integers(256))]))])
    return data[:start] + value * (stop - start) + data[stop:]


def inserted(data: bytes, rng: Rng, _: bytes) -> bytes:
    """Bytes that do not belong there."""
    start, stop = stretch(data, rng)
    return data[:start] + rng.bytes(min(stop - start, 4096)) + data[start:]


def removed(data: bytes, rng: Rng, _: bytes) -> bytes:
    """A range is missing."""
    start, stop = stretch(data, rng)
    return data[:start] + data[stop:] or data[:1]


def repeated(data: bytes, rng: Rng, _: bytes) -> bytes:
    """A range again and again."""
    start, stop = stretch(data, rng)
    times = int(2 ** rng.uniform(1, 8))
    return (data[:start] + data[start:stop] * times + data[stop:])[:LARGEST]


def swapped(data: bytes, rng: Rng, _: bytes) -> bytes:
    """Two ranges in each other's place."""
    (a, b), (c, d) = sorted((stretch(data, rng), stretch(data, rng)))
    if b > c:
        return data[c:] + data[:c]
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def spliced(data: bytes, rng: Rng, other: bytes) -> bytes:
    """The header of one file before the body of another."""
    cut = int(2 ** rng.uniform(2, 12))
    return other[:cut] + data[cut if rng.random() < 0.5 else place(data, rng) :]


def joined(data: bytes, rng: Rng, other: bytes) -> bytes:
    """A file that becomes another one midway."""
    return data[place(data, rng) :] + other if rng.random() < 0.3 else data[: len(data) // 2] + other


def field(data: bytes, rng: Rng, _: bytes) -> bytes:
    """A number replaced by one that no writer would write."""
    return _patched(data, place(data, rng), rng)


def tagged(data: bytes, rng: Rng, _: bytes) -> bytes:
    """A number beside a four-letter tag replaced: sizes, counts and dimensions of mp4, RIFF, AIFF, CAF, PNG."""
    tags = [m.start() for m in _TAG.finditer(data[: 1 << 16])] or [0]
    near = int(tags[int(rng.integers(len(tags)))] + rng.choice([-4, 4, 8, 12, 16, 20, 24, 28, 32, 36]))
    return _patched(data, max(0, near), rng)


def _patched(data: bytes, at: int, rng: Rng) -> bytes:
    kind = str(rng.choice(["B", "<H", ">H", "<I", ">I", ">I", "<Q", ">Q"]))
    size = struct.calcsize(kind)
    value = int(_ODD_64[int(rng.integers(len(_ODD_64)))]) if rng.random() < 0.8 else int(rng.integers(2**63))
    out = bytearray(data.ljust(at + size, b"\0"))
    struct.pack_into(kind, out, at, value % (1 << 8 * size))
    return bytes(out)


SINGLE: dict[str, Mutation] = {
    "truncated": truncated,
    "beheaded": beheaded,
    "flipped": flipped,
    "noisy": noisy,
    "zeroed": zeroed,
    "inserted": inserted,
    "removed": removed,
    "repeated": repeated,
    "swapped": swapped,
    "spliced": spliced,
    "joined": joined,
    "field": field,
    "tagged": tagged,
}


def havoc(data: bytes, rng: Rng, other: bytes) -> bytes:
    """Two to six of the others, one after the other."""
    some = list(SINGLE.values())
    for _ in range(int(rng.integers(2, 7))):
        data = some[int(rng.integers(len(some)))](data, rng, other) or data
    return data


ALL: dict[str, Mutation] = {**SINGLE, "havoc": havoc}
