"""sRGB pictures as CIELAB (D65): exact, and at hand at once.

OpenCV builds tables for a tenth of a second at its first conversion, as much as a short clip has to spend on all of its
pictures, and reads CIELAB of fractions from a coarse one (33 steps for each colour, interpolated).
"""

from functools import cache

import cv2
import numpy as np

from recommender.types import Array

_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_WHITE = np.array([0.950456, 1.0, 1.088754])
_TO_WHITE = _XYZ / _WHITE[:, None]
"""Linear sRGB to XYZ as shares of the white point (ITU-R BT.709 primaries)."""
_STEPS = 1 << 14
"""Entries of the table of f: in dark pictures, where it is steepest, L* is then right to 0.03."""


def lab(rgb: Array) -> Array:
    """L* (0 to 100), a*, b* of `rgb` uint8 [h, w, 3], float32 [h, w, 3] (CIE 15:2004, 8.2.1)."""
    shares = cv2.transform(cv2.LUT(rgb, _linear()), _TO_WHITE * _STEPS)
    x, y, z = cv2.split(np.take(_f(), (shares + np.float32(0.5)).astype(np.int32)))
    return cv2.merge((116 * y - 16, 500 * (x - y), 200 * (y - z)))


@cache
def _linear() -> Array:
    """float32 [256]: linear light of an sRGB value (IEC 61966-2-1)."""
    value = np.arange(256) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


@cache
def _f() -> Array:
    """float32 [_STEPS + 2]: the cube root, straight near zero; shares of white round to one step above it at most."""
    share = np.arange(_STEPS + 2) / _STEPS
    return np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29).astype(np.float32)
