"""What channels make of each other when they are mixed, and what is taken out that nobody hears."""

import numpy as np
import pytest

import media_samples as ms
from recommender import media
from recommender.extractors.audio import logmel, music
from recommender.media.mixing import HOP, LOOKS, Mixer, mean, pairs
from recommender.types import Array

SR = 44_100
CHORDS = ((0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7))


def notes(seconds: float, octave: int, *, beat_s: float, at: tuple[int, ...], tonic: int = 57) -> Array:
    """The notes `at` of the chord of each two seconds, struck every `beat_s`, float32 [n]."""
    y = np.zeros(round(seconds * SR))
    t = np.arange(round(beat_s * SR)) / SR
    for k in range(int(seconds / beat_s)):
        chord = CHORDS[int(k * beat_s / 2) % 4]
        for place in at:
            hz = 440 * 2 ** ((tonic + 12 * octave + chord[place] - 69) / 12)
            tone = sum(np.sin(2 * np.pi * h * hz * t) / h**1.5 for h in range(1, 6))
            y[k * len(t) : (k + 1) * len(t)] += (
                tone * np.minimum(t / 0.01, 1) * np.exp(-2 * t) * np.minimum(1, 50 * t[::-1])
            )
    return (0.1 * y).astype(np.float32)


def song(seconds: float = 14.0) -> tuple[Array, Array]:
    """A pad of whole chords; a bass and a melody."""
    pad = notes(seconds, 0, beat_s=2.0, at=(0, 1, 2))
    return pad, notes(seconds, -1, beat_s=0.5, at=(0,)) + notes(seconds, 1, beat_s=0.5, at=(2,))


PAD, REST = song()
WHOLE = PAD + REST


def late(y: Array, seconds: float) -> Array:
    n = round(seconds * SR)
    return np.concatenate([np.zeros(n, np.float32), y[: len(y) - n]])


def heard(path) -> music.Features:
    return music.extract(path)


def alike(one, other) -> None:
    """The same key and tempo, and no column of note far off."""
    assert (one.facts["key"], one.facts["bpm"]) == (other.facts["key"], other.facts["bpm"])
    values = [dict(zip(f.columns, f.item.tolist(), strict=True)) for f in (one, other)]
    for name, off in (("level_rms_db", 1.6), ("mode_major", 0.1), ("major_third_share", 0.04), ("onset_rate_hz", 0.3)):
        assert values[0][name] == pytest.approx(values[1][name], abs=off), name


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    return heard(ms.sound(tmp_path_factory.mktemp("twin") / "mono.flac", WHOLE))


def in_six(*channels: Array) -> Array:
    """Front left and right, centre, effects, back left and right."""
    return np.stack([np.asarray(c, np.float32) + 0 * WHOLE for c in channels])


KINDS = {
    "inverted": np.stack([WHOLE, -WHOLE]),
    "inverted and softer": np.stack([WHOLE, -0.9 * WHOLE]),
    "a wide pad": np.stack([REST + PAD, REST - PAD]),
    "late": np.stack([WHOLE, late(WHOLE, 0.002)]),
    "inverted and late": np.stack([WHOLE, -late(WHOLE, 0.0005)]),
    "six channels, inverted pairs": in_six(WHOLE, -WHOLE, 0, 0, 0.5 * WHOLE, -0.5 * WHOLE),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_cancels_in_a_mean_is_heard(tmp_path, twin, name) -> None:
    found = heard(ms.sound(tmp_path / "cancels.flac", KINDS[name]))
    if name.startswith("six"):
        assert found.facts["key"] == twin.facts["key"]
        assert found.facts["bpm"] == twin.facts["bpm"]
    else:
        alike(found, twin)


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".ogg"])
def test_an_inverted_channel_in_any_encoding(tmp_path, twin, suffix) -> None:
    alike(heard(ms.sound(tmp_path / f"inverted{suffix}", KINDS["inverted"])), twin)


def test_an_inverted_channel_costs_no_sample(tmp_path) -> None:
    both = [
        np.concatenate(list(media.audio_blocks(ms.sound(tmp_path / f"{len(y)}.wav", y), 22050)))
        for y in (WHOLE[None], KINDS["inverted"])
    ]
    assert np.abs(both[0] - both[1]).max() < 1e-6


def test_two_songs_never_give_the_same_numbers(tmp_path) -> None:
    one, other = (heard(ms.sound(tmp_path / "x.wav", np.stack([y, -y]))) for y in (WHOLE, late(REST, 0.3)))
    assert not np.array_equal(one.item, other.item)
    assert one.fingerprint != other.fingerprint


def test_the_patches_of_a_network_hear_it_too(tmp_path) -> None:
    both = [
        list(logmel.patches(media.audio_blocks(ms.sound(tmp_path / f"{len(y)}.wav", y), logmel.SR_HZ)))
        for y in (WHOLE[None], KINDS["inverted"])
    ]
    np.testing.assert_allclose(both[0], both[1], atol=1e-3)


# --- what stays a mean --------------------------------------------------------------------------------------


