"""CIELAB of known colours, and beside OpenCV's."""

import cv2
import numpy as np
import pytest

from recommender.extractors.video.lab import lab


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [  # of sRGB, D65, 2 degrees
        ((255, 255, 255), (100, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((119, 119, 119), (50.03, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_known_colours(rgb, expected):
    assert lab(np.array([[rgb]], np.uint8))[0, 0] == pytest.approx(expected, abs=0.1)


def test_near_opencvs_interpolated_table():
    rgb = np.random.default_rng(0).integers(0, 256, (90, 160, 3), np.uint8)
    theirs = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    assert np.abs(lab(rgb) - theirs).max() < 0.6


def test_dark_greys_rise():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert (np.diff(lab(grey)[0, :, 0]) > 0).all()
