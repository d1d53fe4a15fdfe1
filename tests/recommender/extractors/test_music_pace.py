"""Pace, quick changes of level and accents of the bass, on signals whose answer is known."""

import numpy as np
import pytest

from recommender.extractors.audio import music
from recommender.extractors.audio.rhythm import fast_share
from recommender.extractors.audio.stft import SR_HZ
from recommender.types import Array


def seconds(duration_s: float) -> Array:
    return np.arange(int(duration_s * SR_HZ)) / SR_HZ


def item(y: Array) -> dict[str, float]:
    found = music.from_blocks([np.asarray(y, np.float32)])
    return dict(zip(found.columns, found.item.tolist(), strict=True))


def test_the_short_interval_is_that_of_the_fastest_layer() -> None:
    """Two clicks 0.15 s apart, then a rest of 0.7 s: of the gaps half are short, the lower quartile is one of them."""
    y = np.zeros(20 * SR_HZ, np.float32)
    burst = 0.3 * np.random.default_rng(0).normal(size=600) * np.exp(-np.arange(600) / 100)
    for start in np.arange(0.2, 19, 0.85):
        for at in (start, start + 0.15):
            y[int(at * SR_HZ) :][:600] += burst
    assert item(y)["short_interval_s"] == pytest.approx(0.15, abs=512 / SR_HZ)


@pytest.mark.parametrize(("duration_s", "gap_s"), [(3, 3), (30, 10)])
def test_without_onsets_the_intervals_are_as_long_as_can_be_told(duration_s: int, gap_s: float) -> None:
    value = item(np.zeros(duration_s * SR_HZ))
    assert value["short_interval_s"] == value["inter_onset_interval_s"] == pytest.approx(gap_s, abs=0.05)


@pytest.mark.parametrize(("hz", "share"), [(1.0, 0.0), (8.0, 1.0)])
def test_fast_fluctuations_are_those_above_four_hertz(hz: float, share: float) -> None:
    square = (1 + 0.2 * np.sin(2 * np.pi * hz * np.arange(500) * 512 / SR_HZ)) ** 2
    assert fast_share(square) == pytest.approx(share, abs=0.02)
    assert fast_share(1e-6 * square) == pytest.approx(fast_share(square))


def test_a_steady_level_does_not_fluctuate() -> None:
    for square in (np.zeros(100), np.full(100, 0.3), np.ones(1), np.full(3, 1e-30)):
        assert fast_share(square) == 0


def test_accents_in_the_bass_are_told_from_those_above() -> None:
    def beats(hz: float) -> Array:
        swell = np.sin(2 * np.pi * seconds(10)) ** 4  # soft: an abrupt attack is heard in every band
        return 0.3 * swell * np.sin(2 * np.pi * hz * seconds(10))

    low, high = item(beats(110)), item(beats(3000))
    assert low["bass_onset_strength_db"] > 1.2 * low["onset_strength_db"]
    assert high["bass_onset_strength_db"] < 0.1 * high["onset_strength_db"]
