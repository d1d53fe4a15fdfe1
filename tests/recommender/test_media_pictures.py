"""Pictures, moving and still: which frame is shown when, how large, which way up."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import media_samples as ms
from recommender import media


def levels(path, **options):
    """The mean grey level of each frame."""
    return [frame.rgb.mean() for frame in media.frames(path, **options)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".gif"])
def test_usual_video_formats_give_the_frames_shown_at_each_time(tmp_path, suffix):
    path = ms.clip(tmp_path / f"ramp{suffix}", ms.ramp(25), fps=25)
    got = list(media.frames(path, fps=8))
    assert [frame.t_s for frame in got] == [k / 8 for k in range(8)]
    assert all(f.rgb.shape == (48, 64, 3) and f.rgb.dtype == np.uint8 for f in got)
    expected = np.linspace(30, 220, 25)[[0, 3, 6, 9, 12, 15, 18, 21]]  # floor(25 k / 8)
    assert [f.rgb.mean() for f in got] == pytest.approx(expected, abs=20 if suffix == ".gif" else 4)


def test_every_frame_comes_with_its_own_time(tmp_path):
    path = ms.clip(tmp_path / "ramp.mp4", ms.ramp(25), fps=25)
    got = list(media.frames(path, fps=None))
    assert [frame.t_s for frame in got] == pytest.approx([i / 25 for i in range(25)])
    assert [f.rgb.mean() for f in got] == pytest.approx(np.linspace(30, 220, 25), abs=4)


def test_a_higher_rate_repeats_frames(tmp_path):
    path = ms.clip(tmp_path / "two.mp4", ms.shades([50, 200]), fps=2)
    got = list(media.frames(path, fps=4))
    assert [frame.t_s for frame in got] == [0, 0.25, 0.5, 0.75]
    assert [f.rgb.mean() for f in got] == pytest.approx([50, 50, 200, 200], abs=4)


def test_a_variable_rate_shows_each_frame_until_the_next(tmp_path):
    path = ms.clip(tmp_path / "vfr.mkv", ms.shades([40, 100, 160, 220]), stamps_s=[0, 0.1, 0.5, 0.95])
    got = list(media.frames(path, fps=10))[:10]
    assert [f.t_s for f in got] == pytest.approx([k / 10 for k in range(10)])
    assert [f.rgb.mean() for f in got] == pytest.approx([40, *[100] * 4, *[160] * 5], abs=4)


def test_time_starts_at_the_first_frame_and_impossible_gaps_are_closed(tmp_path):
    late = ms.clip(tmp_path / "late.mkv", ms.ramp(3), stamps_s=[100, 100.04, 100.08])
    assert [f.t_s for f in media.frames(late, fps=None)] == pytest.approx([0, 0.04, 0.08], abs=2e-3)
    gap = ms.clip(tmp_path / "gap.mkv", ms.ramp(4), stamps_s=[0, 0.04, 5000, 5000.04])
    assert [f.t_s for f in media.frames(gap, fps=None)] == pytest.approx([0, 0.04, 0.08, 0.12], abs=2e-3)


def test_a_clock_that_is_set_back_goes_on(tmp_path):
    parts = []
    for name in ("1.ts", "2.ts"):
        with av.open(str(tmp_path / name), "w", format="mpegts") as target:
            stream = target.add_stream("mpeg2video", rate=25)
            stream.width, stream.height, stream.pix_fmt = (64, 48, "yuv420p") if name == "1.ts" else (96, 64, "yuv420p")
            for rgb in ms.ramp(25, stream.width, stream.height):
                target.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
            target.mux(stream.encode(None))
        parts.append((tmp_path / name).read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    got = list(media.frames(tmp_path / "both.ts", fps=None))
    assert 45 <= len(got) <= 50
    assert got[-1].t_s == pytest.approx(49 / 25, abs=0.25)
    assert np.all(np.diff([f.t_s for f in got]) > 0)
    assert {f.rgb.shape for f in got} == {(48, 64, 3)}  # the second half is larger: brought to the first size
    assert got[-1].rgb.mean() > 200


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".webp", ".bmp", ".tif"])
def test_pictures_as_other_programs_write_them(tmp_path: Path, suffix: str) -> None:
    """FFmpeg's own jpgs lack the JFIF header of nearly every other one, and are recognised more easily."""
    path = tmp_path / f"photo{suffix}"
    assert cv2.imwrite(str(path), ms.corner(64, 48)[:, :, ::-1])
    (frame,) = media.frames(path)
    assert frame.rgb.shape == (48, 64, 3)
    assert frame.rgb[5, 5, 0] > 200
    assert frame.rgb[40, 60].max() < 30


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_a_still_is_one_frame(tmp_path, suffix):
    path = ms.still(tmp_path / f"still{suffix}")
    (only,) = media.frames(path)
    assert only.t_s == 0
    assert only.rgb[:20, :28].mean(axis=(0, 1)) == pytest.approx([255, 0, 0], abs=12)
    assert only.rgb[28:, 36:].mean() < 6
    info = media.probe(path)
    assert (info.still, info.has_video, info.has_audio, info.duration_s) == (True, True, False, None)


