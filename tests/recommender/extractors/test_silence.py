"""Silence around music: what is said of a track is what its music says."""

import numpy as np
import pytest

from recommender.affect.linear import SHORT_S, unsure_where_short
from recommender.affect.words import mood
from recommender.extractors.audio import music, silence
from recommender.extractors.audio.stft import FRAME_HZ, SR_HZ
from recommender.model import Model, available
from recommender.types import Affect, Array, Features

BEAT_S = 0.5
CHORDS = ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7))
RNG_SEED = 3


def song(seconds: float, gain: float = 0.1) -> Array:
    """A chord a bar, a bass and a melody a beat, strokes of noise, float32 [n]."""
    rng = np.random.default_rng(RNG_SEED)
    t = np.arange(round(BEAT_S * SR_HZ)) / SR_HZ
    y = np.zeros((round(seconds / BEAT_S), len(t)))
    for beat, part in enumerate(y):
        chord = CHORDS[beat // 4 % len(CHORDS)]
        for midi in (45 + chord[0], *(57 + n for n in chord), 69 + int(rng.choice(chord))):
            hz = 440 * 2 ** ((midi - 69) / 12)
            part += sum(np.sin(2 * np.pi * h * hz * t) / h**1.5 for h in range(1, 6)) * np.exp(-3 * t)
        part += rng.normal(size=len(t)) * np.exp(-60 * t)
    y *= np.minimum(1, np.minimum(t, t[::-1]) / 0.005)
    return (gain * y).ravel().astype(np.float32)


def nothing(seconds: float, level_db: float | None = None) -> Array:
    hiss = np.random.default_rng(RNG_SEED).normal(size=round(seconds * SR_HZ))
    return (0 if level_db is None else 10 ** (level_db / 20)) * hiss.astype(np.float32)


def features(*parts: Array) -> Features:
    return music.from_blocks([np.concatenate(parts)])


MUSIC = song(24)
AROUND = {
    "60 s after it": (MUSIC, nothing(60)),
    "30 s before it": (nothing(30), MUSIC),
    "both": (nothing(12.3), MUSIC, nothing(7)),
    "hiss after it": (MUSIC, nothing(60, -72)),
    "minutes between": (MUSIC, nothing(150), MUSIC),
}


@pytest.fixture(scope="module")
def alone() -> Features:
    return features(MUSIC)


@pytest.mark.parametrize("name", AROUND)
def test_a_track_is_what_its_music_is(alone: Features, name: str) -> None:
    found = features(*AROUND[name])
    assert {f: found.facts[f] for f in ("bpm", "key", "silent")} == {
        f: alone.facts[f] for f in ("bpm", "key", "silent")
    }
    assert float(found.facts["beat_confidence"] or 0) > 0.9
    if available():
        model = Model.load("builtin")
        one, other = (model.describe(f, "music").item_affect[:2] for f in (alone, found))
        np.testing.assert_allclose(other, one, atol=0.1)


@pytest.mark.parametrize("name", AROUND)
def test_no_window_is_of_silence(name: str) -> None:
    parts = AROUND[name]
    sounds = np.concatenate([np.full(len(part), part is MUSIC) for part in parts])
    for start, end in features(*parts).windows:
        assert sounds[round(start * SR_HZ) : round(end * SR_HZ)].mean() >= 0.9 - 1e-6


def test_a_short_song_keeps_the_window_that_holds_most_of_it() -> None:
    np.testing.assert_array_equal(features(nothing(20), song(6), nothing(20)).windows, [[20, 30]])


REAL = {
    "rests": [part for _ in range(6) for part in (song(4), nothing(2.5))],
    "a soft middle": [song(12), song(12, 0.1 * 10 ** (-40 / 20)), song(12)],
    "mastered low": [song(24, 1e-4)],
    "a fade": [song(24) * np.logspace(0, -2.4, 24 * SR_HZ).astype(np.float32)],
    "nothing at all": [nothing(20)],
    "hiss alone": [nothing(20, -75)],
}


@pytest.mark.parametrize("name", REAL)
def test_soft_music_and_rests_are_music(name: str) -> None:
    y = np.concatenate(REAL[name])
    square = np.square(y[: len(y) // 512 * 512].reshape(-1, 512)).mean(axis=1)
    assert silence.sounding(square).all()


def test_rests_of_some_seconds_cost_no_window() -> None:
    y = [part for _ in range(4) for part in (song(8), nothing(4))]
    assert len(features(*y).windows) >= 7


def test_silence_is_long_and_far_below_the_music() -> None:
    square = np.full(round(20 * FRAME_HZ), 0.01, np.float32)
    square[200:340] = 1e-8  # 3.25 s, 60 dB below
    square[500:640] = 1e-6  # 40 dB below
    square[700:800] = 0  # 2.3 s
    heard = silence.sounding(square)
    assert not heard[200:340].any()
    assert heard.sum() == len(heard) - 140
    assert silence.slow_frames(heard).sum() == len(silence.slow_frames(heard)) - 17


# --- sounds of a moment -------------------------------------------------------------------------------------


@pytest.mark.skipif(not available(), reason="the built-in model has not been trained yet")
@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.9, 2.0])
def test_a_sound_of_a_moment_has_no_feeling_to_speak_of(seconds: float) -> None:
    model = Model.load("builtin")
    found = model.describe(features(song(4)[: round(seconds * SR_HZ)]), "music")
    affect, sure = Affect(*found.item_affect.tolist()), model.affect["music"].sd * 0.4
    assert affect.valence_sd > 1.4 * sure[0]
    assert affect.arousal_sd > 1.4 * sure[1]
    assert seconds > 1 or mood(affect) == "neutral"
    assert (found.features.facts["bpm"], found.features.facts["key"]) == (None, None)


@pytest.mark.skipif(not available(), reason="the built-in model has not been trained yet")
def test_a_moment_does_not_win_over_a_song_that_fits() -> None:
    model = Model.load("builtin")
    short = model.describe(features(song(4)[: SR_HZ // 2]), "music").vectors[0]
    for valence, arousal in ((0.5, 0.5), (-0.5, -0.5), (0, 0), (0.4, -0.6)):
        clip, near = model.affect_space.encode([[valence, arousal, 0.35, 0.35], [valence + 0.25, arousal, 0.35, 0.32]])
        assert clip @ short < clip @ near - 0.1


def test_the_shorter_the_less_is_known() -> None:
    given = np.array([[0.6, -0.4, 0.3, 0.2]] * 5, np.float32)
    found = unsure_where_short(given, np.array([10.0, SHORT_S, 1.5, 0.5, 0.0]))
    assert found[:2].tobytes() == given[:2].tobytes()
    np.testing.assert_allclose(found[2], [0.3, -0.2, 0.6, 0.4], rtol=1e-6)
    assert (np.diff(found[1:, 2]) >= 0).all()
    assert found[-1, 2:].tolist() == [1, 1]
