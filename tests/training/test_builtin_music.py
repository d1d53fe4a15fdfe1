"""The committed model on synthesised music: mode, pace and level change its affect as they should, or not at all."""

import numpy as np
import pytest

from recommender.extractors.audio import music
from recommender.extractors.audio.stft import SR_HZ
from recommender.model import Model, available
from recommender.types import Affect, Array

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
LOOP = (0, 3, 4, 0)  # I IV V I: the same chords in either mode, with its own thirds and sixths

pytestmark = pytest.mark.skipif(not available(), reason="the built-in model has not been trained yet")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load("builtin")


def note(midi: float, length_s: float) -> Array:
    """A plucked tone with eight harmonics, damped at its end: a bare cut would be heard as one more onset."""
    t = np.arange(round(length_s * SR_HZ)) / SR_HZ
    hz = 440 * 2 ** ((midi - 69) / 12)
    wave = sum(np.sin(2 * np.pi * k * hz * t) / k**1.5 for k in range(1, 9))
    return np.minimum(t / 0.005, 1) * np.minimum(t[::-1] / 0.03, 1) * np.exp(-2.5 * t) * wave


def piece(scale: tuple[int, ...], beat_s: float = 0.5, seconds: float = 24.0, root: int = 48) -> Array:
    """A loop of chords, a bar of four beats each, with an arpeggio of one note a beat above, float32 [n]."""
    y = np.zeros(round(seconds * SR_HZ))

    def play(degree: int, at_s: float, length_s: float, octave: int, gain: float) -> None:
        midi = root + 12 * (octave + degree // 7) + scale[degree % 7]
        tone = gain * note(midi, length_s)
        start = round(at_s * SR_HZ)
        tone = tone[: max(0, len(y) - start)]
        y[start : start + len(tone)] += tone

    for beat in range(int(seconds / beat_s)):
        chord = LOOP[beat // 4 % len(LOOP)]
        if beat % 4 == 0:
            for step in (0, 2, 4):
                play(chord + step, beat * beat_s, 4 * beat_s, 0, 0.06)
        play(chord + (0, 2, 4, 2)[beat % 4], beat * beat_s, 1.2 * beat_s, 1, 0.1)
    return y.astype(np.float32)


def affect(model: Model, y: Array) -> Affect:
    return Affect(*map(float, model.describe(music.from_blocks([y]), "music").item_affect))


@pytest.mark.parametrize("root", [45, 48, 53])
@pytest.mark.parametrize("beat_s", [0.3, 0.6])
def test_minor_is_less_pleasant(model, root, beat_s):
    major, minor = (affect(model, piece(scale, beat_s, root=root)) for scale in (MAJOR, MINOR))
    assert minor.valence < major.valence - 0.2
    assert abs(minor.arousal - major.arousal) < 0.2


@pytest.mark.parametrize("scale", [MAJOR, MINOR])
def test_faster_with_more_notes_is_more_aroused(model, scale):
    slow, middle, fast = (affect(model, piece(scale, beat_s)).arousal for beat_s in (1.0, 0.5, 0.25))
    assert slow + 0.05 < middle
    assert middle + 0.05 < fast


@pytest.mark.parametrize("gain", [0.1, 0.5, 3.0])
def test_level_changes_nothing(model, gain):
    y = piece(MAJOR)
    here, there = affect(model, y), affect(model, gain * y)
    np.testing.assert_allclose(there, here, atol=0.01)


def test_transposition_hardly_matters(model):
    here, there = (affect(model, piece(MAJOR, root=root)) for root in (48, 50))
    assert there.valence == pytest.approx(here.valence, abs=0.15)
    assert there.arousal == pytest.approx(here.arousal, abs=0.15)


def test_silence_and_noise_stay_on_the_plane(model):
    noise = np.random.default_rng(0).normal(0, 0.1, 5 * SR_HZ).astype(np.float32)
    for y in (np.zeros(5 * SR_HZ, np.float32), noise, np.zeros(100, np.float32)):
        values = affect(model, y)
        assert all(-1 <= v <= 1 for v in values[:2])
        assert all(0 < v <= 1 for v in values[2:])


DESCRIBED = {
    "valence": (
        ("Wallpaper", "Super Friendly", "Theme for Harold (var. 1)"),
        ("Oppressive Gloom", "Dreamlike", "Lithium"),
    ),
    "arousal": (("Club Diver", "Ropocolypse 2", "Shiny Tech"), ("Daybreak", "Frozen Star", "Earth Prelude")),
}


@pytest.mark.parametrize("axis", DESCRIBED)
def test_produced_music_lies_where_its_composer_says_and_short_of_the_limits(model, axis, shared_data):
    above, below = (
        [
            getattr(Affect(*model.analyse(shared_data / "macleod" / f"{name}.mp3", "music").item_affect), axis)
            for name in names
        ]
        for names in DESCRIBED[axis]
    )
    assert np.mean(above) > 0.05
    assert np.mean(below) < -0.2
    assert min(above) > max(below)
    assert np.abs(above + below).max() < 0.95
