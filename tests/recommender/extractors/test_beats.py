"""Beats and bars of sounds whose beats are known, of sounds that have none, and as bytes."""

import struct

import numpy as np
import pytest

from recommender.errors import InputError
from recommender.extractors.audio import bars, beat_times, beats, music
from recommender.extractors.audio.beats import NONE, Beats
from recommender.extractors.audio.stft import FRAME_HZ, SR_HZ
from recommender.types import Array

CHORDS = ((45, 60, 64, 69), (41, 60, 65, 69), (48, 60, 64, 67), (43, 59, 62, 67))  # A minor, F, C, G; bass first


def tone(midi: float, seconds: float, decay_hz: float = 2.0) -> Array:
    t = np.arange(int(seconds * SR_HZ)) / SR_HZ
    shape = np.minimum(t / 0.003, 1) * np.exp(-decay_hz * t) * np.clip((seconds - t) / 0.02, 0, 1)
    hz = 440 * 2 ** ((midi - 69) / 12)
    return sum(np.sin(2 * np.pi * k * hz * t) / k**2 for k in (1, 2, 3)) * shape


def click() -> Array:
    return np.random.default_rng(0).normal(size=600) * np.exp(-np.arange(600) / 100)


def put(y: Array, sound: Array, at_s: float, gain: float) -> None:
    first = round(at_s * SR_HZ)
    piece = sound[: max(len(y) - first, 0)]
    y[first : first + len(piece)] += gain * piece


def clicks(times_s: Array, seconds: float) -> Array:
    y = np.zeros(int(seconds * SR_HZ))
    for at in times_s:
        put(y, click(), at, 0.3)
    return y


def song(times_s: Array, metre: int, first: int = 0, drums: bool = False) -> Array:
    """A chord and a bass note per bar, a shorter chord on each other beat; bars begin at beat `first`."""
    y = np.zeros(int((times_s[-1] + 1) * SR_HZ))
    steps = np.diff(times_s, append=2 * times_s[-1] - times_s[-2])
    for k, (at, step) in enumerate(zip(times_s, steps, strict=True)):
        bar, place = divmod(k - first, metre)
        bass, *notes = CHORDS[bar % len(CHORDS)]
        if place == 0:
            put(y, tone(bass, metre * step, 1.0), at, 0.25)
        for note in notes:
            put(y, tone(note, step), at, 0.08)
        if drums:
            put(y, click(), at, 0.05 if place % 2 == 0 else 0.2)
    return y


def steady(bpm: float, seconds: float = 40.0, start_s: float = 0.5) -> Array:
    return np.arange(start_s, seconds, 60 / bpm)


def found(y: Array, tagged: float | None = None) -> Beats:
    kept = music.from_blocks([np.asarray(y, np.float32)], tagged=tagged).beats
    assert kept is not None
    return beats.from_bytes(kept)


def hits(there: Array, told: Array, within_s: float = 0.05) -> float:
    """The F-measure of told times, without the first and the last two seconds."""
    there, told = (t[(t > 2) & (t < there[-1] - 2)] for t in (there, told))
    if not len(told):
        return 0.0
    near = np.abs(there[:, None] - told) <= within_s
    return float(2 * min(near.any(axis=1).sum(), near.any(axis=0).sum()) / (len(there) + len(told)))


# --- beats --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [66.0, 90.0, 113.7, 140.0, 171.0])
def test_clicks_are_found_to_a_few_milliseconds(bpm: float) -> None:
    there = steady(bpm)
    told = found(clicks(there, 41.0)).times_s
    inside = there[(there > 2) & (there < 38)]
    assert np.abs(inside[:, None] - told).min(axis=1).max() < 0.016
    assert len(told) == pytest.approx(len(there), abs=2)


@pytest.mark.parametrize("tagged", [60.0, 120.0])
def test_beats_are_at_the_level_of_the_tempo_that_is_told(tagged: float) -> None:
    y = song(steady(120), 4, drums=True)
    facts = music.from_blocks([np.asarray(y, np.float32)], tagged=tagged).facts
    told = found(y, tagged)
    assert facts["bpm"] == tagged
    assert 60 / np.median(np.diff(told.times_s)) == pytest.approx(tagged, rel=0.01)


def test_a_tempo_that_changes_is_followed() -> None:
    seconds = 0.5 + np.cumsum(60 / np.linspace(100, 126, 90))
    assert hits(seconds, found(song(seconds, 4)).times_s) > 0.95
    swaying = 0.5 + np.cumsum(0.5 * (1 + 0.07 * np.sin(np.arange(100) / 8)))
    assert hits(swaying, found(song(swaying, 4)).times_s) > 0.95


def test_a_pause_is_counted_through() -> None:
    there = steady(100)
    played = there[(there < 15) | (there > 19)]
    assert hits(there, found(clicks(played, 41.0)).times_s) > 0.95


