"""Large clips through bursts: the plan, cuts told from packets, and agreement with every frame."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from video_clips import texture

import media_samples as ms
from recommender import media
from recommender.extractors.video import gaps, sparse, video
from recommender.extractors.video.between import assume_steps
from recommender.extractors.video.motion import Speeds, view
from recommender.extractors.video.series import Series, Step
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


def spiked(keys_s: list[float], spikes_s: list[float]) -> Outline:
    """Eight seconds with packets of 40 kB at `spikes_s`."""
    seen = stream(keys_s, 8.0)
    seen.sizes[np.isin(np.round(seen.times_s, 6), spikes_s)] = 40_000
    return seen


def test_plan_takes_two_steps_where_cuts_have_no_key_frames():
    keys_s = [0, 2, 4, 6]
    assert gaps.cuts_unmarked(spiked(keys_s, [1.0, 3.2]))
    assert sparse.plan(spiked(keys_s, [1.0, 3.2])) == pytest.approx([0.3] * 4)
    # Key frames out of turn at 3.2 and 5: two cuts with one, one without.
    keys_s = [0, 2, 3.2, 5, 7]
    assert not gaps.cuts_unmarked(spiked(keys_s, [1.0]))
    assert not gaps.cuts_unmarked(stream([0, 2, 4, 6], 8.0))


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


def step(start_s: float, end_s: float, speed: float = 0.0, jump: float = 0.0, residual: float = 0.0) -> Step:
    return Step(start_s, end_s, Speeds(speed, 2 * speed, speed, 0.0), residual, jump)


def burst(*steps: Step, level: int = 100) -> gaps.Burst:
    """A burst of these steps, all of its pictures grey."""
    series = Series()
    series.steps.extend(steps)
    grey = view(np.full((90, 160, 3), level, np.uint8))
    return gaps.Burst(series, grey, grey, steps[0].start_s, steps[-1].end_s)


def between(bursts: list[gaps.Burst], cut_s: list[list[float]], seen: Outline, *cut: list[bool]) -> list[Step]:
    """The steps assumed between `bursts`, of which all, or those of `cut`, are no cuts."""
    flags = [np.array(c) for c in cut] or [np.zeros(len(b.series.steps), bool) for b in bursts]
    return assume_steps(bursts, flags, [np.array(times) for times in cut_s], seen=seen)


def test_a_packet_tells_a_cut_within_a_burst():
    seen = spiked([0, 2, 4, 6], [2.2])
    steps = [step(2.0, 2.16), step(2.16, 2.32), step(4.0, 4.16)]
    assert gaps.cuts_inside(steps, np.array([0.2, 0.2, 0.2]), seen).tolist() == [False, True, False]
    assert not gaps.cuts_inside(steps, np.array([0.2, 0.09, 0.2]), seen).any()  # the pictures agree
    assert gaps.cuts_inside([], np.zeros(0), seen).shape == (0,)


def test_motion_goes_over_from_one_burst_into_the_next():
    bursts = [burst(step(0, 0.2, speed=0.1)), burst(step(4.2, 4.4, speed=0.3))]
    found = between(bursts, [[], []], stream([0, 4.2], 5.4))
    first, last = ([s for s in found if (s.end_s <= 4.2 + 1e-9) == early] for early in (True, False))
    assert [s.start_s for s in first] == pytest.approx(np.arange(0.2, 4.2, 0.25))
    # 16 steps, the middle of the first an eighth of a second into four seconds.
    assert first[0].speeds.mean == pytest.approx(0.1 + 0.2 * 0.125 / 4)
    assert np.mean([s.speeds.mean for s in first]) == pytest.approx(0.2)
    assert [s.speeds.p90 for s in first] == pytest.approx([2 * s.speeds.mean for s in first])
    assert [s.speeds.mean for s in last] == pytest.approx([0.3] * 4)  # nothing comes after it
    assert last[-1].end_s == pytest.approx(5.4)


def test_a_cut_in_the_gap_parts_the_bursts():
    bursts = [burst(step(0, 0.2, speed=0.1)), burst(step(4, 4.2, speed=0.3))]
    found = between(bursts, [[1.0, 2.0], []], stream([0, 4], 4.2))
    assert {round(s.speeds.mean, 6) for s in found if s.end_s <= 1.0 + 1e-9} == {0.1}
    assert {round(s.speeds.mean, 6) for s in found if s.start_s >= 2.0 - 1e-9} == {0.3}
    assert not [s for s in found if s.end_s > 1.0 + 1e-9 and s.start_s < 2.0 - 1e-9]  # a shot that nobody saw


def test_each_side_of_a_cut_within_a_burst_tells_of_its_shot():
    cut = burst(step(2, 2.2, speed=0.1), step(2.2, 2.4, speed=9.0), step(2.4, 2.6, speed=0.3))
    bursts = [burst(step(0, 0.2, speed=0.1)), cut]
    found = between(bursts, [[], []], stream([0, 2], 4.0), [False], [False, True, False])
    assert {round(s.speeds.mean, 6) for s in found} == {0.1, 0.3}
    guess = burst(step(0, 0.2, speed=5.0, residual=0.9))
    assert not between([guess], [[]], stream([0], 4.0))


def test_motion_follows_the_sizes_of_packets():
    seen = stream([0], 8.0)
    seen.sizes[(seen.times_s >= 3) & (seen.times_s < 5)] *= 2
    seen.sizes[seen.times_s >= 6] *= 9
    found = between([burst(step(0, 0.2, speed=0.1, jump=0.01))], [[]], seen)
    speeds = np.array([[s.start_s, s.speeds.mean, s.jump / (s.end_s - s.start_s)] for s in found])
    for start, end, factor in ((0.2, 2.2, 1), (3.6, 4.2, 2), (6.6, 8, 3)):
        inside = (speeds[:, 0] >= start) & (speeds[:, 0] < end)
        assert speeds[inside, 1] == pytest.approx(0.1 * factor)
        assert speeds[inside, 2] == pytest.approx(0.05 * factor)


def test_light_changes_by_no_less_than_the_pictures_around_a_gap_differ():
    bursts = [burst(step(0, 0.2, jump=0.01), level=51), burst(step(4.2, 4.4, jump=0.01), level=204)]
    seen = stream([0, 4.2], 4.4)
    assert sum(s.jump for s in between(bursts, [[], []], seen)) == pytest.approx(153 / 255)
    # 0.05 a second for 1.8 and 2.2 s beside a cut, where the difference tells nothing.
    assert sum(s.jump for s in between(bursts, [[2.0], []], seen)) == pytest.approx(0.2)
    still = [burst(step(0, 0.2, jump=0.05)), burst(step(4.2, 4.4, jump=0.05))]
    assert sum(s.jump for s in between(still, [[], []], seen)) == pytest.approx(1.0)


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
    assert few["motion_widths_per_s"] == pytest.approx(every["motion_widths_per_s"], rel=0.3)
    for name in ("brightness", "chroma_lab"):
        assert few[name] == pytest.approx(every[name], rel=0.1)


def test_a_moving_shot_without_cuts_has_none(everywhere, tmp_path):
    few, every, _ = both(ms.clip(tmp_path / "pan.mp4", shots((0, 0.8, 250)), options=GOP))
    assert few["cut_rate_per_min"] == every["cut_rate_per_min"] == 0


def test_light_that_changes_between_bursts_is_seen(everywhere, tmp_path):
    ground = texture(90, 160, 3)
    levels = np.interp(np.arange(250), (60, 90), (0.7, 1.0))  # a fade within a group of pictures
    few, every, facts = both(
        ms.clip(tmp_path / "fade.mp4", [(level * ground).astype(np.uint8) for level in levels], options=GOP)
    )
    assert facts["sampling"] == "key frames"
    assert few["brightness_change_per_s"] == pytest.approx(every["brightness_change_per_s"], rel=0.15)
    assert few["cut_rate_per_min"] == few["flash_rate_per_min"] == 0


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
