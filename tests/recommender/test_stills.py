"""Stills and slideshows as queries: pictures without motion are told as such, several are one film."""

import numpy as np
import pytest

import media_samples
from recommender import Model, Recommender, blend
from recommender.affect.linear import bound
from recommender.errors import InputError, MediaError
from recommender.extractors.video import video
from recommender.types import unit
from toy import ToyLibrary, ToyModel
from training.construction import pictures as pixels
from training.construction import spectrogram


def scene(seed: int, size: tuple[int, int] = (96, 128)) -> np.ndarray:
    """A picture with structure in it, uint8 [h, w, 3]."""
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 8, 3))
    return np.kron(blocks, np.ones((size[0] // 6, size[1] // 8, 1))).astype(np.uint8)


def test_a_still_is_read_by_what_it_shows_alone(tmp_path):
    model = Model.load()
    still = model.analyse(media_samples.still(tmp_path / "a.png", scene(0)), "video")
    clip = model.analyse(media_samples.clip(tmp_path / "a.mp4", [scene(i // 5) for i in range(25)]), "video")
    assert not [name for name in model.predictor_of("video", still=True).columns if "per_s" in name or "cut" in name]
    for analysis, predictor in ((still, model.still), (clip, model.affect["video"])):
        assert analysis.item_affect[2:] == pytest.approx(0.4 * predictor.sd, rel=1e-5)
        (vector,) = model.affect_space.encode(analysis.item_affect)
        np.testing.assert_array_equal(vector, analysis.item_vector)


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_a_clip_of_stills_is_not_called_calm(tmp_path, suffix):
    """Pictures of two seconds each: no motion is to be seen, so that none of it counts; one held picture does rest."""
    shown = [scene(k) for k in range(3) for _ in range(8)]
    slides = video.extract(media_samples.clip(tmp_path / f"slides{suffix}", shown, fps=4))
    assert slides.facts["still"]
    assert slides.facts["shots"] == 3
    held = video.extract(media_samples.clip(tmp_path / f"held{suffix}", [scene(0)] * 16, fps=4))
    assert not held.facts["still"]
    moving = [np.roll(scene(k), 6 * i, axis=1) for k in range(2) for i in range(8)]
    assert not video.extract(media_samples.clip(tmp_path / f"moving{suffix}", moving, fps=8)).facts["still"]


def test_a_slideshow_is_its_pictures_each_as_long_as_it_is_shown(tmp_path):
    engine = Recommender(ToyLibrary({"/m/a.mp3": [[0, 0]] * 9}), ToyModel())
    show = engine.slideshow(["1_1_0.jpg", "-1_0_0.jpg", "0.5_0_12.mp4"], 4.0)
    assert show.duration_s == 20
    parts = [engine.clip(name) for name in ("1_1_0.jpg", "-1_0_0.jpg", "0.5_0_12.mp4")]
    mixed = 0.2 * parts[0].vector + 0.2 * parts[1].vector + 0.6 * parts[2].vector
    np.testing.assert_allclose(show.vector, unit(mixed), atol=1e-6)
    assert show.affect.valence == pytest.approx(0.6 * bound(np.array(0.4 * 0.5)), abs=1e-6)
    (best,) = engine.recommend(show)
    assert best.out_s - best.in_s == 20
    for paths, seconds in (([], 4.0), (["1_1_0.jpg"], 0.0), (["1_1_0.jpg"], float("nan"))):
        with pytest.raises(InputError, match="a slideshow of"):
            engine.slideshow(paths, seconds)
    with pytest.raises(MediaError, match="not a toy"):
        engine.slideshow(["1_1_0.jpg", "broken.jpg"], 4.0)


def test_only_stills_are_still(tmp_path):
    library = ToyLibrary({})
    library.space = Model.load().space
    engine = Recommender(library)
    picture = engine.clip(media_samples.still(tmp_path / "a.png", scene(0)))
    clip = engine.clip(media_samples.clip(tmp_path / "a.mp4"))
    assert (picture.still, clip.still) == (True, False)
    assert blend([picture, picture], [1, 1]).still
    assert not blend([picture, clip], [1, 1]).still


@pytest.fixture
def pictures(tmp_path):
    """A folder of three pictures of different shapes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k, name in enumerate(("b.jpg", "a.png", "c.webp")):
        media_samples.still(folder / name, scene(k, ((96, 128), (128, 96), (96, 96))[k]))
    return folder


def test_a_picture_and_a_folder_as_a_slideshow(run, indexed, pictures):
    alone = run("--video", pictures / "a.png", "--library", indexed, "--top", 1)
    assert alone.code == 0
    assert "still pictures: with no motion to see" in alone.out
    show = run("--video", pictures, "--slideshow", 4, "--library", indexed, "--top", 1)
    assert show.code == 0
    assert "a.png and 2 more  (0:12)" in show.out  # in the order of their names
    assert "still pictures" in show.out
    named = run("--video", pictures / "c.webp", "--video", pictures / "a.png", "--slideshow", 2.5, "--library", indexed)
    assert "c.webp and 1 more  (0:05)" in named.out
    told = run("--video", pictures, "--slideshow", 4, "--library", indexed, "--format", "json")
    assert told.code == 0
    assert told.out.startswith("[")
    assert "still pictures" in told.err


def test_a_broken_picture_ends_a_slideshow_in_one_line(run, indexed, pictures):
    (pictures / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 these are words")
    ran = run("--video", pictures, "--slideshow", 4, "--library", indexed)
    assert ran.code == 1
    (line,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert "broken.jpg" in line
    for other in (("--vector", pictures / "q.npy"), ()):
        wrong = run("--slideshow", 4, *other, "--library", indexed)
        assert wrong.code == 2
        assert "--slideshow needs pictures" in wrong.err


def test_raw_pictures_are_the_frames_at_the_middle_of_each_quarter(tmp_path):
    shades = [40, 40, 80, 80, 120, 120, 160, 160]
    clip = media_samples.clip(tmp_path / "a.mp4", media_samples.shades(shades), fps=2)
    frames = pixels.extract(clip).item.reshape(pixels.SHAPE)
    assert frames.mean(axis=(1, 2, 3)) == pytest.approx([40, 80, 120, 160], abs=4)
    still = pixels.extract(media_samples.still(tmp_path / "a.png")).item.reshape(pixels.SHAPE)
    assert np.array_equal(still[0], still[3])
    assert still[0, 0, 4, 4] > 240  # red, top left
    assert still[0, 0, 28, 28] < 15
    assert still[0, 1].max() < 15


def test_a_raw_spectrogram_shows_when_and_how_high(tmp_path):
    y = np.concatenate([media_samples.tone(2.0, 300.0), media_samples.tone(2.0, 3000.0)])
    heard = spectrogram.extract(media_samples.sound(tmp_path / "a.wav", y)).item.reshape(spectrogram.SHAPE)
    low, high = heard[10].argmax(), heard[85].argmax()
    assert low < 15 < 35 < high
    assert np.abs(heard[5] - heard[40]).max() < 0.2
    short = spectrogram.extract(media_samples.sound(tmp_path / "b.wav", media_samples.tone(0.3))).item.reshape(
        spectrogram.SHAPE
    )
    assert short[10].max() > 0 > short[90].max()
    with pytest.raises(MediaError, match="no audio stream"):
        spectrogram.extract(media_samples.still(tmp_path / "c.png"))
