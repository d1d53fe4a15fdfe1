"""Films joined from real clips, for `benchmarks/scenes.py`."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from recommender import media
from recommender.types import Array

FPS, WIDTH, HEIGHT = 25, 480, 270
LEAST_S, MOST_S = 5.0, 25.0
"""How long a scene is: the whole of its clip, or a part."""
CLIPS_A_FILM = (6, 11)
SAME = (
    {"bikes.mp4", "scene_cuts.mp4"},
    {"bigbuckbunny.mp4", "big_buck_bunny_0_30.webm"},
    {"chroma1.mp4", "luma.mp4"},
    {"demo__demo.mp4", "demo__demo_spatiotemporal_det.mp4"},
)
"""Files cut from one and the same source: never in one film, never on both sides of the choice."""


class Joined(NamedTuple):
    """A film: its file, when its source changes, and for every scene what it was made of."""

    path: Path
    joint_s: list[float]
    scenes: list[tuple[str, float]]


def clips(data: Path) -> dict[str, Path]:
    """Every clip by name."""
    files = sorted(path for name in ("clips", "activity") for path in (data / name).iterdir())
    return {path.name: path for path in files if path.suffix in (".mp4", ".webm", ".avi", ".gif")}


@cache
def frames_of(path: Path) -> int:
    """How many frames a clip gives."""
    return sum(1 for _ in media.frames(path, FPS))


def is_long(path: Path) -> bool:
    """Whether a clip is long enough for a scene."""
    return frames_of(path) >= LEAST_S * FPS - 1


def group_of(name: str) -> str:
    """The source that a clip was cut from."""
    return min(next((names for names in SAME if name in names), {name}))


def halves(names: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """The clips to choose on, and those to report on: sources dealt out by `seed`."""
    groups = sorted({group_of(name) for name in names})
    np.random.default_rng(seed).shuffle(groups)
    chosen = set(groups[::2])
    return [name for name in names if group_of(name) in chosen], [
        name for name in names if group_of(name) not in chosen
    ]


def join(folder: Path, files: dict[str, Path], names: Sequence[str], *, seed: int) -> Joined:
    """A film of clips of different sources, every other one cut into two to four pieces in another order."""
    path, rng, plan = folder / f"{seed}.mp4", np.random.default_rng(seed), list[tuple[str, Array]]()
    order, count = rng.permutation(names).tolist(), int(rng.integers(*CLIPS_A_FILM))
    for name in order:
        if len(plan) < count and group_of(name) not in {group_of(other) for other, _ in plan}:
            plan.append((name, pick(rng, files[name])))
    if not path.exists():
        media.write_video(path, (frame for name, which in plan for frame in shown(files[name], which)), FPS)
    lengths = np.cumsum([len(which) for _, which in plan]) / FPS
    return Joined(path, lengths[:-1].tolist(), [(name, len(which) / FPS) for name, which in plan])


def pick(rng: Any, path: Path) -> Array:
    """Which frames of a clip are shown, in order."""
    count = frames_of(path)
    length = min(count, int(rng.uniform(LEAST_S, MOST_S) * FPS))
    start = int(rng.integers(0, count - length + 1))
    return shuffle(rng, np.arange(start, start + length), int(rng.integers(2, 5)) if rng.random() < 0.5 else 1)


def shuffle(rng: Any, which: Array, pieces: int) -> Array:
    """The frames with so many pieces of them in another order."""
    parts = np.array_split(which, pieces)
    rng.shuffle(parts)
    return np.concatenate(parts)


def shown(path: Path, which: Array) -> Iterator[Array]:
    """Frames of a clip, filling WIDTH x HEIGHT."""
    held = {}
    wanted = set(which.tolist())
    for place, frame in enumerate(media.frames(path, FPS, 640)):
        if place in wanted:
            held[place] = _fill(frame.rgb)
    yield from (held[place] for place in which.tolist())


def _fill(rgb: Array) -> Array:
    scale = max(WIDTH / rgb.shape[1], HEIGHT / rgb.shape[0])
    size = max(WIDTH, round(rgb.shape[1] * scale)), max(HEIGHT, round(rgb.shape[0] * scale))
    scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (scaled.shape[0] - HEIGHT) // 2, (scaled.shape[1] - WIDTH) // 2
    return np.ascontiguousarray(scaled[top : top + HEIGHT, left : left + WIDTH])
