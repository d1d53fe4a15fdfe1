"""Motion between two frames: dense optical flow, split into what the camera does and what moves on its own.

Flow is DIS (Kroeger et al., "Fast optical flow using dense inverse search", 2016) at 160 pixels across.
Lengths are in frame widths, meaning the longer side of the picture, so portrait clips compare with landscape.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np

from recommender.extractors.running import median, quantiles
from recommender.extractors.video.picture import fit, luma
from recommender.types import Array

WIDTH = 160
PRECISION_PX = 0.15
"""Flow is no more exact than this: sensor noise of 5 levels moves it by about 0.05 pixels on texture."""
EXPLAINS = 0.75
"""Flow counts where it brings the local difference of two frames below this share of what it was: noise, flicker
and changing light differ as much afterwards."""
STRUCTURE = 0.7
"""Least mean gradient of a smoothed frame in grey levels per pixel."""
NOISE = 0.25
"""Least ratio of that gradient to the difference left after the flow: white noise alone gives about 0.13."""
BETTER = 0.7
"""A search from a large shift must leave at most this share unexplained: in fog and fades any shift fits a little."""
DOUBT = 0.1
"""Residual from which a second search starts, from the shift that phase correlation finds."""
UNSEEN = 0.7
"""Residual from which a flow is a guess: white-outs, chaos."""
VARIANCE = 25.0
"""Variance in levels² under which two frames count as equally flat."""


class View(NamedTuple):
    """A frame ready for matching: rgb uint8 [h, w, 3] and grey uint8 [h, w] at `WIDTH`, and the stretch of
    the two axes (x, y) from the true shape (not 1 only for very elongated frames)."""

    rgb: Array
    grey: Array
    stretch: tuple[float, float]


class Match(NamedTuple):
    """Flow float32 [h, w, 2] in pixels from one view to the next; the next pulled back along it, uint8 [h, w];
    and the share of the first view's structure that is missing there, 0 to 2."""

    flow: Array
    back: Array
    residual: float


class Speeds(NamedTuple):
    """Mean and 90th percentile of the flow's length, its camera part and the rest, in widths."""

    mean: float
    p90: float
    camera: float
    local: float


REST = Speeds(0.0, 0.0, 0.0, 0.0)


def view(rgb: Array) -> View:
    """The `View` of a frame, uint8 [h, w, 3]."""
    scaled = fit(rgb, WIDTH)
    h, w = rgb.shape[:2]
    scale = WIDTH / max(h, w)
    return View(scaled, luma(scaled), (scaled.shape[1] / (w * scale), scaled.shape[0] / (h * scale)))


