"""Musical features on signals whose answer is known."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from recommender.extractors.audio import music
from recommender.extractors.audio.stft import SR_HZ
from recommender.types import Array, Features

I_IV_V_I = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))
MINOR_I_IV_V_I = ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7))
TONAL = tuple(c.name for c in music.harmony.COLUMNS if c not in music.harmony.CHROMA_COLUMNS)


def seconds(duration_s: float) -> Array:
    return np.arange(int(duration_s * SR_HZ)) / SR_HZ


def tone(midi: float, duration_s: float, harmonics: int = 8, gain: float = 0.1) -> Array:
    t = seconds(duration_s)
    hz = 440 * 2 ** ((midi - 69) / 12)
    body = sum(0.7**h * np.sin(2 * np.pi * hz * (h + 1) * t) for h in range(harmonics))
    fade = np.minimum(1, np.minimum(t, t[::-1]) / 0.01)
    return (gain * body * fade * np.exp(-t)).astype(np.float32)


def progression(chords: Sequence[Sequence[int]], tonic: int, repeats: int = 3, chord_s: float = 1.0) -> Array:
    """Chords of `chord_s` each, with the root an octave below."""
    parts = [sum(tone(tonic + n, chord_s) for n in (c[0] - 12, *c)) for c in chords]
    return np.tile(np.concatenate(parts), repeats).astype(np.float32)


def clicks(bpm: float, duration_s: float = 20.0) -> Array:
    y = np.zeros(int(duration_s * SR_HZ), np.float32)
    burst = np.random.default_rng(0).normal(size=600) * np.exp(-np.arange(600) / 100) * 0.3
    for start in (np.arange(0.2, duration_s - 0.1, 60 / bpm) * SR_HZ).astype(int):
        y[start : start + 600] += burst
    return y


def noise(duration_s: float, gain: float = 0.1) -> Array:
    return (gain * np.random.default_rng(1).normal(size=int(duration_s * SR_HZ))).astype(np.float32)


def varied(duration_s: int = 24) -> Array:
    """Chords, clicks and a little noise: something for every column."""
    chords = progression(I_IV_V_I, 60, repeats=duration_s // 4)
    return chords + clicks(96, duration_s)[: len(chords)] + noise(duration_s, 0.002)[: len(chords)]


def cut(y: Array, size: int) -> Iterator[Array]:
    for start in range(0, len(y), size):
        yield y[start : start + size]


def features(y: Array) -> Features:
    return music.from_blocks(cut(np.asarray(y, np.float32), 20 * SR_HZ))


def item(y: Array) -> dict[str, float]:
    found = features(y)
    return dict(zip(found.columns, found.item.tolist(), strict=True))


# --- form -------------------------------------------------------------------------------------------------


def test_columns_are_named_once_with_units() -> None:
    assert len(set(music.NAMES)) == len(music.NAMES)
    assert all(c.unit and c.meaning for c in music.COLUMNS)
    assert set(music.LEVEL_COLUMNS) == {"level_rms_db", "level_rms", "level_rms_std", "level_mfcc_0"}
    assert set(music.LIBROSA) <= set(music.NAMES)


def test_shapes_types_and_facts() -> None:
    found = features(varied(24))
    assert found.columns == music.NAMES
    assert found.duration_s == 24.0
    np.testing.assert_array_equal(found.windows, [[0, 10], [5, 15], [10, 20]])
    assert found.values.shape == (3, len(music.NAMES))
    assert found.values.dtype == found.item.dtype == np.float32
    assert set(found.facts) == {
        "bpm",
        "bpm_confidence",
        "bpm_alternative",
        "beats_per_bar",
        "beat_confidence",
        "key",
        "key_confidence",
        "damaged_packets",
        "silent",
        "voice",
        "voice_confidence",
    }
    assert found.facts["silent"] is False
    assert found.facts["key"] == "C major"


def test_the_only_window_of_a_short_item_equals_the_item() -> None:
    found = features(varied(8))
    np.testing.assert_array_equal(found.values[0], found.item)


def test_a_window_agrees_with_the_same_audio_alone() -> None:
    y = varied(24)
    whole, alone = features(y), features(y[5 * SR_HZ : 15 * SR_HZ])
    for name in ("level_rms_db", "spectral_centroid_hz", "onset_rate_hz", "key_clarity", "mode_major"):
        column = music.NAMES.index(name)
        assert whole.values[1, column] == pytest.approx(alone.item[column], rel=0.05, abs=0.02), name


def test_window_means_average_to_the_item() -> None:
    found = features(np.concatenate([varied(12), noise(8, 0.05)]))
    halves = found.values[[0, 2]].mean(axis=0)  # [0, 10] and [10, 20] make up the whole
    for name in ("zcr", "spectral_centroid_hz", "spectral_flatness", "roughness", "polyphony"):
        column = music.NAMES.index(name)
        assert halves[column] == pytest.approx(found.item[column], rel=0.01), name


@pytest.mark.parametrize("size", [441_000, 65_536, 10_007, 997])
def test_how_the_stream_is_cut_changes_no_bit(size: int) -> None:
    y = varied(12)
    one, other = music.from_blocks([y]), music.from_blocks(cut(y, size))
    assert one.values.tobytes() == other.values.tobytes()
    assert one.item.tobytes() == other.item.tobytes()
    assert one.facts == other.facts


@pytest.mark.parametrize("gain", [0.25, 0.3, 3.0])
def test_only_level_columns_hear_the_gain(gain: float) -> None:
    y = varied(12)
    one, other = item(y), item(gain * y)
    for name in set(music.NAMES) - set(music.LEVEL_COLUMNS):
        assert other[name] == pytest.approx(one[name], rel=1e-3, abs=1e-4), name
    assert other["level_rms_db"] - one["level_rms_db"] == pytest.approx(20 * np.log10(gain), abs=1e-3)
    assert other["level_rms"] == pytest.approx(gain * one["level_rms"], rel=1e-3)


# --- level and spectrum -----------------------------------------------------------------------------------


def test_level_of_a_full_scale_sine() -> None:
    sine = item(np.sin(2 * np.pi * 1000 * seconds(5)))
    assert sine["level_rms_db"] == pytest.approx(-3.01, abs=0.1)
    assert sine["crest_db"] == pytest.approx(3.01, abs=0.1)


@pytest.mark.parametrize("hz", [200.0, 1000.0, 5000.0])
def test_a_sine_has_its_centroid_and_crossings_at_its_frequency(hz: float) -> None:
    sine = item(0.3 * np.sin(2 * np.pi * hz * seconds(8)))
    assert sine["spectral_centroid_hz"] == pytest.approx(hz, rel=0.02)
    assert sine["spectral_rolloff_hz"] == pytest.approx(hz, abs=2 * SR_HZ / 2048)
    assert sine["zcr"] == pytest.approx(2 * hz / SR_HZ, rel=0.02)
    assert sine["spectral_bandwidth_hz"] < 100


def test_noise_is_flat_and_even_and_has_no_key() -> None:
    hiss, chord = features(noise(10)), item(progression(I_IV_V_I, 60))
    value = dict(zip(hiss.columns, hiss.item.tolist(), strict=True))
    assert value["spectral_flatness"] == pytest.approx(0.56, abs=0.02)  # exp(-Euler's constant)
    assert value["spectral_entropy"] > 0.9 > 0.6 > chord["spectral_entropy"]
    assert value["spectral_rolloff_hz"] == pytest.approx(0.85 * SR_HZ / 2, rel=0.02)
    assert hiss.facts["bpm"] is None


def test_low_energy_share_and_dynamics() -> None:
    quiet_loud = np.concatenate([noise(6, 0.01), noise(2, 0.2)])
    value = item(quiet_loud)
    assert value["low_energy_share"] == pytest.approx(0.75, abs=0.02)
    assert value["dynamic_range_db"] == pytest.approx(20 * np.log10(20), abs=1.0)
    assert item(noise(8))["dynamic_range_db"] < 2


# librosa 0.11.0 on `reference_signal`: its feature functions with sr=22050 and all else at the default.
LIBROSA_GOLDEN: dict[str, float] = {
    "rms_mean": 0.127373,
    "rms_std": 0.00370407,
    "mfcc_0_mean": -237.872,
    "zcr_mean": 0.0539315,
    "zcr_std": 0.0223883,
    "spectral_centroid_mean": 2513.05,
    "spectral_bandwidth_mean": 2971.48,
    "spectral_rolloff_mean": 5781.17,
    "spectral_centroid_std": 1121.51,
    "spectral_bandwidth_std": 584.473,
    "spectral_rolloff_std": 2754.65,
    "mfcc_1_mean": 35.0689,
    "mfcc_2_mean": 24.1109,
    "mfcc_3_mean": 22.3589,
    "mfcc_4_mean": 25.0933,
    "mfcc_5_mean": 13.6995,
    "mfcc_6_mean": -7.54609,
    "mfcc_7_mean": -18.9161,
    "mfcc_8_mean": -17.0409,
    "mfcc_9_mean": -18.3933,
    "mfcc_10_mean": -29.5261,
    "mfcc_11_mean": -37.9538,
    "mfcc_12_mean": -31.4182,
    "mfcc_1_std": 13.0123,
    "mfcc_2_std": 6.41597,
    "mfcc_3_std": 6.31146,
    "mfcc_4_std": 8.08634,
    "mfcc_5_std": 6.83724,
    "mfcc_6_std": 7.77056,
    "mfcc_7_std": 7.07335,
    "mfcc_8_std": 4.94238,
    "mfcc_9_std": 6.81507,
    "mfcc_10_std": 11.7019,
    "mfcc_11_std": 10.9134,
    "mfcc_12_std": 10.3868,
}


def reference_signal() -> Array:
    """A gliding chord with a burst of noise, loud from the start."""
    t = seconds(6)
    glide = sum(np.sin(2 * np.pi * f * (t + 0.02 * t**2)) / k for k, f in enumerate((220, 277.2, 329.6, 1500), 1))
    hiss = np.random.default_rng(7).normal(size=len(t)) * np.exp(-np.mod(t, 0.5) * 8)
    return (0.15 * glide + 0.05 * hiss).astype(np.float32)


@pytest.mark.parametrize("name", music.LIBROSA)
def test_columns_shared_with_librosa_have_its_values(name: str) -> None:
    expected = LIBROSA_GOLDEN[music.LIBROSA[name]]
    assert item(reference_signal())[name] == pytest.approx(expected, rel=2e-3, abs=2e-3)


# --- rhythm -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [60, 75, 90, 104, 120, 137, 150, 166, 180])
def test_tempo_of_clicks(bpm: int) -> None:
    found = features(clicks(bpm))
    assert found.facts["bpm"] == pytest.approx(bpm, rel=0.003)
    tempi = found.values[:, music.NAMES.index("tempo_bpm")]
    np.testing.assert_allclose(tempi, bpm, rtol=0.02)


def test_tempo_survives_eighths_between_the_beats() -> None:
    beats, eighths = clicks(110), clicks(220)
    assert features(beats + 0.4 * eighths).facts["bpm"] == pytest.approx(110, rel=0.02)


def test_noise_has_hardly_any_onsets() -> None:
    assert item(noise(20))["onset_rate_hz"] < 0.5


@pytest.mark.parametrize("bpm", [60, 120, 240])
def test_onset_rate_and_interval_of_clicks(bpm: int) -> None:
    value = item(clicks(bpm))
    assert value["onset_rate_hz"] == pytest.approx(bpm / 60, rel=0.06)
    assert value["inter_onset_interval_s"] == pytest.approx(60 / bpm, abs=512 / SR_HZ)
    assert value["short_interval_s"] == pytest.approx(60 / bpm, abs=512 / SR_HZ)
    assert value["pulse_clarity"] > 0.7
    assert value["pulse_clarity"] > item(noise(20))["pulse_clarity"] + 0.4


# --- harmony ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tonic", "name"), [(60, "C"), (57, "A"), (63, "Eb"), (54, "F#")])
def test_key_and_mode_of_progressions(tonic: int, name: str) -> None:
    major, minor = features(progression(I_IV_V_I, tonic)), features(progression(MINOR_I_IV_V_I, tonic))
    assert major.facts["key"] == f"{name} major"
    assert minor.facts["key"] == f"{name} minor"
    for column in ("mode_major", "mode_major_local"):
        index = music.NAMES.index(column)
        assert major.item[index] > 0.1 > -0.1 > minor.item[index]


def test_chords_and_windows_of_progressions() -> None:
    major, minor = item(progression(I_IV_V_I, 60)), item(progression(MINOR_I_IV_V_I, 60))
    assert major["major_window_share"] == 1
    assert minor["major_window_share"] < 0.1
    assert major["major_chord_share"] > 0.95
    assert minor["major_chord_share"] == pytest.approx(0.25, abs=0.1)  # only the dominant is major
    assert major["third_major_minus_minor"] > 0 > minor["third_major_minus_minor"]
    assert major["sixth_major_minus_minor"] > 0 > minor["sixth_major_minus_minor"]
    assert major["out_of_scale_share"] < 0.1


def test_harmony_ignores_transposition() -> None:
    low, high = (item(progression(I_IV_V_I, tonic)) for tonic in (58, 63))
    pitches = {"mean_pitch_midi", "top_pitch_midi", "low_register_share"}
    counts = {"note_on_rate_hz", "note_duration_s"}
    for name in set(TONAL) - pitches:
        assert high[name] == pytest.approx(low[name], rel=0.3 if name in counts else 0.1, abs=0.03), name
    for name in ("mean_pitch_midi", "top_pitch_midi"):
        assert high[name] - low[name] == pytest.approx(5, abs=1.5), name
    chroma = [[value[c] for c in music.CHROMA_COLUMNS] for value in (low, high)]
    np.testing.assert_allclose(np.roll(chroma[0], 5), chroma[1], atol=0.03)


def test_a_detuned_recording_keeps_its_key() -> None:
    assert features(progression(MINOR_I_IV_V_I, 57.3)).facts["key"] == "A minor"  # type: ignore[arg-type]


def test_pitch_classes_are_those_played() -> None:
    value = item(progression(((0, 4, 7),), 60, repeats=6))
    chroma = np.array([value[c] for c in music.CHROMA_COLUMNS])
    assert set(np.argsort(chroma)[-3:]) == {0, 4, 7}
    assert chroma[[0, 4, 7]].sum() > 0.85
    assert value["top_pitch_midi"] == pytest.approx(67, abs=2)


def test_change_of_harmony() -> None:
    still, moving = progression(((0, 4, 7),), 60, repeats=8), progression(I_IV_V_I, 60, repeats=2)
    assert item(moving)["harmonic_change"] > 1.5 * item(still)["harmonic_change"]


def dyad(interval: int, root: int = 72) -> dict[str, float]:
    y = np.concatenate([tone(root, 1.0) + tone(root + interval, 1.0)] * 6)
    return item(y)


@pytest.mark.parametrize("root", [60, 72])
def test_a_minor_second_is_rougher_than_a_fifth(root: int) -> None:
    second, fifth, tritone = dyad(1, root), dyad(7, root), dyad(6, root)
    assert second["roughness"] > 1.5 * fifth["roughness"]
    assert second["note_dissonance"] > 1.5 * fifth["note_dissonance"]
    assert second["semitone_share"] > 0.5 > 0.2 > fifth["semitone_share"]
    assert tritone["tritone_share"] > 0.5 > 0.2 > fifth["tritone_share"]


def test_low_register_is_the_share_below_c3() -> None:
    low, high = (item(np.concatenate([tone(midi, 1.0)] * 5))["low_register_share"] for midi in (40, 72))
    assert low > 0.7 > 0.1 > high


def test_notes_per_second_and_their_length() -> None:
    scale = (0, 2, 4, 5, 7, 9, 11, 12)
    slow = item(np.concatenate([tone(60 + n, 1.0) for n in scale * 2]))
    fast = item(np.concatenate([tone(60 + n, 0.5) for n in scale * 4]))
    assert slow["note_on_rate_hz"] == pytest.approx(1, rel=0.4)
    assert fast["note_on_rate_hz"] == pytest.approx(2, rel=0.4)
    assert slow["note_duration_s"] > 1.4 * fast["note_duration_s"]


# --- robustness -------------------------------------------------------------------------------------------


STRANGE = {
    "nothing": np.zeros(0),
    "one sample": np.array([0.5]),
    "0.3 s": 0.1 * np.sin(2 * np.pi * 440 * seconds(0.3)),
    "silence": np.zeros(12 * SR_HZ),
    "constant": np.full(12 * SR_HZ, 0.5),
    "noise": noise(12),
    "clipped": np.clip(20 * varied(12), -1, 1),
    "one click": np.eye(1, 12 * SR_HZ, 6 * SR_HZ)[0],
    "not a number": np.full(5 * SR_HZ, np.nan),
    "infinite": np.where(seconds(5) > 2, np.inf, 0.1),
    "huge": 1e30 * noise(5),
    "tiny": 1e-30 * noise(5),
    "silence then music": np.concatenate([np.zeros(12 * SR_HZ), varied(12)]),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_input_gives_finite_values(name: str) -> None:
    found = features(STRANGE[name])
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.item).all()
    assert len(found.windows) == len(found.values) >= 1


def test_silence_is_defined() -> None:
    found = features(STRANGE["silence"])
    value = dict(zip(found.columns, found.item.tolist(), strict=True))
    assert found.facts["silent"] is True
    assert all(found.facts[name] is None for name in ("bpm", "bpm_confidence", "bpm_alternative", "key"))
    assert value["level_rms_db"] == -80
    for name in ("crest_db", "onset_rate_hz", "tempo_bpm", "roughness", "key_clarity", "mode_major", "zcr"):
        assert value[name] == 0, name


def test_the_same_input_gives_the_same_bytes() -> None:
    y = varied(12)
    one, other = features(y), features(y)
    assert one.item.tobytes() == other.item.tobytes()
    assert one.values.tobytes() == other.values.tobytes()


def test_a_file_is_read_through_the_decoder(tmp_path: Path) -> None:
    media = pytest.importorskip("recommender.media", reason="the decoder is not installed")
    y = varied(12)
    path = tmp_path / "a b.wav"
    media.write_audio(path, y, SR_HZ)
    read, direct = music.extract(path), features(y)
    assert read.duration_s == pytest.approx(12)
    assert read.facts == direct.facts
    np.testing.assert_allclose(read.item, direct.item, rtol=0.02, atol=0.02)
