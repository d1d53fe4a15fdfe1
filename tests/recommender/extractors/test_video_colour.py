"""Colour, texture and composition of pictures whose values are worked out by hand."""

import numpy as np
import pytest
from video_clips import halves, plain, texture

from recommender.extractors.video import colour, composition
from recommender.extractors.video import texture as texture_features
from recommender.extractors.video.picture import picture
from recommender.types import Array

PARTS = (colour, texture_features, composition)
RED, BLUE, GREEN, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (0, 255, 0), (255, 255, 255), (0, 0, 0)


def measured(rgb: Array) -> dict[str, float]:
    p = picture(rgb, 128)
    return {c.name: float(v) for part in PARTS for c, v in zip(part.COLUMNS, part.measure(p), strict=True)}


def test_a_grey_picture():
    found = measured(plain(128, 128, 128))
    assert found["brightness"] == pytest.approx(128 / 255, abs=1e-4)
    # CIE: Y = ((128/255 + 0.055) / 1.055)^2.4 = 0.21586, L* = 116 Y^(1/3) - 16.
    assert found["lightness_lstar"] == pytest.approx(53.585, abs=0.02)
    assert found["lightness_p1_lstar"] == pytest.approx(53.585, abs=0.02)
    assert found["grey_share"] == 1
    for name in ("saturation", "colourfulness_rgb", "colour_entropy_bits", "edge_share", "salient_contrast_lstar"):
        assert found[name] == pytest.approx(0, abs=1e-3), name
    for name in ("contrast_lstar", "gradient_lstar_per_px", "anisotropy", "centre_contrast_lstar", "white_share"):
        assert found[name] == pytest.approx(0, abs=1e-3), name
    for name in ("thirds_ratio", "symmetry", "texture_correlation", "texture_homogeneity"):
        assert found[name] == pytest.approx(1, abs=1e-3), name
    assert found["upright_share"] == pytest.approx(1 / 6, abs=1e-3)
    # Mass spread evenly over [-1, 1]^2: sqrt(1/3 + 1/3).
    assert found["edge_spread"] == pytest.approx(np.sqrt(2 / 3), abs=0.02)


def test_half_black_half_white():
    found = measured(halves(plain(*BLACK), plain(*WHITE)))
    assert found["brightness"] == pytest.approx(0.5)
    assert found["lightness_lstar"] == pytest.approx(50, abs=0.01)
    assert found["contrast_lstar"] == pytest.approx(50, abs=0.01)
    assert found["lightness_range_lstar"] == pytest.approx(100, abs=0.01)
    assert (found["black_share"], found["white_share"], found["grey_share"]) == (0.5, 0.5, 0)
    assert found["colour_entropy_bits"] == pytest.approx(1)
    assert found["lightness_entropy_bits"] == pytest.approx(1)
    assert found["symmetry"] == pytest.approx(0, abs=1e-3)
    assert found["anisotropy"] == pytest.approx(1, abs=1e-3)
    assert found["local_anisotropy"] == pytest.approx(1, abs=1e-3)
    # A Scharr filter sees the border in one column on either side: 2 of 128.
    assert found["edge_share"] == pytest.approx(2 / 128)


def test_symmetry_is_between_left_and_right():
    stacked = np.concatenate((plain(*BLACK, size=(45, 160)), plain(*WHITE, size=(45, 160))))
    assert measured(stacked)["symmetry"] == pytest.approx(1)


def test_colourfulness_of_two_colours():
    # Red: rg 255, yb 127.5; blue: rg 0, yb -255. Half of each: means 127.5 and -63.75, standard deviations
    # 127.5 and 191.25, so M = sqrt(127.5^2 + 191.25^2) + 0.3 sqrt(127.5^2 + 63.75^2) = 229.854 + 42.765.
    assert measured(halves(plain(*RED), plain(*BLUE)))["colourfulness_rgb"] == pytest.approx(272.62, abs=0.01)


def test_colourfulness_of_one_colour():
    # Green: rg -255, yb 127.5, no spread: 0.3 sqrt(255^2 + 127.5^2).
    assert measured(plain(*GREEN))["colourfulness_rgb"] == pytest.approx(85.53, abs=0.01)