def test_silence_at_the_ends_has_no_beats() -> None:
    there = steady(100, 30) + 10
    told = found(clicks(there, 60.0)).times_s
    assert there[0] - 0.7 < told[0]
    assert told[-1] < there[-1] + 0.7


def test_gain_and_cuts_into_blocks_change_nothing() -> None:
    y = np.asarray(song(steady(110, 25), 4), np.float32)
    whole = music.from_blocks([y]).beats
    assert music.from_blocks(np.array_split(y, 17)).beats == whole
    assert music.from_blocks([y * np.float32(0.25)]).beats == whole


# --- bars ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 1, 2, 3])
@pytest.mark.parametrize("drums", [False, True])
def test_bars_of_four_begin_where_chords_and_bass_change(first: int, drums: bool) -> None:
    there = steady(108)
    told = found(song(there, 4, first, drums))
    assert told.beats_per_bar == 4
    assert hits(there, told.times_s) > 0.95
    assert hits(there[first::4], told.downbeats_s) > 0.95


@pytest.mark.parametrize("first", [0, 1, 2])
def test_bars_of_three(first: int) -> None:
    there = steady(120)
    told = found(song(there, 3, first))
    assert told.beats_per_bar == 3
    assert hits(there[first::3], told.downbeats_s) > 0.95


def test_a_bar_cut_short_moves_what_follows() -> None:
    log_odds = np.full(64, -4.0)
    log_odds[[*range(0, 30, 4), *range(30, 64, 4)]] = 4.0  # the bar at 28 has two beats
    place, metre = bars.positions(log_odds)
    assert metre == 4
    np.testing.assert_array_equal(np.flatnonzero(place == 0), [*range(0, 30, 4), *range(30, 64, 4)])


def test_a_single_strong_beat_breaks_no_bar() -> None:
    log_odds = np.full(64, -2.0)
    log_odds[::4] = 1.0
    log_odds[18] = 3.0
    place, _ = bars.positions(log_odds)
    np.testing.assert_array_equal(place, np.arange(64) % 4)


def test_bars_run_from_downbeat_to_downbeat() -> None:
    told = Beats(np.arange(7) / 2, np.arange(7) % 3 == 1, 3, 1.0)
    np.testing.assert_array_equal(told.downbeats_s, [0.5, 2.0])
    np.testing.assert_array_equal(told.bars_s, [[0.5, 2.0]])
    assert NONE.bars_s.shape == (0, 2)


# --- none ---------------------------------------------------------------------------------------------------


def speech(seconds: float = 30.0) -> Array:
    """Syllables with the irregular gaps of speech, pauses between sentences."""
    rng = np.random.default_rng(3)
    gaps = rng.lognormal(np.log(0.2), 0.4, 400) + (rng.random(400) < 0.12) * rng.uniform(0.3, 0.9, 400)
    return clicks(np.cumsum(gaps), seconds)


