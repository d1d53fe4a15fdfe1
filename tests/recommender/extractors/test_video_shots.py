"""Cuts: the threshold on its own, drawn edits, and real clips whose cuts were listed by eye."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from video_clips import each, edit, film, item, pan, plain, texture

from recommender.extractors.video import video
from recommender.extractors.video.picture import FULL, one_thread
from recommender.extractors.video.series import Series
from recommender.extractors.video.shots import cuts
from recommender.media import Frame, frames


def found(scores: list[float], speed: float = 0.05) -> list[int]:
    return np.flatnonzero(cuts(np.array(scores), np.full(len(scores), speed))).tolist()


def cut_frames(clip: Iterable[Frame]) -> list[int]:
    """Numbers of the frames, at 8 per second, with which a shot starts."""
    series = Series()
    with one_thread():
        for frame in clip:
            series.add(frame, FULL)
    found = cuts(series.scores, np.array([s.speeds.mean for s in series.steps]))
    return [round(s.end_s * 8) for s, is_cut in zip(series.steps, found, strict=True) if is_cut]


def test_a_score_that_stands_out_is_a_cut():
    assert found([0.01] * 5 + [0.15] + [0.01] * 5) == [5]
    assert found([0.01] * 5 + [0.09] + [0.01] * 5) == []


def test_no_cut_among_equals():
    assert found([0.4] * 9) == []


def test_motion_raises_the_threshold():
    scores = [0.02] * 5 + [0.2] + [0.02] * 5
    assert found(scores, speed=0.05) == [5]
    assert found(scores, speed=0.5) == []


def test_a_certain_cut_needs_no_calm():
    assert found([0.1] * 4 + [0.5] + [0.1] * 4, speed=1.0) == [4]


def test_cuts_every_three_frames():
    assert found([0.05, 0.05, 0.6] * 4 + [0.05]) == [2, 5, 8, 11]


def test_a_clip_without_steps_has_no_cuts():
    assert cuts(np.zeros(0), np.zeros(0)).tolist() == []


def palette(k: int) -> tuple[int, int, int]:
    return [(255, 200, 120), (120, 220, 255), (160, 255, 140), (250, 130, 200)][k % 4]


def shot(k: int, n: int, px: float = 1.0) -> list[Frame]:
    return pan(px, n, world=texture(300, 500, seed=k, tint=palette(k)))


def test_cuts_are_found_where_they_are():
    clip = edit(shot(0, 12), shot(1, 8), shot(2, 16))
    assert cut_frames(clip) == [12, 20]
    # Two in 4.5 s do not say that there are 27 a minute: rates are over ten seconds at least.
    assert item(clip)["cut_rate_per_min"] == pytest.approx(2 / 10 * 60)
    assert item(clip)["shot_length_s"] == pytest.approx(1.5)


def test_black_and_white_cuts_count():
    clip = each(edit(shot(0, 12), shot(1, 12)), lambda rgb: np.repeat(rgb.mean(-1, keepdims=True), 3, -1))
    assert video.from_frames(clip).facts["shots"] == 2


def test_fast_motion_makes_no_cuts():
    for px in (10, 20, 28):
        assert video.from_frames(shot(0, 16, px)).facts["shots"] == 1


def test_a_dissolve_is_at_most_one_cut():
    a, b = (np.stack([f.rgb for f in shot(k, 12)]).astype(float) for k in (0, 1))
    mix = [a[i] * (1 - i / 11) + b[i] * i / 11 for i in range(12)]
    clip = edit(shot(0, 8), each(film(mix), lambda rgb: rgb), shot(1, 8))
    assert video.from_frames(clip).facts["shots"] <= 2


def test_a_fade_to_black_is_at_most_one_cut():
    clip = [Frame(f.t_s, (f.rgb * max(0.0, 1 - i / 12)).astype(np.uint8)) for i, f in enumerate(shot(0, 20))]
    assert video.from_frames(clip).facts["shots"] <= 2


def test_a_rate_is_over_the_whole_of_a_longer_clip():
    clip = edit(shot(0, 48), shot(1, 48))
    assert item(clip)["cut_rate_per_min"] == pytest.approx(1 / 12 * 60)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_two_shots_with_a_blank_between_are_one_cut(level):
    clip = edit(shot(0, 12), film([plain(level, level, level)] * 8), shot(1, 12))
    assert cut_frames(clip) == [20]


def test_a_shot_that_ends_in_black_is_no_cut():
    assert cut_frames(edit(shot(0, 12), film([plain(0, 0, 0)] * 8))) == []


def test_out_of_a_blank_by_a_fade_is_no_cut():
    grown = [128 + (f.rgb - 128.0) * min(1.0, i / 12) for i, f in enumerate(shot(1, 20))]
    fade = each(film(grown), lambda rgb: rgb)
    assert cut_frames(edit(shot(0, 12), fade)) == []


def test_flashes_are_no_cuts():
    clip = shot(0, 40)
    bright = [Frame(f.t_s, plain(255, 255, 255) if i % 10 == 5 else f.rgb) for i, f in enumerate(clip)]
    features = item(bright)
    assert video.from_frames(bright).facts["shots"] == 1
    # Four flashes, each up and down, in five seconds, which count as ten.
    assert features["flash_rate_per_min"] == pytest.approx(24)
    assert features["brightness_change_per_s"] > 10 * item(clip)["brightness_change_per_s"]


def test_a_slideshow_is_cuts_without_motion():
    slides = film(texture(90, 160, seed=i // 16, tint=palette(i // 16)) for i in range(80))
    features = item(slides)
    assert video.from_frames(slides).facts["shots"] == 5
    assert features["shot_length_s"] == pytest.approx(2)
    assert features["motion_widths_per_s"] == pytest.approx(0, abs=1e-6)


REAL = [
    ("bikes.mp4", [10, 25, 44, 60, 78], 0),
    # The same film beside constant graphs: half of the picture never changes.
    ("scene_cuts.mp4", [10, 25, 44, 60, 78], 1),
    ("big_buck_bunny_0_30.webm", [95, 126, 184], 0),
    ("bigbuckbunny.mp4", [], 0),
    ("demo__test_video_structuralize.mp4", [], 0),
    ("fire2.mp4", [], 0),
    ("chaplin.mp4", [], 0),
    ("tests__data__test.mp4", [], 0),
    ("no_duration.webm", [], 0),
]


@pytest.mark.parametrize(("name", "true", "missed"), REAL, ids=[r[0] for r in REAL])
def test_real_clips(shared_data: Path, name: str, true: list[int], missed: int):
    at = cut_frames(frames(shared_data / "clips" / name))
    assert [k for k in at if min((abs(k - t) for t in true), default=9) > 1] == []
    assert len([t for t in true if min((abs(k - t) for k in at), default=9) > 1]) <= missed
