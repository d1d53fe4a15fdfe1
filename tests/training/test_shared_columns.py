"""The columns shared with PMEmo's table: librosa's values, and what is told from them worked by hand."""

import numpy as np
import pytest

from recommender.extractors.audio import harmony
from recommender.extractors.audio.stft import BINS, N_FFT, SR_HZ, Clock, chunks
from recommender.types import Array
from training.affect.chroma import chroma, filters, tuning
from training.affect.music_terms import SHARED
from training.affect.pmemo_columns import RAW, derive_columns, from_samples, skew

# librosa 0.11.0 on `reference_signal`: its feature functions with sr=22050 and all else at the default.
GOLDEN = {
    "rms_mean": 0.127373,
    "rms_std": 0.00370407,
    "rms_median": 0.127585,
    "rms_max": 0.134221,
    "rms_skew": -5.42207,
    "mfcc_0_mean": -237.872,
    "zcr_mean": 0.0539315,
    "spectral_centroid_mean": 2513.05,
    "spectral_bandwidth_mean": 2971.48,
    "spectral_rolloff_mean": 5781.17,
    "chroma_0_mean": 0.372488,
    "chroma_0_std": 0.390332,
    "chroma_1_mean": 0.181837,
    "chroma_1_std": 0.155936,
    "chroma_2_mean": 0.145706,
    "chroma_2_std": 0.119574,
    "chroma_3_mean": 0.156979,
    "chroma_3_std": 0.108931,
    "chroma_4_mean": 0.159331,
    "chroma_4_std": 0.10773,
    "chroma_5_mean": 0.0927825,
    "chroma_5_std": 0.0546493,
    "chroma_6_mean": 0.102493,
    "chroma_6_std": 0.0504489,
    "chroma_7_mean": 0.104223,
    "chroma_7_std": 0.0514589,
    "chroma_8_mean": 0.148366,
    "chroma_8_std": 0.178266,
    "chroma_9_mean": 0.370895,
    "chroma_9_std": 0.381462,
    "chroma_10_mean": 0.482018,
    "chroma_10_std": 0.377054,
    "chroma_11_mean": 0.514906,
    "chroma_11_std": 0.395427,
}
GOLDEN_TUNING = 0.43


def reference_signal() -> Array:
    """A gliding chord with a burst of noise, loud from the start."""
    t = np.arange(6 * SR_HZ) / SR_HZ
    glide = sum(np.sin(2 * np.pi * f * (t + 0.02 * t**2)) / k for k, f in enumerate((220, 277.2, 329.6, 1500), 1))
    hiss = np.random.default_rng(7).normal(size=len(t)) * np.exp(-np.mod(t, 0.5) * 8)
    return (0.15 * glide + 0.05 * hiss).astype(np.float32)


def power(y: Array) -> Array:
    return np.concatenate([chunk.power for chunk in chunks([y], Clock())])


def sine(hz: float) -> Array:
    return (0.3 * np.sin(2 * np.pi * hz * np.arange(3 * SR_HZ) / SR_HZ)).astype(np.float32)


def raw(**values: float) -> Array:
    """One row of the table: plain values, except `values`."""
    usual = {"mfcc_0_mean": -100.0, "rms_mean": 0.1, "rms_std": 0.02, "rms_median": 0.1, "rms_max": 0.2}
    row = dict.fromkeys(RAW, 0.5) | usual | values
    return np.array([[row[name] for name in RAW]])


def told(row: Array) -> dict[str, float]:
    table = derive_columns(row)
    return dict(zip(table.columns, table.items[0].tolist(), strict=True))


def test_the_columns_have_the_values_of_librosa():
    found = dict(zip(RAW, from_samples(reference_signal()).tolist(), strict=True))
    assert set(found) == set(GOLDEN)
    for name, expected in GOLDEN.items():
        assert found[name] == pytest.approx(expected, rel=2e-3, abs=2e-3), name
    assert tuning(power(reference_signal())) == pytest.approx(GOLDEN_TUNING)


@pytest.mark.parametrize(("hz", "place"), [(440.0, 9), (261.63, 0), (880 * 2 ** (-1 / 12), 8)])
def test_a_tone_is_its_pitch_class(hz, place):
    assert chroma(power(sine(hz)))[10:-10].argmax(axis=1).tolist() == [place] * (3 * SR_HZ // 512 + 1 - 20)


@pytest.mark.parametrize("cents", [-30, 0, 30])
def test_tuning_of_a_detuned_tone(cents):
    # A bin is 21 cents wide there, a parabola leaves some of it.
    assert tuning(power(sine(880 * 2 ** (cents / 1200)))) == pytest.approx(cents / 100, abs=0.04)


def test_every_bin_is_shared_out_and_far_octaves_count_less():
    table = filters(0.0)
    assert table.shape == (BINS, 12)
    length = np.linalg.norm(table, axis=1)
    # Octave 5 above 27.5 Hz is 880 Hz, bin 82 of 10.77 Hz; two octaves higher the bump is exp(-1/2).
    assert length[round(880 * N_FFT / SR_HZ)] == pytest.approx(1, abs=0.01)
    assert length[round(3520 * N_FFT / SR_HZ)] == pytest.approx(np.exp(-0.5), abs=0.01)


def test_silence_has_no_pitch_class_and_no_tuning():
    silent = np.zeros((4, BINS), np.float32)
    assert tuning(silent) == 0
    assert not chroma(silent).any()
    assert np.isfinite(from_samples(np.zeros(SR_HZ, np.float32))).all()


def test_skew_by_hand():
    # Deviations -1, -1, 2: second moment 2, third moment 2.
    assert skew(np.array([0.0, 0, 3])) == pytest.approx(2 / 2**1.5)
    assert skew(np.full(3, 0.25)) == 0


def test_mode_and_key_from_the_table_ignore_transposition():
    def chord(third: int, tonic: int) -> dict[str, float]:
        pitch = {(tonic + k) % 12: v for k, v in ((0, 1.0), (7, 0.9), (third, 0.8), (2, 0.5))}
        return told(raw(**{f"chroma_{k}_mean": pitch.get(k, 0.2) for k in range(12)}))

    major, minor = chord(4, 0), chord(3, 0)
    assert major["mode_major"] > 0.1 > -0.1 > minor["mode_major"]
    # Above the least class: 1, .7 (a fifth), .6 (a third) and .3 (a second) of .8 + .7 + .6 + .3.
    assert major["third_major_minus_minor"] == pytest.approx(0.6 / 2.4)
    assert major["second_major_minus_minor"] == pytest.approx(0.3 / 2.4)
    for tonic in (3, 10):
        assert chord(4, tonic) == pytest.approx(major)


def test_dynamics_and_fullness_by_hand():
    value = told(raw())
    assert value["rms_variation"] == pytest.approx(0.2)
    assert value["rms_peak"] == pytest.approx(2)
    assert value["rms_median"] == pytest.approx(1)
    assert value["mel_fullness_db"] == pytest.approx(-100 / np.sqrt(128) + 20)
    louder = told(raw(rms_mean=1, rms_std=0.2, rms_median=1, rms_max=2, mfcc_0_mean=-100 + 20 * np.sqrt(128)))
    free = [c for c in value if not c.startswith("level_")]
    assert {c: louder[c] for c in free} == pytest.approx({c: value[c] for c in free})


def test_the_terms_name_what_is_told():
    assert set(SHARED.columns) <= set(derive_columns(raw()).columns)
    assert harmony.profiles().shape == (12, 24)
