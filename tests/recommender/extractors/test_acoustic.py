"""The acoustic fingerprint: known codes, what it ignores, and when it has nothing to tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import InputError
from recommender.extractors.audio import acoustic
from recommender.extractors.audio.acoustic import Fingerprint
from recommender.extractors.audio.pitch import LOG_BINS
from recommender.extractors.audio.stft import SR_HZ
from recommender.sample.pieces import PIECES
from recommender.sample.score import waveform

MELODY = waveform(PIECES[0], 16.0)


def fingerprint(*blocks: np.ndarray) -> Fingerprint:
    return acoustic.from_blocks(blocks)


def errors(a: Fingerprint, b: Fingerprint, lag: int) -> float:
    """Share of differing bits where both tell something, with code i of `a` beside code i + lag of `b`."""
    first, last = max(0, -lag), min(len(a.codes), len(b.codes) - lag)
    x, y = a.codes[first:last], b.codes[first + lag : last + lag]
    both = (x != 0) & (y != 0)
    return float(np.bitwise_count(x ^ y)[both].mean() / 32)


def test_a_band_that_grows_sets_the_bit_below_it() -> None:
    spectra = np.ones((40, LOG_BINS), np.float32)
    fifth = slice(acoustic.FIRST_BIN + 5 * acoustic.BAND_BINS, acoustic.FIRST_BIN + 6 * acoustic.BAND_BINS)
    spectra[:, fifth] += 10 * np.arange(40, dtype=np.float32)[:, None]
    codes = acoustic.fingerprint(spectra).codes
    # Band 5 gains on band 4 (bit 4), band 6 falls behind band 5 (bit 5), nothing else changes.
    assert codes[: acoustic.STEP].tolist() == [0] * acoustic.STEP  # nothing to compare with yet
    assert codes[acoustic.STEP :].tolist() == [1 << 4] * (40 - acoustic.STEP)
    falling = acoustic.fingerprint(spectra[::-1]).codes
    assert falling[acoustic.STEP :].tolist() == [1 << 5] * (40 - acoustic.STEP)


def test_levels_are_decibels_below_the_loudest_block_and_band() -> None:
    spectra = np.full((20, LOG_BINS), 1e-9, np.float32)
    spectra[:8, : acoustic.LEVEL_BINS] = 1.0
    spectra[8:, acoustic.LEVEL_BINS : 2 * acoustic.LEVEL_BINS] = 0.1
    levels = acoustic.fingerprint(spectra).levels
    assert levels.shape == (3, acoustic.LEVELS)
    assert levels.dtype == np.uint8
    assert levels[:, :3].tolist() == [[0, 100, 100], [100, 20, 100], [100, 20, 100]]


def test_as_many_codes_as_slow_frames_and_under_two_kilobytes_a_minute() -> None:
    one = fingerprint(MELODY)
    assert len(one.codes) == -(-(1 + len(MELODY) // 512) // 8)
    assert len(one.levels) == -(-len(one.codes) // acoustic.BLOCK)
    assert one.codes.dtype == np.uint32
    assert one.heard > 0.9 * len(one.codes)
    minute = fingerprint(np.tile(MELODY, 4)[: 60 * SR_HZ])
    assert len(acoustic.to_bytes(minute)) < 2000


@pytest.mark.parametrize("gain", [0.5, 2.0, 0.125])
def test_gain_changes_no_bit(gain: float) -> None:
    one, other = fingerprint(MELODY), fingerprint(MELODY * np.float32(gain))
    assert one.codes.tolist() == other.codes.tolist()
    assert one.levels.tolist() == other.levels.tolist()


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(1, len(MELODY) - 1), max_size=4))
def test_how_the_stream_is_cut_into_blocks_changes_no_byte(cuts: list[int]) -> None:
    assert acoustic.to_bytes(fingerprint(*np.split(MELODY, sorted(cuts)))) == acoustic.to_bytes(fingerprint(MELODY))


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 5 * SR_HZ))
def test_a_file_may_start_at_any_sample(cut: int) -> None:
    whole, part = fingerprint(MELODY), fingerprint(MELODY[cut:])
    lag = round(cut / SR_HZ * acoustic.RATE_HZ)
    assert errors(part, whole, lag) < 0.2
    assert errors(part, whole, lag + 12) > 0.3  # 2.2 s off, the same notes in the same key are strangers


def test_other_music_is_a_stranger() -> None:
    other = fingerprint(waveform(PIECES[1], 16.0))
    assert min(errors(fingerprint(MELODY), other, lag) for lag in range(-40, 41)) > 0.3


@pytest.mark.parametrize(
    "sound",
    [
        np.empty(0, np.float32),
        np.zeros(20 * SR_HZ, np.float32),
        np.full(20 * SR_HZ, 0.1, np.float32),
        (0.3 * np.sin(2 * np.pi * 440 * np.arange(20 * SR_HZ) / SR_HZ)).astype(np.float32),
    ],
    ids=["nothing", "silence", "constant", "drone"],
)
def test_silence_and_drones_have_nothing_to_tell(sound: np.ndarray) -> None:
    found = fingerprint(sound)
    inner = found.codes[8:-8]  # a tone's start and end are sounds of their own
    assert not inner.any()
    assert found.heard < 16


def test_silence_around_music_has_nothing_to_tell_either() -> None:
    found = fingerprint(np.concatenate([np.zeros(10 * SR_HZ, np.float32), MELODY, np.zeros(10 * SR_HZ, np.float32)]))
    assert not found.codes[:50].any()
    assert not found.codes[-45:].any()
    assert found.heard > 70


def test_bytes_come_back_as_they_were() -> None:
    one = fingerprint(MELODY)
    back = acoustic.from_bytes(acoustic.to_bytes(one))
    assert back.codes.tolist() == one.codes.tolist()
    assert back.levels.tolist() == one.levels.tolist()
    empty = acoustic.fingerprint(np.empty((0, LOG_BINS), np.float32))
    assert acoustic.from_bytes(acoustic.to_bytes(empty)).heard == 0


@pytest.mark.parametrize("data", [b"", b"AFP1", b"AFP0" + bytes(4), b"AFP1\x01\0\0\0", b"AFP1\xff\xff\xff\xff"])
def test_bytes_that_are_no_fingerprint_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="no acoustic fingerprint of revision acoustic-1"):
        acoustic.from_bytes(data)


def test_spectra_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"must be \[n, 263\], not \[3, 7\]"):
        acoustic.fingerprint(np.zeros((3, 7), np.float32))
