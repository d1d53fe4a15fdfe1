"""The key told to people, on songs in every key and on sounds that have none."""

from collections.abc import Sequence

import numpy as np
import pytest

from recommender.extractors.audio import key, music
from recommender.extractors.audio.harmony import NAMES
from recommender.extractors.audio.stft import SR_HZ
from recommender.types import Array

Chord = tuple[int, str]
# Chords as (semitones above the tonic, kind), a bar each. All but one name their key by the tonic's own chord and the
# dominant; those of a minor key share most notes with the parallel or the relative major.
MINOR: dict[str, Sequence[Chord]] = {
    "i iv V i": ((0, "m"), (5, "m"), (7, "M"), (0, "m")),
    "i iv v i": ((0, "m"), (5, "m"), (7, "m"), (0, "m")),
    "i VI iv V": ((0, "m"), (8, "M"), (5, "m"), (7, "M")),
    "i VI iv v": ((0, "m"), (8, "M"), (5, "m"), (7, "m")),
}
MAJOR: dict[str, Sequence[Chord]] = {
    "I IV V I": ((0, "M"), (5, "M"), (7, "M"), (0, "M")),
    "I V vi IV": ((0, "M"), (7, "M"), (9, "m"), (5, "M")),
    "I vi IV V": ((0, "M"), (9, "m"), (5, "M"), (7, "M")),
    "ii V I I": ((2, "m"), (7, "M"), (0, "M"), (0, "M")),
}
BEAT_S = 0.5
RNG_SEED = 5


def note(midi: float, seconds: float, gain: float) -> Array:
    """Four partials with a quick attack and a slow decay."""
    t = np.arange(int(seconds * SR_HZ)) / SR_HZ
    hz = 440 * 2 ** ((midi - 69) / 12)
    body = sum(0.5**h * np.sin(2 * np.pi * hz * (h + 1) * t) for h in range(4))
    shape = np.minimum(1, t / 0.01) * np.minimum(1, (seconds - t) / 0.08) * np.exp(-1.2 * t)
    return gain * body * shape


def put(y: Array, sound: Array, at_s: float) -> None:
    start = int(at_s * SR_HZ)
    y[start : start + len(sound)] += sound[: len(y) - start]


def kick() -> Array:
    t = np.arange(int(0.18 * SR_HZ)) / SR_HZ
    return 0.8 * np.sin(2 * np.pi * (50 * t + 0.4 * (1 - np.exp(-40 * t)))) * np.exp(-18 * t)


def drums(seconds: float) -> Array:
    """Kick and snare in turn, a hi-hat on every eighth."""
    rng = np.random.default_rng(RNG_SEED)
    y = np.zeros(int(seconds * SR_HZ))
    fade = np.exp(-np.arange(int(0.15 * SR_HZ)) / SR_HZ * 22)
    for beat in range(int(seconds / BEAT_S)):
        put(y, kick() if beat % 2 == 0 else 0.4 * rng.normal(size=len(fade)) * fade, beat * BEAT_S)
        for half in (0, 0.5):
            put(
                y,
                0.18 * np.diff(rng.normal(size=900), prepend=0) * np.exp(-np.arange(900) / 300),
                (beat + half) * BEAT_S,
            )
    return y


