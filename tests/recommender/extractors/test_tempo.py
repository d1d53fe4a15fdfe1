"""The tempo told to people, on sounds whose tempo is known and on sounds that have none."""

import numpy as np
import pytest

from recommender import media
from recommender.extractors.audio import music, tempo
from recommender.extractors.audio.stft import FRAME_HZ, SR_HZ
from recommender.tags import bpm_tag
from recommender.types import Array

Facts = dict[str, str | int | float | None]


def burst(gain: float = 0.3) -> Array:
    return gain * np.random.default_rng(0).normal(size=600) * np.exp(-np.arange(600) / 100)


def struck(times_s: Array, seconds: float, gain: float = 0.3) -> Array:
    """A short burst of noise at each time."""
    y = np.zeros(int(seconds * SR_HZ) + 600, np.float32)
    for start in (np.asarray(times_s) * SR_HZ).astype(int):
        if start < len(y) - 600:
            y[start : start + 600] += burst(gain)
    return y[:-600]


def clicks(bpm: float, seconds: float = 20.0) -> Array:
    return struck(np.arange(0.2, seconds - 0.1, 60 / bpm), seconds)


def swing(bpm: float, seconds: float = 20.0) -> Array:
    """Beats, and a softer stroke two thirds into each."""
    beats = np.arange(0.2, seconds - 0.1, 60 / bpm)
    return struck(beats, seconds) + struck(beats + 40 / bpm, seconds, 0.15)


def beat(bpm: float, seconds: float = 24.0, tone_hz: float = 110.0) -> Array:
    """Kick and snare in turn, eighths of a hi-hat, a bass note on each beat: what most produced music has."""
    beats = np.arange(0.1, seconds - 0.1, 60 / bpm)
    t = np.arange(int(seconds * SR_HZ)) / SR_HZ
    kick = np.zeros_like(t)
    bass = np.zeros_like(t)
    for k, start in enumerate(beats):
        since = t - start
        sounding = (since >= 0) & (since < 60 / bpm * 0.9)
        bass += np.where(sounding, 0.2 * np.sin(2 * np.pi * tone_hz * since) * np.exp(-3 * since), 0)
        if k % 2 == 0:
            kick += np.where(sounding, 0.6 * np.sin(2 * np.pi * 55 * since) * np.exp(-18 * since), 0)
    snare, hats = struck(beats[1::2], seconds, 0.4), struck(np.arange(0.1, seconds - 0.1, 30 / bpm), seconds, 0.08)
    return kick + bass + snare + hats


def told(y: Array, tagged: float | None = None) -> Facts:
    return dict(music.from_blocks([np.asarray(y, np.float32)], tagged=tagged).facts)


def levels(facts: Facts) -> list[float]:
    return [float(facts[name]) for name in ("bpm", "bpm_alternative") if facts[name] is not None]  # type: ignore[arg-type]


@pytest.mark.parametrize("bpm", range(60, 181, 10))
def test_clicks_have_the_tempo_they_are_struck_at(bpm: int) -> None:
    assert told(clicks(bpm))["bpm"] == pytest.approx(bpm, rel=0.005)


@pytest.mark.parametrize("bpm", range(70, 181, 10))
def test_swung_eighths_leave_the_beat_where_it_is(bpm: int) -> None:
    assert told(swing(bpm))["bpm"] == pytest.approx(bpm, rel=0.01)


@pytest.mark.parametrize("bpm", [72, 85, 100, 118, 135, 150])
def test_a_beat_with_eighths(bpm: int) -> None:
    facts = told(beat(bpm))
    assert facts["bpm"] == pytest.approx(bpm, rel=0.01)
    assert 0 < float(facts["bpm_confidence"] or 0) <= 1


@pytest.mark.parametrize("bpm", [60, 165, 180, 195])
def test_of_a_very_slow_or_fast_beat_both_levels_are_told(bpm: int) -> None:
    assert bpm in [pytest.approx(level, rel=0.01) for level in levels(told(beat(bpm)))]


@pytest.mark.parametrize("seconds", [5, 8, 12])
@pytest.mark.parametrize("bpm", [75, 120, 165])
def test_short_sounds_have_the_tempo_of_long_ones(bpm: int, seconds: int) -> None:
    assert told(clicks(bpm, seconds))["bpm"] == pytest.approx(bpm, rel=0.01)


# --- no tempo -----------------------------------------------------------------------------------------------


def noise(seconds: float = 20.0) -> Array:
    return 0.1 * np.random.default_rng(1).normal(size=int(seconds * SR_HZ))


