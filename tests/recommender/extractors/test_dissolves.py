"""Shots that go over into each other without a cut: the middle is found, and a camera that moves is none."""

import importlib
from itertools import islice

import cv2
import numpy as np
import pytest

import media_samples
from recommender import Model, media
from recommender.extractors.video import parts
from recommender.films.grouping import group
from recommender.films.shots import borders, shots
from recommender.sample.scenes import calm_lake, city_chase

FPS, SIDE, OVER, LASTS = 12, 54, 12, 24
"""Frames of a shot alone, of what leads over, and of a dissolve of two seconds."""


@pytest.fixture(scope="module")
def sides():
    """Frames of a lake and of a street."""
    lake, street = (
        [np.ascontiguousarray(frame[::2, ::2]) for frame in islice(frames, 6)] for frames in (calm_lake(), city_chase())
    )
    return [[some[k // 4 % 6] for k in range(SIDE + LASTS)] for some in (lake, street)]


def film(path, sides, over):
    """One side, what `over(before, after, share)` makes of both, the other side."""
    (before, after), length = sides, LASTS if over is dissolve else OVER
    between = [over(before[k], after[k], (k + 0.5) / length) for k in range(length)]
    media.write_video(path, [*before[:SIDE], *between, *after[:SIDE]], FPS)
    return path, (SIDE + length / 2) / FPS


def dissolve(before, after, share):
    return cv2.addWeighted(before, 1 - share, after, share, 0)


def wipe(before, after, share):
    at = round(share * before.shape[1])
    return np.concatenate([after[:, :at], before[:, at:]], axis=1)


def dip(before, after, share):
    shown, left = (before, 1 - 2 * share) if share < 0.5 else (after, 2 * share - 1)
    return cv2.addWeighted(shown, left, np.zeros_like(shown), 0, 0)


@pytest.mark.parametrize("over", [dissolve, wipe, dip])
def test_what_leads_over_is_a_border_in_its_middle(sides, tmp_path, over):
    path, middle_s = film(tmp_path / "over.mp4", sides, over)
    read = parts.read(path)
    known = [0.0, *(border.at_s for border in borders(read))]
    (start,) = [known[at] for at in group(shots(read, known, Model.load())) if at]
    assert start == pytest.approx(middle_s, abs=0.4)


def test_a_camera_that_moves_on_and_light_that_changes_are_none(sides, tmp_path):
    wide = np.concatenate([sides[0][0], sides[1][0]], axis=1)
    width, count = sides[0][0].shape[1], 2 * SIDE
    moves = [np.ascontiguousarray(wide[:, round(width * k / count) :][:, :width]) for k in range(count)]
    media.write_video(tmp_path / "pan.mp4", moves, FPS)
    light = [cv2.addWeighted(sides[0][0], 1 - 0.7 * k / count, sides[0][0], 0, 0) for k in range(count)]
    media.write_video(tmp_path / "dusk.mp4", light, FPS)
    assert parts.read(tmp_path / "pan.mp4").dissolve_s == ()
    assert parts.read(tmp_path / "dusk.mp4").dissolve_s == ()


def test_a_transport_stream_is_entered_before_a_span_and_not_read_from_its_beginning(tmp_path, monkeypatch):
    path = media_samples.clip(tmp_path / "ramp.ts", media_samples.ramp(80), fps=10)
    every = {round(frame.t_s, 3): frame.rgb for frame in media.frames(path, None)}
    excerpts = importlib.import_module("recommender.media.excerpts")
    monkeypatch.setattr(excerpts, "_from_beginning", lambda *_: pytest.fail("it was read from its beginning"))
    for (frames,) in (media.excerpts(path, [span]) for span in ((3.0, 3.25), (6.5, 6.75))):
        assert len(frames) == 3
        assert all(np.array_equal(frame.rgb, every[round(frame.t_s, 3)]) for frame in frames)