def alike(v: View, other: View) -> View:
    """`v` in the shape of `other`: streams may change their size midway."""
    if v.grey.shape == other.grey.shape:
        return v
    rgb = cv2.resize(v.rgb, other.grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return View(rgb, luma(rgb), other.stretch)


class Flow:
    """Matches views. Holds OpenCV's flow object, so one instance serves one thread."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] = ()
        self._dis: Any = None

    def match(self, a: View, b: View) -> Match:
        """The best flow from `a` to `b`: from rest, and from the common shift where that explains too little."""
        first = self._from(a.grey, b.grey, None)
        if first.residual < DOUBT:
            return first
        second = self._from(a.grey, b.grey, _shift(a.grey, b.grey))
        return second if second.residual < BETTER * first.residual else first

    def _from(self, a: Array, b: Array, start: tuple[float, float] | None) -> Match:
        initial = None if start is None else np.full((*a.shape, 2), start, np.float32)
        flow = self._searching(a.shape).calc(a, b, initial)
        wild = ~((np.abs(flow[..., 0]) <= WIDTH) & (np.abs(flow[..., 1]) <= WIDTH))
        flow[wild] = 0  # rarely, on flat ground, the search runs off to 1e30 or nan
        back = _warp(b, flow)
        return Match(flow, back, residual(a, back))

    def _searching(self, shape: tuple[int, ...]) -> Any:
        """OpenCV's search for pictures of that shape: a new one for another shape.

        One that has seen a smaller shape and is kept for a larger one reads foreign memory and crashes (OpenCV 5.0.0).
        """
        if shape != self._shape:
            self._dis, self._shape = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST), shape
            self._dis.setFinestScale(1)
            # The refinement assumes constant brightness, which fades and flashes break.
            self._dis.setVariationalRefinementIterations(0)
        return self._dis


def residual(a: Array, b: Array) -> float:
    """1 minus the concordance of `a` and `b` (uint8 [h, w]), in [0, 2]: 0 same structure and contrast.

    Insensitive to a change of mean brightness; two flat pictures agree, a flat and a textured one do not.
    """
    x, y = (m - m.mean() for m in (a.astype(np.float32), b.astype(np.float32)))
    x, y = x.ravel(), y.ravel()
    n = x.size
    both = (float(x @ x) + float(y @ y)) / n + 2 * VARIANCE
    return 1 - (2 * float(x @ y) / n + 2 * VARIANCE) / both


def speeds(match: Match, a: View, b: View) -> Speeds:
    """Lengths of the flow from `a` to `b`; parts of the picture where it explains nothing rest."""
    sure = _explain(a.grey, b.grey, match.back)
    vectors = match.flow / (WIDTH * np.array(a.stretch, np.float32))
    camera = _camera(vectors, sure)
    lengths = (np.where(sure, np.hypot(v[..., 0], v[..., 1]), 0) for v in (vectors, camera, vectors - camera))
    length, global_, local = lengths
    p90 = quantiles(length.ravel(), [0.9])[0]
    return Speeds(float(length.mean()), float(p90), float(global_.mean()), float(local.mean()))


def _explain(a: Array, b: Array, back: Array) -> Array:
    """Where `a` has structure and `back` (`b` along the flow) is clearly nearer to it than `b` is, bool [h, w]."""
    first, second, pulled = (m.astype(np.float32) - np.float32(m.mean()) for m in (a, b, back))
    before, after = (cv2.blur(np.abs(first - m), (9, 9)) for m in (second, pulled))
    structure = cv2.blur(_gradient(first), (9, 9))
    return (after < EXPLAINS * before) & (structure > np.maximum(STRUCTURE, NOISE * after))


def _gradient(grey: Array) -> Array:
    """Length of the gradient of a slightly blurred `grey` (float32 [h, w]), in levels per pixel."""
    smooth = cv2.GaussianBlur(grey, (7, 7), 1.5)
    return cv2.magnitude(*(cv2.Scharr(smooth, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0)))


def _warp(b: Array, flow: Array) -> Array:
    """`b` pulled back along `flow`, as it would look from the first frame."""
    h, w = b.shape
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    return cv2.remap(b, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _shift(a: Array, b: Array) -> tuple[float, float]:
    """The common shift from `a` to `b` in pixels (phase correlation)."""
    h, w = a.shape
    window = cv2.createHanningWindow((w, h), cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(a.astype(np.float32), b.astype(np.float32), window)
    return float(x), float(y)


def _camera(vectors: Array, sure: Array, step: int = 6, rounds: int = 4) -> Array:
    """Shift, zoom and roll fitted robustly (Cauchy weights) to `vectors` where `sure`, float32 [h, w, 2].

    Zero where too little of the picture is sure to tell the camera from an object.
    """
    h, w = sure.shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    x, y = (x - 0.5 * w) / w, (y - 0.5 * h) / w
    grid = (slice(step // 2, None, step), slice(step // 2, None, step))
    use = sure[grid]
    if use.mean() < 0.15 or use.sum() < 12:
        return np.zeros_like(vectors)
    u, v, gx, gy = (m[grid][use].astype(np.float64) for m in (vectors[..., 0], vectors[..., 1], x, y))
    weight = np.ones_like(u)
    for _ in range(rounds):
        tx, ty, zoom, roll = _similarity(u, v, gx, gy, weight)
        miss = np.hypot(u - (tx + zoom * gx - roll * gy), v - (ty + zoom * gy + roll * gx))
        scale = max(median(miss), 0.5 * PRECISION_PX / WIDTH)
        weight = 1 / (1 + (miss / (2 * scale)) ** 2)
    return np.stack((tx + zoom * x - roll * y, ty + zoom * y + roll * x), -1).astype(np.float32)


def _similarity(u: Array, v: Array, x: Array, y: Array, weight: Array) -> tuple[float, float, float, float]:
    """Weighted least-squares shift (2), zoom and roll that map (x, y) to the vectors (u, v)."""
    total = weight.sum()
    mx, my, mu, mv = (float((weight * m).sum() / total) for m in (x, y, u, v))
    x, y, u, v = x - mx, y - my, u - mu, v - mv
    spread = float((weight * (x * x + y * y)).sum()) + 1e-12
    zoom = float((weight * (x * u + y * v)).sum()) / spread
    roll = float((weight * (x * v - y * u)).sum()) / spread
    return mu - zoom * mx + roll * my, mv - zoom * my - roll * mx, zoom, roll
