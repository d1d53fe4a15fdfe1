"""Timelines rendered by other programs: GStreamer Editing Services, MLT; and what is read of clips, of stems.

The music is noise, so that each place of what sounds can be found in it to the sample.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import media_samples
from recommender import timelines
from recommender.editing.placement import Placement, Stretch, duck_under
from recommender.editing.stem import write_stem
from recommender.errors import InputError
from recommender.media.footage import footage, sound_of
from recommender.timelines import TIMELINES
from recommender.timelines.build import beats_on, build, cuts_on, remarks
from recommender.timelines.timeline import slide
from running import refused
from timeline_samples import HZ, ODD, RATES, film, found_in, ges, heard, melt, noise

RENDERED = [("23.976", "01:00:00:00"), ("29.97", "01:00:00;00"), ("50", "00:00:00:00")]
"""Rate and start timecode; all of them are read back in test_timelines, and rendered by benchmarks/timelines.py."""


class Case:
    """A clip of about three seconds, two pieces of noise under it that slid to frames, an alternative."""

    def __init__(self, folder: Path, rate: str, start: str) -> None:
        self.rate = RATES[rate]
        clip = film(folder / f"{ODD}.mov", self.rate, round(3 * self.rate), start)
        self.track = noise(folder / f"{ODD}.wav", channels=1 if rate == "50" else 2)
        other = noise(folder / "other.wav", 4.0, seed=1)
        ducks = duck_under([Stretch(1.0, 1.4)], 9.0)
        pieces = (Stretch(1.0123, 2.5123), Stretch(5.0, 6.5))
        placed = Placement(clip, 3.0, self.track, pieces, gain_db=-3.0, fade_in_s=0.2, fade_out_s=0.3, ducks=ducks)
        self.placed = slide(placed, self.rate)
        self.line = build(clip, [self.placed, Placement(clip, 3.0, other, (Stretch(0.5, 3.5),))])
        self.source = heard(self.track)


@pytest.fixture(scope="module", params=RENDERED, ids=" ".join)
def case(request, tmp_path_factory):
    return Case(tmp_path_factory.mktemp("rendered"), *request.param)


def test_ges_renders_the_otio_to_a_tenth_of_a_millisecond(case, tmp_path):
    (path,) = timelines.write(case.line, [TIMELINES["otio"]], tmp_path)
    sound = ges(path, tmp_path / "ges.wav")
    at = 0.0
    for piece in case.placed.pieces:
        for since_s in (0.1, 0.7, 1.3):
            place_s, gain_db = found_in(case.source, sound, at + since_s)
            assert place_s == pytest.approx(piece.start_s + since_s, abs=1e-4)
            assert gain_db == pytest.approx(0, abs=0.1)  # which .otio has no place for
        at += piece.end_s - piece.start_s


@pytest.mark.parametrize("name", ["shotcut", "kdenlive"])
def test_melt_renders_projects_to_half_a_frame_and_a_tenth_of_a_decibel(case, name, tmp_path):
    (path,) = timelines.write(case.line, [TIMELINES[name]], tmp_path)
    sound = melt(path, tmp_path / "melt.wav")
    assert abs(len(sound) / HZ - float(case.line.duration_s)) < 0.5 / case.rate
    at, half = 0.0, 0.5 / float(case.rate)
    for piece, level_db in zip(case.placed.pieces, (-3.0, None), strict=True):
        place_s, gain_db = found_in(case.source, sound, at + 0.4)
        assert place_s == pytest.approx(piece.start_s + 0.4, abs=half)
        assert level_db is None or gain_db == pytest.approx(level_db, abs=0.1)
        at += piece.end_s - piece.start_s
    assert found_in(case.source, sound, 1.15)[1] == pytest.approx(-12.0, abs=0.1)  # under speech
    assert found_in(case.source, sound, 2.4)[1] == pytest.approx(-3.0, abs=0.1)  # and back
    quiet = sound[: HZ // 50]
    assert np.abs(quiet).max() < 0.5 * np.abs(sound[round(0.4 * HZ) : round(0.5 * HZ)]).max()  # the fade


def test_the_stem_lies_to_the_sample(case, tmp_path):
    write_stem(case.placed, tmp_path / "stem.wav")
    sound = heard(tmp_path / "stem.wav")
    at = 0.0
    for piece in case.placed.pieces:
        place_s, _ = found_in(case.source, sound, at + 0.4)
        assert place_s == pytest.approx(piece.start_s + 0.4, abs=1 / HZ)
        at += piece.end_s - piece.start_s


@pytest.mark.parametrize(("name", "start"), [(n, s) for n in RATES for s in ("01:00:00:00",)] + [RENDERED[1]])
def test_a_clip_tells_its_rate_exactly_and_its_timecode(name, start, tmp_path):
    seen = footage(film(tmp_path / "a.mov", RATES[name], 20, start))
    assert (seen.rate, seen.frames, seen.width, seen.height) == (RATES[name], 20, 64, 48)
    assert seen.timecode == start
    assert seen.sound is not None
    assert (seen.sound.rate_hz, seen.sound.channels) == (HZ, 2)
    assert not seen.is_variable


@pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi"])
def test_containers_that_round_stamps_tell_the_same_rate(suffix, tmp_path):
    seen = footage(media_samples.clip(tmp_path / f"a{suffix}", media_samples.ramp(48), 24000 / 1001))
    assert (seen.rate, seen.frames, seen.is_variable) == (Fraction(24000, 1001), 48, False)
    assert seen.timecode is None


def test_a_variable_rate_is_told(tmp_path):
    stamps = [*np.arange(20) / 25, *(1.0 + np.arange(20) / 60)]
    clip = media_samples.clip(tmp_path / "a.mkv", media_samples.ramp(40), stamps_s=stamps)
    assert footage(clip).is_variable
    line = build(clip, [Placement(clip, 1.3, noise(tmp_path / "m.wav", 2.0), (Stretch(0.0, 1.3),))])
    assert "has a variable frame rate" in remarks(line)[0]


def test_stills_are_refused(tmp_path):
    for path in (
        media_samples.still(tmp_path / "a.png"),
        media_samples.clip(tmp_path / "a.gif", media_samples.ramp(1)),
    ):
        with refused(InputError, "a single picture"):
            footage(path)


def test_a_placement_that_may_not_slide_is_told_by_how_much_frames_miss_it(tmp_path):
    clip = film(tmp_path / "a.mov", Fraction(25), 50)
    line = build(clip, [Placement(clip, 2.0, noise(tmp_path / "m.wav", 4.0), (Stretch(1.015, 3.015),))])
    assert remarks(line) == ["m: frames hold its place to 15 ms; stem and otio are exact"]
    assert sound_of(tmp_path / "m.wav").duration_s == pytest.approx(4.0)


def test_beats_and_cuts_fall_where_the_pieces_put_them(tmp_path):
    from recommender.extractors.audio.beats import Beats

    beats = Beats(np.arange(0.0, 10.0, 0.5), np.arange(20) % 4 == 0, 4, 1.0)
    placed = Placement(tmp_path, 4.0, tmp_path, (Stretch(1.75, 3.0), Stretch(6.0, 7.25)), at_s=0.5)
    found = beats_on(placed, beats)
    assert [mark.at_s for mark in found] == pytest.approx([0.75, 1.25, 1.75, 2.25, 2.75])
    assert [mark.name for mark in found] == ["bar 1", "beat", "bar 2", "beat", "beat"]
    assert [mark.name for mark in cuts_on([1.0, 2.0])] == ["cut 1", "cut 2"]


def test_cuts_are_found_to_the_frame(tmp_path):
    from recommender.extractors.video.cut_times import cut_times

    rng = np.random.default_rng(0)
    shots = [np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(3)]
    pictures = [np.roll(shot, i // 2, 1) for shot, n in zip(shots, (17, 23, 20), strict=True) for i in range(n)]
    seconds: list[float] = []
    clip = media_samples.clip(tmp_path / "a.mp4", pictures, 25.0)
    assert cut_times(clip, lambda frame: seconds.append(frame.t_s)) == pytest.approx((17 / 25, 40 / 25))
    assert len(seconds) == len(pictures)
