"""Texture of one picture: how much detail it has, where, in which directions and at which scale."""

import cv2
import numpy as np

from recommender.extractors.video.picture import Picture
from recommender.types import Array, Column

COLUMNS = (
    Column("gradient_lstar_per_px", "L*/px", "mean lightness gradient at 128 pixels across"),
    Column("edge_share", "share", "area with a gradient above 6 L* per pixel"),
    Column("edge_spread", "half sides", "root mean square distance of detail from its centre; 0.82 for even detail"),
    Column("anisotropy", "share", "agreement of all gradients on one direction (structure tensor), 0 to 1"),
    Column("local_anisotropy", "share", "the same within neighbourhoods of 9 pixels, weighted by gradient"),
    Column("upright_share", "share", "share of large contours within 15 degrees of upright; 1/6 when all are alike"),
    Column("direction_entropy_bits", "bit", "entropy of the directions of large contours in 12 classes, to 3.58"),
    Column("texture_correlation", "r", "correlation of lightness between pixels 2 apart"),
    Column("texture_homogeneity", "share", "mean of 1 / (1 + lightness difference of neighbours)"),
    Column("fine_detail_share", "share", "share of the lightness variance finer than about 5 pixels"),
    Column("lightness_entropy_bits", "bit", "entropy of lightness in 25 classes (complexity)"),
)

EDGE = 6.0
FLAT = 0.25
"""Variance in L*² below which a picture counts as flat: 8-bit rounding alone gives about 0.01."""
LARGE_PX = 2.0
"""Blur in pixels that leaves contours of things and takes their surface away."""
DIRECTIONS = 12


def measure(p: Picture) -> Array:
    """The values of `COLUMNS` for one picture, float64 [11]."""
    light = p.lightness
    gx, gy = gradient(light)
    size = np.hypot(gx, gy)
    directions = _directions(light)
    values = (
        size.mean(),
        (size > EDGE).mean(),
        _spread(size),
        _coherence(gx * gx, gy * gy, gx * gy),
        _local_coherence(gx, gy),
        float(directions[[0, -1]].sum()),
        float(-(directions * np.log2(directions)).sum()),
        _correlation(light),
        _homogeneity(light),
        _fine(light),
        _entropy(light),
    )
    return np.asarray(values, np.float64)


def gradient(light: Array) -> tuple[Array, Array]:
    """Horizontal and vertical derivative of `light` per pixel, float32 [h, w] (Scharr)."""
    return tuple(cv2.Scharr(light, cv2.CV_32F, dx, 1 - dx, scale=1 / 32) for dx in (1, 0))


def _spread(size: Array) -> float:
    """Root mean square distance of the gradient's mass from its centre, in half sides."""
    h, w = size.shape
    weight = size.astype(np.float64) + 0.05  # flat pictures tend to an even spread
    y, x = np.linspace(-1, 1, h)[:, None], np.linspace(-1, 1, w)[None]
    total = weight.sum()
    cy, cx = (weight * y).sum() / total, (weight * x).sum() / total
    return float(np.sqrt((weight * ((y - cy) ** 2 + (x - cx) ** 2)).sum() / total))


def _coherence(xx: Array, yy: Array, xy: Array) -> float:
    """Coherence of the structure tensor summed over the picture: 0 no direction, 1 one direction."""
    a, b, c = (float(m.sum(dtype=np.float64)) for m in (xx, yy, xy))
    return float(np.hypot(a - b, 2 * c) / (a + b + FLAT * 1e-2 * xx.size))


def _local_coherence(gx: Array, gy: Array) -> float:
    """Coherence of the structure tensor in 9 x 9 neighbourhoods, averaged with the gradient energy as weight."""
    xx, yy, xy = (cv2.blur(m, (9, 9)) for m in (gx * gx, gy * gy, gx * gy))
    energy = xx + yy
    return float(np.hypot(xx - yy, 2 * xy).sum() / (energy.sum() + FLAT * 1e-2 * energy.size))


def _directions(light: Array) -> Array:
    """How large contours are shared out to directions of 15 degrees, from upright over level and back, [12], sum 1."""
    size, angle = cv2.cartToPolar(*gradient(cv2.GaussianBlur(light, (0, 0), LARGE_PX)), angleInDegrees=True)
    part = (angle * (DIRECTIONS / 180)).astype(np.int64) % DIRECTIONS
    weight = np.bincount(part.ravel(), size.ravel(), DIRECTIONS) + 0.05 * size.size / DIRECTIONS  # flat: all alike
    return np.asarray(weight / weight.sum())


def _correlation(light: Array) -> float:
    """Correlation of pixels two apart, mean over both directions; 1 for a flat picture."""
    d = light - light.mean()
    variance = float((d * d).mean()) + FLAT
    across, down = float((d[:, 2:] * d[:, :-2]).mean()), float((d[2:] * d[:-2]).mean())
    return (0.5 * (across + down) + FLAT) / variance


def _homogeneity(light: Array) -> float:
    """Mean of 1 / (1 + |difference|) over neighbours (Haralick's inverse difference, without quantising)."""
    across, down = np.abs(np.diff(light, axis=1)), np.abs(np.diff(light, axis=0))
    return float(0.5 * ((1 / (1 + across)).mean() + (1 / (1 + down)).mean()))


def _fine(light: Array) -> float:
    """Variance left after removing a Gaussian blur of 2 pixels, over the whole variance."""
    fine = light - cv2.GaussianBlur(light, (0, 0), 2.0)
    return float((fine * fine).mean() / (light.var() + FLAT))


def _entropy(light: Array) -> float:
    """Entropy of lightness in classes of 4 L*, in bits."""
    counts = np.bincount(np.clip(light.ravel() / 4, 0, 24).astype(np.int64))
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())
