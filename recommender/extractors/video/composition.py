"""Composition of one picture: centre against border, thirds, the part that stands out, symmetry."""

import cv2
import numpy as np

from recommender.extractors.running import quantiles
from recommender.extractors.video.picture import Picture
from recommender.extractors.video.texture import gradient
from recommender.types import Array, Column

COLUMNS = (
    Column("centre_lightness_lstar", "L*", "mean lightness of the middle half of both sides"),
    Column("centre_contrast_lstar", "L*", "centre minus border lightness"),
    Column("thirds_ratio", "1", "detail around the four crossings of the thirds over its mean (1: even)"),
    Column("salient_contrast_lstar", "L*", "standard deviation of lightness in the most salient fifth"),
    Column("salient_difference_lab", "dE", "mean colour difference between the most salient fifth and the rest"),
    Column("symmetry", "share", "likeness of left and right halves, 1 for a perfect mirror image"),
)


def measure(p: Picture) -> Array:
    """The values of `COLUMNS` for one picture, float64 [6]."""
    light = p.lightness
    centre, border = _centre(light)
    within, against = _salient(p.lab)
    values = (centre, centre - border, _thirds(light), within, against, _symmetry(light))
    return np.asarray(values, np.float64)


def _centre(light: Array) -> tuple[float, float]:
    """Mean lightness of the middle half (in both directions) and of the rest."""
    h, w = light.shape
    middle = light[h // 4 : h - h // 4, w // 4 : w - w // 4]
    total, inner = float(light.sum(dtype=np.float64)), float(middle.sum(dtype=np.float64))
    return inner / middle.size, (total - inner) / (light.size - middle.size)


def _thirds(light: Array) -> float:
    """Gradient under four Gaussians (sigma a tenth of the side) at the crossings, over the even share."""
    h, w = light.shape
    y, x = ((np.arange(n) + 0.5) / n for n in (h, w))
    rows, columns = (np.exp(-0.5 * ((v[None] - np.array([[1], [2]]) / 3) / 0.1) ** 2).sum(0) for v in (y, x))
    weight = rows[:, None] * columns[None]
    energy = np.hypot(*gradient(light)).astype(np.float64) + 0.05
    return float((energy * weight).mean() / (energy.mean() * weight.mean()))


def _salient(lab: Array) -> tuple[float, float]:
    """Lightness spread within the most salient fifth, and its mean colour distance to the rest.

    Saliency is the colour distance between a fine and a coarse blur (centre-surround, after Achanta et al. 2009).
    """
    coarse = max(lab.shape[:2]) / 6
    fine = cv2.GaussianBlur(lab, (0, 0), 1.5)
    # A wide blur of a picture at a quarter of the size costs a sixteenth and differs by nothing visible.
    small = cv2.resize(lab, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    wide = cv2.resize(cv2.GaussianBlur(small, (0, 0), coarse / 4), lab.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    saliency = np.linalg.norm(fine - wide, axis=-1)
    mask = saliency > quantiles(saliency.ravel(), [0.8])[0]
    if not mask.any():
        return 0.0, 0.0
    inside, outside = lab[mask], lab[~mask]
    apart = np.linalg.norm(inside.mean(0, dtype=np.float64) - outside.mean(0, dtype=np.float64))
    return float(inside[:, 0].std()), float(apart)


def _symmetry(light: Array) -> float:
    """1 minus the mean difference to the mirror image over the largest it could be; 1 for a flat picture."""
    difference = np.abs(light - light[:, ::-1]).mean()
    return float(1 - difference / (2 * np.abs(light - light.mean()).mean() + 1e-3))
