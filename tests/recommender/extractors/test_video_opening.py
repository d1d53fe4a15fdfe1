"""What a clip begins or ends with and nobody sees: black, white, fades from them, slates of a few frames."""

import numpy as np
import pytest

import media_samples as ms
from recommender.extractors.video import clip, video
from recommender.extractors.video.opening import begins, open_on_picture
from recommender.media import Frame

FPS = 25


def noise(seed: int, width: int = 400, height: int = 90) -> np.ndarray:
    """Smooth colours, uint8 [height, width, 3]."""
    rng = np.random.default_rng(seed)
    rough = rng.uniform(30, 226, (height // 10, width // 10, 3))
    return np.kron(rough, np.ones((10, 10, 1))).astype(np.uint8)


def pan(count: int, seed: int = 1) -> list[np.ndarray]:
    """A camera that moves over a picture, uint8 [90, 160, 3] each."""
    wide = noise(seed)
    return [wide[:, k : k + 160] for k in range(count)]


def plain(count: int, level: int = 0) -> list[np.ndarray]:
    return [np.full((90, 160, 3), level, np.uint8)] * count


def fade(count: int, level: int = 0, seed: int = 1) -> list[np.ndarray]:
    first = pan(1, seed)[0].astype(float)
    return [(level + (first - level) * k / count).astype(np.uint8) for k in range(count)]


LEADS = {
    "nothing": [],
    "one black frame": plain(1),
    "half a second of black": plain(12),
    "a white flash": plain(2, 255),
    "a fade": fade(15),
    "a fade from white": fade(12, 255),
    "a slate": [noise(9, 160)] * 4,
    "black, a slate, black": [*plain(2), *[noise(9, 160)] * 4, *plain(3)],
}


def film(pictures: list[np.ndarray]) -> list[Frame]:
    """As they are sampled, 8 a second."""
    times = np.arange(0, len(pictures) / FPS, 1 / 8)
    return [Frame(float(t), pictures[int(t * FPS + 1e-6)]) for t in times]


@pytest.mark.parametrize("lead", LEADS)
def test_a_lead_in_decides_nothing(lead):
    with_lead, without = video.from_frames(film([*LEADS[lead], *pan(100)])), video.from_frames(film(pan(100)))
    assert with_lead.facts["shots"] == 1
    assert with_lead.duration_s == pytest.approx(without.duration_s + len(LEADS[lead]) / FPS, abs=0.13)
    names = list(with_lead.columns)
    for name in ("cut_rate_per_min", "flash_rate_per_min", "brightness_change_per_s"):
        assert with_lead.item[names.index(name)] == pytest.approx(without.item[names.index(name)], abs=0.05)
    scale = np.maximum(np.abs(without.item), 0.05)
    assert np.median(np.abs(with_lead.item - without.item) / scale) < 0.05


@pytest.mark.parametrize("tail", ["nothing", "one black frame", "half a second of black"])
def test_black_at_the_end_decides_nothing(tail):
    shown = film([*pan(100), *LEADS[tail]])
    found = video.from_frames(shown)
    assert found.duration_s == pytest.approx(len(shown) / 8)
    assert np.allclose(found.item[:20], video.from_frames(film(pan(100))).item[:20], rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    "pictures",
    [
        plain(100),
        [*plain(40), *pan(60)],
        [*pan(50), *plain(3), *pan(50, 2)],
        [*pan(12), *pan(50, 2)],
        [*pan(6), *pan(6, 2), *pan(6, 3), *pan(50, 4)],
        [*pan(50), *plain(50)],
    ],
    ids=["all black", "dark on purpose", "black between shots", "a short shot", "quick cuts", "a long black end"],
)
def test_the_rest_is_left_as_it_is(pictures):
    shown = film(pictures)
    assert list(open_on_picture(shown)) == shown or all(
        a is b for a, b in zip(open_on_picture(shown), shown, strict=True)
    )
    assert begins(shown) == 0


@pytest.mark.parametrize("lead", ["nothing", "one black frame", "half a second of black", "a slate", "a fade"])
def test_the_first_look_is_at_a_picture(tmp_path, lead):
    path = ms.clip(tmp_path / "a.mp4", [*LEADS[lead], *[pan(1)[0]] * 50], fps=FPS, options={"crf": "10"})
    alone = ms.clip(tmp_path / "b.mp4", [pan(1)[0]] * 50, fps=FPS, options={"crf": "10"})
    a, b = clip.extract(path).item[len(video.COLUMNS) :], clip.extract(alone).item[len(video.COLUMNS) :]
    assert float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) > 0.97


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("group", [25, 250])
def test_key_frames_alone_tell_the_same(tmp_path, lead, group, monkeypatch):
    monkeypatch.setattr("recommender.extractors.video.sparse.LEAST_PX", 1)
    monkeypatch.setattr("recommender.extractors.video.sparse.LEAST_PX_PER_S", 1)
    options = {"g": str(group), "crf": "18"}
    path = ms.clip(tmp_path / "a.mp4", [*LEADS[lead], *pan(200)], fps=FPS, options=options)
    found = video.extract(path)
    assert found.facts["sampling"] != "every frame"
    assert found.facts["shots"] == 1
    alone = video.extract(ms.clip(tmp_path / "b.mp4", pan(200), fps=FPS, options=options))
    assert found.item[:20] == pytest.approx(alone.item[:20], rel=0.2, abs=0.1)
