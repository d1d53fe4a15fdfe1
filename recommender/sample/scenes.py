"""The sample's two clips, drawn with numpy: a lake that hardly moves, and a chase that never rests."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator

from recommender.types import Array

WIDTH, HEIGHT = 320, 180
FPS = 25
LENGTH_S = 12.0

ZENITH = np.array((84, 74, 128), np.float32)
HORIZON = np.array((248, 176, 112), np.float32)
SUN = np.array((255, 232, 176), np.float32)
HILLS = np.array((74, 58, 88), np.float32)
DEPTHS = np.array((6, 10, 26), np.float32)

Shot = Callable[[float], Array]


def calm_lake() -> Iterator[Array]:
    """Frames, uint8 [180, 320, 3]: one shot of a low sun over hills, mirrored in slow water."""
    x, y = _grid()
    grain = np.random.default_rng(1).uniform(-1, 1, (HEIGHT, WIDTH, 1)).astype(np.float32)  # keeps gradients smooth
    ridge = 0.10 + 0.05 * np.sin(2.1 * x + 0.7) + 0.03 * np.sin(5.3 * x)
    shore = y > 0.2
    depth = np.sqrt(np.maximum(y - 0.2, 0))  # ripples crowd towards the far shore
    for t in np.arange(round(LENGTH_S * FPS)) / FPS:
        ripple = 0.012 * np.sin(70 * depth - 1.2 * t) * shore
        mirrored = np.where(shore, 0.4 - y, y) + ripple
        sky = _sunset(x + ripple, mirrored, t)
        hills = (0.2 - mirrored < ridge)[..., None]
        land = np.where(hills, HILLS + 0.18 * (sky - HILLS), sky)
        water = np.where(shore[..., None], 0.82 * land + DEPTHS, land)
        glitter = 5 * np.sin(60 * depth - 1.5 * t + 2 * x) * shore
        yield _picture(water + glitter[..., None] + grain)


def _sunset(x: Array, y: Array, t: float) -> Array:
    """The sky's colour at each point: a gradient, a sun that sinks a little, thin clouds that drift."""
    up = np.clip((0.2 - y) / 1.2, 0, 1)[..., None]
    sky = HORIZON + (ZENITH - HORIZON) * up**0.8
    away = np.hypot(x - 0.35, y + 0.22 - 0.01 * t)
    glow = np.exp(-((away / 0.45) ** 2)) * 0.55 + 1 / (1 + np.exp((away - 0.12) * 90))
    band = np.exp(-(((y + 0.55 + 0.05 * np.sin(1.5 * x + 0.03 * t)) / 0.07) ** 2))
    cloud = band * (0.5 + 0.5 * np.sin(2.4 * x + 0.3 * t))
    sky = sky + (SUN - sky) * np.clip(glow, 0, 1)[..., None]
    return np.asarray(sky + (SUN - sky) * (0.3 * cloud)[..., None])


def city_chase() -> Iterator[Array]:
    """Frames, uint8 [180, 320, 3]: about thirty shots with hard cuts, each fast, contrasty and shaken."""
    rng = np.random.default_rng(7)
    left, turn = round(LENGTH_S * FPS), 0
    while left > 0:
        frames = min(left, int(rng.integers(7, 14)))
        shot = SHOTS[turn % len(SHOTS)](rng)
        for k in range(frames):
            yield _picture(shot(k / FPS))
        left, turn = left - frames, turn + 1


def _facade(rng: Generator) -> Shot:
    """Lit windows of a block of flats rushing past."""
    x, y = _grid()
    speed, cells = rng.choice((-1, 1)) * rng.uniform(1.2, 1.8), rng.uniform(2, 3.5)
    lit = rng.uniform(0, 1, (64, 256)) > 0.45
    colour = np.where(rng.uniform(0, 1, (64, 256, 1)) > 0.3, (255, 214, 110), (150, 220, 255))

    def draw(t: float) -> Array:
        u, v = (x + speed * t) * cells, (y + _shake(t)) * cells * 0.8 + 32
        pane = (u % 1 > 0.25) & (v % 1 > 0.35)
        row, column = v.astype(int) % 64, np.floor(u).astype(int) % 256
        return np.where((pane & lit[row, column])[..., None], colour[row, column], (14, 16, 30))

    return draw


