"""Motion: known speeds, stillness, noise, slow sources, camera against objects."""

import cv2
import numpy as np
import pytest
from video_clips import each, film, item, pan, plain, texture

from recommender.extractors.video import video
from recommender.extractors.video.motion import Flow, residual, view
from recommender.types import Array

MOTION = ("motion_widths_per_s", "motion_p90_widths_per_s", "camera_motion_widths_per_s", "local_motion_widths_per_s")


@pytest.mark.parametrize("px", [0.5, 2, 8, 20])
def test_known_speed(px: float):
    # px pixels of 160 per eighth of a second.
    found = item(pan(px))
    expected = px * 8 / 160
    assert found["motion_widths_per_s"] == pytest.approx(expected, rel=0.1)
    assert found["motion_p90_widths_per_s"] == pytest.approx(expected, rel=0.1)
    assert found["camera_motion_widths_per_s"] == pytest.approx(expected, rel=0.1)
    assert found["local_motion_widths_per_s"] < 0.05 * expected
    assert found["motion_sd_widths_per_s"] < 0.05 * expected


def test_widths_are_of_the_longer_side():
    assert item(pan(2, size=(160, 90)))["motion_widths_per_s"] == pytest.approx(0.1, rel=0.1)


def test_speed_does_not_depend_on_resolution():
    small = each(pan(2), lambda rgb: cv2.resize(rgb, (80, 45), interpolation=cv2.INTER_AREA))
    assert item(small)["motion_widths_per_s"] == pytest.approx(0.1, rel=0.1)


def test_faster_playback_moves_more():
    clip = pan(3, 40)
    faster = film(f.rgb for f in clip[::2])
    slow, fast = item(clip), item(faster)
    assert fast["motion_widths_per_s"] == pytest.approx(2 * slow["motion_widths_per_s"], rel=0.1)


@pytest.mark.parametrize("noise", [0, 4, 8])
def test_noise_is_no_motion(noise: float):
    rng = np.random.default_rng(0)
    still = each(pan(0), lambda rgb: rgb + rng.normal(0, noise, rgb.shape))
    assert all(item(still)[name] < 0.002 for name in MOTION)


def test_noise_on_a_flat_picture_is_no_motion():
    rng = np.random.default_rng(0)
    for level, noise in ((3, 5), (128, 5), (128, 12)):
        flat = each(film([plain(level, level, level)] * 16), lambda rgb, sd=noise: rgb + rng.normal(0, sd, rgb.shape))
        assert all(item(flat)[name] < 0.002 for name in MOTION)


def test_soft_grain_on_a_flat_picture_is_no_motion():
    rng = np.random.default_rng(0)
    grain = film(
        np.clip(128 + cv2.GaussianBlur(rng.normal(0, 9, (90, 160, 3)), (0, 0), 1), 0, 255).astype(np.uint8)
        for _ in range(16)
    )
    assert item(grain)["motion_widths_per_s"] < 0.002


def test_compression_flicker_is_no_motion():
    def squeezed(k: int):
        return lambda rgb: cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 30 + 10 * k])[1], 1)

    clip = [each([f], squeezed(i % 3))[0] for i, f in enumerate(pan(0))]
    assert item(clip)["motion_widths_per_s"] < 0.002


def test_fades_and_flashes_are_no_motion():
    clip = pan(0, 24)
    fading = film((f.rgb * (1 - i / 24)).astype(np.uint8) for i, f in enumerate(clip))
    flashing = film(plain(255, 255, 255) if i % 8 == 4 else f.rgb for i, f in enumerate(clip))
    assert item(fading)["motion_widths_per_s"] < 0.002
    assert item(flashing)["motion_widths_per_s"] < 0.002


def test_a_flash_does_not_slow_the_motion_around_it():
    clip = pan(3, 40)
    flashing = film(plain(255, 255, 255) if i % 8 == 4 else f.rgb for i, f in enumerate(clip))
    assert item(flashing)["motion_widths_per_s"] == pytest.approx(0.15, rel=0.1)


def test_very_elongated_frames_keep_the_speed():
    # 16 pixels wide and 160 high: stretched for the flow, measured in the longer side.
    assert item(pan(1, size=(160, 16)))["motion_widths_per_s"] == pytest.approx(0.05, rel=0.1)


