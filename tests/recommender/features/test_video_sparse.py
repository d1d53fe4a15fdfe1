"""Large clips through bursts: the plan, cuts told from packets, and agreement with every frame."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from video_clips import texture

import media_samples as ms
from recommender import media
from recommender.features import gaps, sparse, video
from recommender.media import Outline
from recommender.types import Array

GOP = {"g": "50", "sc_threshold": "0", "preset": "veryfast"}


def stream(
    keys_s: list[float],
    end_s: float,
    fps: float = 25.0,
    width: int = 1920,
    sizes: Array | None = None,
    codec: str = "h264",
) -> Outline:
    """A stream without B pictures: key frames of 100 kB at `keys_s`, others of 10 kB."""
    times = np.arange(round(end_s * fps)) / fps
    keys = np.isin(np.round(times, 6), np.round(keys_s, 6))
    sizes = np.where(keys, 100_000, 10_000) if sizes is None else sizes
    return Outline(times, sizes, keys, end_s, width, width * 9 // 16, codec)


def test_plan_takes_one_step_from_each_key_frame_and_more_where_they_are_rare():
    assert sparse.plan(stream([0, 2, 4, 6], 8.0)) == pytest.approx([0.15] * 4)
    assert sparse.plan(stream([0, 10, 20], 30.0)) == pytest.approx([0.2 * 8.75] * 3)


def test_plan_leaves_out_key_frames_that_follow_at_once_but_not_long_groups():
    lengths = sparse.plan(stream([0, 2, 2.4, 2.8, 4, 4.2], 8.0))
    assert (lengths >= 0).tolist() == [True, True, False, True, True, True]


def test_plan_decodes_long_groups_and_clips_of_few_groups_as_a_whole():
    assert np.isinf(sparse.plan(stream([0, 2, 4, 20], 22.0))).tolist() == [False, False, True, False]
    assert np.isinf(sparse.plan(stream([0, 8], 12.0))).all()


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (None, "packets that tell nothing"),
        (stream([0, 1, 2, 3], 4.0), "short"),
        (stream([0, 10, 20], 600.0, width=480), "small pictures"),
        (stream([0, 10, 20], 600.0, fps=1.0), "few pictures"),
        (stream([0, 10, 20], 600.0, codec="vp9"), "packets of another kind"),
    ],
)
def test_what_is_cheap_or_odd_is_decoded_frame_by_frame(seen, why):
    assert sparse.plan(seen) is None


def test_spikes_by_hand():
    sizes = np.array([900, 10, 10, 20, 80, 10, 10, 10, 900, 10, 10])
    seen = stream([0, 0.32], 0.44, sizes=sizes)
    # The neighbours of the 80 are 10, 10, 20 before and 10, 10, 10, 10, 10 after it: the second largest is 10.
    assert gaps.spikes(seen)[4] == pytest.approx(8.0)
    # Beside the 20 lies the 80, the largest, which does not count.
    assert gaps.spikes(seen)[3] == pytest.approx(2.0)
    assert gaps.spikes(seen)[8] == pytest.approx(900 / 20)


def test_pictures_out_of_order_have_no_spike():
    seen = stream([0], 0.4)
    late = seen.times_s.copy()
    late[[3, 4]] = late[[4, 3]]
    found = gaps.spikes(Outline(late, seen.sizes, seen.keys, 0.4, 1920, 1080, "h264"))
    assert found[4] == 0
    assert (np.delete(found, 4) > 0).all()


@pytest.fixture
def everywhere(monkeypatch):
    """Every clip is large enough for bursts."""
    monkeypatch.setattr(sparse, "LEAST_PX", 0)
    monkeypatch.setattr(sparse, "LEAST_PX_PER_S", 0)


def shots(*parts: tuple[int, float, int]) -> list[Array]:
    """Shots of (seed, pixels per frame, frames): pans over a texture of their own."""
    pictures = []
    for seed, px, n in parts:
        tint = ((255, 200, 120), (120, 180, 255), (140, 255, 150))[seed % 3]
        ground = texture(300, 700, seed, tint)
        for i in range(n):
            move = np.float32([[1, 0, 40 + px * i], [0, 1, 40]])
            pictures.append(cv2.warpAffine(ground, move, (160, 90), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP))
    return pictures


def both(path: Path) -> tuple[dict[str, float], dict[str, float], dict]:
    """The item's features by name from bursts and from every frame, and the facts of the first."""
    found, full = video.extract(path), video.from_frames(media.frames(path))
    assert full.facts["sampling"] == "every frame"
    return *(dict(zip(f.columns, f.item.tolist(), strict=True)) for f in (found, full)), found.facts


def test_bursts_agree_with_every_frame(everywhere, tmp_path):
    path = ms.clip(tmp_path / "cut.mp4", shots((0, 0.4, 130), (1, 1.2, 95), (2, 0.2, 75)), options=GOP)
    few, every, facts = both(path)
    assert facts["sampling"] == "key frames"
    assert facts["key_frames"] == 6
    assert 0 < facts["seen_s"] < 2 < facts["frames"] < 40
    assert facts["shots"] == 3
    assert few["cut_rate_per_min"] == pytest.approx(every["cut_rate_per_min"], rel=0.02)
    assert few["shot_length_s"] == pytest.approx(every["shot_length_s"], rel=0.02)
    assert few["motion_widths_per_s"] == pytest.approx(every["motion_widths_per_s"], rel=0.25)
    for name in ("brightness", "chroma_lab"):
        assert few[name] == pytest.approx(every[name], rel=0.1)


def test_a_moving_shot_without_cuts_has_none(everywhere, tmp_path):
    few, every, _ = both(ms.clip(tmp_path / "pan.mp4", shots((0, 0.8, 250)), options=GOP))
    assert few["cut_rate_per_min"] == every["cut_rate_per_min"] == 0


def test_a_frozen_clip_rests(everywhere, tmp_path):
    few, _, facts = both(ms.clip(tmp_path / "frozen.mp4", shots((0, 0, 250)), options=GOP))
    assert facts["sampling"] == "key frames"
    assert few["motion_widths_per_s"] == pytest.approx(0, abs=1e-3)


def test_few_key_frames_are_decoded_more_densely(everywhere, tmp_path):
    few, every, facts = both(ms.clip(tmp_path / "one.mp4", shots((0, 0.4, 130)), options={**GOP, "g": "1000"}))
    assert facts["sampling"] == "key frames, more where they are few"
    assert facts["key_frames"] == 1
    assert facts["seen_s"] > 4.5
    assert few["motion_widths_per_s"] == pytest.approx(every["motion_widths_per_s"], rel=0.1)


def test_a_damaged_clip_is_decoded_frame_by_frame(everywhere, tmp_path):
    path = ms.damaged(ms.clip(tmp_path / "hurt.mp4", shots((0, 0.8, 250)), options=GOP), 0.1, 0.7)
    assert video.extract(path).facts["sampling"] == "every frame"


def test_the_same_each_time(everywhere, tmp_path):
    path = ms.clip(tmp_path / "again.mp4", shots((0, 0.4, 130), (1, 1.2, 120)), options=GOP)
    first, second = video.extract(path), video.extract(path)
    assert np.array_equal(first.values, second.values)
    assert np.array_equal(first.item, second.item)
    assert first.facts == second.facts


def test_stills_and_short_clips_stay_as_they_are(tmp_path):
    for path in (ms.still(tmp_path / "still.png"), ms.clip(tmp_path / "short.mp4"), ms.clip(tmp_path / "moving.gif")):
        assert video.extract(path).facts["sampling"] == "every frame"
