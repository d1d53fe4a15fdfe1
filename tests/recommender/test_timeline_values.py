"""Frames, timecode, music that slides, and keyframes: what all timelines are made of."""

from fractions import Fraction

import numpy as np
import pytest

from recommender.editing.placement import Stretch, duck_under
from recommender.media.footage import Footage, Sound
from recommender.timelines.levels import amplitude, curve, gains, on_frames
from recommender.timelines.timecode import can_drop, frame_at, nominal, timecode
from recommender.timelines.timeline import parts_of, slide
from timeline_samples import RATES, placement


@pytest.mark.parametrize(("name", "rate"), [(n, r) for n, r in RATES.items()])
def test_timecode_counts_every_frame_once(name, rate):
    hour = nominal(rate) * 3600
    for drop in (False, True)[: 1 + can_drop(rate)]:
        for frame in (0, 1, 1799, 1800, 17_981, 17_982, 35_964, hour - 1, hour, 20 * hour):
            text = timecode(frame, rate, drop=drop)
            assert frame_at(text, rate) == (frame, drop)
            assert (";" in text) == drop


def test_drop_frame_leaves_out_numbers_as_smpte_says():
    rate = RATES["29.97"]
    assert timecode(1799, rate, drop=True) == "00:00:59;29"
    assert timecode(1800, rate, drop=True) == "00:01:00;02"
    assert timecode(17_982, rate, drop=True) == "00:10:00;00"
    assert frame_at("01:00:00;00", rate) == (107_892, True)
    assert timecode(3600, RATES["59.94"], drop=True) == "00:01:00;04"
    assert frame_at("01:00:00;00", Fraction(25)) == (90_000, False)  # it exists at two rates only
    assert frame_at("noon", rate) is None
    assert nominal(Fraction(25, 2)) is None


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
@pytest.mark.parametrize("in_s", [0.0, 0.001, 1.0, 12.3456, 33.333])
@pytest.mark.parametrize("at_s", [0.0, 0.7])
def test_free_music_slides_so_that_frames_hold_it(rate, in_s, at_s):
    placed = placement((in_s, in_s + 3.0), at_s=at_s)
    slid = slide(placed, rate)
    sound, seen = Sound(48_000, 2, 60.0), Footage(rate, round(4 * rate), 64, 48)
    (part,) = parts_of(slid, seen, sound)
    assert abs((part.first - part.start) / rate - (part.in_s - part.start_s)) < 1e-6
    assert abs(part.start / rate - part.start_s) < 1e-6
    moved = (slid.pieces[0].start_s - slid.at_s) - (in_s - at_s)
    assert abs(moved) <= float(1 / rate) * (0.5 if in_s > 0.04 else 1) + 1e-9
    assert slid.pieces[0].start_s >= 0
    assert slid.duration_s == pytest.approx(placed.duration_s)


def test_of_several_pieces_the_largest_rest_is_least():
    rate = Fraction(25)
    slid = slide(placement((1.013, 2.0), (5.0, 6.0)), rate)
    rests = []
    at = 0.0
    for piece in slid.pieces:
        shift = (piece.start_s - at) * 25
        rests.append(abs(shift - round(shift)))
        at += piece.end_s - piece.start_s
    first = (1.013 * 25) % 1
    second = ((5.0 - 0.987) * 25) % 1
    apart = abs(first - second) % 1
    assert max(rests) == pytest.approx(min(apart, 1 - apart) / 2)


def test_pieces_end_with_clip_and_track():
    seen, sound = Footage(Fraction(25), 100, 64, 48), Sound(48_000, 2, 3.0)
    (part,) = parts_of(placement((1.0, 9.0)), seen, sound)
    assert (part.start, part.end, part.first) == (0, 50, 25)
    (part,) = parts_of(placement((1.0, 9.0)), seen, Sound(48_000, 2, None))
    assert part.end == 100


def test_keyframes_draw_what_the_stem_sounds_like():
    placed = placement(
        (1.0, 5.0), gain_db=-7.0, fade_in_s=0.5, fade_out_s=1.0, ducks=duck_under([Stretch(1.5, 2.0)], 9.0)
    )
    at = np.linspace(0.02, 3.9, 500)
    truth = 20 * np.log10(placed.amplitude(at))
    for drawn in (curve(placed), curve(placed, fine=True)):
        times, levels = np.array(drawn).T
        assert np.abs(np.interp(at, times, levels) - truth).max() < 0.1
    times, levels = np.array([(k.at_s, amplitude(k.gain_db)) for k in curve(placed, fine=True)]).T
    assert np.abs(20 * np.log10(np.interp(at, times, levels)) - truth).max() < 0.1
    level = dict(on_frames(curve(placed), 0, 100, rate=Fraction(25)))
    assert {level[12], level[31], level[75]} == {-7.0}  # the corners keep their gain
    assert level[38] == level[50] == -16.0
    assert (level[0], level[100]) == (-60.0, -60.0)
    assert on_frames(gains(placement((1.0, 5.0), gain_db=-3.0)), 0, 100, rate=Fraction(25)) == [(0, -3.0)]