def test_frames_repeated_by_a_slow_source_keep_the_speed():
    # Six frames per second shown eight times per second: 2 of 8 are repeats.
    source = pan(2 * 8 / 6, 30)
    found = item(film(source[i * 6 // 8].rgb for i in range(40)))
    steady = item(pan(2, 40))
    assert found["motion_widths_per_s"] == pytest.approx(steady["motion_widths_per_s"], rel=0.05)
    assert found["motion_sd_widths_per_s"] < 0.1 * found["motion_widths_per_s"]


def test_a_frozen_half_halves_the_motion():
    clip = pan(4, 33)
    frozen = film([f.rgb for f in clip] + [clip[-1].rgb] * 32)
    moving, mixed = item(clip), item(frozen)
    assert mixed["motion_widths_per_s"] == pytest.approx(moving["motion_widths_per_s"] / 2, rel=0.1)
    assert mixed["motion_sd_widths_per_s"] > 0.3 * moving["motion_widths_per_s"]


def test_an_object_before_a_still_camera_is_local_motion():
    world, thing = texture(90, 160, seed=1), texture(30, 30, seed=2)
    pictures = []
    for i in range(24):
        rgb = world.copy()
        rgb[30:60, 10 + 4 * i : 40 + 4 * i] = thing
        pictures.append(rgb)
    found = item(film(pictures))
    assert found["local_motion_widths_per_s"] > 5 * found["camera_motion_widths_per_s"]
    # A sixteenth of the picture at 0.2 widths per second, and a little of what it covers.
    assert 0.005 < found["motion_widths_per_s"] < 0.03


def test_a_zoom_is_camera_motion():
    world = texture(400, 700)
    zoom = film(
        cv2.resize(world[3 * i : 396 - 3 * i, 5 * i : 699 - 5 * i], (160, 90), interpolation=cv2.INTER_AREA)
        for i in range(16)
    )
    found = item(zoom)
    assert found["camera_motion_widths_per_s"] > 0.02
    assert found["local_motion_widths_per_s"] < 0.2 * found["camera_motion_widths_per_s"]


def test_dim_light_keeps_the_speed():
    dim = each(pan(3), lambda rgb: rgb * 0.3)
    assert item(dim)["motion_widths_per_s"] == pytest.approx(item(pan(3))["motion_widths_per_s"], rel=0.15)


def test_a_cut_is_no_motion():
    first, second = pan(0, 12, seed=1), pan(0, 12, world=texture(seed=2, tint=(255, 120, 60)))
    found = video.from_frames(film(f.rgb for f in (*first, *second)))
    assert found.facts["shots"] == 2
    assert dict(zip(found.columns, found.item, strict=True))["motion_widths_per_s"] < 0.002


def test_residual_by_hand():
    a = np.tile(np.array([0, 200], np.uint8), (8, 8))
    assert residual(a, a) == 0
    assert residual(a, 200 - a) == pytest.approx(2 * 10000 / 10025)  # variance 10000, opposite
    assert residual(a, np.full_like(a, 90)) == pytest.approx(1 - 50 / (10000 + 50))
    assert residual(np.full_like(a, 10), np.full_like(a, 90)) == 0


def test_a_search_that_runs_off_is_rest():
    class Runaway:
        def calc(self, a: Array, b: Array, start: Array | None) -> Array:
            flow = np.ones((*a.shape, 2), np.float32)
            flow[:10], flow[10:20] = 1e30, np.nan
            return flow

    a = view(texture(90, 160).copy())
    flow = Flow()
    flow._dis, flow._shape = Runaway(), a.grey.shape
    found = flow.match(a, a)
    assert (found.flow[:20] == 0).all()
    assert (found.flow[20:] == 1).all()
    assert np.isfinite(found.residual)


def test_pictures_that_grow_midway():
    """OpenCV's search, told where to start in a small picture and then kept for a larger one, reads foreign memory."""
    random, kept = np.random.default_rng(0), Flow()
    for _ in range(50):
        for shape, start in (((40, 160), (80.0, -40.0)), ((120, 160), None)):
            a, b = (np.where(random.random(shape) < 0.01, random.integers(256), 99).astype(np.uint8) for _ in range(2))
            assert np.array_equal(kept._from(a, b, start).flow, Flow()._from(a, b, start).flow)
