"""Light and colour of one picture: lightness, contrast, saturation, warmth, shares of colours.

Hues are angles in CIELAB (red 40, yellow 103, green 136, blue 306 degrees for the sRGB primaries).
"""

import numpy as np

from recommender.extractors.running import quantiles
from recommender.extractors.video.picture import Picture
from recommender.types import Array, Column

COLUMNS = (
    Column("brightness", "share", "mean luma (Rec. 709), 0 black to 1 white"),
    Column("lightness_lstar", "L*", "mean CIELAB lightness"),
    Column("lightness_p1_lstar", "L*", "lightness of the darkest 1 % of the picture"),
    Column("contrast_lstar", "L*", "standard deviation of lightness"),
    Column("lightness_range_lstar", "L*", "95th minus 5th percentile of lightness"),
    Column("saturation", "share", "saturation (HSV) weighted by value, 0 grey to 1 pure"),
    Column("chroma_lab", "C*", "mean CIELAB chroma"),
    Column("chroma_p95_lab", "C*", "95th percentile of CIELAB chroma"),
    Column("colourfulness_rgb", "M", "colourfulness M3 of Hasler and Suesstrunk (2003), 0 to about 110"),
    Column("warmth_lab", "C*", "mean chroma along orange (hue 60): positive warm, negative cool"),
    Column("colour_entropy_bits", "bit", "entropy of the colours in CIELAB cells of 12.5 x 16 x 16"),
    Column("yellow_green_share", "share", "area of yellow and green hues (98 to 165 degrees)"),
    Column("red_share", "share", "area of red and orange hues (350 to 65 degrees)"),
    Column("blue_share", "share", "area of blue hues (225 to 320 degrees)"),
    Column("grey_share", "share", "area without colour, neither white nor black"),
    Column("white_share", "share", "area without colour and nearly white (L* above 90)"),
    Column("black_share", "share", "area nearly black (L* below 10)"),
)

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
COLOURED = 12.0
"""Chroma from which a hue is seen: compression alone shifts greys by several C*."""


def measure(p: Picture) -> Array:
    """The values of `COLUMNS` for one picture, float64 [17]."""
    light, a, b = (p.lab[..., i] for i in range(3))
    chroma = np.hypot(a, b)
    dark, low, high = quantiles(light.ravel(), (0.01, 0.05, 0.95))
    r, g, blue = (p.rgb[..., i] for i in range(3))  # several times as fast as reducing an axis of three
    largest, least = np.maximum(np.maximum(r, g), blue), np.minimum(np.minimum(r, g), blue)
    values = (
        float((p.rgb @ LUMA).mean()),
        light.mean(),
        dark,
        light.std(),
        high - low,
        (largest - least).sum() / max(float(largest.sum()), 1e-6),
        chroma.mean(),
        quantiles(chroma.ravel(), [0.95])[0],
        colourfulness(p.rgb),
        (a * np.cos(np.pi / 3) + b * np.sin(np.pi / 3)).mean(),
        _entropy(p.lab),
        *_shares(light, a, b, chroma),
    )
    return np.asarray(values, np.float64)


def colourfulness(rgb: Array) -> float:
    """Colourfulness of `rgb` ([h, w, 3] in [0, 1]): M = sqrt(s_rg² + s_yb²) + 0.3 sqrt(m_rg² + m_yb²).

    On the 0 to 255 scale of Hasler and Suesstrunk, "Measuring colourfulness in natural images" (2003), eq. 5.
    """
    r, g, b = (255.0 * rgb[..., i] for i in range(3))
    rg, yb = r - g, 0.5 * (r + g) - b
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def _shares(light: Array, a: Array, b: Array, chroma: Array) -> tuple[float, ...]:
    """Areas of yellow-green, red, blue, grey, white and black."""
    hue = np.degrees(np.arctan2(b, a)) % 360
    black = light < 10
    white = (light > 90) & (chroma < COLOURED)
    coloured = (chroma >= COLOURED) & ~black
    masks = (
        coloured & (hue >= 98) & (hue < 165),
        coloured & ((hue >= 350) | (hue < 65)),
        coloured & (hue >= 225) & (hue < 320),
        ~coloured & ~black & ~white,
        white,
        black,
    )
    return tuple(float(m.mean()) for m in masks)


def _entropy(lab: Array) -> float:
    """Entropy of the colours in bits."""
    # Cells are offset by half a cell in a and b so that pure greys do not flicker between two of them.
    light = np.clip(lab[..., 0] / 12.5, 0, 7).astype(np.int64)
    ab = np.clip((lab[..., 1:] + 72) / 16, 0, 8).astype(np.int64)
    counts = np.bincount((light * 81 + ab[..., 0] * 9 + ab[..., 1]).ravel())
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())