def test_a_gif_slideshow_has_a_duration_and_a_single_picture_has_none(tmp_path):
    slides = ms.clip(tmp_path / "slides.gif", ms.shades([0, 255]), fps=1)
    assert levels(slides, fps=2) == pytest.approx([0, 0, 255, 255], abs=2)
    assert not media.probe(slides).still
    single = ms.clip(tmp_path / "single.gif", ms.shades([128]))
    assert media.probe(single).still
    assert len(levels(single)) == 1


@pytest.mark.parametrize(("clockwise", "row", "column"), [(90, 0, 1), (180, 1, 1), (270, 1, 0)])
def test_rotated_video_comes_upright(tmp_path, clockwise, row, column):
    path = ms.rotated(tmp_path / "turned.mp4", clockwise=clockwise)
    rgb = next(media.frames(path)).rgb
    height, width = (48, 64) if clockwise == 180 else (64, 48)
    assert rgb.shape == (height, width, 3)
    red = rgb[..., 0].reshape(2, height // 2, 2, width // 2).mean(axis=(1, 3))
    assert np.unravel_index(red.argmax(), red.shape) == (row, column)
    info = media.probe(path)
    assert (info.width, info.height, info.rotation) == (width, height, 360 - clockwise)


def test_a_photo_taken_sideways_comes_upright(tmp_path):
    path = ms.upright_tag(ms.still(tmp_path / "photo.jpg"), 6)
    rgb = next(media.frames(path)).rgb
    assert rgb.shape == (64, 48, 3)
    assert rgb[:28, 28:, 0].mean() > 230


def test_pictures_are_shrunk_by_area_and_never_enlarged(tmp_path):
    stripes = np.zeros((400, 800, 3), np.uint8)
    stripes[:, ::2] = 200  # any sampling but averaging would show bands
    (only,) = media.frames(ms.still(tmp_path / "stripes.png", stripes), max_side=100)
    assert only.rgb.shape == (50, 100, 3)
    assert np.abs(only.rgb.astype(float) - 100).max() <= 2
    (small,) = media.frames(ms.still(tmp_path / "small.png"), max_side=1000)
    assert small.rgb.shape == (48, 64, 3)


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    with av.open(str(tmp_path / "wide.mkv"), "w") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 58, "yuv420p"
        stream.sample_aspect_ratio = stream.codec_context.sample_aspect_ratio = 2
        target.mux(stream.encode(av.VideoFrame.from_ndarray(ms.corner(72, 58), format="rgb24")))
        target.mux(stream.encode(None))
    assert next(media.frames(tmp_path / "wide.mkv")).rgb.shape == (58, 144, 3)
    info = media.probe(tmp_path / "wide.mkv")
    assert (info.width, info.height) == (144, 58)


def test_transparent_pixels_are_black(tmp_path):
    rgba = np.full((48, 64, 4), 255, np.uint8)
    rgba[:24, :, 3] = 0
    with av.open(str(tmp_path / "clear.png"), "w", format="image2pipe") as target:
        stream = target.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgba"
        target.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        target.mux(stream.encode(None))
    (only,) = media.frames(tmp_path / "clear.png")
    assert only.rgb[:24].max() == 0
    assert only.rgb[24:].min() == 255


def test_threads_do_not_change_what_is_decoded(tmp_path):
    path = ms.clip(tmp_path / "ramp.mp4", ms.ramp(50))
    assert levels(path, threads=1) == levels(path, threads=0)


@pytest.mark.parametrize(
    ("name", "frames", "seconds"),
    [
        ("no_duration.webm", 74, 4.94),
        ("pigs_in_a_polka.gif", 30, 3.0),
        ("tests__data__test.avi", 164, 6.56),
        ("video_with_failing_audio.mp4", 280, 11.2),
        ("fire2.mp4", 25, 2.38),
        ("carphone_pristine.mp4", 120, 4.004),
    ],
)
def test_real_clips_give_every_frame(shared_data, name, frames, seconds):
    path = shared_data / "clips" / name
    assert len(list(media.frames(path, fps=None, max_side=32))) == frames
    assert len(list(media.frames(path, fps=8, max_side=32))) == pytest.approx(8 * seconds, abs=1.5)