def room(y: Array, seed: int, *, wet: float = 0.4) -> Array:
    """`y` with an echo of its own on each side."""
    rng = np.random.default_rng(seed)
    tail = wet * rng.normal(size=SR // 4) * np.exp(-np.arange(SR // 4) / SR * 20) / 40
    return (y + np.fft.irfft(np.fft.rfft(y) * np.fft.rfft(tail, len(y)), len(y))).astype(np.float32)


ORDINARY = {
    "equal": np.stack([WHOLE, WHOLE]),
    "one side": np.stack([WHOLE, 0 * WHOLE]),
    "panned apart": np.stack([PAD + 0.3 * REST, REST + 0.3 * PAD]),
    "a room": np.stack([room(WHOLE, 1), room(WHOLE, 2)]),
    "two noises": 0.1 * np.random.default_rng(0).normal(size=(2, 14 * SR)).astype(np.float32),
    "widened a little": np.stack([REST + 0.5 * PAD, REST + 0.2 * PAD]),
    "silence": np.zeros((2, 3 * SR), np.float32),
}


def chunks(y: Array, size: int = 1 << 15) -> list[Array]:
    return [y[:, at : at + size] for at in range(0, y.shape[1], size)]


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_channels_are_averaged_to_the_bit(name) -> None:
    parts = chunks(ORDINARY[name])
    mixed = list(Mixer(SR, ["FL", "FR"])(iter(parts)))
    assert [m.tobytes() for m in mixed] == [mean(part).tobytes() for part in parts]


def test_where_the_channels_change_nothing_is_cut(tmp_path) -> None:
    """One channel is inverted from a moment on: the level dips for no longer than the moment is judged with."""
    y = 0.1 * np.random.default_rng(1).normal(size=40 * SR).astype(np.float32)
    turned = np.where(np.arange(len(y)) > LOOKS * (1 << 15), -y, y)
    mixed = np.concatenate(list(Mixer(SR, ["FL", "FR"])(iter(chunks(np.stack([y, turned]))))))
    assert len(mixed) == len(y)
    level = np.sqrt(np.square(mixed[: len(y) // HOP * HOP].reshape(-1, HOP)).mean(axis=1))
    assert level.min() > 0.05  # half way through the fade


@pytest.mark.parametrize("size", [1, 700, 3 * HOP, 33_000])
def test_short_and_odd_streams(size) -> None:
    y = 0.1 * np.random.default_rng(2).normal(size=size).astype(np.float32)
    mixed = np.concatenate(list(Mixer(SR, ["FL", "FR"])(iter(chunks(np.stack([y, -y]))))))
    assert len(mixed) == size
    assert np.abs(mixed - y).max() < 1e-5


def test_pairs_are_told_by_name() -> None:
    assert pairs(["FL", "FR", "FC", "BL", "BR"]) == [(0, 1), (3, 4)]
    assert pairs(["NONE"] * 4) == [(0, 1), (2, 3)]
    assert pairs(["FC"]) == pairs(["FL", "FC"]) == []


# --- offset and rumble --------------------------------------------------------------------------------------

T = np.arange(len(WHOLE)) / SR
BELOW = {
    **{f"an offset of {offset}": offset + 0 * T for offset in (0.1, -0.3, 0.5)},
    **{f"rumble at {hz} Hz": float(WHOLE.std()) * np.sqrt(2) * np.sin(2 * np.pi * hz * T) for hz in (5, 10, 15)},
}
DECIDING = (
    *("level_rms_db", "level_rms", "crest_db", "low_energy_share", "spectral_entropy", "spectral_rolloff_hz"),
    *("fast_fluctuation_share", "low_register_share", "zcr", "bass_share", "onset_strength_db"),
)


@pytest.mark.parametrize("name", BELOW)
def test_what_is_below_hearing_decides_nothing(tmp_path, name) -> None:
    plain, found = (
        heard(ms.sound(tmp_path / "x.wav", 0.45 * (WHOLE + more))) for more in (0, BELOW[name].astype(np.float32))
    )
    assert (found.facts["key"], found.facts["bpm"]) == (plain.facts["key"], plain.facts["bpm"])
    for column in DECIDING:
        at = plain.columns.index(column)
        assert found.item[at] == pytest.approx(plain.item[at], rel=0.06, abs=0.03), column


def test_silence_with_an_offset_is_silence(tmp_path) -> None:
    plain, found = (heard(ms.sound(tmp_path / "x.wav", np.full(12 * SR, at, np.float32))) for at in (0.0, 0.3))
    assert found.facts["silent"] is True
    np.testing.assert_array_equal(found.item, plain.item)
    assert found.fingerprint == plain.fingerprint


@pytest.mark.parametrize("hz", [22, 27.5, 41])
def test_the_lowest_notes_stay(tmp_path, hz) -> None:
    tone = (0.4 * np.sin(2 * np.pi * hz * T)).astype(np.float32)
    path = ms.sound(tmp_path / "low.wav", tone)
    found = np.concatenate(list(media.audio_blocks(path, SR)))
    assert np.abs(found - tone).max() <= 1 / 32767  # 16 bits