def _tunnel(rng: Generator) -> Shot:
    """Rings and spokes of a tunnel, driven through at speed."""
    x, y = _grid()
    far = 0.5 / (np.hypot(x - rng.uniform(-0.3, 0.3), y) + 0.04)
    angle = np.arctan2(y, x) * rng.integers(4, 9) / np.pi
    lamps = np.array(((255, 80, 30), (255, 240, 220), (40, 90, 255)))[rng.integers(3)]

    def draw(t: float) -> Array:
        rings = ((far + 3.5 * t) % 1 > 0.5) ^ ((angle + 0.5 * t) % 1 > 0.5)
        shade = np.clip(1.3 - far / 6, 0, 1)[..., None]
        return np.where(rings[..., None], lamps * shade, 12 * shade)

    return draw


def _lights(rng: Generator) -> Shot:
    """Head and tail lights streaking over a dark road."""
    x, y = _grid()
    lanes, length = rng.integers(7, 12), rng.uniform(0.2, 0.5)
    speed, start = rng.uniform(2.5, 5, lanes) * rng.choice((-1, 1), lanes), rng.uniform(0, 3, lanes)

    def draw(t: float) -> Array:
        down = (y + _shake(t) + 1) / 2 * lanes
        lane = np.clip(down, 0, lanes - 1).astype(int)
        tail = (x + start[lane] + speed[lane] * t) % 1.2
        inside = np.abs(down % 1 - 0.5) < 0.3
        glow = np.where(tail < length, tail / length, 0) * inside
        return glow[..., None] * np.where((speed[lane] > 0)[..., None], (255, 50, 30), (255, 250, 225)) + 8

    return draw


def _skyline(rng: Generator) -> Shot:
    """Black towers racing across a flashing sky."""
    x, y = _grid()
    tops = rng.uniform(-0.8, 0.6, (2, 128))
    speed = rng.choice((-1, 1)) * rng.uniform(1.5, 2.5)
    flash = np.array(((255, 60, 40), (235, 240, 255), (255, 190, 40)))[rng.integers(3)]

    def draw(t: float) -> Array:
        sky = np.broadcast_to(flash * (1.0 if int(t * FPS / 5) % 2 else 0.45), (*x.shape, 3))
        for tower, pace, shade in zip(tops, (0.5, 1), (45, 6), strict=True):
            column = np.floor((x + speed * pace * t) * 4).astype(int) % 128
            sky = np.where((y + _shake(t) > tower[column])[..., None], shade, sky)
        return sky

    return draw


def _bars(rng: Generator) -> Shot:
    """Slanted barriers flying by, black on yellow or white on red."""
    x, y = _grid()
    slant, pitch, speed = rng.uniform(-1.5, 1.5), rng.uniform(0.8, 1.6), rng.choice((-1, 1)) * rng.uniform(1.5, 2.5)
    pair = np.array((((20, 18, 10), (255, 205, 0)), ((200, 10, 20), (250, 250, 250))))[rng.integers(2)]

    def draw(t: float) -> Array:
        return np.asarray(pair[((x + slant * y + speed * t) * pitch % 1 > 0.5).astype(int)])

    return draw


SHOTS: tuple[Callable[[Generator], Shot], ...] = (_facade, _tunnel, _lights, _bars, _skyline)


def _shake(t: float) -> float:
    """Vertical camera shake at `t` seconds into a shot."""
    return float(0.05 * np.sin(71 * t) + 0.03 * np.sin(113 * t + 1))


def _grid() -> tuple[Array, Array]:
    """x in [-16/9, 16/9] to the right and y in [-1, 1] downwards, float32 [180, 320] each."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return (x * 2 + 1 - WIDTH) / HEIGHT, (y * 2 + 1 - HEIGHT) / HEIGHT


def _picture(colour: Array) -> Array:
    """Colours on 0..255 as a uint8 picture."""
    return np.clip(colour + 0.5, 0, 255).astype(np.uint8)