def song(tonic: float, chords: Sequence[Chord], seconds: float = 16.0, drummed: bool = True) -> Array:
    """Drums, a bass on each beat, a chord per bar, and a melody of chord notes; `tonic` in semitones above C."""
    rng = np.random.default_rng(int(tonic))
    y = drums(seconds) if drummed else np.zeros(int(seconds * SR_HZ))
    for beat in range(int(seconds / BEAT_S)):
        root, kind = chords[beat // 4 % len(chords)]
        triad = [root, root + (4 if kind == "M" else 3), root + 7]
        put(y, note(36 + tonic + root, 0.9 * BEAT_S, 0.25), beat * BEAT_S)
        put(y, note(60 + tonic + int(rng.choice(triad)), 0.9 * BEAT_S, 0.15), beat * BEAT_S)
        for tone in triad if beat % 4 == 0 else ():
            put(y, note(48 + tonic + tone, 4 * BEAT_S, 0.13), beat * BEAT_S)
    return 0.8 * y / np.abs(y).max()


def facts(y: Array) -> dict[str, str | int | float | None]:
    return dict(music.from_blocks([np.asarray(y, np.float32)]).facts)


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("chords", MINOR)
def test_every_minor_key(chords: str, tonic: int) -> None:
    assert facts(song(tonic, MINOR[chords]))["key"] == f"{NAMES[tonic]} minor"


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("chords", MAJOR)
def test_every_major_key(chords: str, tonic: int) -> None:
    assert facts(song(tonic, MAJOR[chords]))["key"] == f"{NAMES[tonic]} major"


@pytest.mark.parametrize("cents", [-40, -25, 25, 40])
def test_a_song_tuned_otherwise_keeps_its_key(cents: int) -> None:
    assert facts(song(9 + cents / 100, MINOR["i iv V i"]))["key"] == "A minor"


def test_a_song_without_drums_and_one_of_three_seconds() -> None:
    assert facts(song(4, MINOR["i iv V i"], drummed=False))["key"] == "E minor"
    assert facts(song(2, ((0, "M"), (7, "M")), seconds=4.0))["key"] == "D major"


def test_confidence_is_a_probability_and_falls_where_two_keys_fit() -> None:
    plain = facts(song(0, MAJOR["I IV V I"]))
    either = facts(song(0, ((0, "M"), (7, "M"))))  # I V in C, or IV I in G
    assert 0 < float(either["key_confidence"] or 0) < float(plain["key_confidence"] or 0) <= 1


# --- no key -------------------------------------------------------------------------------------------------


def seconds(duration_s: float) -> Array:
    return np.arange(int(duration_s * SR_HZ)) / SR_HZ


def bursts(duration_s: float) -> Array:
    """Syllables of noise."""
    rng = np.random.default_rng(3)
    return 0.2 * rng.normal(size=int(duration_s * SR_HZ)) * np.exp(-10 * (seconds(duration_s) % 0.23))


WITHOUT = {
    "nothing": np.zeros(0),
    "silence": np.zeros(12 * SR_HZ),
    "noise": 0.1 * np.random.default_rng(1).normal(size=20 * SR_HZ),
    "low noise": np.cumsum(np.random.default_rng(1).normal(size=20 * SR_HZ)) * 1e-4,
    "drums": drums(16),
    "bursts of noise": bursts(20),
    "a sine": 0.3 * np.sin(2 * np.pi * 440 * seconds(12)),
    "one repeated note": np.tile(note(57, 0.5, 0.5), 24),
    "one pitch class in octaves": np.tile(note(45, 1, 0.3) + note(57, 1, 0.3) + note(69, 1, 0.3), 12),
    "a saw": sum(0.2 / h * np.sin(2 * np.pi * 220 * h * seconds(12)) for h in range(1, 20)),
    "two seconds": song(0, MAJOR["I IV V I"], seconds=2.0),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_key_is_given_none(name: str) -> None:
    found = facts(np.asarray(WITHOUT[name]))
    assert (found["key"], found["key_confidence"]) == (None, None)


# --- parts --------------------------------------------------------------------------------------------------


def test_a_profile_counts_each_peak_by_its_class_and_by_how_well_it_is_in_tune() -> None:
    hz = 440 * 2 ** (np.array([[-9, 0, 0.5, 12]]) / 12)  # C, A, a quarter tone above, A
    classes, in_tune = key.profile(hz, np.array([[1.0, 0.5, 0.0, 0.25]]))
    np.testing.assert_allclose(classes[[0, 9]], [1, 0.75], rtol=1e-6)
    assert classes.sum() == pytest.approx(1.75)
    assert in_tune == pytest.approx(1)


def test_peaks_outside_the_range_and_frames_without_peaks_are_passed_over() -> None:
    hz = np.array([[20.0, 5000.0], [0.0, 0.0]])
    classes, in_tune = key.profile(hz, np.array([[1.0, 1.0], [0.0, 0.0]]))
    assert classes.sum() == in_tune == 0
    assert key.estimate(np.zeros((40, 20)), np.zeros((40, 20)), 1.0) is None


def test_loud_frames_count_no_more_than_soft_ones() -> None:
    hz = np.full((2, 1), 440.0)
    hz[1] *= 2 ** (3 / 12)
    classes, _ = key.profile(hz, np.array([[1.0], [0.01]]))
    assert classes[9] == pytest.approx(classes[0])
