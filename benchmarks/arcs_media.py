"""Footage and music that turn at one place, for `benchmarks/arcs.py`."""

import csv
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np

from recommender import MemoryLibrary, Model, Recommender, media
from recommender.extractors.windows import HOP_S
from recommender.query import Query
from recommender.sample.pieces import PIECES
from recommender.sample.score import waveform
from recommender.types import Array

SR_HZ, FPS = 22050, 10.0
CALM_WORDS, BUSY_WORDS = {"Calming", "Relaxed"}, {"Driving", "Aggressive", "Action"}


def pieces() -> tuple[list[Array], list[Array]]:
    """Sound of the sample's pieces that are calm by title, and of those that are driving."""
    calm = {"Calm Morning", "Slow Sorrow", "Sleepy Lullaby", "Drifting Space", "Mourning Strings"}
    busy = {"Driving Fury", "Night Pulse", "Sunny Dance"}
    return tuple([waveform(piece) for piece in PIECES if piece.title in some] for some in (calm, busy))


def shots(folder: Path) -> tuple[list[Path], list[Path]]:
    """Paths of the calm and of the busy clips, without those in doubt."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["ambiguous"] == "0"]
    calm, busy = ([folder / row["file"] for row in rows if row["label"] == name] for name in ("calm", "busy"))
    return calm, busy


def music(folder: Path) -> tuple[list[Array], list[Array]]:
    """Sound of the tracks with calm words alone, and of those with driving ones."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["file"], set(row["feel"].split("|"))) for row in csv.DictReader(file)]
    sides = (CALM_WORDS, BUSY_WORDS), (BUSY_WORDS, CALM_WORDS)
    calm, busy = ([_sound(folder / file) for file, feel in rows if feel & a and not feel & b] for a, b in sides)
    return calm, busy


def _sound(path: Path) -> Array:
    return np.concatenate(list(media.audio_blocks(path, SR_HZ, SR_HZ)))


def film_query(
    shots: tuple[list[Path], list[Path]],
    pattern: tuple[int, ...],
    lengths: Array,
    *,
    rng: np.random.Generator,
    model: Model,
    path: Path,
) -> Query:
    """The query of a film whose parts are of calm and busy clips, each looped until its part is full."""
    pictures = []
    for kind, length in zip(pattern, lengths.tolist(), strict=True):
        chosen = [shots[kind][i] for i in rng.permutation(len(shots[kind]))[:3]]
        pictures.append(islice(_loop(chosen), round(length * FPS)))
    media.write_video(path, chain.from_iterable(pictures), FPS)
    return Recommender(MemoryLibrary(model.space, [], []), model).clip(path)


def _loop(clips: list[Path]) -> Iterator[Array]:
    while True:
        for clip in clips:
            yield from _frames(clip)


def _frames(clip: Path) -> Iterator[Array]:
    """Pictures of a clip, uint8 [180, 320, 3], cut to that shape."""
    for frame in media.frames(clip, FPS, 640):
        height, width = frame.rgb.shape[:2]
        rows, columns = (np.linspace(0, n - 1, m).astype(int) for n, m in ((height, 180), (width, 320)))
        yield frame.rgb[rows][:, columns]


def song(
    music: tuple[list[Array], list[Array]], pattern: tuple[int, ...], lengths: Array, *, rng: np.random.Generator
) -> tuple[Array, float]:
    """Sound that turns as the film does, at one place, and the second at which the film should begin in it.

    Before and after it goes on as it begins and ends, so that nowhere else it turns likewise.
    """
    before, after = rng.uniform(40, 80, 2)
    lead = float(np.floor(before / HOP_S) * HOP_S)
    parts = [(pattern[0], lead), *zip(pattern, lengths.tolist(), strict=True), (pattern[-1], float(after))]
    merged = [(pattern[0], lead + lengths[0]), *parts[2:-2], (pattern[-1], lengths[-1] + after)]
    sounds = []
    for kind, length in merged:
        order = rng.permutation(len(music[kind]))
        sounds.append(np.concatenate([music[kind][i] for i in order[:6]])[: round(length * SR_HZ)])
    return np.concatenate(sounds), lead