def pad(seconds: float = 30.0) -> Array:
    """Four sines, each swelling at its own slow pace."""
    t = np.arange(int(seconds * SR_HZ)) / SR_HZ
    parts = [
        np.sin(2 * np.pi * hz * t) * (0.6 + 0.4 * np.sin(2 * np.pi * t * (0.05 + 0.017 * i)))
        for i, hz in enumerate((110, 165, 220, 277))
    ]
    return 0.1 * np.sum(parts, axis=0)


def speech(seconds: float = 30.0) -> Array:
    """Syllables of noise with the irregular gaps of speech, pauses between sentences."""
    rng = np.random.default_rng(3)
    gaps = rng.lognormal(np.log(0.2), 0.4, 400) + (rng.random(400) < 0.12) * rng.uniform(0.3, 0.9, 400)
    return struck(np.cumsum(gaps), seconds, 0.2)


WITHOUT = {
    "nothing": np.zeros(0),
    "silence": np.zeros(12 * SR_HZ),
    "noise": noise(),
    "a tone": 0.3 * np.sin(2 * np.pi * 440 * np.arange(12 * SR_HZ) / SR_HZ),
    "a pad": pad(),
    "speech": speech(),
    "rain": struck(np.sort(np.random.default_rng(2).uniform(0, 30, 600)), 30, 0.1) + 0.2 * noise(30),
    "clicks at random, then nothing": struck(np.cumsum(np.random.default_rng(4).exponential(1 / 8, 400)), 90),
    "below a second": clicks(160, 0.9),
    "two seconds": clicks(160, 2.0),
    "three clicks": struck(np.array([1.0, 1.5, 2.0]), 4),
    "three clicks, then nothing": struck(np.array([1.0, 1.5, 2.0]), 20),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_beat_has_no_tempo(name: str) -> None:
    facts = told(WITHOUT[name])
    assert (facts["bpm"], facts["bpm_confidence"], facts["bpm_alternative"]) == (None, None, None)


# --- confidence, other levels, tags -------------------------------------------------------------------------


def test_a_plain_beat_is_surer_than_one_at_the_edge() -> None:
    assert float(told(beat(110))["bpm_confidence"] or 0) > 0.8 > float(told(beat(190))["bpm_confidence"] or 1)


def test_the_alternative_is_another_level() -> None:
    facts = told(beat(150))
    ratio = float(facts["bpm_alternative"] or 0) / float(facts["bpm"] or 1)
    assert ratio == pytest.approx(0.5, rel=0.01)


def test_a_tag_chooses_the_level_and_the_digits() -> None:
    assert told(beat(150), 75.02)["bpm"] == 75.0
    assert told(beat(150), 150.4)["bpm"] == 150.4
    assert told(beat(150), 75)["bpm_alternative"] == pytest.approx(150, rel=0.01)


@pytest.mark.parametrize("tagged", [100.0, 137.0, 200.0])
def test_a_tag_that_nothing_supports_is_passed_over(tagged: float) -> None:
    assert told(beat(150), tagged)["bpm"] == pytest.approx(150, rel=0.01)


def test_a_tag_gives_no_tempo_to_what_has_none() -> None:
    assert told(noise(), 120.0)["bpm"] is None


def test_the_tempo_of_a_file_is_the_tagged_level(tmp_path) -> None:
    path = tmp_path / "a.flac"
    media.write_audio(path, np.asarray(beat(150), np.float32), SR_HZ)
    assert bpm_tag(path) is None
    assert music.extract(path).facts["bpm"] == pytest.approx(150, rel=0.01)


# --- parts --------------------------------------------------------------------------------------------------


def test_facts_are_rounded_for_people() -> None:
    found = tempo.facts(tempo.Tempo(119.9642, 0.87654, 59.9821))
    assert found == {"bpm": 120.0, "bpm_confidence": 0.88, "bpm_alternative": 60.0}


def test_evidence_is_finite_and_its_columns_are_those_of_the_weights() -> None:
    strength = np.random.default_rng(0).random(round(20 * FRAME_HZ))
    similarity = tempo.autocorrelation(strength, tempo.LONGEST_S)
    for flux in (0.0, 0.3, 50.0):
        found = tempo.evidence(strength, similarity, flux)
        assert found is not None
        assert found.shape == (tempo.GRID, len(tempo.WEIGHTS))
        assert np.isfinite(found).all()


def test_a_flat_envelope_gives_no_evidence() -> None:
    flat = np.ones(1000)
    assert tempo.evidence(flat, tempo.autocorrelation(flat, tempo.LONGEST_S), 0.3) is None
