"""Music recut to a length: the path, the joints, and what comes of a song whose bars are known."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from recommender.editing.placement import JOINT_S, Stretch
from recommender.errors import FitError, InputError
from recommender.extractors.audio.beats import NONE, Beats
from recommender.extractors.audio.stft import SR_HZ
from recommender.fitting import barlines as finding
from recommender.fitting.barlines import barlines, both_first, log_odds, repeats
from recommender.fitting.fit import LEAD_S, Wish, fit, peak_line
from recommender.fitting.joints import clearance, meet
from recommender.fitting.path import Run, Terrain, cheapest, reverse_runs
from recommender.fitting.similarity import compare
from recommender.fitting.sound import sound_of

BEAT_S, BARS = 0.6, 40
FORM = "AAAABBBBAAAABBBBCCCCAAAABBBBAAAABBBBCCCC"  # a letter a bar; in each group of four the chords go on
ROOTS = {"A": (57, 53, 48, 55), "B": (50, 55, 52, 57), "C": (54, 49, 56, 51)}


def flat(bars, jump=1.0, **more):
    """A terrain of equal bars of 2 s in which all jumps cost the same."""
    cost = np.full((bars + 1, bars + 1), jump)
    cost[[0, bars]], cost[:, [0, bars]] = np.inf, np.inf
    np.fill_diagonal(cost, np.inf)
    return Terrain(np.full(bars, 2.0), np.zeros(bars), cost, np.zeros(bars + 1), np.zeros(bars + 1), **more)


def only(places, count):
    return np.where(np.isin(np.arange(count), places), 0.0, np.inf)


def song(y_seed=0):
    """A song of `FORM`: a bass and a chord for each bar, arpeggios, a click on each beat; 1 s of decay."""
    rng = np.random.default_rng(y_seed)
    n = round((BARS * 4 * BEAT_S + 1.0) * SR_HZ)
    y = np.zeros(n, np.float32)

    def note(midi, at_s, long_s, level):
        t = np.arange(round(long_s * SR_HZ)) / SR_HZ
        wave = sum(np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * h * t) / h for h in (1, 2, 3))
        first = round(at_s * SR_HZ)
        part = (level * wave * np.exp(-2 * t / long_s) * np.minimum(1, t / 0.004))[: n - first]
        y[first : first + len(part)] += part

    for bar, letter in enumerate(FORM):
        root, at_s = ROOTS[letter][bar % 4], bar * 4 * BEAT_S
        note(root - 12, at_s, 4 * BEAT_S, 0.3)
        for beat in range(4):
            note(root + (0, 4, 7, 12)[(beat + (letter == "B") * 2) % 4], at_s + beat * BEAT_S, BEAT_S, 0.1)
            first = round((at_s + beat * BEAT_S) * SR_HZ)
            y[first : first + 200] += (0.05 * rng.normal(size=200)).astype(np.float32)
    return y


@pytest.fixture(scope="module")
def sound():
    return sound_of([song()])


@pytest.fixture(scope="module")
def beats():
    at_s = np.arange(BARS * 4) * BEAT_S
    return Beats(at_s, np.arange(BARS * 4) % 4 == 0, 4, 1.0)


# --- the path -----------------------------------------------------------------------------------------------


def test_without_need_nothing_is_cut():
    way = cheapest(flat(20), 13.0)
    assert len(way.runs) == 1
    assert way.cost == 0
    assert way.runs[0].last - way.runs[0].first == 6  # 12 s; the second left is less than a bar


def test_a_jump_is_taken_where_it_is_cheapest_and_stretches_keep_their_least():
    land = flat(20, least=3)
    land.jump[8, 3] = 0.1
    land = replace(land, begin=only([0], 21), end=only([20], 21))
    way = cheapest(land, 2.0 * 25)
    assert way.runs == [Run(0, 8), Run(3, 20)]
    assert way.cost == pytest.approx(0.1)
    assert all(run.last - run.first >= 3 for run in cheapest(land, 2.0 * 33).runs)


def test_time_is_added_up_in_seconds_not_in_bars():
    lengths = np.where(np.arange(40) < 20, 1.9, 2.3)
    land = replace(flat(40), lengths_s=lengths, begin=only([10], 41))
    for wanted in (15.0, 30.0, 60.0):
        (run,) = cheapest(land, wanted).runs
        left = wanted - lengths[run.first : run.last].sum()
        assert 0 <= left < lengths[run.last]


def test_where_bars_cannot_add_up_there_is_no_way():
    assert cheapest(replace(flat(5), begin=only([4], 6), end=only([2], 6)), 2.0) is None
    assert cheapest(replace(flat(5), jump=np.full((6, 6), np.inf)), 30.0) is None


def test_a_mirrored_way_comes_back():
    land = replace(flat(12), end=only([12], 13), before_s=1.0)
    way = cheapest(land.reverse(), 11.0)
    assert reverse_runs(way.runs, 12) == [Run(7, 12)]
    assert land.reverse().after_s == 1.0


# --- bars and joints ----------------------------------------------------------------------------------------


def test_alike_bars_are_free_to_jump_between_and_a_random_jump_costs_one(sound, beats):
    bars = compare(sound, np.append(beats.times_s[beats.down], BARS * 4 * BEAT_S))
    assert bars.jump[np.isfinite(bars.jump)].mean() == pytest.approx(1)
    assert bars.jump[4, 12] < 0.1  # B after A, as before
    assert bars.jump[6, 26] < 0.1
    assert bars.jump[4, 17] > 0.7
    assert np.isinf(bars.jump[7, 7])


def test_lines_are_told_with_how_sure_they_are(sound, beats):
    found = barlines(sound, beats)
    assert found.at_s.tolist() == beats.downbeats_s.tolist()
    assert found.sure.min() > 0.5


def test_bars_of_twice_the_tempo_are_taken_two_by_two(sound):
    at_s = np.arange(BARS * 8) * BEAT_S / 2  # eighths told as beats: bars are halves
    found = barlines(sound, Beats(at_s, np.arange(BARS * 8) % 4 == 0, 4, 1.0))
    on = np.isclose((found.at_s / (4 * BEAT_S) + 1e-9) % 1, 0, atol=1e-6)
    assert len(found.at_s) == BARS
    assert on.mean() > 0.9


def test_beats_that_repeat_are_found_and_told_the_same(sound, beats, monkeypatch):
    same = repeats(sound, beats.times_s)
    assert all(same[beat].argmax() == beat + 80 for beat in range(6 * 4, 12 * 4))  # 20 bars later all comes again
    assert same.diagonal().max() == 0
    told = log_odds(sound, beats.times_s)
    monkeypatch.setattr(finding, "MOST", 0)
    alone = log_odds(sound, beats.times_s)
    first, again = np.arange(4 * 4, 15 * 4), np.arange(24 * 4, 35 * 4)
    apart, before = (1 - np.corrcoef(odds[first], odds[again])[0, 1] for odds in (told, alone))
    assert apart < 0.1 * before


def test_two_lines_are_as_sure_as_all_runs_of_places_tell():
    rng = np.random.default_rng(5)
    chance, cost = rng.normal(size=(6, 3)), rng.exponential(size=(3, 3))
    places = np.array(list(product(range(3), repeat=6)))
    worth = chance[np.arange(6), places].sum(axis=1) - cost[places[:, 1:], places[:, :-1]].sum(axis=1)
    weight, first = np.exp(worth), np.array([0, 2, 3, 5])
    at_first = places[:, first] == 0
    told = both_first(chance, cost, first)
    assert told == pytest.approx((at_first.T * weight) @ at_first / weight.sum())


@pytest.mark.parametrize("late", [-300, 0, 7, 441])
def test_a_joint_is_aligned_to_the_sample(late):
    rng = np.random.default_rng(3)
    phrase = np.convolve(rng.normal(size=2 * SR_HZ), np.hanning(20), "same").astype(np.float32)
    y = np.concatenate([phrase, np.zeros(5000 + late, np.float32), phrase])
    met = meet(y, 1.0, 1.0 + (len(phrase) + 5000) / SR_HZ)
    assert met.later_s * SR_HZ == pytest.approx(late, abs=0.01)
    assert met.alike > 0.99


@pytest.mark.parametrize("after_ms", [-8, 3, 13])
def test_a_stroke_within_a_crossfade_comes_whole_after_it(after_ms):
    rng = np.random.default_rng(4)
    y = (0.02 * rng.normal(size=SR_HZ)).astype(np.float32)
    assert clearance(y, 0.5) == 0
    stroke_s = 0.5 + after_ms / 1000
    y[round(stroke_s * SR_HZ) :][:2000] += 0.5 * rng.normal(size=2000).astype(np.float32)
    ends_s = 0.5 - clearance(y, 0.5) + JOINT_S / 2
    assert 0.001 < stroke_s - ends_s < 0.003


# --- the fit ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length_s", [15.0, 30.02, 61.3, 150.0])
def test_the_length_is_exact_and_joints_lie_on_lines_before_alike_bars(sound, beats, length_s):
    made = fit(sound, beats, Wish(length_s, Stretch(20.0, 20.0 + length_s)))
    assert sum(end - start for start, end in made.pieces) == pytest.approx(length_s, abs=1e-9)
    assert made.error_s == pytest.approx(0, abs=1e-9)
    assert len(made.joints) == len(made.pieces) - 1
    bar_s = 4 * BEAT_S
    for joint in made.joints:
        for side in (joint.left_s, joint.entered_s):
            assert abs((side + LEAD_S + bar_s / 2) % bar_s - bar_s / 2) < 0.03
        left, entered = (round((side + LEAD_S) / bar_s) for side in (joint.left_s, joint.entered_s))
        assert FORM[left] == FORM[entered]
        assert joint.cost < 0.3
    assert made.joints or length_s < sound.duration_s
    assert made.cost == pytest.approx(sum(joint.cost for joint in made.joints))


def test_the_real_ending_is_kept(sound, beats):
    made = fit(sound, beats, Wish(30.0, Stretch(0.0, 30.0), "real"))
    assert made.pieces[-1].end_s == pytest.approx(sound.ends_s)
    assert made.error_s == pytest.approx(0, abs=1e-9)
    assert made.fade_out_s < 0.05


def test_the_peak_falls_on_the_second_asked_for(beats):
    y = song()
    y[: round(16 * 4 * BEAT_S * SR_HZ)] *= 0.2  # it rises at bar 16
    sound = sound_of([y])
    made = fit(sound, beats, Wish(30.0, None, hit_s=12.5))
    assert made.peak_s == pytest.approx(16 * 4 * BEAT_S, abs=0.01)
    at_s = next(
        before + made.peak_s - piece.start_s
        for before, piece in zip(
            np.cumsum([0.0, *(end - start for start, end in made.pieces)]), made.pieces, strict=False
        )
        if piece.start_s <= made.peak_s < piece.end_s
    )
    assert at_s == pytest.approx(12.5, abs=0.001)
    assert made.error_s == pytest.approx(0, abs=1e-9)


def test_the_peak_is_looked_for_in_the_section(sound, beats):
    lines = np.append(beats.times_s[beats.down], BARS * 4 * BEAT_S)
    y = song()
    y[round(10 * 4 * BEAT_S * SR_HZ) :] *= 1.5
    y[round(30 * 4 * BEAT_S * SR_HZ) :] *= 3
    louder = sound_of([y])
    bars = compare(louder, lines)
    assert peak_line(louder, bars, None) == 30
    assert peak_line(louder, bars, Stretch(20.0, 40.0)) == 10


def test_what_cannot_be_fitted_is_refused_in_one_line(sound, beats):
    with pytest.raises(FitError, match="no beats"):
        fit(sound, NONE, Wish(30.0))
    with pytest.raises(FitError, match="fewer than 4 bars"):
        fit(sound, Beats(beats.times_s[:12], beats.down[:12], 4, 1.0), Wish(30.0))
    for wish in (Wish(0.0), Wish(float("nan")), Wish(30.0, hit_s=31.0), Wish(30.0, None, "real", 3.0)):
        with pytest.raises(InputError):
            fit(sound, beats, wish)


def test_a_cut_that_would_be_heard_is_refused(sound, beats, monkeypatch):
    monkeypatch.setattr("recommender.fitting.fit.TOO_DEAR", 1e-9)
    with pytest.raises(FitError, match="of a random jump"):
        fit(sound, beats, Wish(150.0))
