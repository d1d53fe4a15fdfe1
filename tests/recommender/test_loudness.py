"""Loudness against EBU Tech 3341's signals, and a limiter that keeps true peaks, time and what is quiet."""

import numpy as np
import pytest

from recommender.editing.limiter import limit, true_peaks
from recommender.editing.loudness import RATE_HZ, Meter, programme_lufs


def sine(seconds: float, dbfs: float, hz: float = 1000.0, phase: float = 0.0) -> np.ndarray:
    """float32 [2, n], the same on both channels."""
    y = 10 ** (dbfs / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ + phase)
    return np.stack([y, y]).astype(np.float32)


def measured(*parts: np.ndarray, size: int = 5000) -> Meter:
    meter, y = Meter(), np.concatenate(parts, axis=1)
    for at in range(0, y.shape[1], size):
        meter.feed(y[:, at : at + size])
    return meter


def oversampled_peak(y: np.ndarray, times: int = 8) -> float:
    """The largest magnitude of y between its samples too, by a spectrum with zeros added."""
    n = y.shape[1]
    spectrum = np.fft.rfft(y, axis=1)
    fine = np.fft.irfft(np.pad(spectrum, ((0, 0), (0, times * n // 2 + 1 - spectrum.shape[1]))), times * n, axis=1)
    return float(np.abs(fine).max() * times)


@pytest.mark.parametrize(
    "parts",
    [
        [(5, -23.0)],  # case 1
        [(4, -36.0), (12, -23.0), (4, -36.0)],  # case 3, shorter: the relative gate
        [(4, -72.0), (4, -36.0), (12, -23.0), (4, -36.0), (4, -72.0)],  # case 4: both gates
    ],
)
def test_sines_of_tech_3341_are_at_minus_23_lufs(parts):
    meter = measured(*(sine(seconds, dbfs) for seconds, dbfs in parts))
    assert programme_lufs(meter.powers) == pytest.approx(-23.0, abs=0.1)


def test_low_sounds_count_less_and_high_ones_more():
    low, middle, high = (programme_lufs(measured(sine(2, -20, hz)).powers) for hz in (50, 1000, 8000))
    assert low < middle - 2
    assert high > middle + 2


def test_only_hops_that_count_are_measured_and_silence_is_no_loudness():
    meter = measured(sine(3, -30), sine(3, -20))
    first = np.arange(len(meter.powers)) < 30
    assert programme_lufs(meter.powers, first) == pytest.approx(-30, abs=0.1)
    assert programme_lufs(meter.powers, ~first) == pytest.approx(-20, abs=0.1)
    assert programme_lufs(meter.powers, first & ~first) == -np.inf
    assert programme_lufs(np.zeros(50)) == -np.inf
    assert meter.peaks.max() == pytest.approx(0.1, abs=1e-3)


def test_true_peaks_lie_between_samples():
    y = sine(0.2, 0.0, RATE_HZ / 4, np.pi / 4)
    assert np.abs(y).max() == pytest.approx(np.sqrt(0.5), abs=1e-3)
    assert true_peaks(y)[1000:-1000].max() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_the_limiter_keeps_true_peaks_in_place(seed):
    rng = np.random.default_rng(seed)
    loud = rng.normal(0, 0.3, (2, RATE_HZ)) * np.hanning(RATE_HZ)
    loud[:, 20000:20400] *= 4
    y = np.fft.irfft(np.fft.rfft(loud)[:, :18000], RATE_HZ).astype(np.float32)  # below 18 kHz, as music is
    out = np.concatenate(list(limit([y[:, at : at + 4999] for at in range(0, RATE_HZ, 4999)], 0.5)), axis=1)
    assert out.shape == y.shape
    assert oversampled_peak(y) > 1.5
    assert oversampled_peak(out) <= 0.5 * 10 ** (0.1 / 20)
    lags = np.correlate(out[0, 19000:21000], y[0, 19500:20500], "valid")
    assert np.argmax(lags) == 500
    whole = np.concatenate(list(limit([y], 0.5)), axis=1)
    np.testing.assert_allclose(out, whole, atol=1e-6)


def test_the_limiter_leaves_what_is_quiet_to_the_bit():
    y = sine(1, -8)
    assert (np.concatenate(list(limit([y[:, :30000], y[:, 30000:]], 0.5)), axis=1) == y).all()
