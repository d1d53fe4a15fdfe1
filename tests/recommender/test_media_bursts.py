"""Outlines and bursts: what packets tell, and that bursts show the pictures that full decoding shows."""

from pathlib import Path

import numpy as np
import pytest

import media_samples as ms
from recommender import media
from recommender.errors import MediaError
from recommender.types import Array

GOP = {"g": "10", "sc_threshold": "0", "crf": "18"}


def world(shift: int) -> Array:
    """A picture of stripes, moved by `shift` pixels."""
    x = (np.arange(96) + shift) // 8 % 2 * 120 + 60
    return np.repeat(np.tile(x, (64, 1))[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 25 per second with a key frame every ten pictures and pictures out of order between them."""
    return ms.clip(tmp_path_factory.mktemp("bursts") / "moving.mp4", [world(i) for i in range(50)], options=GOP)


def test_outline_knows_the_times_of_all_pictures(moving):
    seen = media.outline(moving)
    shown = [frame.t_s for frame in media.frames(moving, fps=None)]
    assert sorted(seen.times_s) == pytest.approx(shown, abs=1e-4)
    assert list(seen.times_s) != sorted(seen.times_s)  # B pictures: decoded in another order
    assert seen.times_s[seen.starts] == pytest.approx([0, 0.4, 0.8, 1.2, 1.6], abs=1e-4)
    assert (seen.end_s, seen.width, seen.height, seen.pixels) == (pytest.approx(2), 96, 64, 96 * 64 * 50)
    assert seen.codec == "h264"
    assert 0 < seen.sizes.sum() < moving.stat().st_size


def test_outline_of_what_packets_do_not_tell_is_none(tmp_path):
    assert media.outline(ms.still(tmp_path / "still.png")) is None
    stamps = [0.0, 0.04, 1000.0, 1000.04]
    assert media.outline(ms.clip(tmp_path / "gap.mkv", ms.ramp(4), stamps_s=stamps)) is None
    with pytest.raises(MediaError, match="no video stream"):
        media.outline(ms.sound(tmp_path / "sound.wav"))


def test_bursts_show_what_full_decoding_shows(moving):
    every = {round(f.t_s, 2): f.rgb for f in media.frames(moving, fps=None)}
    found = list(media.bursts(moving, media.outline(moving), [0.15, -1, 0, np.inf, 0.15]))
    assert [burst[0].t_s for burst in found] == pytest.approx([0, 0.8, 1.2, 1.6])
    assert len(found[1]) == 1
    assert found[2][-1].t_s <= 1.6
    for burst in found:
        assert (np.diff([f.t_s for f in burst]) >= 0.1 - 1e-6).all()
        for frame in burst:
            difference = np.abs(frame.rgb.astype(int) - every[round(frame.t_s, 2)])
            assert difference.mean() < 3  # neighbouring pictures differ by 15 and more
    assert all(burst[-1].t_s - burst[0].t_s >= 0.15 for burst in (found[0], found[3]))


def test_bursts_are_the_same_each_time(moving):
    first, second = (list(media.bursts(moving, media.outline(moving), [0.2] * 5)) for _ in range(2))
    assert all(
        np.array_equal(a.rgb, b.rgb) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True)
    )


def test_pictures_that_lean_on_the_group_before_are_left_out(tmp_path):
    options = {**GOP, "x264-params": "open-gop=1:bframes=3:b-adapt=0"}
    path = ms.clip(tmp_path / "open.mkv", [world(i) for i in range(50)], options=options)
    seen = media.outline(path)
    damage = media.Damage()
    found = list(media.bursts(path, seen, [np.inf] * len(seen.starts), damage=damage))
    assert [burst[0].t_s for burst in found] == pytest.approx(list(seen.times_s[seen.starts]), abs=1e-3)
    assert (damage.packets, damage.frames) == (0, 0)
