"""Full HD test footage with known motion and cuts: drawn scenes, and medleys of real clips scaled up."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

WIDTH, HEIGHT, FPS = 1920, 1080, 25
REAL = ("big_buck_bunny_0_30.webm", "bikes.mp4", "chaplin.mp4", "demo__demo.mp4", "demo__test_video_structuralize.mp4")
REAL += ("example.mp4", "scene_cuts.mp4", "tests__data__test.mp4", "carphone_pristine.mp4", "fire2.mp4")


class Style(NamedTuple):
    """Frames between two key frames, and whether the encoder adds key frames at cuts (x264 does unless told not to)."""

    gop: int
    scenecut: bool = True

    def __str__(self) -> str:
        return f"GOP {self.gop}" + ("" if self.scenecut else " fixed")


def film(seed: int, seconds: float, speed: float, cuts: int) -> Iterator[Any]:
    """Frames uint8 [1080, 1920, 3] of drawn scenes: `speed` in widths/s, `cuts` at random moments.

    Each scene pans, zooms and rolls over a textured ground at about `speed`; a disc crosses it; grain lies over all.
    """
    rng = np.random.default_rng(seed)
    frames = round(seconds * FPS)
    starts = np.sort(rng.choice(np.arange(8, frames - 8), cuts, replace=False))
    grain = [rng.normal(0, 2.5, (HEIGHT, WIDTH, 1)).astype(np.int8) for _ in range(5)]
    for first, last in zip([0, *starts], [*starts, frames], strict=True):
        scene = _Scene(rng, speed * float(np.exp(rng.normal(0, 0.4))))
        for k in range(last - first):
            yield cv2.add(scene.at(k / FPS), np.repeat(grain[k % 5], 3, 2), dtype=cv2.CV_8U)


class _Scene:
    """One shot: a ground of coloured 1/f noise with edges, seen through a moving camera."""

    def __init__(self, rng: np.random.Generator, speed: float) -> None:
        angle, self._zoom, self._roll = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.3), rng.normal(0, 0.2)
        self._pan = speed * WIDTH * np.array([np.cos(angle), 0.6 * np.sin(angle)])
        self._speed, self._phase = speed, rng.uniform(0, 6)
        self._ground = _ground(rng)
        self._disc = tuple(int(c) for c in rng.integers(0, 255, 3))

    def at(self, t_s: float) -> Any:
        """The frame `t_s` seconds into the shot."""
        zoom = float(np.exp(self._zoom * self._speed * np.sin(t_s + self._phase)))
        turn = 20 * self._roll * self._speed * t_s
        matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), turn, 1.1 * zoom)
        # The camera speeds up and slows down by a third.
        matrix[:, 2] += self._pan * (t_s + 0.33 * np.sin(t_s + self._phase))
        frame = cv2.warpAffine(self._ground, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        x = int(WIDTH * (0.5 + 0.4 * np.sin(2 * self._speed * t_s + self._phase)))
        return cv2.circle(frame, (x, HEIGHT // 2), HEIGHT // 6, self._disc, -1)


def _ground(rng: np.random.Generator) -> Any:
    """A textured picture uint8 [1080, 1920, 3]: noise of several sizes, and rectangles."""
    ground = np.full((HEIGHT, WIDTH, 3), rng.uniform(40, 200, 3), np.float32)
    for cells in (4, 16, 64, 256):
        noise = rng.normal(0, 1, (cells * 9 // 16 + 1, cells, 3)).astype(np.float32)
        ground += 70 / cells**0.4 * cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        colour = tuple(float(c) for c in rng.uniform(0, 255, 3))
        cv2.rectangle(ground, (x, y), (x + int(rng.integers(40, 400)), y + int(rng.integers(40, 300))), colour, -1)
    return np.clip(ground, 0, 255).astype(np.uint8)


def medley(folder: Path, seed: int, seconds: float, cuts: int) -> Iterator[Any]:
    """Frames of real clips in `folder`, cut together and scaled to 1920 x 1080 with the sides cropped as needed."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * FPS)
    borders = [0, *np.sort(rng.choice(np.arange(8, frames - 8), cuts, replace=False)), frames]
    names = [REAL[i % len(REAL)] for i in rng.permutation(max(len(REAL), cuts + 1))]
    for name, first, last in zip(names, borders[:-1], borders[1:], strict=False):
        yield from _piece(folder / name, last - first, rng)


def _piece(path: Path, count: int, rng: np.random.Generator) -> Iterator[Any]:
    """`count` frames of `path` at 25 per second from a random start, forwards and backwards if it is short."""
    with av.open(str(path)) as container:
        small = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
        rate = float(container.streams.video[0].average_rate or FPS)
    start = int(rng.integers(0, max(1, len(small) - count)))
    for k in range(count):
        place = start + int(k * rate / FPS)
        turn, rest = divmod(place, len(small))
        yield _filled(small[rest if turn % 2 == 0 else len(small) - 1 - rest])


def _filled(rgb: Any) -> Any:
    """`rgb` scaled so that it fills the frame, centred."""
    h, w = rgb.shape[:2]
    scale = max(WIDTH / w, HEIGHT / h)
    big = cv2.resize(rgb, (max(WIDTH, round(w * scale)), max(HEIGHT, round(h * scale))), interpolation=cv2.INTER_CUBIC)
    y, x = (big.shape[0] - HEIGHT) // 2, (big.shape[1] - WIDTH) // 2
    return np.ascontiguousarray(big[y : y + HEIGHT, x : x + WIDTH])


def encode(frames: Iterable[Any], targets: dict[Style, Path]) -> None:
    """Write `frames` once per style, as h264 with x264's defaults at preset veryfast."""
    unfinished = {style: path.with_suffix(".part.mp4") for style, path in targets.items()}
    with_paths = {style: av.open(str(path), "w") for style, path in unfinished.items()}
    streams = {style: _stream(container, style) for style, container in with_paths.items()}
    for rgb in frames:
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
        for style, container in with_paths.items():
            container.mux(streams[style].encode(frame))
    for style, container in with_paths.items():
        container.mux(streams[style].encode(None))
        container.close()
        unfinished[style].replace(targets[style])


def _stream(container: Any, style: Style) -> Any:
    stream = container.add_stream("libx264", rate=Fraction(FPS))
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    stream.options = {"preset": "veryfast", "g": str(style.gop)}
    if not style.scenecut:
        stream.options |= {"sc_threshold": "0"}
    return stream


STYLES = (Style(50), Style(250), Style(50, scenecut=False))
SECONDS = 21.0
"""Long enough for three key frames at GOP 250."""
DRAWN = ((0.03, 2), (0.08, 11), (0.2, 0), (0.5, 6))
"""Speed in widths/s and cuts of each drawn film."""
MEDLEYS = (2, 9, 4, 14)
"""Cuts of each medley."""


def make(folder: Path, real: Path, tell: Callable[[str], None] = print) -> list[dict[Style, Path]]:
    """The films and medleys in every style, each a path per style; what is in `folder` already is kept."""
    films = [(f"film{i}", film(1000 + i, SECONDS, *what)) for i, what in enumerate(DRAWN)]
    films += [(f"medley{i}", medley(real, 2000 + i, SECONDS, cuts)) for i, cuts in enumerate(MEDLEYS)]
    found = []
    for name, frames in films:
        paths = {s: folder / f"{name}_{s.gop}{'' if s.scenecut else '_fixed'}.mp4" for s in STYLES}
        if not all(path.exists() for path in paths.values()):
            encode(frames, paths)
            tell(f"encoded {name}")
        found.append(paths)
    return found
