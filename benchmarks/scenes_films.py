"""Films joined from real clips, for `benchmarks/scenes.py`."""

from collections.abc import Iterable, Iterator, Sequence
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


class Joint(NamedTuple):
    """How a scene goes over to the next: `cut`, or within so many seconds as `dissolve`, as `wipe` from the left, or
    through `black` or `white`."""

    kind: str = "cut"
    lasts_s: float = 0.0

    @property
    def overlap(self) -> int:
        """Frames in which both scenes are seen."""
        return round(self.lasts_s * FPS) if self.kind in ("dissolve", "wipe") else 0


CUT = Joint()


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


def is_long(path: Path, more_s: float = 0.0) -> bool:
    """Whether a clip is long enough for a scene, and for `more_s` beside it."""
    return frames_of(path) >= (LEAST_S + more_s) * FPS - 1


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


def join(
    folder: Path, files: dict[str, Path], names: Sequence[str], *, seed: int, joint: Joint = CUT, most: int = 0
) -> Joined:
    """A film of clips of different sources, every other one cut into two to four pieces in another order.

    A joint lies in the middle of what leads over it. most: scenes at most, where not 0.
    """
    rng, plan = np.random.default_rng(seed), list[tuple[str, Array]]()
    path = folder / (f"{seed}.mp4" if joint == CUT else f"{seed} {joint.kind} {joint.lasts_s:g}.mp4")
    order, count = rng.permutation(names).tolist(), int(rng.integers(*CLIPS_A_FILM))
    for name in order:
        if len(plan) < count and group_of(name) not in {group_of(other) for other, _ in plan}:
            plan.append((name, pick(rng, files[name])))
    plan = plan[: most or None]
    if not path.exists():
        media.write_video(path, lead_over((list(shown(files[name], which)) for name, which in plan), joint), FPS)
    lengths = np.array([len(which) for _, which in plan])
    starts = np.cumsum(lengths)[:-1] - joint.overlap * (np.arange(len(plan) - 1) + 0.5)
    return Joined(path, (starts / FPS).tolist(), [(name, len(which) / FPS) for name, which in plan])


def lead_over(scenes: Iterable[list[Array]], joint: Joint) -> Iterator[Array]:
    """The frames of a film of these scenes."""
    half, before = round(joint.lasts_s * FPS / 2), list[Array]()
    for frames in scenes:
        if before and joint.overlap:
            n = joint.overlap
            yield from before[:-n]
            yield from (
                mix(a, b, (k + 0.5) / n, joint) for k, (a, b) in enumerate(zip(before[-n:], frames, strict=False))
            )
            before = frames[n:]
            continue
        yield from before
        before = list(frames)
        if joint.kind in ("black", "white"):
            through(before, half, 255 if joint.kind == "white" else 0)
    yield from before


def mix(a: Array, b: Array, share: float, joint: Joint) -> Array:
    """What is seen when `share` of the way from one frame to another is gone."""
    if joint.kind == "wipe":
        return np.concatenate([b[:, : round(share * WIDTH)], a[:, round(share * WIDTH) :]], axis=1)
    return cv2.addWeighted(a, 1 - share, b, share, 0)


def through(frames: list[Array], half: int, level: int) -> None:
    """Let frames begin and end at one level of grey, in `half` so many frames each."""
    for k in range(half):
        for at in (k, -1 - k):
            share = (k + 0.5) / half
            frames[at] = cv2.addWeighted(frames[at], share, np.full_like(frames[at], level), 1 - share, 0)


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
