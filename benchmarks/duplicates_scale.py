"""Search among many made-up fingerprints: memory, CPU and candidates per track; part of `duplicates.py`."""

import measuring

# isort: split
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from indexing.duplicates import matching
from indexing.duplicates.matching import Recordings
from recommender.extractors.audio.acoustic import BLOCK, LEVELS, RATE_HZ, Fingerprint

TRACK_S = 240
EXCERPT_S = 30
ADDED = 100
BATCH = 1000
FREE_BITS = 21  # with copies of 11 of them, two codes of different tracks are equal as often as in VGMIDI: 2^-21
PERFECT, FLIPPED = 0.1, 0.12  # share of codes without an error, and of wrong bits in the others: worse than most


def scale(sizes: Sequence[int], seed: int) -> str:
    """A table over the numbers of tracks."""
    lines = [
        f"Made-up tracks of {TRACK_S // 60} minutes: codes that change like those of music (a fifth of the bits per "
        "step) and coincide as",
        f"often between tracks (2^-{FREE_BITS}). {ADDED} new tracks are looked up and added one by one; {ADDED} "
        f"excerpts of {EXCERPT_S} s of tracks that are there,",
        f"{1 - PERFECT:.0%} of their codes with {FLIPPED:.0%} wrong bits, are looked up.",
        "",
        "| tracks | MB | building, CPU ms a track | looking up a new track, CPU ms | adding it, CPU ms | compared bit "
        "by bit | excerpts found | false |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *(row(size, seed) for size in sizes)])


def row(size: int, seed: int) -> str:
    rng = np.random.default_rng(seed)
    recordings = Recordings()
    excerpts = []

    def build() -> None:
        for at in range(0, size, BATCH):
            fingerprints = list(made_up(rng, min(BATCH, size - at)))
            excerpts.extend((at + i, fingerprints[i]) for i in range(0, len(fingerprints), max(1, size // ADDED)))
            building.append(measuring.cpu(lambda at=at, m=fingerprints: recordings.add(enumerate(m, at)), 1))

    building: list[float] = []
    build()
    memory = recordings.bytes / 1e6
    fresh = list(made_up(rng, ADDED))
    false = []
    comparisons = counted(lambda: false.extend(m for fingerprint in fresh for m in recordings.matches(fingerprint)))
    looking = measuring.cpu(lambda: [recordings.matches(fingerprint) for fingerprint in fresh], 1)
    found = [[m.track for m in recordings.matches(altered(rng, fingerprint))] for _, fingerprint in excerpts]
    hits = sum(track in tracks for (track, _), tracks in zip(excerpts, found, strict=True))
    strangers = sum(map(len, found)) - hits + len(false)
    adding = measuring.cpu(
        lambda: [recordings.add([(size + i, fingerprint)]) for i, fingerprint in enumerate(fresh)], 1
    )
    per_track = f"{sum(building) / size * 1e3:.2f} | {looking / ADDED * 1e3:.1f} | {adding / ADDED * 1e3:.2f}"
    tail = f"{comparisons / ADDED:.1f} | {hits} of {len(excerpts)} | {strangers}"
    return f"| {size:,} | {memory:,.0f} | {per_track} | {tail} |"


def made_up(rng: np.random.Generator, count: int) -> Iterator[Fingerprint]:
    """`count` fingerprints of `TRACK_S`."""
    frames = round(TRACK_S * RATE_HZ)
    a, b, c, d = rng.integers(0, 1 << FREE_BITS, (4, count, frames), dtype=np.uint32)
    steps = a & b & (c | d)  # 3 bits in 16 flip
    steps[:, 0] = a[:, 0]
    free = np.bitwise_xor.accumulate(steps, axis=1)
    codes = np.maximum(free | (free << np.uint32(FREE_BITS)), 1)
    levels = rng.integers(0, 30, (count, -(-frames // BLOCK), LEVELS), dtype=np.uint8)
    for mine, sound in zip(codes, levels, strict=True):
        yield Fingerprint(mine, sound)


def altered(rng: np.random.Generator, fingerprint: Fingerprint) -> Fingerprint:
    """`EXCERPT_S` of a track, with errors."""
    length, first = round(EXCERPT_S * RATE_HZ), BLOCK * int(rng.integers(0, 100))
    wrong = rng.random((length, 32)) < FLIPPED
    wrong[rng.random(length) < PERFECT] = False
    turned = np.packbits(wrong, axis=1).view("<u4")[:, 0]
    rows = fingerprint.levels[first // BLOCK : -(-(first + length) // BLOCK)]
    return Fingerprint(fingerprint.codes[first : first + length] ^ turned, rows)


def counted(call: Callable[[], object]) -> int:
    """How many pairs are compared bit by bit during `call`."""
    count, compared = 0, matching.compare

    def counting(*args: object, **named: object) -> matching.Match | None:
        nonlocal count
        count += 1
        return compared(*args, **named)

    matching.compare = counting
    try:
        call()
    finally:
        matching.compare = compared
    return count