@pytest.mark.parametrize(
    ("rgb", "share"),
    [
        (RED, "red_share"),
        (BLUE, "blue_share"),
        (GREEN, "yellow_green_share"),
        ((255, 255, 0), "yellow_green_share"),
        (WHITE, "white_share"),
        (BLACK, "black_share"),
        ((120, 120, 120), "grey_share"),
        ((70, 130, 200), "blue_share"),
    ],
)
def test_shares_of_named_colours(rgb: tuple[int, int, int], share: str):
    found = measured(plain(*rgb))
    shares = {name for name in found if name.endswith("_share") and found[name] > 0}
    assert shares & {c.name for c in colour.COLUMNS} == {share}
    assert found[share] == 1


def test_warmth_has_a_sign():
    assert measured(plain(230, 150, 60))["warmth_lab"] > 40
    assert measured(plain(60, 120, 230))["warmth_lab"] < -20
    assert measured(plain(90, 90, 90))["warmth_lab"] == pytest.approx(0, abs=0.1)


def test_centre_against_border():
    # A white middle half on black: the centre is exactly the white part.
    picture_rgb = plain(*BLACK, size=(128, 128))
    picture_rgb[32:96, 32:96] = 255
    found = measured(picture_rgb)
    assert found["centre_lightness_lstar"] == pytest.approx(100, abs=0.01)
    assert found["centre_contrast_lstar"] == pytest.approx(100, abs=0.01)


def test_stripes_have_one_direction_and_no_correlation():
    # Rows in pairs, black and white: 2 rows apart always the opposite, 2 columns apart always the same.
    rows = np.repeat(np.arange(128) // 2 % 2 * 255, 128).reshape(128, 128)
    found = measured(np.repeat(rows[..., None], 3, 2).astype(np.uint8))
    assert found["texture_correlation"] == pytest.approx(0, abs=0.02)
    assert found["anisotropy"] == pytest.approx(1, abs=1e-3)
    assert found["symmetry"] == pytest.approx(1)


def test_upright_lines_and_lines_in_all_directions():
    x, y = np.meshgrid(np.arange(128), np.arange(128))
    wave = {
        "upright": 128 + 80 * np.sin(x / 4),
        "level": 128 + 80 * np.sin(y / 4),
        "rings": 128 + 80 * np.sin(np.hypot(x - 63.5, y - 63.5) / 4),
    }
    found = {name: measured(np.repeat(v[..., None], 3, -1).astype(np.uint8)) for name, v in wave.items()}
    assert found["upright"]["upright_share"] > 0.95
    assert found["level"]["upright_share"] < 0.05
    assert found["level"]["direction_entropy_bits"] < 0.5
    # Rings cut by a square: 15 degrees to either side of its axes hold tan 15 / 2 of its area (and not quite a sixth).
    assert found["rings"]["upright_share"] == pytest.approx(np.tan(np.pi / 12) / 2, abs=0.01)
    assert found["rings"]["direction_entropy_bits"] == pytest.approx(np.log2(12), abs=0.05)


@pytest.mark.parametrize("flip", [np.fliplr, np.flipud])
def test_directions_do_not_know_left_from_right(flip):
    rgb = texture(96, 128, seed=3)
    here, there = measured(rgb), measured(np.ascontiguousarray(flip(rgb)))
    for name in ("upright_share", "direction_entropy_bits"):
        assert there[name] == pytest.approx(here[name], abs=0.01)


def test_detail_at_the_crossings_of_the_thirds():
    def dotted(at: list[tuple[float, float]]) -> float:
        rgb = plain(40, 40, 40, size=(120, 120))
        for y, x in at:
            rgb[int(120 * y) - 4 : int(120 * y) + 4, int(120 * x) - 4 : int(120 * x) + 4] = 230
        return measured(rgb)["thirds_ratio"]

    third = [(y / 3, x / 3) for y in (1, 2) for x in (1, 2)]
    corner = [(y, x) for y in (0.05, 0.95) for x in (0.05, 0.95)]
    assert dotted(third) > 1.5
    assert dotted(corner) < 0.6


def test_a_bright_spot_is_salient():
    spot = plain(60, 60, 60)
    spot[30:60, 50:90] = (250, 200, 40)
    found = measured(spot)
    assert found["salient_contrast_lstar"] > 10
    assert found["salient_difference_lab"] > 30


def test_blur_takes_detail_and_adds_correlation():
    import cv2

    sharp = texture(96, 128)
    a, b = measured(sharp), measured(cv2.GaussianBlur(sharp, (0, 0), 2))
    assert b["fine_detail_share"] < 0.5 * a["fine_detail_share"]
    assert b["gradient_lstar_per_px"] < a["gradient_lstar_per_px"]
    assert b["texture_correlation"] > a["texture_correlation"]
    assert b["texture_homogeneity"] > a["texture_homogeneity"]