WITHOUT = {
    "nothing": np.zeros(0),
    "one sample": np.ones(1),
    "silence": np.zeros(20 * SR_HZ),
    "noise": 0.1 * np.random.default_rng(1).normal(size=20 * SR_HZ),
    "speech": speech(),
    "a tone": tone(69, 20.0, 0.0),
    "a second": clicks(steady(160, 1.0, 0.1), 1.0),
    "three clicks": clicks(np.array([1.0, 1.5, 2.0]), 4.0),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_tempo_has_no_beats(name: str) -> None:
    features = music.from_blocks([np.asarray(WITHOUT[name], np.float32)])
    assert features.beats == beats.to_bytes(NONE)
    told = beats.from_bytes(features.beats)
    assert len(told.times_s) == len(told.downbeats_s) == 0
    assert (features.facts["beats_per_bar"], features.facts["beat_confidence"]) == (None, None)


@pytest.mark.parametrize("seconds", [4.0, 6.0, 9.0])
def test_short_music_has_beats(seconds: float) -> None:
    there = steady(120, seconds - 0.2, 0.2)
    told = found(clicks(there, seconds)).times_s
    assert np.abs(there[1:-1, None] - told).min(axis=1).max() < 0.03


@pytest.mark.parametrize("n", [0, 1, 5, 300])
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_flat_series_of_any_length_give_beats_that_ascend(n: int, level: float) -> None:
    frames = {name: np.full(n, level, np.float32) for name in ("onset", "low_onset", "square")}
    slow = {name: np.full((-(-n // 8), 12), level) for name in ("chroma", "bass_chroma")}
    if n == 0:
        assert beats.estimate(frames, slow, None) is NONE
        return
    told = beats.estimate(frames, slow, 120.0)
    assert (np.diff(told.times_s) > 0).all()
    assert np.isfinite(told.times_s).all()


# --- facts --------------------------------------------------------------------------------------------------


def test_facts_tell_the_metre_and_how_many_beats_are_heard() -> None:
    y = np.asarray(song(steady(108), 4), np.float32)
    facts = music.from_blocks([y]).facts
    assert facts["beats_per_bar"] == 4
    assert 0.9 < float(facts["beat_confidence"] or 0) <= 1


# --- bytes --------------------------------------------------------------------------------------------------


def told_beats(n: int = 21) -> Beats:
    return Beats((7 + 5003 * np.arange(n)) / beats.TICKS_HZ, np.arange(n) % 4 == 2, 4, 0.87)


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 21, 2000])
def test_beats_come_back_as_they_were(n: int) -> None:
    before = told_beats(n)
    data = beats.to_bytes(before)
    after = beats.from_bytes(data)
    np.testing.assert_array_equal(after.times_s, before.times_s)
    np.testing.assert_array_equal(after.down, before.down)
    assert after[2:] == before[2:]
    assert beats.to_bytes(after) == data
    assert len(data) <= 16 + 2.2 * n


def test_no_beats_come_back_as_none() -> None:
    assert beats.from_bytes(beats.to_bytes(NONE)) is NONE


def damaged() -> dict[str, bytes]:
    good = beats.to_bytes(told_beats())
    head = struct.Struct("<4sIIBB")
    return {
        "empty": b"",
        "a head cut short": good[:9],
        "another revision": b"BTS0" + good[4:],
        "a byte less": good[:-1],
        "a byte more": good + b"\0",
        "more beats than there are": good[:4] + b"\xff\xff\xff\xff" + good[8:],
        "a bar of five": good[:12] + b"\5" + good[13:],
        "no metre": good[:12] + b"\0" + good[13:],
        "sure beyond a hundred": good[:13] + b"\x65" + good[14:],
        "two beats at once": good[:14] + b"\0\0" + good[16:],
        "a bit beyond the last beat": good[:-1] + bytes([good[-1] | 1]),
        "none, but in four": head.pack(b"BTS1", 0, 0, 4, 0),
        "none, but sure": head.pack(b"BTS1", 0, 0, 0, 50),
    }


@pytest.mark.parametrize("what", damaged())
def test_damaged_bytes_are_refused(what: str) -> None:
    with pytest.raises(InputError, match="no beats of revision"):
        beats.from_bytes(damaged()[what])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"down": np.zeros(3, bool)}, "as many marks"),
        ({"times_s": -np.ones(21)}, "from 0 s on"),
        ({"times_s": np.ones(21)}, "ascend"),
        ({"times_s": 7.0 * np.arange(21)}, "ascend"),
        ({"beats_per_bar": None}, "metre and a confidence"),
        ({"confidence": None}, "metre and a confidence"),
        ({"beats_per_bar": 5}, "3 or 4 beats"),
        ({"confidence": 1.2}, "between 0 and 1"),
    ],
)
def test_what_are_no_beats_is_not_written(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        beats.to_bytes(told_beats()._replace(**change))  # type: ignore[arg-type]


# --- parts --------------------------------------------------------------------------------------------------


def test_the_chain_takes_the_peaks_that_are_a_beat_apart() -> None:
    heard = np.zeros(400)
    heard[10::20] = 2.0
    heard[100] = 3.0  # off the beat
    np.testing.assert_array_equal(beat_times.chain(heard, np.full(400, 20.0)), np.arange(10, 400, 20))


def test_the_local_beat_follows_the_curve() -> None:
    at = np.cumsum(np.concatenate([np.full(40, 21), np.full(40, 24)]))
    heard = np.zeros(at[-1] + 10)
    heard[at] = 5.0
    beat = beat_times.local_beat(heard, 60 * FRAME_HZ / (60 * FRAME_HZ / 22))
    assert np.median(beat[:600]) == pytest.approx(21, abs=0.4)
    assert np.median(beat[-600:]) == pytest.approx(24, abs=0.4)


def test_the_likeliest_path_weighs_a_change_against_what_it_gains() -> None:
    score = np.array([[1.0, 0], [1, 0], [0, 1.5], [0, 1.5]])
    cost = np.array([[0, 2.0], [2, 0]])
    np.testing.assert_array_equal(beat_times.path(score, cost), [0, 0, 1, 1])
    np.testing.assert_array_equal(beat_times.path(score, 2 * cost), [1, 1, 1, 1])


def test_a_change_of_harmony_is_heard_where_it_is() -> None:
    chroma = np.zeros((40, 12))
    chroma[:20, 0] = chroma[20:, 7] = 1
    change = beat_times.harmony_change(chroma, 320)
    assert abs(int(change.argmax()) - 160) <= 1
    assert change.max() == pytest.approx(1, abs=0.1)
    assert beat_times.harmony_change(np.zeros((40, 12)), 320).max() == 0
