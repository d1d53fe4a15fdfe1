"""Video features end to end: shape and names, metamorphic relations, odd inputs, determinism."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from video_clips import each, edit, film, halves, item, pan, plain, texture

from recommender.errors import MediaError
from recommender.extractors.video import video
from recommender.extractors.video.picture import FULL, bars, one_thread
from recommender.extractors.windows import windows
from recommender.media import Frame
from recommender.types import Array

WARM = (255, 200, 120)
# What people would call a small change: about a tenth of the spread over photographs and clips.
SMALL = {
    "share": 0.03,
    "L*": 1.5,
    "C*": 1.5,
    "M": 2.5,
    "bit": 0.15,
    "L*/px": 0.25,
    "half sides": 0.02,
    "r": 0.03,
    "1": 0.06,
    "dE": 1.5,
    "widths/s": 0.01,
    "1/s": 0.01,
    "1/min": 0.5,
    "s": 0.2,
}


def clip() -> list[Frame]:
    """Two shots of four seconds that differ in colour and speed."""
    first = pan(2, 32, size=(68, 160), world=texture(300, 500, seed=1, tint=WARM))
    return edit(first, pan(5, 32, size=(68, 160), world=texture(300, 500, seed=2, tint=(120, 180, 255))))


def changed(a: dict[str, float], b: dict[str, float]) -> list[str]:
    """Columns that differ by more than a small change."""
    return [c.name for c in video.COLUMNS if abs(a[c.name] - b[c.name]) > SMALL[c.unit]]


def assert_sound(frames: list[Frame]) -> dict[str, float]:
    features = video.from_frames(frames)
    assert features.values.shape == (len(features.windows), len(video.COLUMNS))
    assert features.values.dtype == features.item.dtype == np.float32
    assert np.isfinite(features.values).all()
    assert np.isfinite(features.item).all()
    return dict(zip(features.columns, features.item.tolist(), strict=True))


def test_columns_are_named_and_explained():
    names = [c.name for c in video.COLUMNS]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name.islower() for name in names)
    assert all(c.unit in SMALL and c.meaning for c in video.COLUMNS)
    assert video.from_frames(pan(1, 2)).columns == tuple(names)


def test_windows_are_the_shared_grid_and_pool_their_own_time():
    dark = halves(plain(0, 0, 0), plain(40, 40, 40))
    light = halves(plain(200, 200, 200, size=(160, 90)), plain(240, 240, 240, size=(160, 90))).transpose(1, 0, 2)
    features = video.from_frames(film([dark] * 80 + [light] * 80))
    assert features.duration_s == 20
    assert features.windows.tolist() == windows(20.0).tolist() == [[0, 10], [5, 15], [10, 20]]
    brightness = features.values[:, features.columns.index("brightness")]
    assert brightness == pytest.approx([20 / 255, 120 / 255, 220 / 255], abs=1e-3)
    assert features.item[features.columns.index("brightness")] == pytest.approx(120 / 255, abs=1e-3)
    cut_rate = features.values[:, features.columns.index("cut_rate_per_min")]
    assert cut_rate.tolist() == pytest.approx([0, 6, 0])
    lengths = features.values[:, features.columns.index("shot_length_s")]
    assert lengths.tolist() == pytest.approx([10, 10, 10])


def test_motion_of_a_window_is_its_own():
    still, moving = pan(0, 80), pan(3, 80, world=texture(200, 700))
    features = video.from_frames(edit(still, moving))
    speed = features.values[:, features.columns.index("motion_widths_per_s")]
    assert speed == pytest.approx([0, 0.075, 0.15], abs=0.015)


def test_mirrored_changes_nothing():
    assert changed(item(clip()), item(each(clip(), lambda rgb: rgb[:, ::-1]))) == []


def test_reversed_has_the_same_motion_and_cuts():
    backwards = item(film(f.rgb for f in clip()[::-1]))
    forwards = item(clip())
    for name in [c.name for c in (*video.MOTION, *video.EVENTS)]:
        assert backwards[name] == pytest.approx(forwards[name], rel=0.1, abs=0.003), name


def test_darker():
    a, b = item(clip()), item(each(clip(), lambda rgb: rgb * 0.5))
    assert b["brightness"] == pytest.approx(0.5 * a["brightness"], rel=0.02)
    assert b["lightness_lstar"] < 0.7 * a["lightness_lstar"]
    assert b["motion_widths_per_s"] == pytest.approx(a["motion_widths_per_s"], rel=0.15)
    assert b["cut_rate_per_min"] == a["cut_rate_per_min"]
    assert b["saturation"] == pytest.approx(a["saturation"], abs=0.02)


def test_desaturated():
    a, b = item(clip()), item(each(clip(), lambda rgb: 0.3 * rgb + 0.7 * rgb.mean(-1, keepdims=True)))
    for name in ("saturation", "chroma_lab", "chroma_p95_lab", "colourfulness_rgb", "colour_entropy_bits"):
        assert b[name] < 0.7 * a[name], name
    assert b["grey_share"] > a["grey_share"] + 0.2
    assert b["brightness"] == pytest.approx(a["brightness"], abs=0.03)


def test_warmer():
    tinted = each(clip(), lambda rgb: rgb * np.array([1.15, 1, 0.7]))
    assert item(tinted)["warmth_lab"] > item(clip())["warmth_lab"] + 5


def test_more_cuts():
    tints = [WARM, (120, 180, 255), (140, 255, 150), (255, 140, 200)]
    worlds = [texture(300, 500, seed=k, tint=tints[k]) for k in range(4)]
    few = edit(*(pan(2, 32, world=worlds[k]) for k in (0, 1)))
    many = edit(*(pan(2, 8, world=worlds[k % 4]) for k in range(8)))
    a, b = item(few), item(many)
    assert (a["cut_rate_per_min"], a["shot_length_s"]) == pytest.approx((6, 4))  # one in 8 s, as in ten
    assert (b["cut_rate_per_min"], b["shot_length_s"]) == pytest.approx((42, 1))


@pytest.mark.parametrize(("rows", "columns"), [(44, 0), (0, 120)], ids=["letterbox", "pillars"])
def test_black_bars_change_little(rows: int, columns: int):
    def barred(rgb: Array) -> Array:
        big = np.pad(cv2.resize(rgb, (640, 272)), ((rows, rows), (columns, columns), (0, 0)))
        scale = 160 / max(big.shape)
        size = (round(big.shape[1] * scale), round(big.shape[0] * scale))
        return cv2.resize(big, size, interpolation=cv2.INTER_AREA)

    # Bars leave fewer pixels for the picture, which takes detail; everything else stays.
    fine = {"texture_correlation", "texture_homogeneity", "fine_detail_share", "local_anisotropy"}
    assert set(changed(item(clip()), item(each(clip(), barred)))) <= fine


def test_bars_need_constant_sharp_equal_black_borders():
    world = texture(68, 160, seed=3)
    letterbox = np.pad(world, ((11, 11), (0, 0), (0, 0)))
    top, bottom, left, right = bars([letterbox])
    assert (top, bottom) == pytest.approx((12 / 90, 78 / 90))  # one blurred row is cut as well
    assert (left, right) == (0, 1)
    assert bars([world]) == FULL
    assert bars([letterbox, texture(90, 160)]) == FULL  # not in every frame
    assert bars([np.pad(world, ((22, 0), (0, 0), (0, 0)))]) == FULL  # on one side only
    assert bars([plain(0, 0, 0)]) == FULL
    night = (texture(90, 160) * np.hanning(90)[:, None, None] ** 4).astype(np.uint8)
    assert bars([night]) == FULL  # fading into the dark
    assert bars([plain(0, 0, 0)], before=(0.1, 0.9, 0, 1)) == (0.1, 0.9, 0, 1)


def test_a_still_rests():
    features = video.from_frames([Frame(0.0, texture(90, 160))])
    facts = {"shots": 1, "damaged_packets": 0, "still": True, "frames": 1, "sampling": "every frame"}
    assert features.facts == facts
    assert features.windows.tolist() == [[0, 0]]
    found = assert_sound([Frame(0.0, texture(90, 160))])
    assert all(found[c.name] == 0 for c in (*video.MOTION, *video.EVENTS))
    assert found["contrast_lstar"] > 0


def test_a_still_shown_for_a_given_time():
    features = video.from_frames([Frame(0.0, texture(90, 160))], duration_s=12.0)
    assert features.windows.tolist() == [[0, 10]]
    assert features.item[features.columns.index("shot_length_s")] == 12
    assert features.values[0] == pytest.approx(features.item)


def test_two_frames():
    found = assert_sound(pan(2, 2))
    assert found["motion_widths_per_s"] == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 160), (160, 1), (2, 3), (160, 7), (9, 160)])
def test_odd_shapes(shape: tuple[int, int]):
    rng = np.random.default_rng(0)
    assert_sound(film(rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for _ in range(6)))


def test_all_black():
    found = assert_sound(film([plain(0, 0, 0)] * 20))
    assert (found["brightness"], found["black_share"], found["motion_widths_per_s"]) == (0, 1, 0)
    assert found["shot_length_s"] == 2.5


def test_a_stream_that_changes_its_size():
    assert_sound(film(texture(90 + 4 * (i // 8), 160 - 8 * (i // 8), seed=1) for i in range(24)))


def test_no_frames_are_refused():
    with pytest.raises(MediaError, match="no frame"):
        video.from_frames([])


def test_the_same_whatever_the_number_of_threads():
    frames = pan(3, 16) + [Frame(2 + f.t_s, f.rgb) for f in pan(3, 8, seed=4)]
    before = cv2.getNumThreads()
    results = []
    try:
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            results.append(video.from_frames(frames).values)
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_the_thread_setting_outlives_the_first_of_two_users():
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3)
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert cv2.getNumThreads() == 1
        second.__exit__(None, None, None)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_only_a_batch_of_frames_is_held():
    alive = 0

    class Counted(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def stream():
        nonlocal alive
        for i in range(400):
            rgb = halves(plain(40, 40, 40, size=(18, 32)), plain(i % 200, 90, 90, size=(18, 32))).view(Counted)
            alive += 1
            most.append(alive)
            yield Frame(i / 8, rgb)

    most: list[int] = []
    video.from_frames(stream())
    assert max(most) <= 3 * video.BATCH


def test_extract_reads_files(shared_data: Path):
    features = video.extract(shared_data / "clips" / "pigs_in_a_polka.gif")
    assert features.facts["shots"] == 1
    assert features.facts["damaged_packets"] == 0
    found = dict(zip(features.columns, features.item.tolist(), strict=True))
    assert found["saturation"] < 0.02
    assert found["local_motion_widths_per_s"] > 0.02


def test_action_moves_more_than_calm(shared_data: Path):
    def speed(name: str) -> float:
        features = video.extract(shared_data / "clips" / name)
        return float(features.item[features.columns.index("motion_widths_per_s")])

    calm = max(speed(n) for n in ("bigbuckbunny.mp4", "tests__data__test.avi"))
    action = min(speed(n) for n in ("bikes.mp4", "fire2.mp4", "demo__demo.mp4"))
    assert action > 2 * calm
